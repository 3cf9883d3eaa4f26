"""A sweep's jobs, divided among workers."""

import pytest

from jaxac.runs import plan
from jaxac.runs.job import Job


@pytest.fixture
def parts(small_config):
    """``parts(jobs, max_lanes=…, workers=…)``: the numbers of the jobs of each part, and its program's lanes."""

    def divide(jobs, max_lanes=256, workers=2):
        made = [Job(small_config(*overrides)) for overrides in jobs]
        return [([made.index(job) for job in part.jobs], part.size) for part in plan.divide(made, max_lanes, workers)]

    return divide


def seeds(count, *more):
    return [(f"seed={seed}", *more) for seed in range(count)]


@pytest.mark.parametrize(
    "count, max_lanes, workers, sizes",
    [(8, 256, 2, [4, 4]), (5, 256, 2, [3, 2]), (8, 3, 2, [3, 3, 2]), (2, 256, 4, [1, 1]), (3, 256, 1, [3])],
)
def test_every_worker_has_its_share_and_no_part_more_than_fits(parts, count, max_lanes, workers, sizes):
    found = parts(seeds(count), max_lanes, workers)
    assert [len(jobs) for jobs, _ in found] == sizes
    assert [number for jobs, _ in found for number in jobs] == list(range(count))
    assert {size for _, size in found} == {max(sizes)}  # one program for all of them


def test_jobs_of_one_program_stay_together(parts):
    large = ("env.num_envs=16",)
    jobs = [("seed=0",), (*large, "seed=0"), ("optimizer.learning_rate=1e-3",), large, ("seed=3",), ("seed=4",)]
    assert parts(jobs) == [([0, 2, 4], 3), ([5], 3), ([1, 3], 2)]


def test_the_seeds_of_a_job_stay_together(parts):
    jobs = [("num_seeds=3",), ("num_seeds=3", "seed=3"), ("num_seeds=3", "seed=6")]
    assert parts(jobs, workers=9) == [([0], 3), ([1], 3), ([2], 3)]
    assert parts(jobs, workers=2) == [([0], 3), ([1], 3), ([2], 3)]
    assert parts(jobs, max_lanes=2, workers=1) == [([0], 2), ([1], 2), ([2], 2)]


def test_jobs_that_are_not_at_the_same_point_are_apart(parts):
    assert parts([("seed=0",), ("seed=1", "logger.every=64"), ("seed=2",)], workers=1) == [([0, 2], 2), ([1], 2)]


def test_jobs_in_real_time_are_alone(parts):
    threads = ("+algo=a3c", "algo.num_shards=2", "algo.runtime=threads")
    assert parts([threads, threads], workers=1) == [([0], 1), ([1], 1)]


def test_a_part_is_the_group_that_one_process_would_make(small_config):
    """So that lanes of one call are as many, and rounding is the same."""
    jobs = [Job(small_config(*overrides)) for overrides in seeds(7)]
    together = plan.make([run for job in jobs for run in job.runs], max_lanes=4)
    for part, group in zip(plan.divide(jobs, 256, 2), together, strict=True):
        (alone,) = plan.make([run for job in part.jobs for run in job.runs], 256, part.size)
        assert (alone.runs, alone.size) == (group.runs, group.size)
