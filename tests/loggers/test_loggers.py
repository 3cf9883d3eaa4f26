import io
import json
import subprocess
import sys

import numpy as np
import pytest
import wandb

from jaxac.errors import ConfigError
from jaxac.loggers import wandb as wandb_logger
from jaxac.loggers.closing import Ended, run_lines, sweep_lines
from jaxac.loggers.console import Console
from jaxac.loggers.json_lines import JsonLines
from jaxac.loggers.open import open_loggers
from jaxac.loggers.wandb import Wandb

ROW = {
    "env_steps": 1_000,
    "updates": 5,
    "time/seconds": 0.5,
    "time/sps": 2_000.0,
    "train/policy_loss": 0.25,
    "train/episode_return": None,
}
SUMMARY = {
    "status": "completed",
    "env_steps": 1_000,
    "updates": 5,
    "time/seconds": 0.5,
    "time/sps_mean": 2_000.0,
    "time/compile_seconds": 1.0,
    "eval/return_mean": 480.0,
    "eval/return_std": 1.0,
    "eval/episodes": 256,
    "eval/threshold": 475.0,
    "eval/env_steps_to_threshold": 800,
    "eval/seconds_to_threshold": 0.4,
    "directory": "somewhere",
}


def test_json_lines_are_there_as_soon_as_they_are_logged(tmp_path):
    logger = JsonLines(tmp_path / "metrics.jsonl")
    logger.log(ROW)
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == ROW
    logger.finish(SUMMARY, [], 0)


def test_the_console_says_what_matters():
    out = io.StringIO()
    console = Console(total_env_steps=1_000, out=out)
    console.log({**ROW, "train/episode_return": 21.5, "eval/return_mean": 99.0})
    console.finish(SUMMARY, [], 0)
    for expected in ("100%", "2 k SPS", "return 21.5", "evaluation 99.0", "480.0 ± 1.0", "800 steps", "somewhere"):
        assert expected in out.getvalue()


def test_the_first_row_has_an_estimate_of_what_is_left():
    """By its own speed: 3000 steps more at 2000 a second."""
    out = io.StringIO()
    Console(total_env_steps=4_000, out=out).log(ROW)
    assert "ETA 2 s" in out.getvalue()


def test_last_and_best_are_told_apart():
    (last, best) = run_lines({**SUMMARY, "eval/best_return_mean": 498.5, "eval/best_env_steps": 700})[1:3]
    assert last.startswith("last evaluation: return 480.0") and "best" not in last
    assert best == "best evaluation along the way: return 498.5, after 700 steps"
    as_good = run_lines({**SUMMARY, "eval/best_return_mean": 480.0, "eval/best_env_steps": 1000})
    assert not any("best" in line for line in as_good)


def test_a_sweep_tells_the_last_from_the_best_and_counts_ties():
    jobs = [Ended("job 0: a", ("completed",), 494.7, 500.0), Ended("job 1: b", ("diverged",), None, 500.0)]
    jobs += [Ended("job 2: c", ("completed",), 494.7, 494.7)]
    assert sweep_lines(jobs, None) == [
        "3 jobs: 2 completed, 1 diverged",
        "highest last evaluation: return 494.7, job 0: a, and 1 more with the same",
        "best evaluation along the way: return 500.0, job 0: a, and 1 more with the same",
    ]


def test_the_line_on_wandb_works_from_where_the_user_stands(tmp_path, monkeypatch):
    """Both sessions of a resumed run, in the order of their starts."""
    run = tmp_path / "my runs" / "a"
    for name in ("offline-run-20260131_120000-abcd", "offline-run-20260131_130000-abcd"):
        (run / "wandb" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (line,) = [line for line in run_lines({**SUMMARY, "directory": str(run)}) if "W&B" in line]
    command = line.split(", ")[2].removesuffix(" uploads it")
    said = subprocess.run(["bash", "-c", command.replace("wandb sync", "ls -d")], capture_output=True, text=True)
    assert [path.split("_")[-1] for path in said.stdout.split()[1::2]] == ["120000-abcd", "130000-abcd"]
    assert str(tmp_path) not in line
    monkeypatch.chdir(run)
    (line,) = [line for line in run_lines({**SUMMARY, "directory": str(run)}) if "W&B" in line]
    assert str(run) not in line


def test_the_console_says_how_stale_a3c_is():
    out = io.StringIO()
    Console(total_env_steps=1_000, out=out).log({**ROW, "async/staleness_mean": 14.96})
    assert "staleness 15.0" in out.getvalue()


def test_a_histogram_has_bins_of_one_width_and_loses_nothing():
    counts, edges = wandb_logger._at_most_512_bins([1, 2, 3])
    assert (counts.tolist(), edges.tolist()) == ([1, 2, 3], [0, 1, 2, 3])
    counts, edges = wandb_logger._at_most_512_bins([1] * 1025)
    assert counts.sum() == 1025 and len(counts) <= 512 and set(np.diff(edges)) == {3}


def test_wandb_gets_histograms_and_a_line_a_shard(offline_wandb):
    offline_wandb.log({**ROW, "async/staleness_histogram": [3, 0, 1], "async/shard_env_steps": [64, 32]})
    spread = dict(
        offline_wandb._spread({"async/staleness_histogram": [3, 0, 1], "async/shard_env_steps": [64, 32], "x": None})
    )
    assert spread.pop("async/staleness_histogram").histogram == [3, 0, 1]
    assert spread == {"async/shard_env_steps/0": 64, "async/shard_env_steps/1": 32}
    assert dict(offline_wandb._spread({"async/staleness_histogram": []})) == {}


@pytest.fixture
def offline_wandb(small_config, tmp_path):
    logger = Wandb(small_config("logger.wandb.mode=offline"), tmp_path, "abcd1234", None)
    yield logger
    logger.finish({}, [], 0)


def test_an_interrupted_run_says_how_to_go_on():
    assert "resume=somewhere" in run_lines({**SUMMARY, "status": "interrupted"})[-1]


def test_wandb_online_without_an_account_is_one_sentence(small_config, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"logger\.wandb\.mode=online .*offline"):
        Wandb(small_config("logger.wandb.mode=online"), tmp_path, "abcd1234", None)


def test_without_evaluation_there_is_none_to_report():
    lines = run_lines({**SUMMARY, "eval/return_mean": None, "eval/env_steps_to_threshold": None})
    assert not any("evaluation" in line for line in lines)


@pytest.fixture
def offline_run(small_config, tmp_path):
    """A finished offline run of W&B's, as ``wandb`` itself reads it back."""
    config = small_config("logger.wandb.mode=offline", "logger.wandb.tags=[mine]", "logger.wandb.group=ours")
    logger = Wandb(config, tmp_path, "abcd1234", None)
    for updates in (1, 2):
        logger.log({**ROW, "updates": updates, "env_steps": 100 * updates, "async/server_steps": 4})
    more = {
        "eval/best_return_mean": 490.0,
        "versions": {"jax": "0.10.2"},
        "git": {"jaxac": {"dirty": True}},
        "by_seed": {"0": {"status": "x"}},
    }
    logger.finish({**SUMMARY, **more}, [], 0)
    wandb.teardown()  # waits for W&B's own process, which writes behind; the end of a command does
    (path,) = tmp_path.glob("wandb/offline-run-*/run-abcd1234.wandb")
    return path


def test_wandb_holds_the_run_offline(offline_run):
    assert offline_run.stat().st_size > 0
    content = offline_run.read_bytes()
    assert b"CartPole-v1-a2c-s0" in content
    for expected in (b"abcd1234", b"mine", b"ours", b"CartPole-v1", b"train/policy_loss", b"num_envs"):
        assert expected in content


def test_wandbs_own_reader_finds_history_and_summary(offline_run):
    """As plain names: the last values, and the best evaluation beside them."""
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", str(offline_run.parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if len(line.split()) == 2)
    assert (found["eval/return_mean"], found["eval/best_return_mean"], found["time/sps_mean"]) == ("480", "490", "2000")
    assert (
        found["versions.jax"] == "0.10.2" and found["async/server_steps"] == "4" and found["git.jaxac.dirty"] == "true"
    )
    assert not any(name.endswith((".max", ".last", ".min")) or name.startswith("by_seed") for name in found)


@pytest.mark.parametrize(
    "overrides, run, group, expected",
    [
        ((), "x", None, "CartPole-v1-a2c-s0"),
        (("+algo=a3c", "algo.num_shards=2", "seed=3", "num_seeds=4"), "x", None, "CartPole-v1-a3c-s3-6"),
        (("env.name=tests.probe_envs:NotANumber",), "12", "sweep", "NotANumber-a2c-s0-job12"),
    ],
)
def test_a_wandb_run_has_a_name_that_can_be_read(small_config, tmp_path, overrides, run, group, expected):
    assert wandb_logger.name_of(small_config(*overrides), tmp_path / run, group) == expected


def test_disabled_wandb_is_not_opened(small_config, tmp_path):
    config = small_config("logger.wandb.mode=disabled", "logger.console=false")
    opened = open_loggers(config, tmp_path, "id", None, None)
    assert [type(logger) for logger in opened] == [JsonLines]
    opened[0].finish(SUMMARY, [], 0)
