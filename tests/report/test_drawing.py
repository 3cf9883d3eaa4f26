"""What a report draws, and what it leaves out."""

import json

import pytest

from jaxac.report import curves, page, plots
from tests.report.test_report import build, table
from tests.run_directories import rows_of, write_run, write_sweep


def test_what_counts_as_solved_is_named_where_no_curve_lies(tmp_path):
    _, axes = plots.new_figure(3.0)
    curves._draw_threshold(axes, 475.0)
    assert not axes.texts and axes.get_legend_handles_labels()[1] == ["solved: 475"]


@pytest.mark.parametrize(
    "values, expected",
    [
        ([1e-3, 3e-3, 1e-2], ["0.001", "0.003", "0.01"]),
        ([0, 4, 16, 64], ["0", "4", "16", "64"]),
        ([0.1, 0.3, 0.31, 0.5], ["0.1", "0.3", "0.5"]),  # two that would run into each other
        ([0.5], ["0.5"]),
    ],
)
def test_the_values_that_were_swept_have_ticks(values, expected):
    figure, axes = plots.new_figure(2.7)
    positions = plots.scale(axes, "optimizer.learning_rate", values)
    axes.plot(positions, values, "o")
    figure.canvas.draw()
    assert [label.get_text() for label in axes.get_xticklabels()] == expected
    assert len(axes.xaxis.get_minorticklocs()) == 0


def test_trials_are_numbered_by_rank(tmp_path):
    """The best is #1, in the table, the legend and the list of commands."""
    write_sweep(tmp_path / "sweep", (1e-3, 1e-2), (0,), lambda rate, seed: (20.0, 400.0 if rate == 1e-3 else 490.0))
    (section,) = build(tmp_path / "sweep").sections
    assert [(row["trial"], row["optimizer.learning_rate"]) for row in table(section)] == [
        ("#1", "0.01"),
        ("#2", "0.001"),
    ]


@pytest.mark.parametrize("factor, drawn", [(1.0, False), (3.0, True)])
def test_curves_against_seconds_are_drawn_if_they_say_more_than_those_against_steps(tmp_path, factor, drawn):
    for number, slower in enumerate((1.0, factor)):
        rows = rows_of((20.0, 300.0, 490.0))
        for row in rows:
            row["time/seconds"] *= slower
        run = write_run(tmp_path / "sweep" / str(number), rows=rows, optimizer__learning_rate=10.0**-number)
        summary = json.loads((run / "summary.json").read_text())
        (run / "summary.json").write_text(json.dumps({**summary, "time/sps_mean": 200.0 / slower}))
    page.write(build(tmp_path / "sweep"), tmp_path / "out", "made by hand")
    assert (tmp_path / "out" / "CartPole-v1_curves_seconds.png").exists() == drawn
    assert ("All trials ran at the same speed" in (tmp_path / "out" / "report.html").read_text()) == (not drawn)
