"""A job without Hydra's copies is what Hydra makes of it."""

import os

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import run_job, setup_globals
from hydra.experimental.callback import Callback
from hydra.types import HydraContext, RunMode
from omegaconf import OmegaConf

from jaxac.cli import sweep_jobs
from jaxac.config.compose import CONF

TEXTS = ["ä ö", "true", "1e-3", "x: y", "'", '"', "a\nb", "", "~", "0x1F", "2026-01-31", "x" * 300, "- a", "\t"]


class Heard(Callback):
    """What a callback of the user's is told."""

    def __init__(self):
        self.told = []

    def on_job_start(self, config, **kwargs):
        self.told.append(("start", config.seed, HydraConfig.get().job.num))

    def on_job_end(self, config, job_return, **kwargs):
        self.told.append(("end", config.seed, job_return.status, job_return.overrides))


@pytest.fixture
def run(tmp_path):
    """``run(number, task, overrides, faster)`` in ``tmp_path/NUMBER``; what came back, and what a callback was told."""
    with initialize_config_dir(CONF, version_base="1.3"):
        setup_globals()
        loader = GlobalHydra.instance().config_loader()
        heard = Heard()
        context = HydraContext(config_loader=loader, callbacks=heard)

        def call(number, task, overrides, faster):
            hydra = [f"hydra.sweep.dir={tmp_path / str(faster)}", "+hydra.job.env_set.OF_THE_JOB=${hydra.job.num}"]
            master = loader.load_configuration("config", [*hydra, "seed=1,2", *overrides], RunMode.MULTIRUN)
            config = loader.load_sweep_config(master, ["algo=a2c", f"seed={number}"])
            OmegaConf.set_struct(config, False)
            config.hydra.job.id = config.hydra.job.num = number
            config.texts = TEXTS
            if faster:
                return sweep_jobs.run(task, config, context, logs=False), heard.told
            return run_job(task, config, "hydra.sweep.dir", "hydra.sweep.subdir", context, False), heard.told

        yield call


def files(directory):
    return {path.relative_to(directory): path.read_text() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("overrides", [(), ("hydra.job.chdir=true",), ("hydra.output_subdir=null",)], ids=str)
def test_a_job_is_run_as_hydra_runs_it(run, tmp_path, overrides):
    def task(config):
        hydra = HydraConfig.get()
        seen.append((OmegaConf.to_yaml(config), os.environ["OF_THE_JOB"], hydra.job.num, os.path.basename(os.getcwd())))
        assert os.path.basename(hydra.runtime.output_dir) == str(hydra.job.num)
        return 0.5

    seen, before = [], os.getcwd()
    asked, told = run(3, task, overrides, faster=False)
    half = len(told)
    faster, told = run(3, task, overrides, faster=True)
    assert seen[0] == seen[1] and told[:half] == told[half:] and half == 2
    assert os.getcwd() == before and "OF_THE_JOB" not in os.environ
    for name in ("return_value", "status", "overrides", "task_name"):
        assert getattr(faster, name) == getattr(asked, name)
    assert faster.cfg == asked.cfg and faster.hydra_cfg.hydra.job == asked.hydra_cfg.hydra.job
    assert faster.working_dir == asked.working_dir.replace(str(tmp_path / "False"), str(tmp_path / "True"))
    expected = {
        name: text.replace(str(tmp_path / "False"), str(tmp_path / "True"))
        for name, text in files(tmp_path / "False").items()
    }
    assert files(tmp_path / "True") == expected
    assert len(expected) == (0 if "null" in str(overrides) else 3)


def test_a_job_that_fails_is_told_and_leaves_hydra_as_it_was(run):
    def task(config):
        raise ValueError("no")

    before = HydraConfig.instance().cfg
    found = [run(2, task, (), faster) for faster in (False, True)]
    told = found[1][1]
    assert told[:2] == told[2:]
    for job, _ in found:
        with pytest.raises(ValueError, match="no"):
            job.return_value  # noqa: B018
    assert HydraConfig.instance().cfg is before


def test_yaml_is_what_omegaconf_writes():
    content = {"texts": TEXTS, "nested": {"a": [], "b": {}, "c": None, "d": [1.5, True, -1, 1e-7, float("inf")]}}
    assert sweep_jobs.to_yaml(content) == OmegaConf.to_yaml(OmegaConf.create(content))
