"""The W&B Report and the sweep, against a stand-in for the server: the real one was never asked."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

import experiments
from jaxac.config.compose import make_config
from jaxac.config.schema import Config
from jaxac.errors import ConfigError
from jaxac.report import wandb
from tests.run_directories import write_sweep
from tests.whole_runs import train

pytest.importorskip("wandb_workspaces")
SWEEP = Path(experiments.__file__).with_name("wandb_sweep.yaml")
PROJECT = {"id": "UHJvamVjdA==", "internalId": "SW50ZXJuYWw=", "name": "project", "entityName": "entity"}
VIEWER = {"id": "VXNlcg==", "entity": "entity", "username": "user", "flags": "{}", "teams": {"edges": []}}


class StandIn(BaseHTTPRequestHandler):
    """Answers the operations that a report takes, and keeps what was saved."""

    operations: list[str]
    views: dict[str, dict]

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = re.search(r"(?:query|mutation)\s+(\w+)", body["query"])[1]
        type(self).operations.append(operation)
        answer = json.dumps({"data": self.answer(operation, body.get("variables") or {})}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def answer(self, operation, variables):
        if operation == "ProjectInternalId":
            return {"project": PROJECT if variables["projectName"] == "project" else None}
        if operation == "GetProjects":
            page = {"endCursor": None, "hasNextPage": False}
            node = {**PROJECT, "createdAt": "2026-01-31T12:00:00Z", "isBenchmark": False, "user": None}
            return {"models": {"edges": [{"node": node, "cursor": "0"}], "pageInfo": page}}
        if operation == "upsertView":
            view = {
                "id": "Vmlldzox",
                "type": variables["type"],
                **{name: variables[name] for name in ("name", "displayName", "description", "spec")},
                "project": PROJECT,
                "createdAt": "2026-01-31T12:00:00Z",
                "updatedAt": "2026-01-31T12:00:00Z",
            }
            type(self).views["Vmlldzox"] = view
            return {"upsertView": {"view": view, "inserted": True}}
        if operation == "SpecificReport":
            return {"view": type(self).views["Vmlldzox"]}
        return {"viewer": VIEWER, "serverInfo": {"cliVersionInfo": {}, "latestLocalVersionInfo": None, "features": []}}

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (StandIn,), {"operations": [], "views": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening, handler
        listening.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def fonts():
    """Where Matplotlib has listed the fonts; in a new home it would list them first, and say so if that takes long."""
    from matplotlib import font_manager, get_cachedir

    assert font_manager.fontManager.ttflist
    return get_cachedir()


@pytest.fixture
def python(server, tmp_path, fonts):
    """``python(*arguments)``: a process of its own, since W&B reads its settings once a process, logged in there."""
    port = server[0].server_address[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB")}
    account = {"WANDB_BASE_URL": f"http://127.0.0.1:{port}", "WANDB_API_KEY": "0" * 40, "HOME": str(tmp_path)}
    account |= {"WANDB_ERROR_REPORTING": "false", "MPLCONFIGDIR": fonts}

    def run(*arguments, **changes):
        env = {**kept, **account, **changes}
        env = {name: value for name, value in env.items() if value is not None}
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL
        )

    return run


READ_BACK = """
import json, sys
import wandb_workspaces.reports.v2 as wr
report = wr.Report.from_url(sys.argv[1])
grid = next(block for block in report.blocks if isinstance(block, wr.PanelGrid))
lines = [panel for panel in grid.panels if isinstance(panel, wr.LinePlot)]
parallel = next(panel for panel in grid.panels if isinstance(panel, wr.ParallelCoordinatesPlot))
print(json.dumps({
    "title": report.title,
    "blocks": [type(block).__name__ for block in report.blocks],
    "code": [block.code for block in report.blocks if isinstance(block, wr.CodeBlock)],
    "tables": [block.text for block in report.blocks if isinstance(block, wr.MarkdownBlock)],
    "panels": [type(panel).__name__ for panel in grid.panels],
    "x": sorted({panel.x.name for panel in lines}),
    "y": [panel.y[0].name for panel in lines],
    "columns": [[column.metric.name, column.log] for column in parallel.columns],
    "groupby": grid.runsets[0].groupby,
    "filters": grid.runsets[0].filters,
    "places": [[panel.layout.x, panel.layout.y, panel.layout.w, panel.layout.h] for panel in grid.panels],
}))
"""


def test_what_is_published_comes_back(python, server, tmp_path):
    sweep = write_sweep(tmp_path / "sweep", returns=lambda rate, seed: (20.0, 300.0, 400 + 1e4 * rate))
    done = python("-m", "jaxac.report", str(sweep), "--wandb", "entity/project")
    assert done.returncode == 0, done.stderr
    url = done.stdout.split()[-1]
    back = python("-c", READ_BACK, url)
    assert back.returncode == 0, back.stderr
    found = json.loads(back.stdout.splitlines()[-1])
    assert found["title"] == "A2C on CartPole-v1"
    assert found["code"] == ["python -m jaxac.train +algo=a2c optimizer.learning_rate=0.01"]
    assert {"ScalarChart", "ParallelCoordinatesPlot", "RunComparer", "LinePlot"} == set(found["panels"])
    assert found["x"] == ["env_steps", "time/seconds"]
    assert found["y"][0] == "eval/return_mean"
    assert found["columns"] == [["optimizer.learning_rate", True], ["eval/return_mean", None]]
    assert found["groupby"] == ["config.optimizer.value.learning_rate"]
    assert "run_id" in found["filters"] and "0123abcd" in found["filters"]
    assert found["tables"][0].count("\n") == 4  # heading, rule, three trials
    assert found["tables"][0].splitlines()[2].startswith("| #1 | 0.01 | 0, 1, 2 | 500 |")
    assert_apart(found["places"])
    assert {"ProjectInternalId", "GetProjects", "upsertView", "SpecificReport"} <= set(server[1].operations)


def test_a_dry_run_shows_what_would_be_published_and_asks_nobody(python, server, tmp_path):
    sweep = write_sweep(tmp_path / "sweep", returns=lambda rate, seed: (20.0, 300.0, 400 + 1e4 * rate))
    options = ("--wandb", "entity/project", "--dry-run")
    done = python("-m", "jaxac.report", str(sweep), *options, WANDB_API_KEY=None)
    assert done.returncode == 0, done.stderr
    path = sweep / "report" / "wandb_report.md"
    assert done.stdout.splitlines()[-1] == f"not published; to look at: {path}"
    assert server[1].operations == []
    text = path.read_text()
    for expected in (
        "entity/project",
        "## CartPole-v1",
        "python -m jaxac.train +algo=a2c optimizer.learning_rate=0.01",
    ):
        assert expected in text
    assert "| #1 | 0.01 | 0, 1, 2 | 500 |" in text and "LinePlot: eval/return_mean against env_steps" in text
    assert "0123abcd" in text and "ParallelCoordinatesPlot: optimizer.learning_rate, final return" in text


def test_a_dry_run_of_nothing_is_a_mistake(python, tmp_path):
    done = python("-m", "jaxac.report", str(write_sweep(tmp_path / "sweep")), "--dry-run")
    assert done.returncode == 2 and "--wandb entity/project" in done.stderr and done.stderr.count("\n") == 1


def assert_apart(places):
    for number, (x, y, w, h) in enumerate(places):
        for other_x, other_y, other_w, other_h in places[:number]:
            assert x >= other_x + other_w or other_x >= x + w or y >= other_y + other_h or other_y >= y + h


@pytest.mark.parametrize(
    "target, changes, expected",
    [
        ("entity/project", {"WANDB_API_KEY": None}, "needs a login"),
        ("entity/project", {"WANDB_API_KEY": "short"}, "WANDB_API_KEY invalid"),
        ("entity/none", {}, "not found"),
    ],
)
def test_what_stands_in_the_way_is_said_in_one_sentence(python, tmp_path, target, changes, expected):
    done = python("-m", "jaxac.report", str(write_sweep(tmp_path / "sweep")), "--wandb", target, **changes)
    assert done.returncode == 2
    assert done.stderr.startswith(f"jaxac: --wandb={target} ") and expected in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("target", ["entity", "/project", "entity/", "a/b/c"])
def test_a_target_that_is_no_project(target):
    with pytest.raises(ConfigError, match="give entity/project"):
        wandb.connect(target)


def settings_of(sweep, choose):
    """Overrides as ``${args_no_hyphens}`` gives them."""
    return [f"{name}={choose(parameter)}" for name, parameter in sweep["parameters"].items()]


@pytest.mark.parametrize(
    "choose",
    [lambda p: p["values"][0] if "values" in p else p["min"], lambda p: p["values"][-1] if "values" in p else p["max"]],
)
def test_the_sample_sweep_composes(choose):
    sweep = yaml.safe_load(SWEEP.read_text())
    command = sweep["command"]
    assert command[:4] == ["${env}", "python", "-m", "jaxac.train"]
    assert command[-1] == "${args_no_hyphens}"
    fixed = command[4:-1]
    config = make_config(*fixed, *settings_of(sweep, choose))
    assert isinstance(config, Config)
    for name, parameter in sweep["parameters"].items():
        value = config
        for part in name.split("."):
            value = getattr(value, part)
        assert value == choose(parameter)


def test_the_sample_sweeps_metric_is_one_that_runs_log(small_config, run_dir):
    from jaxac.storage import run_directory

    config = small_config("logger.curve=false", "logger.gif=false", "logger.console=false", "evaluation.episodes=4")
    train(config, run_dir)
    assert yaml.safe_load(SWEEP.read_text())["metric"]["name"] in run_directory.rows(run_dir)[-1]
