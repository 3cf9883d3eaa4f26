"""What runs and processes of tests are given."""

import os

CACHE = f"compilation_cache={os.environ['JAXAC_TEST_CACHE']}"
"""Where the programs of this session are kept."""


def environment(**changes):
    """The variables of a process as a user starts one, with JAX as it comes, but for how hard XLA compiles."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NPROC", "XLA_FLAGS")}
    flags = [flag for flag in os.environ["XLA_FLAGS"].split() if "device_count" not in flag]
    return {**kept, **({"XLA_FLAGS": " ".join(flags)} if flags else {}), **changes}
