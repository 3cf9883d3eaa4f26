"""A corner: Hydra's private loader, made to compose jobs that choose the same files once, and then to set their values.

Why: Hydra reads all files for every job, and twice: the sweeper to see whether the job can be composed, the launcher to
run it. It has no public way to compose from files that it has read. What it gives: a job is composed in 6 ms instead of
70 ms, which would dominate a short sweep on an accelerator. Delete it when Hydra keeps what it has read; the test that
fails first is ``test_files_are_read_once`` in ``tests/cli/test_sweep_configs.py``.
"""

import pickle
from collections.abc import Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override, OverrideType
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig

from jaxac.config import reading


def compose_once(loader: ConfigLoader) -> None:
    """Makes ``loader.load_sweep_config`` compose each choice of files once; its results and errors stay the same."""
    assert isinstance(loader, ConfigLoaderImpl)
    compose = loader.load_sweep_config
    composed: dict[tuple[str, ...], bytes] = {}

    def load_sweep_config(master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        overrides = [override for override in map(reading.parse, sweep_overrides) if override]
        if len(overrides) < len(sweep_overrides):
            return compose(master_config, sweep_overrides)  # raises, in Hydra's words
        choices = [each for each in overrides if loader.repository.group_exists(each.key_or_group)]
        values = [each for each in overrides if not loader.repository.group_exists(each.key_or_group)]
        if not all(map(_is_plain, overrides)) or any(each.type != OverrideType.CHANGE for each in values):
            return compose(master_config, sweep_overrides)  # these depend on their order, or are Hydra's own
        files = tuple(_text(override) for override in choices)
        if files not in composed:
            composed[files] = pickle.dumps(compose(master_config, list(files)))
        return _with_values(pickle.loads(composed[files]), values, overrides)  # three times as fast as a copy

    loader.load_sweep_config = load_sweep_config  # type: ignore[method-assign]


def validate_once() -> None:
    """Has sweepers leave it to the launcher, which composes all jobs of a batch before it trains the first."""
    Sweeper.validate_batch_is_legal = _leave_to_launcher  # type: ignore[method-assign, assignment]


def _leave_to_launcher(sweeper: Sweeper, batch: Sequence[Sequence[str]]) -> None:
    del sweeper, batch


def _is_plain(override: Override) -> bool:
    """True if an override sets one value for the task: not a mapping, not several values, not Hydra's own."""
    mapping = isinstance(override.value(), dict)
    return not (mapping or override.is_sweep_override() or override.is_hydra_override())


def _with_values(config: DictConfig, values: Sequence[Override], overrides: Sequence[Override]) -> DictConfig:
    """A configuration with values set, as Hydra itself would have composed it.

    Args:
        config: the configuration that the choices of files among ``overrides`` make.
        values: the overrides that set values.
        overrides: all overrides of the job, in order.
    """
    ConfigLoaderImpl._apply_overrides_to_config(list(values), config)
    job = config.hydra.job
    config.hydra.overrides.task = [_text(override) for override in overrides]
    style = job.config.override_dirname
    job.override_dirname = get_overrides_dirname(list(overrides), style.exclude_keys, style.item_sep, style.kv_sep)
    return config


def _text(override: Override) -> str:
    assert override.input_line is not None
    return override.input_line
