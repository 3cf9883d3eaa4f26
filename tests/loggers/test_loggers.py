import io
import json
import subprocess

from jaxac.loggers.closing import Ended, run_lines, sweep_lines
from jaxac.loggers.console import Console
from jaxac.loggers.json_lines import JsonLines
from jaxac.loggers.open import open_loggers

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


def test_an_interrupted_run_says_how_to_go_on():
    assert "resume=somewhere" in run_lines({**SUMMARY, "status": "interrupted"})[-1]


def test_without_evaluation_there_is_none_to_report():
    lines = run_lines({**SUMMARY, "eval/return_mean": None, "eval/env_steps_to_threshold": None})
    assert not any("evaluation" in line for line in lines)


def test_disabled_wandb_is_not_opened(small_config, tmp_path):
    config = small_config("logger.wandb.mode=disabled", "logger.console=false")
    opened = open_loggers(config, tmp_path, "id", None, None)
    assert [type(logger) for logger in opened] == [JsonLines]
    opened[0].finish(SUMMARY, [], 0)
