"""Claims: arms fit into the same time, effects and crossovers are those of made-up results, gradients are watched."""

import json

import numpy as np
import pytest

from experiments import common
from experiments.claims import __main__ as main
from experiments.claims import answers, arms, clock, exploration, figures, page, tables, verdicts
from experiments.claims.__main__ import Size, overrides
from experiments.claims.tasks import NUM_ENVS, TASKS, UNROLL
from experiments.claims.trial import Budget
from jaxac.config.compose import make_config

SIZE = Size(Budget(4, 2, [1]))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "CartPole" else name for name, task in TASKS.items()]
)
def test_arms_of_a_task_compose(name):
    task = TASKS[name]
    every = arms.arms(task.more)
    for arm in every if name == "CartPole" else every[:1] + every[-1:]:  # the others are the same on every task
        config = make_config(*overrides(task, arm, SIZE))
        assert config.algo.unroll_length == UNROLL and config.evaluation.every > 0
        assert config.env.num_envs == (arm.num_envs or NUM_ENVS)
    names = [arm.name for arm in arms.arms(arms.OF_ONE_TASK)]
    assert len(set(names)) == len(names)


def test_in_the_same_time_who_waits_has_fewer_rounds_and_who_goes_on_has_all_but_the_slow_shards_steps():
    task = TASKS["CartPole"]
    by_name = {arm.name: make_config(*overrides(task, arm, SIZE)) for arm in arms.arms()}
    rounds = by_name[arms.A2C].num_updates
    for slower in arms.SLOWER:
        waits, goes_on = by_name[arms.waiting(slower)], by_name[arms.going_on(slower)]
        assert waits.num_updates == rounds // slower
        assert goes_on.num_updates == rounds
        slow = rounds // slower
        assert goes_on.total_env_steps == (15 * rounds + slow) * NUM_ENVS // 16 * UNROLL


def made_up(mean, name, seeds=30, spread=1.0):
    """A result with one rate, whose seeds lie evenly around the mean."""
    around = mean + spread * np.linspace(-1, 1, seeds)
    candidate = {"learning_rate": 1e-3, "scores": around[:10].tolist(), "results": around.tolist()}
    curves = np.repeat(around[:, None], 3, axis=1).tolist()
    base = {"overrides": [name], "learning_rate": 1e-3, "staleness": 0.0, "env_steps": [1, 2, 3]}
    return {**base, "candidates": [candidate], "returns": curves}


def slow(a2c, a3c):
    """Results over slowness 1, 2, 4, 8."""
    names = [(arms.A2C, arms.A3C), *((arms.waiting(each), arms.going_on(each)) for each in arms.SLOWER)]
    pairs = zip(names, a2c, a3c, strict=True)
    return {name: made_up(mean, name) for pair, *means in pairs for name, mean in zip(pair, means, strict=True)}


def test_the_crossover_is_where_the_lines_meet():
    found = verdicts.crossover(slow([100, 80, 60, 40], [90, 90, 90, 90]))
    assert found.median == pytest.approx(2**0.5, rel=0.02)
    assert found.low < found.median < found.high < 2


def test_there_is_none_where_the_one_who_waits_stays_ahead_and_it_is_equality_where_it_never_was():
    assert verdicts.crossover(slow([100, 99, 98, 97], [10, 10, 10, 10])).median == np.inf
    assert verdicts.crossover(slow([10, 9, 8, 7], [90, 90, 90, 90])) == (1.0, 1.0, 1.0)
    assert tables.crossing(verdicts.crossover(slow([100, 99, 98, 97], [10, 10, 10, 10]))) == "> 8 [> 8, > 8]"
    assert tables.crossing(verdicts.crossover({arms.A2C: made_up(1, "x")})) == "pending"


def test_more_comparisons_make_wider_intervals_and_equal_arms_are_not_told_apart():
    few = {arms.A2C: made_up(10, "a"), arms.A3C: made_up(10.2, "b"), arms.TURN: made_up(13, "c")}
    many = few | {str(number): made_up(10, str(number)) for number in range(20)}
    (less, more), (lower, higher) = [verdicts.effect(each, arms.A3C)[1:3] for each in (few, many)]
    assert less == pytest.approx(more, abs=0.5) and lower <= less and more <= higher
    assert verdicts.comparisons(few) == 2 and verdicts.comparisons(many) == 22
    assert verdicts.effect(few, arms.TURN).verdict == "more"
    assert verdicts.effect(few, arms.A2C, arms.TURN).verdict == "less"
    spread = {arms.A2C: made_up(10, "a"), arms.A3C: {**made_up(10, "b"), "candidates": [shuffled()]}}
    assert verdicts.effect(spread, arms.A3C).verdict == "not told apart"


def shuffled():
    values = np.random.default_rng(0).permutation(10 + np.linspace(-1, 1, 30))
    return {"learning_rate": 1e-3, "scores": values[:10].tolist(), "results": values.tolist()}


def test_a_table_has_every_arm_there_is_and_verdicts_that_are_missing_are_pending():
    results = {arms.A2C: made_up(10, "a"), arms.A3C: made_up(13, "b")}
    text = tables.tables({"CartPole": results})
    assert arms.A3C in text and "**" in text and "1 comparisons" in text
    assert answers.by_task({"CartPole": results}).count("pending") == 4
    assert tables.workers({}) == "pending"


def test_claims_are_answered_by_task_and_say_what_is_pending():
    tasks = {
        "CartPole": {arms.A2C: made_up(10, "a"), arms.TURN: made_up(13, "b"), arms.A3C: made_up(7, "c")},
        "Acrobot": {arms.A2C: made_up(10, "a"), arms.A3C: made_up(13, "c")},
    }
    cosines = {arms.A2C: {"cosine": [0.3, 0.4]}, arms.TURN: {"cosine": [0.1, 0.2]}, arms.A3C: {"cosine": [0.2, 0.3]}}
    first = {arms.A2C: {"first_success": [1000, 3000]}, arms.A3C: {"first_success": [1000, None, 2000]}}
    found = {"tasks": tasks, "correlation": {"CartPole": cosines}, "exploration": {"MountainCar": first}}
    by_claim = [line.split(" | ") for line in answers.by_claim(found).splitlines()[2:]]
    told = {claim.strip("| "): verdict.strip(" |") for claim, _, verdict in by_claim}
    assert told["asynchrony improves learning"] == "more: Acrobot; less: CartPole"
    assert told["staleness alone is harmless"] == "less: CartPole" and told["small steps help"] == "more: CartPole"
    assert told["no difference at all"] == "pending" and told["faster by parallelism"] == "paper 12.5 ×"
    assert told["reduced correlation"].startswith(
        "below A2C's on 1 of 1 tasks (CartPole); below the same steps' in turn"
    )
    assert told["reduced correlation"].endswith("on 0 of 1 tasks")
    assert told["better exploration"] == "A2C 2 k steps (the last seed: 3 k), A3C 2 k steps (the last seed: never)"
    assert "pending" in told["no waiting for slow shards"]


def test_every_figure_is_drawn_as_far_as_there_are_results(tmp_path):
    found = {**common.load("claims"), "clock": common.load(clock.NAME)}
    figures.draw(found, tmp_path / "claims")
    drawn = {path.stem.removeprefix("claims_") for path in tmp_path.iterdir()}
    every = {"ladder", "unequal", "knobs", "momentum", "workers", "clock", "correlation", "exploration"}
    assert every - drawn <= {"momentum"}  # which takes long
    assert drawn == {path.stem.removeprefix("claims_") for path in page.ASSETS.glob("claims_*.png")}


def test_the_page_holds_what_the_saved_results_say():
    found = {**common.load("claims"), "clock": common.load(clock.NAME)}
    text = "".join(path.read_text() for path in page.PAGES)
    assert all(content in text for content in page.contents(found).values())


def test_equal_programs_are_told_once_and_the_null_control_is_no_difference():
    results = common.load("claims")["tasks"]["CartPole"]
    lines = {}
    for name, result in results.items():
        cells = tables.row(name, results).split("|")[2:]  # all but the name
        lines.setdefault(tuple(result["overrides"]), set()).add(tuple(cells))
    assert max(map(len, lines.values())) == 1
    assert verdicts.comparisons(results) == len(lines) - 1 - len([name for name in arms.apart() if name in results])
    assert verdicts.effect(results, arms.NULL).verdict == "not told apart"


def test_knobs_are_drawn_as_far_as_there_are_results():
    results = {name: made_up(mean, name) for name, mean in ((arms.NULL, 3), ("K = 4, correction none", 2))}
    shards, delays = figures.turned(results).axes
    (line,) = shards.containers
    assert line[0].get_xydata() == pytest.approx(np.array([[1, 3], [4, 2]]))
    assert not delays.has_data()


@pytest.mark.parametrize("name, drawn", [("CartPole", True), ("Acrobot", False)])
def test_the_figure_of_knobs_is_of_the_task_that_has_them(tmp_path, name, drawn):
    results = {arm: made_up(mean, arm) for arm, mean in ((arms.A2C, 3), (arms.NULL, 2), (arms.A3C, 1))}
    figures.draw({"tasks": {name: results}}, tmp_path / "claims")
    assert (tmp_path / "claims_knobs.png").exists() == drawn


@pytest.mark.slow
def test_it_runs_quickly(monkeypatch, tmp_path):
    monkeypatch.setattr(common, "RESULTS", tmp_path)
    monkeypatch.setattr(main, "RESULTS", tmp_path)
    monkeypatch.setattr(main, "prepare", lambda: None)  # programs are kept with the tests'
    monkeypatch.setattr("sys.argv", ["claims", "--quick"])
    main.main()
    found = json.loads((tmp_path / "claims_quick.json").read_text())["tasks"]["CartPole"]
    assert len(found) == 4 and all(len(each["returns"]) == 4 for each in found.values())
    assert [each["staleness"] for each in found.values()] == pytest.approx([0, 0, 0, 14], abs=1)
    assert (tmp_path / "claims_quick_unequal.png").stat().st_size > 10_000


def test_twice_the_workers_in_half_the_rounds_are_twice_as_fast():
    def reached_at(count, steps):
        curves = np.tile([0.0, 480.0], (5, 1)).tolist()
        return {**made_up(1, str(count)), "returns": curves, "env_steps": [0, steps]}

    per_round = arms.ENVS_OF_A_WORKER * UNROLL
    found = verdicts.speedups(
        {arms.working(1): reached_at(1, 100 * per_round), arms.working(2): reached_at(2, 2 * 50 * per_round)}
    )
    assert found[2][:4] == (50.0, 2.0, 2.0, 2.0)
    assert 1.7 < found[2].on_cluster < 2.0  # two of them wait a little for the server


def test_cells_cover_all_places_once():
    grid = np.stack(np.meshgrid(np.linspace(-1.2, 0.6, 200), np.linspace(-0.07, 0.07, 200)), axis=-1)
    found = exploration.cell(grid)
    assert set(found.ravel().tolist()) == set(range(exploration.CELLS**2))
    assert exploration.compared("CartPole") == [] and len(exploration.compared(exploration.TASK)) == 5
