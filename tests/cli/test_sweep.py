"""Lanes: side by side, each is what it is by itself."""

import shutil

import pytest
import yaml

from jaxac.devices import machine
from jaxac.errors import ConfigError, DivergedError
from jaxac.programs import blocks
from jaxac.runs import runner, setup
from jaxac.runs.job import Job
from jaxac.storage import checkpoint, run_directory
from tests.processes import CACHE
from tests.whole_runs import final_state, rows, summary

QUIET = (CACHE, "logger.curve=false", "logger.gif=false", "logger.console=false")


@pytest.fixture
def sweep(small_config, run_dir):
    """``sweep(jobs, at=…, **options)``: trains jobs, given as overrides, and returns them with their directories."""

    def train(jobs, at="sweep", resume=False, **options):
        prepared = []
        for number, overrides in enumerate(jobs):
            directory = run_dir / at / str(number)
            again = [f"resume={directory}"] if resume and run_directory.has_begun(directory) else []
            config = small_config(*QUIET, *overrides, *again)
            where = run_directory.open_run(config, directory, list(overrides))
            prepared.append(Job(config, *where, overrides, "group"))
        runner.train(prepared, **options)
        return prepared, [run_dir / at / str(number) for number in range(len(jobs))]

    return train


A2C = [(f"seed={seed}", f"optimizer.learning_rate={rate}") for seed in (0, 1) for rate in ("1e-3", "3e-3")]
A2C[3] = (*A2C[3], "algo.discount=0.9", "optimizer.anneal_env_steps=100", "++env.params.gravity=5.0")
A2C[:3] = [(*job, "++env.params.gravity=9.8") for job in A2C[:3]]
A3C = [
    ("+algo=a3c", "algo.num_shards=4", "algo.delay.distribution=geometric", f"algo.delay.mean={mean}", "seed=3")
    for mean in (0.5, 2, 4)
]


@pytest.mark.parametrize("jobs", [pytest.param(A2C, marks=pytest.mark.slow), A3C], ids=["a2c", "a3c"])
def test_lanes_on_cores_are_single_runs_bit_for_bit(sweep, jobs):
    _, side_by_side = sweep(jobs, at="together", how="cores")
    for number, job in enumerate(jobs):
        _, (alone,) = sweep([job], at=f"alone{number}")
        assert summary(alone)["params_digest"] == summary(side_by_side[number])["params_digest"]
        assert final_state(alone) == final_state(side_by_side[number])
        assert rows(alone) == rows(side_by_side[number])


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [A2C, A3C], ids=["a2c", "a3c"])
def test_vmapped_lanes_are_single_runs_but_for_rounding(sweep, jobs):
    _, side_by_side = sweep(jobs, at="together", how="vmap")
    for number, job in enumerate(jobs):
        _, (alone,) = sweep([job], at=f"alone{number}")
        for one, other in zip(rows(alone), rows(side_by_side[number]), strict=True):
            assert one["train/episodes"] == other["train/episodes"]
            for name in (
                "train/policy_loss",
                "train/value_loss",
                "train/entropy",
                "train/gradient_norm",
                "train/learning_rate",
            ):
                assert one[name] == pytest.approx(other[name], rel=2e-3, abs=1e-5)


OTHERS = {
    "a2c": (),
    "gru": ("network.memory=gru", "network.memory_size=8"),
    "a3c": ("+algo=a3c", "algo.num_shards=2"),
}


@pytest.mark.parametrize("kind", ["a2c", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("gru", "a3c"))])
def test_a_lane_of_a_block_knows_neither_its_place_nor_how_many_there_are(sweep, kind):
    """Three blocks of which the last is nearly empty, against some of their lanes at other places, in one."""
    usual = ("env.num_envs=32", *OTHERS[kind])
    jobs = [(*usual, f"seed={seed}", f"optimizer.learning_rate={1 + seed}e-3") for seed in range(9)]
    _, whole = sweep(jobs, at="whole", how="blocks")
    chosen = [8, 7, 2]
    _, some = sweep([jobs[number] for number in chosen], at="some", how="blocks")
    for number, other in zip(chosen, some, strict=True):
        assert summary(whole[number])["params_digest"] == summary(other)["params_digest"]
        assert final_state(whole[number]) == final_state(other)
        assert rows(whole[number]) == rows(other)


def test_a_lane_of_a_block_stays_one_when_its_job_is_resumed_by_itself(sweep):
    jobs = [(f"seed={seed}",) for seed in range(2)]
    _, whole = sweep(jobs, at="whole", how="blocks")
    _, parts = sweep([(*job, "stop_after_updates=4") for job in jobs], at="parts", how="blocks")
    sweep(jobs[:1], at="parts", resume=True)
    assert summary(parts[0])["params_digest"] == summary(whole[0])["params_digest"]
    assert rows(parts[0]) == rows(whole[0])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cores", "vmap", "blocks"])
def test_a_lane_that_diverges_fails_alone(sweep, how):
    sick = "env.name=tests.probe_envs:NotANumber", "env.stagger_starts=false", "algo.normalize_rewards=false"
    jobs = [(*sick, "checkpoint.every=32", "env.reward_scale=0.5"), (*sick, "checkpoint.every=32")]
    jobs += [("seed=1",), ("seed=2",)]
    done, directories = sweep(jobs, how=how)
    assert [summary(each)["status"] for each in directories] == ["diverged", "diverged", "completed", "completed"]
    assert [checkpoint.read(checkpoint.newest(each / "checkpoints")).updates for each in directories[2:]] == [10, 10]
    for job in done[:2]:
        with pytest.raises(DivergedError, match=r"diverged after .* optimizer.learning_rate"):
            job.result()
    assert all(job.result() > 0 for job in done[2:])


@pytest.mark.parametrize("how", ["vmap", *(pytest.param(how, marks=pytest.mark.slow) for how in ("cores", "blocks"))])
def test_a_sick_lane_leaves_its_neighbours_alone(sweep, how):
    """In one program with it: a learning rate that overflows."""
    jobs = [("seed=0",), ("optimizer.learning_rate=1e38",), ("seed=2",)]
    jobs = [(*job, "optimizer.max_grad_norm=null") for job in jobs]
    _, directories = sweep(jobs, how=how)
    assert [summary(each)["status"] for each in directories] == ["completed", "diverged", "completed"]
    assert len(rows(directories[1])) < len(rows(directories[0]))


@pytest.mark.parametrize("how", ["cores", *(pytest.param(how, marks=pytest.mark.slow) for how in ("vmap", "blocks"))])
def test_lanes_stop_early_one_by_one(sweep, how):
    """A target that is reached at once, and one that never is."""
    jobs = [("evaluation.stop_at_return=1",), ("evaluation.stop_at_return=1e6",)]
    _, directories = sweep(jobs, how=how)
    first, second = map(summary, directories)
    assert (first["status"], second["status"]) == ("completed", "completed")
    assert first["updates"] < second["updates"] == 10
    assert checkpoint.read(checkpoint.newest(directories[0] / "checkpoints")).updates == first["updates"]
    _, (alone,) = sweep(jobs[:1], at="alone")
    assert summary(alone)["updates"] == first["updates"]


@pytest.mark.parametrize("how", ["cores", *(pytest.param(how, marks=pytest.mark.slow) for how in ("vmap", "blocks"))])
def test_a_sweep_that_was_stopped_goes_on(sweep, how):
    """Some lanes finished, some in the middle, one not begun."""
    jobs = [(f"seed={seed}",) for seed in range(4)]
    _, whole = sweep(jobs, at="whole", how=how)
    _, parts = sweep([(*job, "stop_after_updates=4") for job in jobs], at="parts", how=how)
    shutil.rmtree(parts[0])
    shutil.copytree(whole[0], parts[0])
    finished = (parts[0] / "summary.json").read_bytes()
    shutil.rmtree(parts[3])
    sweep(jobs, at="parts", how=how, resume=True)
    assert (parts[0] / "summary.json").read_bytes() == finished
    for one, other in zip(whole, parts, strict=True):
        assert rows(one) == rows(other)
        assert summary(one)["params_digest"] == summary(other)["params_digest"]


@pytest.mark.slow
def test_batches_are_filled_up_rather_than_compiled_anew(sweep, capsys):
    jobs = [(f"seed={seed}",) for seed in range(5)] + [("env.num_envs=16",), ("total_env_steps=640",)]
    _, directories = sweep(jobs, how="vmap", max_lanes=4)
    assert "7 jobs: 7 lanes in 2 compiled programs" in capsys.readouterr().out
    assert {summary(each)["status"] for each in directories} == {"completed"}
    assert summary(directories[-1])["updates"] == 20


@pytest.mark.slow
def test_threads_run_one_after_the_other(sweep, capsys):
    threads = ("+algo=a3c", "algo.num_shards=2", "algo.runtime=threads")
    _, directories = sweep([("seed=0",), ("seed=1",), threads], how="vmap")
    assert "1 with threads, which cannot be batched, one after the other" in capsys.readouterr().out
    assert {summary(each)["status"] for each in directories} == {"completed"}


@pytest.mark.slow
def test_too_many_lanes_say_how_many_fit(sweep, monkeypatch):
    from jaxac.programs import memory, program

    monkeypatch.setattr(program.machine, "memory_bytes", lambda: 9_000)
    monkeypatch.setattr(memory, "check", lambda *_: None)  # which estimates, and stands on its own
    jobs, _ = sweep([(f"seed={seed}",) for seed in range(8)], how="vmap")
    for job in jobs:
        with pytest.raises(ConfigError, match=r"8 lanes need .* about \d fit; set hydra.launcher.max_lanes"):
            job.result()


def test_jobs_without_memory_fail_before_they_are_compiled(sweep, monkeypatch):
    from jaxac.programs import program

    monkeypatch.setattr(program.machine, "memory_bytes", lambda: 60_000)
    jobs, directories = sweep([("seed=0",), ("seed=1", "evaluation.episodes=100000")], how="cores")
    assert jobs[0].result() > 0
    with pytest.raises(ConfigError, match=r"evaluation\.episodes=100000 needs about"):
        jobs[1].result()
    assert not (directories[1] / "metrics.jsonl").exists()


def test_a_job_that_cannot_be_compiled_fails_alone(sweep):
    (bad, good), (_, directory) = sweep([("env.name=tests.no_such_module:Env",), ("seed=1",)])
    with pytest.raises(ConfigError, match="cannot be imported"):
        bad.result()
    assert good.result() > 0
    assert summary(directory)["status"] == "completed"


def test_seeds_of_one_job(sweep):
    (job,), (directory,) = sweep([("num_seeds=3", "seed=5")])
    parts = [directory / "seeds" / str(seed) for seed in (5, 6, 7)]
    merged = run_directory.rows(directory)
    each = [run_directory.rows(part) for part in parts]
    assert [row["updates"] for row in merged] == [row["updates"] for row in each[0]]
    values = [row[-1]["eval/return_mean"] for row in each]
    assert merged[-1]["eval/return_mean"] == pytest.approx(sum(values) / 3)
    assert merged[-1]["eval/return_mean_low"] < merged[-1]["eval/return_mean"] < merged[-1]["eval/return_mean_high"]
    assert merged[-1]["seeds"] == 3
    assert summary(directory)["eval/return_mean"] == pytest.approx(job.result())
    assert summary(directory)["status"] == "completed"
    assert yaml.safe_load((directory / "config.yaml").read_text())["num_seeds"] == 3
    _, (alone,) = sweep([("seed=6",)], at="alone")
    assert summary(alone)["params_digest"] == summary(parts[1])["params_digest"]


def test_seeds_of_one_job_go_on_after_a_stop(sweep):
    _, (whole,) = sweep([("num_seeds=3",)], at="whole")
    sweep([("num_seeds=3", "stop_after_updates=4")], at="parts")
    _, (parts,) = sweep([("num_seeds=3",)], at="parts", resume=True)
    assert rows(parts) == rows(whole)
    assert summary(parts)["params_digest"] == summary(whole)["params_digest"]


@pytest.mark.parametrize(
    "overrides, expected",
    [
        ((), "blocks"),
        (("env.num_envs=128",), "cores"),
        (("network.hidden_sizes=[512]",), "cores"),
        (("network.memory=gru",), "cores"),
        (("+algo=a3c", "algo.num_shards=2"), "blocks"),
        (("+algo=a3c", "algo.num_shards=2", "algo.runtime=threads"), "cores"),
        (("env.name=tests.probe_envs:OneStep",), "cores"),
    ],
    ids=str,
)
def test_auto_is_what_is_faster(small_config, monkeypatch, overrides, expected):
    """Blocks for many lanes of a small network; what is named is what is taken."""
    monkeypatch.setattr(machine, "num_cores", lambda: 2)
    config = small_config(*overrides)
    configs = [config] * (2 * blocks.num_lanes(config))
    for accelerator in (False, True):
        monkeypatch.setattr(machine, "has_accelerator", lambda accelerator=accelerator: accelerator)
        assert setup.fastest(configs, "auto") == ("vmap" if accelerator else expected)
        named = ["cores", "vmap", "blocks"]
        assert [setup.fastest(configs, how) for how in named] == named
    monkeypatch.setattr(machine, "has_accelerator", lambda: False)
    assert setup.fastest(configs[:-1], "auto") == "cores"  # a core would have nothing to do
    two = [*configs[:-1], small_config(*overrides, "algo.unroll_length=3")]  # of two programs
    assert setup.fastest(two, "auto") == "cores"
