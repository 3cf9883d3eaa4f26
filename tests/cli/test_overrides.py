import pytest

from jaxac.cli import overrides
from jaxac.errors import ConfigError
from jaxac.storage import run_directory


@pytest.mark.parametrize(
    "typed, rewritten",
    [
        (["algo=a2c"], ["algo=a2c"]),
        (["+algo=a2c", "seed=1"], ["algo=a2c", "seed=1"]),
        (["algo=a2c", "-m", "seed=1,2"], ["--multirun", "algo=a2c", "seed=1,2"]),
        (["experiment=tutorial"], ["+experiment=tutorial"]),
        (["+experiment=tutorial", "+algo=a2c"], ["+experiment=tutorial", "algo=a2c"]),
        (["env.name=Catch"], ["env.name=Catch", "env=default"]),
        (["env.name=Catch", "env=cartpole"], ["env.name=Catch", "env=cartpole"]),
        (["env.params.gravity=5"], ["++env.params.gravity=5"]),
        (["env.params={gravity: 5}"], ["++env.params={gravity: 5}"]),
        (["algo.discount=0.9", "--help"], ["--help", "algo.discount=0.9"]),
        (["resume=null"], ["resume=null"]),
    ],
)
def test_spellings(typed, rewritten):
    assert overrides.rewrite(typed) == rewritten


@pytest.fixture
def old_run(tmp_path):
    directory = tmp_path / "it's a run"
    directory.mkdir()
    (directory / run_directory.CONFIG).write_text("seed: 0\n")
    (directory / run_directory.OVERRIDES).write_text("['+algo=a2c', 'seed=3', '++env.params.gravity=5']\n")
    return directory


def test_resume_repeats_the_runs_own_overrides(old_run):
    rewritten = overrides.rewrite([f"resume={old_run}", "total_env_steps=5", "seed=4"])
    quoted = str(old_run).replace("'", "\\'")
    assert rewritten == [
        "algo=a2c",
        "++env.params.gravity=5",
        "total_env_steps=5",
        "seed=4",
        f"resume='{quoted}'",
        f"hydra.run.dir='{quoted}'",
        "hydra.output_subdir=null",
    ]


def test_resume_takes_a_checkpoints_path(old_run):
    path = old_run / "checkpoints" / "000000000005.ckpt"
    path.parent.mkdir()
    path.touch()
    assert any(
        argument.startswith("resume=") and "000000000005.ckpt" in argument
        for argument in overrides.rewrite([f"resume={path}"])
    )


def test_resume_of_what_is_no_run(tmp_path):
    for value in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigError, match="resume="):
            overrides.rewrite([f"resume={value}"])


def test_resume_is_for_one_run(old_run):
    with pytest.raises(ConfigError, match="-m"):
        overrides.rewrite(["-m", f"resume={old_run}"])


def test_a_run_is_never_overwritten(old_run, tmp_path):
    (old_run / run_directory.METRICS).write_text('{"updates": 1}\n')
    with pytest.raises(ConfigError, match="already holds a run"):
        overrides.rewrite(["+algo=a2c", f"hydra.run.dir={old_run}"])
    overrides.rewrite(["+algo=a2c", f"hydra.run.dir={tmp_path / 'new'}"])
