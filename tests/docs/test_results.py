"""Figures in the documentation are those of the files that experiments wrote."""

import json
import re
import statistics

import pytest

from experiments import many, table_page, throughput
from tests.docs.pages import ROOT, tables

README = tables(ROOT / "README.md")
SPEED = tables(ROOT / "docs" / "results" / "speed.md")
CARTPOLE = tables(ROOT / "docs" / "results" / "cartpole.md")
SWEEPS = tables(ROOT / "docs" / "results" / "sweeps.md")
SHARED, SEPARATE = "shared 128 relu", "separate 64-64 tanh"


def load(name):
    return json.loads((ROOT / "experiments" / "results" / f"{name}.json").read_text())


def millions(value):
    return f"{value / 1e6:.2f} M"


def median(values):
    return millions(statistics.median(values))


def test_the_scores():
    page = (ROOT / "docs" / "results" / "table.md").read_text()
    for name, row in load("table")["rows"].items():
        assert table_page.line(name, row) in page


@pytest.mark.parametrize("name", [path.stem for path in sorted((ROOT / "conf" / "env").glob("*.yaml"))])
def test_an_environments_file_says_what_its_values_reach(name):
    """Unless it is the general one, CartPole's, which says more, or its row of the table is still to be trained."""
    text = (ROOT / "conf" / "env" / f"{name}.yaml").read_text()
    (env,) = re.findall(r"^ *name: (\S+)$", text, re.MULTILINE)
    by_setting = {text: row for row in load("table")["rows"].values() for text in row["command"].split()}
    row = by_setting.get(f"env={name}") or by_setting.get(f"env.name={env}")
    if name not in ("default", "cartpole") and row:
        score, seeds = f"{row['summary']['mean'][0]:.3g}", row["summary"]["seeds"]
        assert f": mean return {score} of {seeds} seeds after " in text.splitlines()[1]


@pytest.mark.parametrize("name", ["hosts_speed", "hosts_speed_1_thread"])
def test_what_several_processes_cost(name):
    page = (ROOT / "docs" / "guide" / "hosts.md").read_text()
    for case in load(name)["cases"]:
        over = case["two_over_one"]
        assert f"{over['ratio']:.2f} ({over['lowest']:.2f} … {over['highest']:.2f})" in page


def test_the_faults():
    found, page = load("faults"), (ROOT / "docs" / "guide" / "runs.md").read_text()
    assert f"{found['faults']} faults, {found['survived']} survived" in page


@pytest.mark.parametrize("num_envs", [4096, 512])
def test_the_ablation(num_envs):
    def row(arm, of):
        steps = of["median_env_steps_to_solve"]
        solved, stays = (f"{of[key]}/{of['seeds']}" for key in ("solved", "stays_solved"))
        return [
            arm,
            solved,
            stays,
            f"{of['final_mean']:.0f}",
            f"{of['final_min']:.0f}",
            millions(steps) if steps else "never",
        ]

    _, *shown = CARTPOLE[f"{num_envs} environments"]
    assert shown == [row(*arm) for arm in load(f"ablation_{num_envs}")["arms"].items()]


@pytest.mark.parametrize("table", [README["How fast"], SPEED["Against others"]], ids=["README", "speed"])
def test_the_speed_against_others(table):
    def row(of):
        ours, theirs = ([pair[who] for pair in of["pairs"]] for who in ("ours", "theirs"))
        digits = 1 if of["ratio"] > 10 else 2
        ratio, low, high = (f"{of[key]:.{digits}f}" for key in ("ratio", "lowest", "highest"))
        return [median(ours), median(theirs), f"{ratio} ({low} – {high})"]

    _, *shown = table
    assert [row[1:] for row in shown] == [row(of) for of in load("throughput_peers")["results"].values()]


def test_the_speed_against_others_in_other_tasks():
    def row(of):
        ours, theirs = ([pair[who] for pair in of["pairs"]] for who in ("ours", "theirs"))
        ratios = [f"{each['ratio']:.2f} ({each['lowest']:.2f} – {each['highest']:.2f})" for each in (of, of["cpu"])]
        return [f"{statistics.median(ours) / 1e6:.3f} M", f"{statistics.median(theirs) / 1e6:.3f} M", *ratios]

    _, *shown = SPEED["Against others, in other tasks"]
    results = [load(f"throughput_peers_{task}")["results"] for task in ("pendulum", "breakout")]
    assert [cells[1:] for cells in shown] == [row(of) for each in results for of in each.values()]


def test_the_speed_of_other_kinds():
    rows = load("throughput_kinds")["rows"]
    expected = {
        name: [*(f"{statistics.median(of[rate]) / 1e6:.3f} M" for rate in ("sps", "cpu_sps")), f"{memory / 1e6:.1f}"]
        for name, of in rows.items()
        for memory in [of["memory_bytes"]]
    }
    _, *shown = SPEED["By kind"]
    assert {name: cells for name, *cells in shown} == expected
    assert list(rows) == list(throughput.KINDS)


def test_the_speed_by_size():
    rows = load("throughput")["rows"]

    def cells(size):
        both = [rows[f"A2C, {network}, {size}"] for network in (SHARED, SEPARATE)]
        speeds = [median(of["sps"]) for of in both]
        calls = ", ".join(f"{1e3 * of['call_seconds']:.1f}" for of in both)
        return [size, *speeds, calls, ", ".join(f"{of['memory_bytes'] / 1e6:.1f}" for of in both)]

    a3c = rows["A3C, shared 128 relu, 4096 × 16"]
    last = [median(a3c["sps"]), "", f"{1e3 * a3c['call_seconds']:.1f}", f"{a3c['memory_bytes'] / 1e6:.1f}"]
    _, *shown = SPEED["By size"]
    sizes = [key.removeprefix(f"A2C, {SHARED}, ") for key in rows if key.startswith(f"A2C, {SHARED}, ")]
    assert shown[:-1] == [cells(size) for size in sizes]
    assert shown[-1][1:] == last


def test_the_speed_by_lever():
    def cell(of):
        return f"× {of['ratio']:.2f} ({of['lowest']:.2f} – {of['highest']:.2f})"

    shared, separate = (load("levers")["results"][network] for network in (SHARED, SEPARATE))
    _, first, *shown = SPEED["By lever"]
    assert first[1:] == [median(of["as it is"]["sps"]) for of in (shared, separate)]
    expected = {(cell(shared[lever]), cell(separate[lever])) for lever in shared if lever != "as it is"}
    assert {tuple(row[1:]) for row in shown} == expected
    assert len(shown) == len(expected)


def test_how_cost_grows():
    expected = []
    for kind, sizes in load("scaling")["results"].items():
        speeds = [median(of["sps"]) for of in sizes.values()]
        memory = [f"{of['memory_bytes'] / 1e6:.1f}" for of in sizes.values()]
        expected += [[kind, *sizes], ["steps a second", *speeds], ["memory, MB", *memory]]
    assert SPEED["How cost grows"] == expected


def test_the_speed_of_a3c():
    measured = load("a3c_speed")

    def row(kind, who):
        ratio = measured[kind]["ratio"]
        spread = f"({ratio['low']:.2f} – {ratio['high']:.2f})"
        return [millions(measured[kind][who]["median"]), f"{ratio['median']:.2f} {spread}"]

    _, *shown = SPEED["A3C"]
    assert [cells[1:] for cells in shown] == [row("compiled", "a3c"), row("threads", "two")]


def test_the_time_of_a_start():
    def row(of):
        low, middle, high = sorted(of["seconds"])
        return [f"{middle:.1f}", f"{low:.1f} to {high:.1f}", f"{sorted(of['compile_seconds'])[1]:.1f}"]

    _, *shown = SPEED["From the command to solved"]
    *whole, compiled = map(row, load("start")["arms"].values())
    assert [cells[1:] for cells in shown] == [*whole, ["–", "–", compiled[-1]]]


def test_the_gain_of_sweeps():
    def row(of):
        def timed(how):
            return f"{of[how]['seconds'][0]:.1f} s ({of[how]['ratio']:.1f} ×)"

        cost = of["auto"]["seconds"][0] / of["auto, no W&B"]["seconds"][0] - 1
        equal = f"cores {of['cores']['equal']:.0%}, auto {of['auto']['equal']:.0%}"
        arms = [timed(how) for how in ("cores", "vmap", "auto")]
        return [f"{of['basic']['seconds'][0]:.1f} s", *arms, f"{cost:.0%}", equal]

    _, *shown = SWEEPS["Sweeps"]
    assert [cells[1:] for cells in shown] == [row(of) for of in load("sweep_speed")["results"].values()]


def test_the_run_that_is_shown():
    run = load("default_run")
    length = f"{run['env_steps'] / 1e6:.1f} M steps ({run['updates']} updates)"
    threshold = f"{millions(run['env_steps_to_threshold'])} steps, {run['seconds_to_threshold']:.1f} s"
    for page in ("README.md", "docs/guide/start.md"):
        text = (ROOT / page).read_text()
        assert f"completed after {length} in {run['train_seconds']:.1f} s of training" in text
        assert f"first reached {run['threshold']:.0f} after {threshold} of training" in text


def test_what_ray_costs():
    shown = tables(ROOT / "docs" / "guide" / "cluster.md")["One machine"]
    for case in load("ray_speed")["cases"]:
        cells = [str(case["num_envs"] // case["shards"]), str(case["shards"])]
        for runtime in ("threads", "ray"):
            pushes, sps = (statistics.median(row[name] for row in case[runtime]) for name in ("pushes", "sps"))
            cells.append(f"{pushes:.1f} pushes/s, {millions(sps)} steps/s")
        over = case["ray_over_threads"]
        assert [*cells, f"{over['ratio']:.2f} ({over['lowest']:.2f} … {over['highest']:.2f})"] in shown


def test_what_faults_of_several_processes_measured():
    _, *shown = tables(ROOT / "experiments" / "README.md")["Faults of runs of several processes"]
    records, rows = load("faults_many")["records"], []
    for run, fault in many.FAULTS:
        its = [record for record in records if (record["run"], record["fault"]) == (run, fault)]
        survived = f"{sum(record['outcome'] == 'survived' for record in its)} of {len(its)}"
        rows.append([run, fault, survived, many.told([record.get("seen", {}) for record in its])])
    assert shown == rows


def test_how_many_learners_a_server_can_serve():
    _, *shown = tables(ROOT / "docs" / "guide" / "cluster.md")["Many learners"]
    cases = load("weak_scaling")["cases"]
    for name in dict.fromkeys(case["case"] for case in cases):
        its = {case["learners"]: case for case in cases if case["case"] == name}
        cells = [name, f"{its[1]['unroll'] / its[1]['push']:.0f}"]
        for case in (its[number] for number in (16, 256, 4096)):
            found, paper = case["simulated"], case["on_paper"]
            pushes = f"{found['pushes']:.0f} ({paper['pushes']:.0f})"
            cells.append(f"{pushes}, {found['computing']:.0%}, {found['staleness']:.0f}")
        assert cells in shown


def test_what_pushes_of_many_bytes_cost():
    _, *shown = tables(ROOT / "docs" / "guide" / "cluster.md")["Bytes"]
    cases = load("ray_sizes")["cases"]
    for ray in (case for case in cases if case["runtime"] == "ray"):
        (threads,) = (case for case in cases if case["runtime"] == "threads" and case["width"] == ray["width"])
        sizes = [f"{ray[name] / 1e3:.0f} kB" for name in ("params_bytes", "push_bytes")]
        rates = [f"{case['pushes']:.1f} pushes/s" for case in (threads, ray)]
        assert [*sizes, *rates, f"{ray['bytes'] / 1e6:.1f} MB/s"] in shown


def test_what_workers_give():
    _, *shown = tables(ROOT / "docs" / "guide" / "workers.md")["What it gives"]
    for logger, found in load("worker_speed")["results"].items():
        seconds = [f"{statistics.median(found['seconds'][name]):.1f} s" for name in ("1 worker", "2 workers")]
        ratios = f"{found['ratio']:.2f} ({min(found['ratios']):.2f} … {max(found['ratios']):.2f})"
        assert [logger, *seconds, ratios] in shown
