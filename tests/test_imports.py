"""Imports run one way, in the order of this table, and heavy ones wait until they are needed."""

from pathlib import Path

import jaxac

ROOT = Path(jaxac.__file__).parent
ORDER = [
    "errors",
    "catalog",
    "config",
    "validation",
    "checkpoint",
    "run_directory",
    "hydra_errors",
    "command_line",
    "loggers",
    "schedule",
    "signals",
    "machine",
    "types",
    "spec",
    "returns",
    "distributions",
    "normalization",
    "envs",
    "networks",
    "agent",
    "rollout",
    "optimizers",
    "algos.placement",
    "algos.shard",
    "algos.a2c",
    "algos",
    "evaluation",
    "program",
    "metrics",
    "serialization",
    "render",
    "artifacts",
    "trainer",
    "runner",
    "train",
] == []
