"""Settings that would be without effect beside others.

Only a value other than the one in ``conf/`` is refused. A run that is resumed or read is not checked: it was trained.
"""

import operator
from collections.abc import Collection, Iterator
from typing import Any

from jaxac.config import catalog, settings
from jaxac.config.algos import A3CConfig
from jaxac.config.parts import NetworkConfig
from jaxac.config.schema import Config
from jaxac.config.words import show
from jaxac.errors import ConfigError


def check(config: Config, typed: Collection[str] = ()) -> None:
    """Raises ConfigError if a setting has no effect; it says what would give it one.

    Args:
        config: the configuration, resolved.
        typed: names of the settings on the command line.
    """
    for name, value, because, fix in _idle(config, typed):
        raise ConfigError(f"{name}={show(value)} has no effect {because}; {fix}, or leave it out.")


Idle = Iterator[tuple[str, Any, str, str]]
"""Names of settings without effect, their values, why, and what would give them one."""


def _idle(config: Config, typed: Collection[str]) -> Idle:
    algo, optimizer, evaluation = config.algo, config.optimizer, config.evaluation
    if algo.returns != "gae" and _is_set("algo.gae_lambda", algo.gae_lambda, algo.name):
        yield "algo.gae_lambda", algo.gae_lambda, f"with algo.returns={algo.returns}", "choose algo.returns=gae"
    if algo.normalize_rewards and _is_set("env.reward_scale", config.env.reward_scale, algo.name):
        fix = "choose algo.normalize_rewards=false"
        yield "env.reward_scale", config.env.reward_scale, "with algo.normalize_rewards=true", fix
    anneal = optimizer.anneal_env_steps
    if optimizer.schedule == "constant" and "optimizer.anneal_env_steps" in typed and anneal is not None:
        because = "with optimizer.schedule=constant"
        yield "optimizer.anneal_env_steps", anneal, because, "choose optimizer.schedule=linear"
    if evaluation.stop_at_return is not None and evaluation.every == 0:
        because = "with evaluation.every=0, which evaluates at the end only"
        yield "evaluation.stop_at_return", evaluation.stop_at_return, because, "give evaluation.every some steps"
    yield from _idle_gaussian(config)
    network = config.network
    if isinstance(network, NetworkConfig) and network.memory == "none":
        yield from _idle_memory(network.memory_size)
    if isinstance(algo, A3CConfig):
        yield from _idle_asynchrony(algo)
        yield from _idle_delay(algo, typed)


def _idle_memory(size: int) -> Idle:
    if size != settings.default("network.memory_size"):
        yield "network.memory_size", size, "with network.memory=none", "choose network.memory=gru"


def _idle_gaussian(config: Config) -> Idle:
    gaussian, info = config.algo.gaussian, catalog.lookup(config.env.name)
    choices = info is not None and info.actions is not None
    for name in ("std", "initial_std", "bounds"):
        value = getattr(gaussian, name)
        if choices and _is_set(f"algo.gaussian.{name}", value, config.algo.name):
            because = f"with env.name={config.env.name}, whose actions are choices"
            yield f"algo.gaussian.{name}", value, because, "choose an environment with continuous actions"
    if gaussian.std == "state" and _is_set("algo.gaussian.initial_std", gaussian.initial_std, config.algo.name):
        because = "with algo.gaussian.std=state"
        yield "algo.gaussian.initial_std", gaussian.initial_std, because, "choose algo.gaussian.std=constant"


def _idle_asynchrony(algo: A3CConfig) -> Idle:
    runtime, server = f"with algo.runtime={algo.runtime}", f"with algo.server={algo.server}"
    needs = {
        "lock": (algo.runtime in ("threads", "ray"), runtime, "choose algo.runtime=threads"),
        "ray.learners": (algo.runtime == "ray", runtime, "choose algo.runtime=ray"),
        "ray.address": (algo.runtime == "ray", runtime, "choose algo.runtime=ray"),
        "order": (not algo.in_real_time, runtime, "choose algo.runtime=compiled"),
        "softsync_size": (algo.server == "softsync", server, "choose algo.server=softsync"),
        "above_max_staleness": (algo.max_staleness is not None, "without a bound", "set algo.max_staleness"),
        "compensation": (
            algo.correction == "delay_compensation",
            f"with algo.correction={algo.correction}",
            "choose algo.correction=delay_compensation",
        ),
    }
    for name, (has_effect, because, fix) in needs.items():
        value = operator.attrgetter(name)(algo)
        if not has_effect and _is_set(f"algo.{name}", value, algo.name):
            yield f"algo.{name}", value, because, fix


def _idle_delay(algo: A3CConfig, typed: Collection[str]) -> Idle:
    delay = algo.delay
    means = delay.mean if isinstance(delay.mean, tuple) else (delay.mean,)
    if delay.distribution == "none":
        for name in ("mean", "maximum"):
            value = getattr(delay, name)
            if _is_set(f"algo.delay.{name}", value, algo.name):
                because, fix = "with algo.delay.distribution=none", "choose one, algo.delay.distribution=constant"
                yield f"algo.delay.{name}", value, because, fix
        return
    if "algo.delay.distribution" in typed and "algo.delay.mean" not in typed and max(means) == 0:
        because = "with algo.delay.mean=0"
        yield "algo.delay.distribution", delay.distribution, because, "set algo.delay.mean"
    if max(means) > delay.maximum:
        because = f"above algo.delay.maximum={delay.maximum}, to which delays are cut"
        yield "algo.delay.mean", delay.mean, because, "raise algo.delay.maximum"


def _is_set(name: str, value: Any, algo: str) -> bool:
    return value != settings.default(name, f"algo={algo}")
