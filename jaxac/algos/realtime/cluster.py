"""Ray, for as long as runs compute their gradients in its processes. It is imported only where a run asks for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jaxac.config.algos import A3CConfig, AlgoConfig
from jaxac.devices import machine, ray_cluster
from jaxac.errors import ConfigError

_ASKED = ray_cluster.Asked("algo.runtime=ray", "algo.ray.address", "algo.runtime=threads")


@contextmanager
def joined(algos: Sequence[AlgoConfig]) -> Iterator[None]:
    """Starts or joins Ray while the block runs, if one of the runs needs it; before JAX looks for devices.

    If this process has joined a cluster by itself, that one is taken, and left as it is.

    Args:
        algos: the settings of all runs of this process.

    Raises:
        ConfigError: if Ray is not installed, cannot be reached, or has not as many cores as there are to be learners.
    """
    remote = [algo for algo in algos if isinstance(algo, A3CConfig) and algo.runtime == "ray"]
    if not remote:
        yield
        return
    ray = library()
    own = not ray.is_initialized()
    try:
        if own:
            ray_cluster.start(ray, _address(remote), _ASKED)
        for algo in remote:
            num_learners(algo)
        yield
    finally:
        if own:
            ray.shutdown()


def library() -> Any:
    """Ray's package.

    Raises:
        ConfigError: if it is not installed, or there is an accelerator.
    """
    ray = ray_cluster.library(_ASKED)
    if machine.has_accelerator():
        raise ConfigError(
            "algo.runtime=ray computes on the cores of CPUs, and JAX has an accelerator here; set JAX_PLATFORMS=cpu in "
            "the environment, or choose algo.runtime=threads."
        )
    return ray


def num_learners(algo: A3CConfig) -> int:
    """The number of learners: ``algo.ray.learners``, or as many as Ray has cores, and shards at most.

    Raises:
        ConfigError: if Ray has fewer cores, or none.
    """
    cores = int(library().cluster_resources().get("CPU", 0))
    wanted = algo.ray.learners or max(1, min(cores, algo.num_shards))
    if wanted > cores:
        raise ConfigError(
            f"algo.ray.learners={algo.ray.learners or 'null'} asks for {wanted} cores, one a learner, and Ray has "
            f"{cores}; lower it, or add nodes to the cluster."
        )
    return wanted


def _address(algos: Sequence[A3CConfig]) -> str | None:
    """The address of the cluster to join, if one is set."""
    addresses = {algo.ray.address for algo in algos}
    if len(addresses) > 1:
        raise ConfigError(
            f"algo.ray.address={', '.join(sorted(map(str, addresses)))}: jobs that are trained in one process have one "
            "cluster; give one value."
        )
    return addresses.pop()
