"""Reports: which runs are read, what is computed from them, what is written."""

import dataclasses
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.report import command, tables, words
from jaxac.report.discover import read_all
from jaxac.report.importance import Importance, importance
from jaxac.report.read import Run, read_run
from jaxac.report.staleness import staleness
from jaxac.report.statistics import collapsed, curve, outcomes
from jaxac.report.trials import by_environment, show
from tests.conftest import SMALL
from tests.processes import CACHE
from tests.run_directories import rows_of, summary_of, with_settings, write_run, write_sweep
from tests.whole_runs import train


def names(directory):
    runs, skipped = read_all([directory])
    return [run.name for run in runs], {one.name: one.reason for one in skipped}


def trials_of(directory):
    return by_environment(read_all([directory])[0])["CartPole-v1"]


def build(directory):
    return words.build(*read_all([directory]))


def table(section):
    """The table as dicts, a row a trial."""
    columns = tables.columns(section.outcomes)
    rows = [tables.row(outcome) for outcome in section.outcomes]
    return [{name: cell.text for name, cell in zip(columns, row, strict=True)} for row in rows]


def main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["report", *map(str, arguments)])
    command.main()


# Reading


def test_jobs_are_found_in_their_order_and_nothing_else_is(tmp_path):
    sweep = write_sweep(tmp_path / "sweep", rates=(1, 2, 3, 4))
    for inside in ("wandb", "checkpoints", "report", ".hydra"):
        write_run(sweep / "0" / inside)
    assert names(sweep) == ([f"sweep/{number}" for number in range(12)], {})


def test_a_run_is_counted_once(tmp_path):
    sweep = write_sweep(tmp_path / "sweep")
    assert len(read_all([sweep, sweep / "0", sweep])[0]) == 9


def test_the_seeds_of_a_run_over_several_stand_for_it(tmp_path):
    parent = write_run(tmp_path / "sweep" / "0", overrides=("+algo=a2c", "num_seeds=3"), num_seeds=3)
    for seed in (10, 2):
        write_run(parent / "seeds" / str(seed), seed=seed)
        (parent / "seeds" / str(seed) / "overrides.yaml").unlink()
    found, skipped = names(tmp_path / "sweep")
    assert found == ["sweep/0/seeds/2", "sweep/0/seeds/10"]
    assert skipped == {"sweep/0": "num_seeds=3, but seeds/ holds 2 of them"}
    (trial,) = trials_of(tmp_path / "sweep")
    assert trial.seeds == [2, 10]
    assert trial.command == "python -m jaxac.train +algo=a2c"


def unlink(name):
    return lambda run: (run / name).unlink()


def write(name, content):
    return lambda run: (run / name).write_bytes(content)


def rows(*changes):
    """Rows of which the last has these changes."""
    made = rows_of([20.0, 30.0])
    made[-1] |= dict(changes)
    return "".join(json.dumps(row) + "\n" for row in made).encode()


@pytest.mark.parametrize(
    "damage, reason",
    [
        (unlink("config.yaml"), "config.yaml is missing"),
        (write("config.yaml", b"seed: [\n"), "config.yaml is not valid YAML"),
        (write("config.yaml", b"\xff\xfe"), "config.yaml is not valid YAML"),
        (write("config.yaml", b"- a\n"), "config.yaml is no configuration of a run: it has no seed"),
        (write("config.yaml", b"seed: 1\nenv: 2\n"), "config.yaml is no configuration of a run: it has no env.name"),
        (write("overrides.yaml", b"a: b\n"), "overrides.yaml is no list of overrides"),
        (unlink("metrics.jsonl"), "metrics.jsonl is missing"),
        (write("metrics.jsonl", b""), "metrics.jsonl has no rows"),
        (write("metrics.jsonl", b'{"env_st'), "metrics.jsonl has no rows"),
        (write("metrics.jsonl", b"{]\n\xff\n"), "metrics.jsonl has no rows"),
        (write("metrics.jsonl", rows() + b"[1]\n"), "metrics.jsonl, line 3 is no row of metrics"),
        (write("metrics.jsonl", rows(("time/seconds", None))), "metrics.jsonl, line 2: time/seconds is missing"),
        (write("metrics.jsonl", rows(("eval/return_mean", "x"))), "line 2: eval/return_mean is no number"),
        (
            write("metrics.jsonl", rows(("async/staleness_histogram", 3))),
            "line 2: async/staleness_histogram is no list of counts",
        ),
        (write("metrics.jsonl", rows() + rows()), "metrics.jsonl, line 3: env_steps or time/seconds go back"),
        (write("summary.json", b'{"status": "comp'), "summary.json is not valid JSON"),
        (write("summary.json", b"{}"), "summary.json has no status"),
        (
            write("summary.json", b'{"status": "completed", "time/sps_mean": "x"}'),
            "summary.json: time/sps_mean is no number",
        ),
    ],
)
def test_a_broken_run_is_skipped_and_named(tmp_path, capsys, monkeypatch, damage, reason):
    sweep = write_sweep(tmp_path / "sweep", rates=(1e-3,))
    damage(sweep / "1")
    main(monkeypatch, sweep)
    assert names(sweep)[0] == ["sweep/0", "sweep/2"]
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("jaxac: skipped sweep/1: ") and reason in said
    page = (sweep / "report" / "report.html").read_text()
    assert "1 skipped" in page and f"<strong>sweep/1</strong>: {said.split(': ', 2)[2]}" in page


def test_a_job_that_failed_before_its_run_began_is_named(tmp_path):
    sweep = write_sweep(tmp_path / "sweep", rates=(1e-3,))
    write_run(sweep / "3" / ".hydra")
    assert names(sweep)[1] == {"sweep/3": "the job ended before its run began: config.yaml is missing"}


@pytest.mark.parametrize(
    "damaged, said",
    [
        (b"{]\n" + rows(), "metrics.jsonl, line 1 is damaged and left out"),
        (rows() + b'{"env_steps": 150, \xff\xfe}\n', "metrics.jsonl, line 3 is damaged and left out"),
        (b"\0\n{]\n" + rows(), "metrics.jsonl: 2 lines are damaged and left out, the first is line 1"),
    ],
)
def test_a_damaged_line_costs_that_line_alone(tmp_path, damaged, said):
    run = write_run(tmp_path / "run")
    (run / "metrics.jsonl").write_bytes(damaged)
    found = read_run(run, "run")
    assert (len(found.rows), found.note) == (2, said)


def test_a_line_that_a_crash_cut_short_is_left_out_and_noted(tmp_path, capsys, monkeypatch):
    run = write_run(tmp_path / "run", (20.0, 30.0), status=None)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"env_steps": 300, "sec')
    main(monkeypatch, run)
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "jaxac: note on run: the last line of metrics.jsonl is cut short and left out",
        "jaxac: note on run: it has no summary.json: it is still running, or was killed",
    ]
    assert len(read_run(run, "run").rows) == 2


def test_a_last_line_without_its_end_is_a_row_if_it_is_whole(tmp_path):
    run = write_run(tmp_path / "run")
    path = run / "metrics.jsonl"
    path.write_text(path.read_text().rstrip("\n"))
    found = read_run(run, "run")
    assert (len(found.rows), found.note) == (3, None)


def test_what_is_not_finite_is_no_value(tmp_path):
    run = write_run(tmp_path / "run")
    (run / "metrics.jsonl").write_text('{"env_steps": 1, "time/seconds": 1, "eval/return_mean": NaN}\n')
    assert read_run(run, "run").series("eval/return_mean")[1].size == 0


@pytest.fixture
def nothing(tmp_path):
    """Directories and a file that are no runs, by name."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("hello")
    (tmp_path / "file").write_text("hello")
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "config.yaml").write_text("defaults: []\n")
    broken = write_run(tmp_path / "broken")
    (broken / "metrics.jsonl").unlink()
    return tmp_path


@pytest.mark.parametrize(
    "name, expected",
    [
        ("empty", "holds no runs"),
        ("foreign", "holds no runs"),
        ("missing", "does not exist"),
        ("file", "is a file"),
        ("settings", "holds no run that can be read (settings: config.yaml is no configuration"),
        ("broken", "holds no run that can be read (broken: metrics.jsonl is missing)"),
    ],
)
def test_nothing_to_report_on_is_said_in_one_sentence(nothing, capsys, monkeypatch, name, expected):
    with pytest.raises(SystemExit) as stopped:
        main(monkeypatch, nothing / name)
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"jaxac: {nothing / name} ") and expected in err
    assert not (nothing / name / "report").exists()


def test_where_nothing_can_be_written(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as stopped:
        main(monkeypatch, write_run(tmp_path / "run"), "--out", tmp_path / "file")
    assert stopped.value.code == 2
    assert re.fullmatch(r"jaxac: cannot write .*; choose another place with --out\.\n", capsys.readouterr().err)


def test_an_extra_that_is_missing_is_named(tmp_path, capsys, monkeypatch):
    found = command.importlib.util.find_spec
    hidden = "wandb_workspaces"
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None if name == hidden else found(name))
    with pytest.raises(SystemExit) as stopped:
        main(monkeypatch, write_run(tmp_path / "run"), "--wandb", "a/b")
    assert stopped.value.code == 2
    said = 'wandb_workspaces is not installed, which W&B Reports need; pip install "jaxac[reports]"'
    assert said in capsys.readouterr().err


def test_reading_and_drawing_do_not_import_jax():
    code = "import sys, jaxac.report.command, jaxac.report.page; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


# Trials


@pytest.mark.parametrize(
    "settings, together",
    [
        ({"seed": 1}, True),
        ({"evaluation__every": 7, "evaluation__episodes": 9}, True),
        ({"checkpoint__keep": 1, "logger__wandb": {"name": "x"}, "compilation_cache": None}, True),
        ({"optimizer__learning_rate": 0.1}, False),
        ({"env__num_envs": 16}, False),
        ({"env__params": {"max_steps_in_episode": 200}}, False),
        ({"evaluation__greedy": True}, False),
        ({"network__hidden_sizes": [8, 8]}, False),
        ({"total_env_steps": 2000}, False),
    ],
)
def test_trials_are_equal_but_for_the_seed_and_bookkeeping(tmp_path, settings, together):
    write_run(tmp_path / "runs" / "0")
    write_run(tmp_path / "runs" / "1", **settings)
    found = trials_of(tmp_path / "runs")
    assert len(found) == (1 if together else 2)
    assert len({trial.label for trial in found}) == len(found)


def test_settings_that_follow_from_others_are_no_columns(tmp_path):
    """The learning rate follows from the number of environments, where nobody sets it."""
    for number, (envs, rate) in enumerate([(8, 1e-3), (16, 2e-3)]):
        overrides = ("+algo=a2c", f"env.num_envs={envs}", f"seed={number}")
        path = tmp_path / "runs" / str(number)
        write_run(path, overrides=overrides, env__num_envs=envs, optimizer__learning_rate=rate, seed=number)
    assert [trial.swept for trial in trials_of(tmp_path / "runs")] == [{"env.num_envs": 8}, {"env.num_envs": 16}]


def test_a_choice_of_files_is_told_by_its_name(tmp_path):
    for name in ("adam", "rmsprop"):
        overrides = ("+algo=a2c", f"optimizer={name}")
        write_run(tmp_path / "runs" / name, overrides=overrides, optimizer={"name": name, "decay": len(name) / 10})
    assert [trial.label for trial in trials_of(tmp_path / "runs")] == ["optimizer=adam", "optimizer=rmsprop"]


def test_environments_are_kept_apart(tmp_path):
    write_run(tmp_path / "runs" / "0")
    write_run(tmp_path / "runs" / "1", env__name="Acrobot-v1")
    content = build(tmp_path / "runs")
    assert [section.env for section in content.sections] == ["CartPole-v1", "Acrobot-v1"]
    assert words.title(content) == "A2C on CartPole-v1, Acrobot-v1"


@pytest.mark.parametrize(
    "value, expected", [(None, "null"), (True, "true"), (3e-4, "0.0003"), (26214400, "26214400"), ((8, 8), "[8,8]")]
)
def test_values_are_shown_as_they_are_typed(value, expected):
    assert show(value) == expected


def test_the_best_command_trains_the_best_configuration(tmp_path):
    """Composed anew it is the configuration that was run, whatever its values are made of."""
    overrides = [
        "+algo=a3c",
        "network.hidden_sizes=[8,8]",
        "++env.params.max_steps_in_episode=100",
        "logger.wandb.name='a b; $c'",
    ]
    sweep = write_sweep(tmp_path / "sweep", rates=(1e-3, 1e-2), returns=lambda rate, seed: (20.0, 400 + 1e3 * rate))
    for number in (3, 4, 5):
        path = sweep / str(number) / "overrides.yaml"
        path.write_text(json.dumps([*overrides, "optimizer.learning_rate=0.01", f"seed={number - 3}", "num_seeds=2"]))
    best = outcomes(trials_of(sweep))[0].trial
    assert best.swept == {"optimizer.learning_rate": 0.01}
    arguments = shlex.split(best.command)
    assert arguments[:3] == ["python", "-m", "jaxac.train"]
    assert make_config(*arguments[3:]) == make_config(*overrides, "optimizer.learning_rate=0.01")


# Statistics


def test_the_table_is_what_the_runs_say(tmp_path):
    returns = {(1e-3, 0): (20, 480, 490), (1e-3, 1): (30, 470, 500), (1e-2, 0): (480, 400, 440), (1e-2, 1): (9, 9, 10)}
    sweep = write_sweep(tmp_path / "sweep", (1e-3, 1e-2), (0, 1), lambda rate, seed: returns[rate, seed])
    (section,) = build(sweep).sections
    better, worse = table(section)
    assert {name: better[name] for name in ("trial", "optimizer.learning_rate", "seeds", "final return", "best")} == {
        "trial": "#1",
        "optimizer.learning_rate": "0.001",
        "seeds": "0, 1",
        "final return": "495",
        "best": "500",
    }
    assert better["95% interval"] == "431.5 to 558.5"  # 495 ± 12.706 · 5, Student's t of two values
    assert (better["reached"], better["collapse rate"], better["steps"]) == ("2/2", "0% (0/2)", "250")
    assert (worse["final return"], worse["reached"], worse["collapse rate"]) == ("225", "1/2", "50% (1/2)")
    assert (worse["steps"], worse["status"], worse["SPS of a run"]) == ("100", "completed", "200")
    assert "Of 4 runs 3 reached the threshold, 475; 1 of them collapsed." in words.verdict(section)


def run_with(returns, threshold, status="completed"):
    rows = rows_of(returns)
    first = next((row["env_steps"] for row in rows if row["eval/return_mean"] >= threshold), None)
    summary = {**summary_of(rows, status), "eval/threshold": threshold, "eval/env_steps_to_threshold": first}
    return Run("run", with_settings(), (), tuple(rows), summary)


@pytest.mark.parametrize("status", ["completed", "diverged"])
@pytest.mark.parametrize("threshold", [475.0, -100.0])
def test_a_collapse_is_a_fall_from_the_threshold(threshold, status):
    """Against the definition, written out: after the first evaluation that is high enough, any that is too low."""
    rng, seen = np.random.default_rng(0), set()
    for _ in range(200):
        returns = (threshold + abs(threshold) * rng.uniform(-0.15, 0.02, size=6)).tolist()
        reached = [index for index, value in enumerate(returns) if value >= threshold]
        lost = reached and any(value < threshold - 0.1 * abs(threshold) for value in returns[reached[0] :])
        expected = bool(reached) and (bool(lost) or status == "diverged")
        assert collapsed(run_with(returns, threshold, status)) == expected
        seen.add(expected)
    assert seen == {True, False}


def test_a_run_that_stays_above_nine_tenths_has_not_collapsed():
    assert not collapsed(run_with([475.0, 427.5, 475.0], 475.0))
    assert collapsed(run_with([475.0, 427.4, 475.0], 475.0))


def test_diverged_runs_are_failures_and_are_said_to_be(tmp_path):
    sweep = write_sweep(
        tmp_path / "sweep", rates=(1e-3,), seeds=(0, 1), returns=lambda rate, seed: (20.0, 480.0, 480.0)
    )
    write_run(sweep / "2", (15.0, 490.0), status="diverged", optimizer__learning_rate=1e-3, seed=2)
    (section,) = build(sweep).sections
    (row,) = table(section)
    assert row["final return"] == f"{(480 + 480 + 15) / 3:.4g}"
    assert (row["reached"], row["collapse rate"]) == ("3/3", "33% (1/3)")
    assert row["status"] == "2 completed, 1 diverged"
    assert any("Diverged runs count as failures" in sentence for sentence in words.definitions(section))


@pytest.mark.parametrize("status", ["interrupted", None])
def test_a_run_that_has_not_ended_has_no_final_return(tmp_path, status):
    write_run(tmp_path / "runs" / "0", (20.0, 100.0))
    write_run(tmp_path / "runs" / "1", (20.0, 480.0), status=status, seed=1)
    write_run(tmp_path / "runs" / "2", (20.0, 499.0), status=status, optimizer__learning_rate=0.1)
    (section,) = build(tmp_path / "runs").sections
    first, second = table(section)
    assert (first["final return"], first["best"], first["95% interval"]) == ("100", "480", "–")
    assert (second["final return"], second["best"]) == ("–", "499")
    assert second["status"] == (status or "unfinished")
    assert any("have no final return" in sentence for sentence in words.definitions(section))


def test_a_curve_is_the_mean_over_seeds(tmp_path):
    write_sweep(tmp_path / "sweep", (1e-3,), (0, 1, 2), lambda rate, seed: (10.0 * seed, 100.0, 200.0 + 30 * seed))
    (trial,) = trials_of(tmp_path / "sweep")
    found = curve(trial, "eval/return_mean", "env_steps")
    np.testing.assert_allclose(found.x, [100, 200, 300])
    np.testing.assert_allclose(found.mean, [10, 100, 230])
    assert (found.low <= found.mean).all() and (found.mean <= found.high).all()
    assert (found.low[0], found.high[0]) == pytest.approx((10 - 24.84, 10 + 24.84), abs=0.01)  # 4.303 · 10 / √3
    assert found.low[1] == found.high[1] == 100
    assert found.complete.all()


def test_a_curve_says_where_runs_have_ended(tmp_path):
    write_run(tmp_path / "runs" / "0", (10.0, 20.0, 30.0, 40.0))
    write_run(tmp_path / "runs" / "1", (20.0, 30.0), seed=1)
    (trial,) = trials_of(tmp_path / "runs")
    found = curve(trial, "eval/return_mean", "env_steps")
    np.testing.assert_allclose(found.mean, [15, 25, 30, 35])
    assert found.complete.tolist() == [True, True, False, False]
    against_seconds = curve(trial, "eval/return_mean", "time/seconds")
    assert (against_seconds.x[0], against_seconds.x[-1]) == (0.5, 2.0)
    assert against_seconds.mean[-1] == pytest.approx(35)


@pytest.mark.parametrize(
    "status, expected",
    [("completed", [15, 25, 30, 35]), ("diverged", [15, 25, 20, 25]), ("interrupted", [15, 25, 30, 40])],
)
def test_an_evaluation_curve_is_never_one_of_the_survivors(tmp_path, status, expected):
    """What was solved keeps its last evaluation, what diverged fails; what was interrupted nobody knows."""
    write_run(tmp_path / "runs" / "0", (10.0, 20.0, 30.0, 40.0))
    write_run(tmp_path / "runs" / "1", (20.0, 30.0), seed=1, status=status)
    (section,) = build(tmp_path / "runs").sections
    (outcome,) = section.outcomes
    found = curve(outcome.trial, "eval/return_mean", "env_steps", outcome.failure)
    np.testing.assert_allclose(found.mean, expected)
    assert found.complete.tolist() == [True, True, False, False]


def test_of_runs_that_all_diverged_no_return_is_told(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / "runs" / str(seed), (10.0, 20.0), seed=seed, status="diverged")
    (section,) = build(tmp_path / "runs").sections
    (row,) = table(section)
    assert (row["final return"], row["95% interval"]) == ("–", "–")


def test_the_setting_that_matters_is_the_important_one(tmp_path):
    rng = np.random.default_rng(0)
    number = 0
    for rate in (1e-4, 1e-3, 1e-2, 1e-1):
        for activation in ("relu", "tanh", "elu"):
            for seed in (0, 1):
                returns = (20.0, 100 * -np.log10(rate) + rng.normal())
                overrides = (f"optimizer.learning_rate={rate}", f"network.activation={activation}")
                network = {"shared": True, "activation": activation}
                path = tmp_path / "runs" / str(number)
                write_run(path, returns, overrides=overrides, network=network, optimizer__learning_rate=rate, seed=seed)
                number += 1
    (section,) = build(tmp_path / "runs").sections
    found = section.importance
    assert isinstance(found, Importance)
    assert found.names == ("optimizer.learning_rate", "network.activation")
    assert found.mean[0] > 0.5 > 0.1 > found.mean[1]
    assert (found.runs, found.trials) == (24, 12)
    assert "a hint and no finding" in words.importance_words(found)


@pytest.mark.parametrize(
    "rates, returns, expected",
    [
        ((1e-3,), lambda rate, seed: (100.0 * seed,), "No setting varies"),
        ((1e-3, 1e-2), lambda rate, seed: (rate,), "too few"),
        (tuple(range(1, 8)), lambda rate, seed: (500.0,), "All final returns are the same"),
    ],
)
def test_importance_is_left_out_with_a_sentence(tmp_path, rates, returns, expected):
    found = importance(outcomes(trials_of(write_sweep(tmp_path / "sweep", rates, returns=returns))))
    assert isinstance(found, str) and expected in found


HISTOGRAMS = ([3, 1], [], [0, 2, 4])


def write_a3c(directory, **settings):
    extra = {
        "async/staleness_histogram": HISTOGRAMS,
        "async/staleness_mean": [0.25, None, 5 / 3],
        "async/pushes_dropped": [1, 0, 2],
    }
    extra |= {"async/pulls_forced": [0, 4, 0], "time/idle_share": [0.5, 0.25, 0.75]}
    rows = rows_of((20.0, 300.0, 480.0), **extra)
    return write_run(directory, rows=rows, overrides=("+algo=a3c",), algo__name="a3c", **settings)


def test_staleness_is_summed_over_rows_and_seeds(tmp_path):
    for seed in (0, 1):
        write_a3c(tmp_path / "runs" / str(seed), seed=seed)
    (one,) = staleness(outcomes(trials_of(tmp_path / "runs")))
    ages = 2 * [age for counts in HISTOGRAMS for age, count in enumerate(counts) for _ in range(count)]
    assert one.histogram.tolist() == [ages.count(age) for age in range(3)]
    assert one.mean == pytest.approx(np.mean(ages))
    assert (one.dropped, one.forced, one.idle_share, one.contention) == (6, 8, 0.5, None)


# What is written


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A report on a sweep with everything in it."""
    sweep = write_sweep(
        tmp_path / "sweep",
        rates=(1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 0.5, 2.0, 10.0, 100.0),
        returns=lambda rate, seed: (20.0, 300.0 - seed, 480.0 - 10 * rate - seed),
    )
    long = f"logger.wandb.name={'x' * 300}<script>alert(1)</script>"
    overrides = ("+algo=a3c", "algo.num_shards=16", "optimizer.learning_rate=5", long)
    for number, seed in ((27, 0), (28, 1)):
        path = write_a3c(sweep / str(number), seed=seed, optimizer__learning_rate=5.0, algo__num_shards=16)
        (path / "overrides.yaml").write_text(json.dumps(overrides))
    write_run(sweep / "29", status="diverged", optimizer__learning_rate=7.0)
    (sweep / "30").mkdir()
    (sweep / "30" / "config.yaml").write_text("<b>: [")
    main(monkeypatch, sweep)
    return sweep / "report" / "report.html"


def test_the_page_holds_everything_and_asks_for_nothing(page):
    html = page.read_text()
    pictures = re.findall(r"<img ([^>]*)>", html)
    files = {path.name for path in page.parent.glob("*.png")}
    assert len(pictures) == len(files) >= 7
    assert "CartPole-v1_curves_env_steps.png" in files
    assert {"CartPole-v1_marginal_optimizer.learning_rate.png", "CartPole-v1_importance.png"} <= files
    assert all(re.search(r'alt="[^"]{40,}"', picture) for picture in pictures)
    assert set(re.findall(r'src="([^,"]*),', html)) == {"data:image/png;base64"}
    assert not re.search(r"https?://|@import|url\(|<link[^>]*stylesheet|<script [^>]*src", html)
    assert "<script>alert" not in html and "&lt;script&gt;alert" in html
    assert "the best 8 of 11 trials in color" in html
    assert f"python -m jaxac.report {page.parents[1]}" in html


@pytest.mark.slow
def test_a_report_on_real_runs(small_config, tmp_path, capsys, monkeypatch):
    """A2C and A3C with two seeds each, as the command leaves them."""
    configs = {}
    for algo in ("a2c", "a3c"):
        for seed in (0, 1):
            chosen = [f"+algo={algo}", "algo.num_shards=4", f"seed={seed}", "evaluation.episodes=4"]
            overrides = [*chosen, *SMALL, "logger.curve=false", "logger.gif=false", CACHE]
            config = small_config(*overrides)
            train(config, tmp_path / "runs" / f"{algo}{seed}", overrides)
            configs[algo] = config
    main(monkeypatch, tmp_path / "runs", "--out", tmp_path / "out")
    said = capsys.readouterr()
    assert said.err == "" and f"report on 4 runs in {tmp_path / 'out' / 'report.html'}" in said.out
    (section,) = build(tmp_path / "runs").sections
    assert sorted(len(outcome.trial.runs) for outcome in section.outcomes) == [2, 2]
    assert [outcome.trial.swept for outcome in sorted(section.outcomes, key=lambda o: o.trial.number)] == [
        {"algo.name": "a2c"},
        {"algo.name": "a3c"},
    ]
    for outcome in section.outcomes:
        finals = [
            json.loads((tmp_path / run.name / "summary.json").read_text())["eval/return_mean"]
            for run in outcome.trial.runs
        ]
        assert outcome.mean == pytest.approx(np.mean(finals))
        composed = make_config(*shlex.split(outcome.trial.command)[3:])
        assert composed == dataclasses.replace(configs[composed.algo.name], seed=0)
    (stale,) = section.staleness
    assert stale.histogram.sum() == 2 * 10 * 4  # seeds, rounds, shards: every gradient was used
    assert Path(tmp_path / "out" / "CartPole-v1_staleness_histogram.png").stat().st_size > 1000


def test_a_directory_that_does_not_exist_is_refused_beside_one_that_does(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        read_all([write_run(tmp_path / "run"), tmp_path / "none"])


def test_of_several_processes_a_report_says_where_they_were():
    here = {"versions": {}, "devices": ["cpu:0 cpu"], "processes": [{"host": "gpu1", "devices": 1}]}
    both = {**here, "processes": [*here["processes"], {"host": "gpu2", "devices": 8}]}
    told = [dict(words.provenance(SimpleNamespace(runs=[SimpleNamespace(summary=each)]))) for each in (here, both)]
    assert [each.get("processes") for each in told] == [None, "1 device on gpu1, 8 devices on gpu2"]


def test_learners_are_told_with_what_was_lost_with_them(tmp_path):
    run, alone = (read_run(write_run(tmp_path / name), name) for name in ("a", "b"))
    first = {"learner": 0, "host": "x", "shards": [0, 1, 2], "pushes": 1200, "staleness_mean": 1.25}
    second = {"learner": 1, "host": "y", "shards": [], "pushes": 0, "staleness_mean": None}
    listed = [first | {"calls_lost": 0, "seconds_lost": 0}, second | {"calls_lost": 3, "seconds_lost": 1.5}]
    run = dataclasses.replace(run, summary={**run.summary, "learners": listed})
    told = [[cell.text for cell in row] for row in tables.learner_rows([run, alone])]
    assert told == [
        ["a", "0", "x", "0 to 2", "1200", "1.25", "0", "0"],
        ["a", "1", "y", "–", "0", "–", "3", "1.5"],
    ]
    assert all(len(row) == len(tables.learner_columns()) for row in told)


def test_workers_are_told_with_their_runs_and_restarts(tmp_path):
    places = [("b", "gpu 0 H100", 0), ("a", "gpu 0 H100", 1), ("a", "gpu 1 H100", 0), ("a", "gpu 0 H100", 2)]
    runs = []
    for number, (host, device, restarts) in enumerate(places):
        run = read_run(write_run(tmp_path / str(number)), str(number))
        told = {"hostname": host, "device": device, "restarts": restarts}
        runs.append(dataclasses.replace(run, summary={**run.summary, **told}))
    alone = read_run(write_run(tmp_path / "9"), "9")
    told = [[cell.text for cell in row] for row in tables.worker_rows([*runs, alone])]
    assert told == [["a", "gpu 0 H100", "1, 3", "3"], ["a", "gpu 1 H100", "2", "0"], ["b", "gpu 0 H100", "0", "0"]]
