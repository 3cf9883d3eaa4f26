"""Searches by Optuna can be repeated, trial by trial, and so be resumed."""

import re

import pytest

from jaxac.cli import overrides, search
from jaxac.errors import ConfigError
from jaxac.storage import records, run_directory

OPTUNA = "hydra/sweeper=optuna"
SEED = "hydra.sweeper.sampler.seed=0"


def test_a_search_can_be_repeated_unless_it_says_otherwise():
    assert SEED in search.defaults([OPTUNA])
    assert SEED not in search.defaults([OPTUNA, "hydra.sweeper.sampler.seed=7"])
    assert SEED not in search.defaults([OPTUNA, "hydra/sweeper/sampler=grid"])
    assert SEED not in search.defaults([OPTUNA, "hydra.sweeper.storage=sqlite:///a.db"])
    assert search.defaults(["seed=0,1"]) == []


@pytest.fixture
def begun(tmp_path):
    def begin(*texts):
        records.write_overrides(tmp_path / run_directory.SWEEP, ["algo=a2c", *texts])
        return f"resume={tmp_path}"

    return begin


def test_a_search_is_resumed_with_what_it_was_begun_with_and_may_become_longer(begun):
    resume = begun(OPTUNA, "hydra.sweeper.n_trials=4", *search.defaults([OPTUNA]))
    rewritten = overrides.rewrite([resume, "hydra.sweeper.n_trials=9"])
    assert SEED in rewritten and "hydra.sweeper.n_trials=9" in rewritten and "hydra.sweeper.n_trials=4" not in rewritten


@pytest.mark.parametrize(
    "saved, given, expected",
    [
        ([SEED], ["hydra.sweeper.n_jobs=3"], "hydra.sweeper.n_jobs=3 would change the trials"),
        ([SEED], ["hydra/sweeper/sampler=random"], "hydra/sweeper/sampler=random would change the trials"),
        ([], [], "is a search without hydra.sweeper.sampler.seed"),
        (["hydra.sweeper.storage=sqlite:///a.db"], [], "is a search with hydra.sweeper.storage"),
    ],
)
def test_a_search_that_would_try_other_values_is_not_resumed(begun, saved, given, expected):
    with pytest.raises(ConfigError, match=re.escape(expected)):
        overrides.rewrite([begun(OPTUNA, *saved), *given])


def test_a_search_over_a_grid_is_in_order_and_other_sweeps_are_no_searches(begun):
    assert OPTUNA in overrides.rewrite([begun(OPTUNA, "hydra/sweeper/sampler=grid")])
    assert "--multirun" in overrides.rewrite([begun("seed=0,1"), "hydra.launcher.max_lanes=1"])
