"""A trained policy, to act with, to inspect, and to evaluate on fresh episodes."""

import dataclasses
import functools
import math
from dataclasses import dataclass
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np

from jaxac import envs, spec
from jaxac.agent import actor_critic, distributions, evaluation, policy_memory
from jaxac.agent.policy_memory import PolicyMemory
from jaxac.config import validation
from jaxac.config.parts import NetworkConfig
from jaxac.config.schema import Config
from jaxac.devices import threefry
from jaxac.errors import ConfigError
from jaxac.spec import Spec
from jaxac.types import Array, Params, PRNGKey, PyTree

_MAX_STEPS = 1000
_EVALUATED_APART = 2**32 - 1
"""A number folded into a seed's key, so that these episodes differ from those that the run was evaluated on."""


@dataclass(frozen=True)
class Evaluation:
    """The returns of fresh episodes."""

    returns: np.ndarray
    """[episodes] float32, returns, undiscounted and unscaled."""

    @property
    def mean(self) -> float:
        """The mean return."""
        return float(self.returns.mean(dtype=np.float64))

    @property
    def std(self) -> float:
        """The standard deviation of the return over episodes."""
        return float(self.returns.std(dtype=np.float64))


class Policy:
    """A policy and its critic: ``policy(observation, key)`` samples, ``policy(observation, greedy=True)`` does not.

    One with memory is given it, and gives it back: ``action, memory = policy(observation, key, memory=memory)``.

    Args:
        config: the configuration that the policy was trained with.
        params: the policy's parameters.
    """

    def __init__(self, config: Config, params: Params) -> None:
        self.config, self.params = config, jax.tree.map(jnp.asarray, params)
        self._spec = spec.make(config)
        self._env, agent = actor_critic.build(self._spec)
        self._step, self._family = jax.jit(agent.step), agent.distribution
        self._remember = config.network.remember if isinstance(config.network, NetworkConfig) else ()

    @overload
    def __call__(self, observation: Any, key: PRNGKey | None = None, greedy: bool | None = None) -> Array: ...

    @overload
    def __call__(
        self,
        observation: Any,
        key: PRNGKey | None = None,
        greedy: bool | None = None,
        *,
        memory: PolicyMemory,
        reward: Any = None,
    ) -> tuple[Array, PolicyMemory]: ...

    def __call__(
        self,
        observation: Any,
        key: PRNGKey | None = None,
        greedy: bool | None = None,
        *,
        memory: PolicyMemory | None = None,
        reward: Any = None,
    ) -> Array | tuple[Array, PolicyMemory]:
        """[...] int32, actions for observations ``[..., *shape]``; continuous ones in the environment's own form.

        Args:
            observation: observations of the environment's own shape, with any leading axes.
            key: [] the key to sample with, for all observations.
            greedy: take the most probable actions rather than sample; None for True without a key, else False.
            memory: [...] the memory of the episodes; then the result is a pair, the actions and the next memory.
            reward: [...] the previous step's reward, for a policy that remembers it; any at an episode's start.

        Raises:
            ValueError: if there is neither a key nor ``greedy=True``, the observation has another shape, or the policy
                has a memory and is not given it.
        """
        if key is None and greedy is False:
            raise ValueError("greedy=False samples an action, which needs a key: policy(observation, key).")
        parameters, _, cells = self._outputs(observation, memory, reward)
        action = distributions.choose(self._family, parameters, None if greedy else key)
        own = self._env.own_action(action, self._env.params(self._spec.env.params))
        return own if memory is None else (own, policy_memory.after(memory, cells, action))

    def initial_memory(self, episodes: int | tuple[int, ...] = ()) -> PolicyMemory:
        """The memory at the start of episodes: of one, of a number of them side by side, or of any leading axes."""
        leading = (episodes,) if isinstance(episodes, int) else episodes
        return policy_memory.initial(self._spec, self._env, leading)

    def forget(self, memory: PolicyMemory, done: Any) -> PolicyMemory:
        """The memory, as at the start where an episode is ``done [...]``: before the next one's first observation."""
        return policy_memory.forget(jnp.asarray(done), memory)

    def distribution(self, observation: Any, *, memory: PolicyMemory | None = None, reward: Any = None) -> Array:
        """[..., A] unnormalized log-probabilities of the actions, for observations ``[..., *shape]``.

        Of ``N`` continuous ones [..., 2 N]: means, and what tells the deviations (``algo.gaussian.std``). ``memory``
        and ``reward`` are as in a call.
        """
        return self._outputs(observation, memory, reward)[0]

    def value(self, observation: Any, *, memory: PolicyMemory | None = None, reward: Any = None) -> Array:
        """[...] the critic's values of observations ``[..., *shape]``: expected returns of the learner's rewards.

        ``memory`` and ``reward`` are as in a call.
        """
        return self._outputs(observation, memory, reward)[1]

    def _outputs(self, observation: Any, memory: PolicyMemory | None, reward: Any) -> tuple[Array, Array, PyTree]:
        """The policy's parameters ``[..., size]``, values ``[...]`` and the cells' memories ``[..., H]`` afterwards."""
        flat = self._flat(observation)
        if memory is None:
            memory = self.initial_memory(flat.shape[:-1])
            if self._remember or memory.cells:
                raise ValueError(
                    "this policy has a memory, which begins as policy.initial_memory(): give memory=memory, and take "
                    "action, memory = policy(observation, key, memory=memory)."
                )
        if memory.running.shape != flat.shape[:-1]:
            raise ValueError(
                f"the memory is one of episodes {memory.running.shape}, and there are observations of "
                f"{flat.shape[:-1]}; begin with policy.initial_memory({flat.shape[:-1]})."
            )
        return self._step(self.params, self._beside(flat, memory, reward), memory.cells)

    def _beside(self, flat: Array, memory: PolicyMemory, reward: Any) -> Array:
        """[..., O + E] observations ``[..., O]`` with what the policy remembers of the step before."""
        if not self._remember:
            return flat
        if "reward" in self._remember and reward is None:
            raise ValueError("this policy remembers rewards: give reward=, the previous step's; any at a start.")
        reward = jnp.broadcast_to(jnp.asarray(0 if reward is None else reward, jnp.float32), memory.running.shape)
        shown = envs.previous.features(self._remember, self._env.actions, memory.action, reward)
        return jnp.concatenate([flat, shown * memory.running[..., None]], axis=-1)

    def _flat(self, observation: Any) -> Array:
        """[..., O] float32, observations flattened; categories become one-hot vectors."""
        observation, shape = jnp.asarray(observation), tuple(self._env.observation_shape)
        if len(shape) == 1 and jnp.issubdtype(observation.dtype, jnp.integer) and observation.shape[-1:] != shape:
            return jax.nn.one_hot(observation, shape[0])
        leading = observation.ndim - len(shape)
        if leading < 0 or observation.shape[leading:] != shape:
            raise ValueError(f"an observation of {self.config.env.name} has shape {shape}, not {observation.shape}.")
        return observation.reshape(*observation.shape[:leading], -1).astype(jnp.float32)

    def evaluate(
        self,
        episodes: int | None = None,
        greedy: bool | None = None,
        seed: int | None = None,
        env_params: dict[str, Any] | None = None,
    ) -> Evaluation:
        """Evaluates the policy on fresh episodes, run side by side from start to end.

        Args:
            episodes: number of episodes; None for ``evaluation.episodes``.
            greedy: take the most probable actions rather than sample; None for ``evaluation.greedy``.
            seed: seed of the episodes; None for the run's.
            env_params: parameters of the environment to change, by gymnax's names.

        Raises:
            ConfigError: if there is no such parameter, or ``episodes`` is not positive.
        """
        config = self.config
        episodes = config.evaluation.episodes if episodes is None else episodes
        if episodes < 1:
            raise ConfigError(f"episodes={episodes} is not valid: give at least 1.")
        greedy = config.evaluation.greedy if greedy is None else greedy
        returns = _evaluate(self._with(env_params), self.params, self._key(seed), episodes, greedy)
        return Evaluation(np.asarray(returns))

    def record(
        self, greedy: bool = True, seed: int | None = None, env_params: dict[str, Any] | None = None
    ) -> np.ndarray:
        """[steps, ...] observations of one fresh episode of at most 1000 steps, in the environment's own shape."""
        return record(self._with(env_params), self.params, self._key(seed), greedy)

    def _key(self, seed: int | None) -> PRNGKey:
        return jax.random.fold_in(threefry.key(self.config.seed if seed is None else seed), _EVALUATED_APART)

    def _with(self, env_params: dict[str, Any] | None) -> Spec:
        """The training program with some parameters of the environment changed."""
        if not env_params:
            return self._spec
        settings = dataclasses.asdict(self.config)
        settings["env"]["params"] |= env_params
        return spec.make(validation.resolve(settings))


@functools.partial(jax.jit, static_argnums=(3, 4))
def _evaluate(spec: Spec, params: Params, key: PRNGKey, episodes: int, greedy: bool) -> Array:
    return evaluation.evaluate(spec, params, key, episodes, greedy)


def record(spec: Spec, params: Params, key: PRNGKey, greedy: bool) -> np.ndarray:
    """[steps, ...] observations of one fresh episode of at most 1000 steps, in the environment's own shape."""
    env, _ = actor_critic.build(spec)
    observations, length = jax.jit(evaluation.record_episode, static_argnums=(3, 4))(
        spec, params, key, _MAX_STEPS, greedy
    )
    own = np.asarray(observations)[: int(length), : math.prod(env.observation_shape)]
    return own.reshape(-1, *env.observation_shape)
