"""Every file of a run, damaged in every way: one sentence with the file's name, or no harm at all."""

import shutil
import warnings

import pytest

import jaxac
from jaxac.cli import overrides
from jaxac.config.compose import make_config
from jaxac.devices import damaged_cache
from jaxac.errors import ConfigError
from jaxac.storage import checkpoint, events
from tests.conftest import SMALL
from tests.processes import CACHE
from tests.whole_runs import rows, summary, train

QUIET = ("logger.curve=false", "logger.gif=false", CACHE)
GIVEN = ["+algo=a2c", *SMALL, *QUIET]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped halfway, and the whole one."""
    base = tmp_path_factory.mktemp("runs")
    train(make_config(*GIVEN), base / "whole", GIVEN)
    train(make_config(*GIVEN, "stop_after_updates=5"), base / "stopped", GIVEN)
    return base


@pytest.fixture
def directory(stopped, tmp_path):
    return shutil.copytree(stopped / "stopped", tmp_path / "run")


def resume(directory):
    """As the command does, without a process."""
    chosen = [text for text in overrides.rewrite([f"resume={directory}"]) if not text.startswith("hydra.")]
    train(make_config(*chosen), directory, chosen)


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def binary(path):
    path.write_bytes(bytes(range(256)) * 4)


def become_a_directory(path):
    path.unlink()
    path.mkdir()


def remove(path):
    path.unlink()


DAMAGES = [empty, cut, binary, become_a_directory, remove]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["config.yaml", "overrides.yaml"])
def test_settings_that_are_lost_are_asked_for(directory, name, damage):
    damage(directory / name)
    with pytest.raises(ConfigError) as error:
        resume(directory)
    told = str(error.value)
    assert name in told and "\n" not in told
    assert "restore it" in told or "move it away" in told
    if name == "overrides.yaml":
        assert jaxac.load(directory).config.env.num_envs == 8
    else:
        with pytest.raises(ConfigError, match=r"config\.yaml|is no run"):
            jaxac.load(directory)


def test_a_list_of_settings_without_its_end_is_not_taken_for_another(directory):
    """What is left of it is valid, and may change when a run is resumed: its length, its rows."""
    path = directory / "overrides.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))
    with pytest.raises(ConfigError, match=f"{path} is damaged: it holds {len(lines) - 3} of {len(lines) - 1} settings"):
        resume(directory)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["summary.json", "metrics.jsonl"])
def test_what_can_be_written_again_stops_nobody(stopped, directory, name, damage):
    damage(directory / name)
    if damage is become_a_directory:
        with pytest.raises(ConfigError, match=f"{name} is a directory"):
            resume(directory)
        return
    resume(directory)
    assert summary(directory)["params_digest"] == summary(stopped / "whole")["params_digest"]
    assert rows(directory)[-5:] == rows(stopped / "whole")[-5:]
    assert jaxac.load(directory)


@pytest.mark.parametrize("bad", [b"{]\n", b"\xff\xfe\x00\n", b"[1]\n", b'{"updates": null}\n', b"\n"])
def test_a_bad_line_of_metrics_costs_that_line(stopped, directory, bad, capsys):
    path = directory / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], bad, *lines[3:]]))
    resume(directory)
    whole = rows(stopped / "whole")
    assert rows(directory) == [*whole[:2], *whole[3:]]


def test_damaged_rows_are_told_of(directory, capsys):
    path = directory / "metrics.jsonl"
    path.write_bytes(b"{]\n" + path.read_bytes())
    resume(directory)
    assert "metrics.jsonl: 1 line is damaged, and left out" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [empty, cut, binary, become_a_directory])
def test_a_damaged_checkpoint_is_refused_wherever_it_is_read(directory, damage):
    *_, before, newest = checkpoint.paths(directory / "checkpoints")
    damage(newest)
    for read in (resume, jaxac.load):
        with pytest.raises(ConfigError, match=f"damaged .*resume={before}"):
            read(directory)
    resume(before)
    assert summary(directory)["status"] == "completed"


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_are_refused(directory, damage):
    best = directory / "weights" / "best.npz"
    damage(best)
    with pytest.raises(ConfigError, match=f"{best} (is damaged|does not exist)"):
        jaxac.load(directory, best=True)


def test_weights_with_a_flipped_bit_are_refused(directory):
    best = directory / "weights" / "best.npz"
    content = bytearray(best.read_bytes())
    content[300] ^= 4
    best.write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged"):
        jaxac.load(directory, best=True)


@pytest.mark.parametrize(
    "damage", [pytest.param(empty, marks=pytest.mark.slow), cut, pytest.param(binary, marks=pytest.mark.slow)]
)
def test_damaged_events_cost_the_replay_alone(tmp_path, small_config, damage):
    shards = ("+algo=a3c", "algo.num_shards=2", *QUIET)
    threads = ("algo.runtime=threads", *shards)
    train(small_config(*threads, "stop_after_updates=3"), tmp_path / "run", ["+algo=a3c"])
    damage(tmp_path / "run" / "events.jsonl")
    with pytest.raises(ConfigError, match=r"algo\.events="):
        events.check(small_config(*shards, "algo.runtime=replay", f"algo.events={tmp_path / 'run'}"))
    train(small_config(*threads, f"resume={tmp_path / 'run'}"), tmp_path / "run")
    assert summary(tmp_path / "run")["status"] == "completed"


def test_a_setting_that_the_file_lacks_takes_its_default(directory):
    text = (directory / "config.yaml").read_text()
    assert "  loss_terms: {}\n" in text
    (directory / "config.yaml").write_text(text.replace("  loss_terms: {}\n", ""))
    resume(directory)
    assert summary(directory)["status"] == "completed"


def test_a_run_of_another_version_is_told_apart(directory):
    with (directory / "config.yaml").open("a") as file:
        file.write("setting_of_tomorrow: 1\n")
    with pytest.raises(ConfigError, match=r"setting_of_tomorrow.*use the version that wrote it"):
        resume(directory)


def test_a_checkpoint_of_a_later_format_is_told_apart(directory):
    newest = checkpoint.newest(directory / "checkpoints")
    newest.write_bytes(newest.read_bytes().replace(b'"jaxac_checkpoint": 1', b'"jaxac_checkpoint": 7'))
    with pytest.raises(ConfigError, match="has format 7, and this version of jaxac reads format 1; resume with"):
        resume(directory)


def test_a_copy_of_a_checkpoint_is_none(directory):
    newest = checkpoint.newest(directory / "checkpoints")
    shutil.copy(newest, newest.with_name("zzz.ckpt"))
    assert checkpoint.newest(directory / "checkpoints") == newest


def test_a_damaged_compilation_cache_is_one_line(tmp_path, capsys):
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *args: shown.append(args)
        damaged_cache.tell_once("/tmp/programs")
        for name in ("jit_init", "jit_chunk"):
            warnings.warn(f"Error reading persistent compilation cache entry for '{name}': ValueError: x", stacklevel=1)
        warnings.warn("something else", stacklevel=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert "/tmp/programs" in line and "damaged" in line
    assert [str(args[0]) for args in shown] == ["something else"]
