import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import envs
from jaxac.agent import actor_critic, evaluation
from jaxac.devices import threefry
from jaxac.errors import ConfigError
from jaxac.storage import serialization
from tests import own_parts, probe_envs

BAD = {
    "NeedsArguments": "cannot be made: TypeError: .*'size'",
    "Nothing": "has a object of actions; give it choices",
    "NoModule": "cannot be made: AttributeError: .*; give a gymnax environment",
    "NoSuchClass": "cannot be imported",
    "PairOfObservations": "has a Dict of observations",
    "OtherShape": r"observes float32\[2\], but its observation_space says \[1\]",
    "FailsInStep": r"fails in step_env: ZeroDivisionError: .* \(own_parts.py, line \d+\); mend",
    "TwoRewards": r"gives float32\[2\] as a reward",
    "OtherState": "has another state after step_env",
}


@pytest.mark.parametrize("name, expected", BAD.items())
def test_one_that_cannot_work_is_told(name, expected):
    with pytest.raises(ConfigError, match=f"^env.name=tests.own_parts:{name} {expected}") as error:
        envs.make(f"tests.own_parts:{name}")
    assert "\n" not in str(error.value)


def test_an_unknown_parameter_is_told():
    env = envs.make("tests.probe_envs:Endless")
    with pytest.raises(ConfigError, match=r"^env.params.nope is not a parameter of .*; it has: max_steps_in_episode.$"):
        env.params({"nope": 3})


def test_it_may_draw_whatever_jax_can_draw():
    """Poisson numbers are drawn with JAX's own implementation of keys only; the bits are those of ours."""
    env = envs.make("tests.own_parts:Poisson")
    state, _ = env.reset(threefry.key(0), env.params({}), 3)
    key, action = threefry.key(1), jnp.zeros(3, jnp.int32)
    _, timestep = env.step(key, state, action, env.params({}))
    expected = jax.vmap(lambda key: jax.random.poisson(key, 3.0))(jax.random.split(jax.random.key(1), 3))
    np.testing.assert_array_equal(timestep.reward, expected)


def test_a_key_in_its_state_is_restored():
    env = envs.make("tests.own_parts:KeyInState")
    state, _ = env.reset(threefry.key(0), env.params({}), 3)
    restored = serialization.unpack(state, serialization.pack(state))
    assert restored.sign.dtype == state.sign.dtype
    np.testing.assert_array_equal(jax.random.key_data(restored.sign), jax.random.key_data(state.sign))


def test_an_episode_without_an_end_does_not_hold_up_an_evaluation(small_spec, monkeypatch):
    monkeypatch.setattr(evaluation, "_LONGEST", 50)
    spec = small_spec("env.name=tests.probe_envs:Endless", "env.params.max_steps_in_episode=1000000")
    _, agent = actor_critic.build(spec)
    evaluate = jax.jit(lambda key: evaluation.evaluate(spec, agent.init(key), key, 2, greedy=True))
    np.testing.assert_array_equal(evaluate(jax.random.key(0)), 50)


def test_it_is_made_once():
    """A second instance would be compiled again."""
    assert envs.make("tests.probe_envs:Endless").step is envs.make("tests.probe_envs:Endless").step


def test_a_new_class_under_an_old_name_is_another_environment(monkeypatch):
    """As in a notebook, whose cells are run again."""
    monkeypatch.setattr(own_parts, "Own", probe_envs.ConstantReward, raising=False)
    one = envs.make("tests.own_parts:Own")
    monkeypatch.setattr(own_parts, "Own", type("Own", (probe_envs.ConstantReward,), {"num_actions": 3}))
    assert (one.actions.number, envs.make("tests.own_parts:Own").actions.number) == (2, 3)
