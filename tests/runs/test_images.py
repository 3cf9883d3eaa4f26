"""Policies over images, from a run's directory."""

import jax
import numpy as np
import pytest

import jaxac
from tests.runs.test_kinds import KINDS, QUIET
from tests.whole_runs import runs_in


@pytest.mark.slow
def test_a_policy_takes_images_in_their_own_shape(small_config, run_dir):
    trained = runs_in(run_dir, small_config, *KINDS["images"], *QUIET)()
    actions = jaxac.load(trained)(np.zeros((5, 3, 4, 1), np.uint8), jax.random.key(0))
    assert actions.shape == (5,)
