"""Which of several processes one is, by settings, Slurm and Open MPI; and that one task is no several."""

import pytest

from jaxac.distributed import place
from jaxac.errors import ConfigError

STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NODELIST": "gpu[07-08]",
    "SLURM_NTASKS": "2",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "0",
}
MPI = {
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1,10.148.0.1:34911",
}
BY_HAND = ("distributed.coordinator_address=gpu7:1234", "distributed.num_processes=2", "distributed.process_id=1")


def test_by_hand_all_is_said():
    found = place.find(["+algo=a2c", *BY_HAND, "distributed.timeout=5"], {})
    assert (found.host, found.port, found.num_processes, found.process_id, found.timeout) == ("gpu7", 1234, 2, 1, 5.0)
    assert found.overrides == ("+algo=a2c",) and found.address == "gpu7:1234"


def test_an_address_may_be_one_of_ipv6():
    found = place.find(["distributed.coordinator_address=[fe80::1]:1234", *BY_HAND[1:]], {})
    assert (found.host, found.port) == ("fe80::1", 1234)


@pytest.mark.parametrize("environment", [{}, STEP | {"SLURM_STEP_NUM_TASKS": "1"}, MPI | {"OMPI_COMM_WORLD_SIZE": "1"}])
def test_one_task_is_a_process_by_itself(environment):
    assert place.find(["+algo=a2c"], environment) is None


def test_a_script_of_slurms_is_no_step_of_several_tasks():
    """It has the job's number of tasks, which it has yet to start."""
    script = {name: value for name, value in STEP.items() if "STEP" not in name}
    assert place.find(["+algo=a2c"], script | {"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}) is None


def test_a_step_of_slurms_knows_all():
    first, second = (place.find([], STEP | {"SLURM_PROCID": number}) for number in "01")
    assert (first.process_id, second.process_id, first.num_processes) == (0, 1, 2)
    assert first.host == second.host == "gpu07"
    assert first.port == second.port >= 61440
    assert first.job == "4711.0" and place.find([], STEP | {"SLURM_STEP_ID": "1"}).port != first.port


def test_mpirun_knows_all_but_the_address_of_another_host():
    found = place.find([], MPI)
    assert (found.host, found.process_id, found.num_processes) == ("10.96.0.1", 3, 4)
    here = {name: value for name, value in MPI.items() if "uri" not in name}
    assert place.find([], here | {"OMPI_COMM_WORLD_LOCAL_SIZE": "4"}).host == "127.0.0.1"
    with pytest.raises(ConfigError, match="coordinator_address is missing, and mpirun does not say it: give HOST:PORT"):
        place.find([], here)
    assert place.find(["distributed.coordinator_address=a:1"], here).host == "a"


def test_settings_win_over_the_launcher():
    found = place.find(["distributed.coordinator_address=other:99", "distributed.timeout=60"], STEP)
    assert (found.address, found.process_id, found.timeout) == ("other:99", 1, 60.0)
    assert place.find(["distributed.num_processes=1"], STEP) is None


@pytest.mark.parametrize(
    "given, said",
    [
        (BY_HAND[:2], r"process_id is missing, .* give this process' number among them, from 0"),
        (BY_HAND[1:], r"coordinator_address is missing"),
        ((BY_HAND[0], BY_HAND[2]), r"num_processes is missing"),
        (BY_HAND[2:], r"num_processes is missing"),
        (
            (*BY_HAND[:2], "distributed.process_id=2"),
            r"process_id=2 is none of distributed\.num_processes=2: give 0 to 1",
        ),
        ((*BY_HAND[:2], "distributed.process_id=-1"), r"process_id=-1 is not valid"),
        ((BY_HAND[0], "distributed.num_processes=two", BY_HAND[2]), r"num_processes=two is not valid"),
        ((BY_HAND[0], "distributed.num_processes=1", BY_HAND[2]), r"process_id=1 is none of"),
        (
            ("distributed.coordinator_address=gpu7", *BY_HAND[1:]),
            r"coordinator_address=gpu7 is no address: give HOST:P",
        ),
        (("distributed.coordinator_address=gpu7:99999", *BY_HAND[1:]), r"is no address"),
        ((*BY_HAND, "distributed.timeout=0"), r"timeout=0 is not valid: give seconds"),
    ],
)
def test_what_is_missing_or_contradicts_itself_is_named(given, said):
    with pytest.raises(ConfigError, match=said) as error:
        place.find(given, {})
    assert str(error.value).startswith("distributed.") and "\n" not in str(error.value)


def test_settings_that_contradict_the_launcher_are_refused():
    with pytest.raises(ConfigError, match=r"num_processes=4 disagrees with srun, which says 2"):
        place.find(["distributed.num_processes=4"], STEP)
    with pytest.raises(ConfigError, match=r"process_id=0 disagrees with srun, which says 1"):
        place.find(["distributed.process_id=0"], STEP)


def test_a_misspelled_setting_is_left_to_those_who_know_all_settings():
    assert place.find(["distributed.num_proceses=2", "distributed.process_id=1"], {}) is None
