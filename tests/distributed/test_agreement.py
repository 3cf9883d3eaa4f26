"""What several processes must have in common, and how they share a host."""

import pytest

from jaxac.distributed import agreement
from jaxac.distributed.place import Place
from jaxac.errors import ConfigError

LEADER = Place("gpu1", 1234, 2, 0, 20.0, ())
ABOUT = {
    "host": "gpu1",
    "address": "10.0.0.1",
    "overrides": ["+algo=a2c"],
    "versions": {"jaxac": "0.2.0", "jax": "0.10.2"},
    "xla_threads": 8,
    "processor": "Xeon",
    "cores": [0, 1, 2, 3],
    "visible": None,
    "accelerated": False,
}


def refused(**other):
    with pytest.raises(ConfigError) as error:
        agreement.check([ABOUT, {**ABOUT, "host": "gpu2", **other}])
    assert "\n" not in str(error.value) and str(error.value).count(". ") == 0
    return str(error.value)


def test_processes_that_agree_are_welcome():
    agreement.check([ABOUT, {**ABOUT, "host": "gpu2", "address": "10.0.0.2", "cores": [0]}])


@pytest.mark.parametrize(
    "other, said",
    [
        (
            {"versions": {"jaxac": "0.2.0", "jax": "0.11.0"}},
            "process 1 on gpu2 has jax 0.11.0, and process 0 has 0.10.2",
        ),
        ({"xla_threads": 4}, "among 4 threads of XLA's, and process 0 among 8, on which rounding depends: set NPROC"),
        ({"processor": "EPYC"}, "has the processor EPYC, and process 0 has Xeon, which may round otherwise"),
        ({"overrides": ["+algo=a2c", "seed=1"]}, "process 1 on gpu2 was given seed=1, and process 0 was not"),
        ({"overrides": []}, "was given no +algo=a2c, and process 0 was not"),
        ({"address": "127.0.1.1"}, "the host gpu2 takes its own name for 127.0.1.1, where other hosts cannot reach it"),
    ],
)
def test_a_process_that_would_train_otherwise_is_named_with_what_differs(other, said):
    assert said in refused(**other)


def test_with_accelerators_hosts_may_differ_in_what_does_not_compute():
    gpu = {**ABOUT, "accelerated": True}
    agreement.check([gpu, {**gpu, "host": "gpu2", "processor": "EPYC", "address": "127.0.1.1"}])


def test_processes_of_one_host_share_its_cores_and_accelerators():
    found = agreement.arrange(LEADER, [ABOUT, ABOUT], 5555)
    assert [each.share for each in found] == [2, 2]
    assert [each.device_ids for each in found] == [[0], [1]]
    assert [each.address for each in found] == ["gpu1:5555"] * 2
    four = {**ABOUT, "visible": "0,1,2,3"}
    assert [each.device_ids for each in agreement.arrange(LEADER, [four, four], 5555)] == [[0, 1], [2, 3]]


def test_a_process_that_has_a_host_or_a_part_of_it_for_itself_uses_all_that_it_sees():
    alone = agreement.arrange(LEADER, [ABOUT, {**ABOUT, "host": "gpu2"}], 5555)
    assert [(each.share, each.device_ids) for each in alone] == [(1, None)] * 2
    halves = [{**ABOUT, "cores": cores, "visible": ids} for cores, ids in (([0], "0"), ([1], "1"))]
    assert [(each.share, each.device_ids) for each in agreement.arrange(LEADER, halves, 5555)] == [(1, None)] * 2


def test_several_runs_are_refused(small_config):
    with pytest.raises(ConfigError, match=r"^-m asks for several runs, and 2 processes train one run together"):
        agreement.check_jobs(True, LEADER)
    agreement.check_jobs(True, None)
    with pytest.raises(ConfigError, match=r"^num_seeds=3 asks for several runs"):
        agreement.check_config(small_config("num_seeds=3"), LEADER)


def test_runtimes_of_one_process_are_refused(small_config):
    a3c = ("+algo=a3c", "algo.num_shards=2")
    agreement.check_config(small_config(*a3c), LEADER)
    for runtime in ("threads", "ray"):
        with pytest.raises(ConfigError, match=f"^algo.runtime={runtime} trains in one process, and here are 2"):
            agreement.check_config(small_config(*a3c, f"algo.runtime={runtime}"), LEADER)


def test_the_library_trains_in_one_process(small_config):
    agreement.check_config(small_config("distributed.num_processes=1"), None)
    with pytest.raises(ConfigError, match="is read from the command line"):
        agreement.check_config(small_config("distributed.num_processes=2"), None)
