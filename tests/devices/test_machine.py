"""How a process is set up, each time in one of its own: JAX looks for devices once."""

import json
import subprocess
import sys

import pytest

from tests.processes import environment

START = """
import json, os
os.sched_getaffinity = lambda process: range(3)
import jax
from jaxac.devices import machine
"""


def said(code):
    """What the last line of ``code`` comes to, in a Python with three cores and no settings of JAX's."""
    *lines, last = code.strip().splitlines()
    code = "\n".join([START, *lines, f"print(json.dumps({last}))"])
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment(JAX_PLATFORMS="cpu"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_core_is_a_device():
    twice = "first = machine.use_cores()\n[first, jax.local_device_count(), machine.use_cores()]"
    assert said(twice) == [None, 3, None]


def test_threads_share_one_device():
    assert said("[machine.use_cores(by_threads=True), jax.local_device_count()]") == [None, 1]


def test_xla_has_as_many_threads_as_a_run_in_real_time_asks_for():
    asked = "[machine.use_cores(by_threads=True, xla_threads=1), jax.local_device_count(), machine.xla_threads()]"
    assert said(asked) == [None, 1, 1]
    once_more = f"{asked}\nmachine.use_cores()"
    assert "already started in this process, with 1 CPU device" in said(once_more)


@pytest.mark.parametrize("by_threads", [False, True])
def test_it_says_that_jax_had_already_started(by_threads):
    sentence, devices = said(f"jax.numpy.ones(2)\n[machine.use_cores({by_threads}), jax.local_device_count()]")
    assert "already started in this process, with 1 CPU device: training uses that" in sentence
    assert "XLA_FLAGS=--xla_force_host_platform_device_count=3" in sentence
    assert devices == 1


def test_it_says_how_many_devices_there_are():
    sentence = said("jax.config.update('jax_num_cpu_devices', 2)\njax.devices()\nmachine.use_cores()")
    assert "with 2 CPU devices: training uses those. For all 3 cores" in sentence


def test_threads_are_content_with_a_device_for_every_core():
    assert said("machine.use_cores()\njax.devices()\nmachine.use_cores(by_threads=True)") is None


@pytest.mark.parametrize("name", ["NPROC", "XLA_FLAGS"])
def test_what_the_user_set_stays(name):
    value = {"NPROC": "2", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}[name]
    asked = f"os.environ[{name!r}] = {value!r}\n[machine.use_cores(CALL), jax.config.jax_num_cpu_devices]"
    for call in ("", "by_threads=True, xla_threads=1"):
        assert said(asked.replace("CALL", call)) == [None, -1]


def test_a_limit_on_cores_is_one_on_memory_too():
    assert said("""
whole = machine.memory_bytes()
machine.limit_cores(2)
few = [machine.num_cores(), machine.memory_bytes() == whole * 2 // 3, machine.describe_device()[:11]]
machine.limit_cores(99)
[few, machine.num_cores(), machine.memory_bytes() == whole]
""") == [[2, True, "cpu, 2 of 3"], 3, True]
