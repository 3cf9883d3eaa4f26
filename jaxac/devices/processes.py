"""JAX in several processes: one mesh of all their devices, on which all run the same programs."""

import os
import platform
from collections import Counter
from typing import Any

import jax

from jaxac.distributed.agreement import Meeting
from jaxac.distributed.relay import relay

_joined: list[Meeting] = []


def tune_alone() -> None:
    """Has each process try GPU kernels for itself; where only some find their programs on disk, others would wait."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_shard_autotuning=false".strip()


def join(meeting: Meeting) -> None:
    """Joins the other processes, before JAX has looked for devices; returns once all have.

    Args:
        meeting: what the leader has said.
    """
    # Signals are the run's own, and the leader asks all to stop. A loss is noticed, and told, before JAX gives up.
    jax.config.update("jax_enable_preemption_service", False)
    jax.distributed.initialize(
        relay(meeting.address) if meeting.process_id else meeting.address,
        len(meeting.hosts),
        meeting.process_id,
        meeting.device_ids,
        cluster_detection_method="deactivate",
        initialization_timeout=int(meeting.timeout) + 1,
        heartbeat_timeout_seconds=10 * int(meeting.timeout),
    )
    jax.devices()  # which all have to ask for at once
    _joined.append(meeting)


def describe() -> dict[str, Any]:
    """``processes``: each one's host and number of devices, by the processes' numbers; of one process its own."""
    hosts = _joined[-1].hosts if _joined else [platform.node()]
    counts = Counter(device.process_index for device in jax.devices())
    return {"processes": [{"host": host, "devices": counts[number]} for number, host in enumerate(hosts)]}
