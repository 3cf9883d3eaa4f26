"""The server's step refuses what would be broadcast in silence."""

import jax
import jax.numpy as jnp
import pytest

from jaxac.agent import actor_critic
from jaxac.algos import server, trees
from jaxac.algos.shard import Gradient


@pytest.fixture
def stepping(small_spec):
    """A training program, a server at version 0, and a group of two gradients ``[2, ...]``."""
    spec = small_spec()
    _, agent = actor_critic.build(spec)
    owner = server.init(spec, agent.init(jax.random.key(0)))
    return spec, owner, trees.copies(Gradient(*owner.params), 2)


def test_a_group_becomes_one_version(stepping):
    stepped, _ = server.step(*stepping, jnp.float32(0.1))
    assert stepped.version == 1


def test_a_gradient_without_its_axis_of_groups_is_refused(stepping):
    spec, owner, group = stepping
    with pytest.raises(AssertionError, match="shapes"):
        server.step(spec, owner, trees.take(group, 0), jnp.float32(0.1))


def test_a_rate_for_every_gradient_is_refused(stepping):
    with pytest.raises(AssertionError, match="rank"):
        server.step(*stepping, jnp.full(2, 0.1))
