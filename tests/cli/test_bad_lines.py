"""Command lines with a mistake: each is refused in one sentence of ours that names the setting, and leaves nothing."""

import os
import random
from collections import Counter

import pytest
from hydra.errors import MissingConfigException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import bad_input, bad_lines
from experiments.bad_lines import Line
from jaxac.config import hydra_errors
from jaxac.errors import ConfigError
from jaxac.train import prepare

A2C, A3C = ("+algo=a2c",), ("+algo=a3c",)
WORKERS = ("-m", "hydra/launcher=vmap", "seed=0,1")


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not os.listdir(tmp_path)


@settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.randoms(use_true_random=False))
def test_a_mistake_is_handled(rng):
    line = bad_lines.line(rng)
    assert not bad_input.verdict(line), line


def test_the_generator_makes_every_kind_of_mistake():
    rng = random.Random(0)
    kinds = Counter(bad_lines.line(rng).kind for _ in range(2000))
    assert len(kinds) > 20 and min(kinds.values()) > 5


@pytest.mark.parametrize(
    "line, sentence, wrong",
    [
        (Line("", ("seed=x",), ("seed",)), "seed=x is not valid: give a whole number.", ""),
        (Line("", ("seed=x",), ("seed",)), "give a whole number.", "is answered without the setting"),
        (Line("", ("seed=x",)), "LexerNoViableAltException: seed=x", "is answered in jargon (Lexer)"),
        (Line("", ("seed=null",)), "seed=None is not valid.", "is answered in jargon (None)"),
        (Line("", ("seed=None",)), "seed=None is not valid.", ""),
        (Line("", ("seed=x",)), "seed=x\nis wrong", "is answered on several lines"),
        (Line("", ("lr=1",), (), False, "optimizer"), "did you mean algo?", "gets a wrong hint"),
    ],
)
def test_the_judge_finds_what_is_wrong(line, sentence, wrong):
    assert bad_input.judge(line, sentence) == wrong


def refused(*arguments):
    with pytest.raises(ConfigError) as error:
        prepare(list(arguments))
    said = str(error.value)
    assert not bad_input.judge(Line("", arguments), said)
    return said


SENTENCES = {
    # groups and sections
    (*A2C, "optimizer=null"): "optimizer=null is not one of the choices: adam, own, rmsprop.",
    (*A2C, "optimizer=[1]"): "optimizer=[1] is not one of the choices: adam, own, rmsprop.",
    (*A2C, "optimizer@=1"): "optimizer@=1 has an @ in its name; write optimizer=VALUE.",
    ("algo=null",): "algo=null is not one of the choices: a2c, a3c.",
    (*A2C, "optimizer=adam", "optimizer=rmsprop"): "optimizer=rmsprop is a second choice beside optimizer=adam",
    (*A2C, "logger.wandb=null"): "logger.wandb=null is not valid: logger.wandb is a section; give its settings",
    # what is typed
    (*A2C, "seed"): "seed has no value; write seed=VALUE.",
    (*A2C, "seed:3"): "seed:3 is not read: settings are written with =, seed=3.",
    ("a2c",): "a2c is no setting; did you mean algo=a2c?",
    (*A2C, "=3"): "=3 names no setting; settings are written NAME=VALUE",
    (*A2C, "seed =3"): "seed =3 has a space beside the name; write seed=VALUE.",
    (*A2C, "~seed"): "~seed would remove a setting, and every one is needed; leave it out.",
    (*A2C, "+seed=3"): "+seed=3 has a + too many; write seed=3.",
    (*A2C, "seed=1\n2"): "holds a line break",
    (*A2C, "seed=1,2"): "seed=1,2 gives several values: add -m for a sweep over them",
    (*A2C, "seed=${nope}"): "seed=${nope} refers by ${…} to what is not there, or not yet; write the value itself.",
    (*A2C, "env.name=Café"): "env.name=Café is not an environment of gymnax; the names are: CartPole-v1",
    (*A2C, "hydra.run.dir=/data/lr=1e-3/x"): "put the value in quotes, 'hydra.run.dir=\"/data/lr=1e-3/x\"'.",
    (*A2C, "compilation_cache='a"): "a quotation mark has no other; put the value in quotes",
    # options
    (*A2C, "--seed", "3"): "--seed is not an option; settings are written seed=3, without dashes.",
    (*A2C, "--lr=1e-3"): "--lr=1e-3 is not an option; settings are written optimizer.learning_rate=1e-3, without",
    (*A2C, "--multirunn"): "--multirunn is not an option; did you mean --multirun?",
    (*A2C, "--cfg", "jobs"): "--cfg=jobs is not one of the choices: job, hydra, all.",
    (*A2C, "--config-dir", "nope"): "--config-dir=nope is no directory; give one that holds files of settings.",
    (*A2C, "--package"): "--package needs a value",
    # the user's own words
    (*A2C, "env.num_envs=null"): "env.num_envs=null is not valid: give a whole number.",
    (*A2C, "env.num_envs=true"): "env.num_envs=true is not valid: give a whole number.",
    (*A2C, "optimizer.epsilon=-1e-8"): "optimizer.epsilon=-1e-8 is not valid: give more than 0.",
    (*A2C, "network.hidden_sizes=64"): "network.hidden_sizes=64 is not valid: give a list, [A,B,C].",
    (*A2C, f"seed={'x' * 3000}"): f"seed={'x' * 40}…{'x' * 15} is not valid",
    # hints
    (*A2C, "+env.num_env=3"): "env.num_env is not a setting; did you mean env.num_envs?",
    (*A2C, "++num-seeds=1"): "num-seeds is not a setting; did you mean num_seeds?",
    (*A2C, "algo.gamma=1"): "algo.gamma is not a setting; did you mean algo.discount?",
    (*A2C, "gamma=1"): "gamma is not a setting; did you mean algo.discount?",
    (*A2C, "learning_rate=1"): "did you mean optimizer.learning_rate?",
    (*A2C, "env.max_steps_in_episode=3"): "did you mean env.params.max_steps_in_episode?",
    (*A2C, "every=3"): "did you mean evaluation.every, checkpoint.every or logger.every?",
    (*A2C, "algo.runtime=threads"): "algo.runtime is a setting of algo=a3c; choose algo=a3c, or leave it out.",
    (*A3C, "algo.runtim=threads"): "did you mean algo.runtime?",
    (*A2C, "xyzzy=3"): "xyzzy is not a setting; python -m jaxac.train --help lists them.",
    (*A2C, "env.params.gravit=3"): "is not a parameter of CartPole-v1; did you mean env.params.gravity?",
    ("-m", *A2C, "seed=0,1", "hydra.launcher.how=vmap"): "hydra.launcher.how is a setting of hydra/launcher=vmap",
    ("-m", *A2C, "seed=0,1", "hydra.launcher.workers=2"): "hydra.launcher.workers is a setting of hydra/launcher=vmap",
    (*WORKERS, *A2C, "hydra.launcher.executor=slurm"): "=slurm is not valid: choose local, ray or submitit.",
    (*WORKERS, *A2C, "hydra.launcher.workers=0"): "hydra.launcher.workers=0 is not valid: give at least 1.",
    (
        *WORKERS,
        *A2C,
        "hydra.launcher.retries=-1",
    ): "hydra.launcher.retries=-1 is not valid: give a whole number, at least 0.",
    (*WORKERS, *A2C, "hydra.launcher.ray.num_gpus=-1"): "hydra.launcher.ray.num_gpus=-1 is not valid",
    (*WORKERS, *A2C, "hydra.launcher.ray.adress=x"): "hydra.launcher.ray.adress is not a setting",
    (*WORKERS, "hydra.launcher.workers=2", "+algo=a3c", "algo.num_shards=2", "algo.runtime=ray"): (
        "algo.runtime=ray and hydra.launcher.executor=local with hydra.launcher.workers=2 would both"
    ),
    (*WORKERS, *A2C, "hydra/sweeper=optuna", "hydra.sweeper.n_jobs=4", "hydra.launcher.workers=8"): (
        "hydra.sweeper.n_jobs=4 proposes fewer jobs at once than hydra.launcher.workers=8 have room for"
    ),
    (*A2C, "network.x=1"): "network.x is not a setting; python -m jaxac.train --help lists them.",
    (*A2C, "env.params.gravity=abc"): "env.params.gravity=abc is not valid: give a number.",
    (*A2C, "env.params.é=1"): "env.params.é is not a name; give one of letters, digits and _.",
    (*A2C, "hydra.verbose={a: b}"): "hydra.verbose={a: b} is not valid: give true, false, or names of loggers.",
    ("-m", *A2C, "hydra.sweeper._target_=x"): "cannot be set by itself; choose hydra/sweeper=NAME.",
    # bounds
    (*A2C, "total_env_steps=1" + "0" * 24): "total_env_steps=1000000000000000000000000 is not valid: give at most",
    (*A2C, "total_env_steps=9e15", "env.num_envs=1"): "gradients of 16 steps each, and 2147483647 are the most",
    (*A2C, "seed=4294967295", "num_seeds=2"): "seed=4294967295 with num_seeds=2 goes beyond the largest seed",
    (*A2C, "optimizer.epsilon=1e-60"): "it is 0 in single precision",
    (*A2C, "optimizer.decay=0.99999999999"): "it is 1 in single precision",
    (*A2C, "env.reward_scale=1e39"): "give at most 3.4e+38 in size, the largest number of single precision",
    (*A2C, "env.params.max_steps_in_episode=99999999999999"): "give at most 2147483647 in size",
    (*A2C, "env.params.gravity=true"): "env.params.gravity=true is not valid: give a number.",
    (*A2C, "env.params.max_steps_in_episode=2.5"): "give a whole number",
    (*A2C, "network.hidden_sizes=[100000,100000]"): "makes a layer of 100000 × 100000 weights",
    (*A3C, "algo.server=softsync", "algo.softsync_size=1e9"): "so that the server would make no step",
    (*A3C, "algo.pull_every=100000"): "algo.pull_every=100000 is more than the 400 updates of the whole run",
    (*A3C, "algo.runtime=threads", "algo.num_shards=4096"): "asks for as many threads; give at most 1024",
    (*A2C, "logger.wandb.project=a/b"): "leave out / \\ # ? % :, which W&B does not take",
    (*A2C, f"logger.wandb.tags=[{'x' * 70}]"): "each of them: give 1 to 64 characters, which is what W&B takes",
    # without effect
    (*A3C, "algo.lock=false"): "algo.lock=false has no effect with algo.runtime=compiled; choose algo.runtime=threads",
    (*A3C, "algo.delay.mean=5"): "algo.delay.mean=5 has no effect with algo.delay.distribution=none",
    (*A3C, "algo.delay.maximum=5"): "algo.delay.maximum=5 has no effect",
    (*A3C, "algo.delay.distribution=pareto"): "algo.delay.distribution=pareto has no effect with algo.delay.mean=0",
    (*A3C, "algo.delay.distribution=constant", "algo.delay.mean=100"): "above algo.delay.maximum=64, to which delays",
    (*A3C, "algo.compensation=3"): "algo.compensation=3 has no effect with algo.correction=none",
    (*A3C, "algo.softsync_size=8"): "algo.softsync_size=8 has no effect with algo.server=per_gradient",
    (*A3C, "algo.above_max_staleness=drop"): "has no effect without a bound; set algo.max_staleness",
    (*A3C, "algo.runtime=threads", "algo.order=fixed"): "algo.order=fixed has no effect with algo.runtime=threads",
    (*A2C, "algo.returns=n_step", "algo.gae_lambda=0.9"): "algo.gae_lambda=0.9 has no effect with algo.returns=n_step",
    (*A2C, "optimizer.schedule=constant", "optimizer.anneal_env_steps=9"): "optimizer.anneal_env_steps=9 has no effect",
    (*A2C, "evaluation.stop_at_return=9", "evaluation.every=0"): "evaluation.stop_at_return=9 has no effect",
    # places
    (*A2C, "hydra.run.dir="): "hydra.run.dir= is empty; give a directory, or leave it out.",
    (*A2C, "hydra.run.dir=null"): "hydra.run.dir=null is not valid: give a directory, or leave it out.",
    (*A2C, "hydra.run.dir=/dev/null/x"): "hydra.run.dir=/dev/null/x cannot be written: Not a directory",
    (*A2C, "compilation_cache=/dev/null/x"): "compilation_cache=/dev/null/x cannot be written: Not a directory",
    (*A2C, f"hydra.run.dir={'a' * 300}"): "cannot be written: File name too long",
    (f"resume={'a' * 300}",): "cannot be read: File name too long; give the directory of a run.",
    ("resume=~nobody-there/x",): "resume=~nobody-there/x",
    # sweeps
    ("-m", *A2C, "seed=0,abc"): "job 1 (seed=abc): seed=abc is not valid: give a whole number.",
    (*A2C, "-m", "env.name=CartPole-v1,Nope-v1"): "job 1 (env.name=Nope-v1): env.name=Nope-v1 is not an environment",
    ("-m", *A2C, "seed=0,1", "hydra.sweep.subdir=same"): "is the directory of job 0 and of job 1, and each needs one",
    ("-m", *A2C, "seed=0,1", "hydra.sweep.dir=/dev/null/x"): "hydra.sweep.dir=/dev/null/x cannot be written",
    ("-m", *A2C, "evaluation.episodes=true,0"): "job 0 (evaluation.episodes=true): evaluation.episodes=true is not",
    ("-m", *A2C, "seed=range(0,0)"): "seed=range(0,0) makes a sweep of no jobs",
    ("-m", *A2C, "seed=range(0,10,0)"): "makes a sweep of no jobs",
    ("-m", *A2C, "seed=range(0,100000000000)"): "makes a sweep of 100000000000 jobs; give at most 10000",
    ("-m", *A2C, "seed=interval(0,1)"): "seed=interval(0,1) is a range to search; add hydra/sweeper=optuna",
    ("-m", *A2C, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=0"): "hydra.sweeper.n_trials=0 is not valid",
    ("-m", *A2C, "hydra/sweeper=optuna", "hydra.sweeper.direction=up"): "hydra.sweeper.direction=up is n",
}


@pytest.mark.parametrize("arguments", SENTENCES, ids=lambda arguments: " ".join(arguments)[:60])
def test_the_sentence_names_setting_value_and_fix(arguments):
    assert SENTENCES[arguments] in refused(*arguments)


@pytest.mark.parametrize("choice", ["hydra/sweeper/optuna", "hydra/launcher/joblib"])
def test_a_package_that_is_missing_is_named(choice):
    error = MissingConfigException("Could not find it", choice, ["basic"])
    said = hydra_errors.explain(error, [])
    asked = "=".join(choice.rsplit("/", 1))
    assert said == f'{asked} needs a package that is not installed: pip install "jaxac[sweep]".'


@pytest.mark.parametrize("executor", ["ray", "submitit"])
def test_an_executor_that_is_missing_is_named(executor, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = refused(*WORKERS, *A2C, f"hydra.launcher.executor={executor}")
    assert said == (
        f"hydra.launcher.executor={executor} needs a package that is not installed: pip install 'jaxac[{executor}]', "
        "or choose hydra.launcher.executor=local."
    )


def test_what_is_right_is_left_alone():
    for line in (
        (*A2C,),
        ("algo=a2c", "seed=3", "env.params.gravity=5"),
        ("-m", *A2C, "seed=range(0,3)", "optimizer=adam,rmsprop"),
        (*A2C, "-m", "hydra/sweeper=optuna", "optimizer.learning_rate=tag(log, interval(1e-4, 1e-2))"),
        ("experiment=a3c_paper",),
        ("+experiment=quick", "seed=1"),
        (*A2C, "++evaluation.every=${total_env_steps}", "total_env_steps=1000"),
        (*A2C, 'hydra.run.dir="a = b/é"'),
        (*WORKERS, *A2C, "hydra.launcher.workers=2", "hydra.launcher.ray.num_gpus=0.5"),
        (*A3C, "algo.delay.distribution=constant", "algo.delay.mean=0"),
    ):
        rewritten, made = prepare(list(line))
        assert rewritten and made
