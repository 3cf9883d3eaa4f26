import dataclasses
import itertools
import math
from pathlib import Path

import pytest
import yaml

from jaxac.config import catalog, compose, settings
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.runs import schedule

CONF = Path(compose.CONF)
A2C = "+algo=a2c"


def options(group):
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@pytest.mark.parametrize("network, optimizer", list(itertools.product(options("network"), options("optimizer"))))
def test_every_choice_composes(network, optimizer):
    needed = {"network=own": ["network.name=tests.own_parts:ours"]}
    image = ["env.name=Breakout"]
    needed |= {
        "network=conv": image,
        "network=conv_deep": [*image, "network.kernel_sizes=[4,3,1]", "network.strides=[1,1,1]"],
    }
    needed |= {"optimizer=own": ["optimizer.name=optax.lion", "optimizer.learning_rate=1e-3"]}
    choices = [f"network={network}", f"optimizer={optimizer}"]
    make_config(A2C, *choices, *(override for choice in choices for override in needed.get(choice, [])))


@pytest.mark.parametrize("algo", options("algo"))
def test_every_algo_composes(algo):
    assert make_config(f"+algo={algo}").algo.name == algo


@pytest.mark.parametrize("preset", [name for name in options("env") if name != "default"])
def test_every_preset_composes_and_says_how_well_it_learns(preset):
    named = make_config("+algo=a2c", f"env={preset}").env.name
    header = Path(CONF, "env", f"{preset}.yaml").read_text().partition("defaults:")[0]
    assert named in header
    assert f"python -m jaxac.train +algo=a2c{'' if preset == 'cartpole' else f' env={preset}'}\n" in header
    assert make_config("+algo=a3c", f"env={preset}").env.name == named


def test_a_name_alone_is_trained_by_the_general_recipe():
    named, preset = make_config(A2C, "env.name=CartPole-v1"), make_config(A2C, "env=cartpole")
    assert preset == make_config(A2C)
    assert not named.network.shared and preset.network.shared
    assert named.algo.normalize_rewards and not preset.algo.normalize_rewards
    acrobot = make_config(A2C, "env.name=Acrobot-v1")
    assert dataclasses.replace(acrobot.env, name="CartPole-v1") == named.env
    assert (acrobot.algo, acrobot.network, acrobot.optimizer) == (named.algo, named.network, named.optimizer)


def test_an_experiments_values_hold_over_an_environments():
    config = make_config("+experiment=a3c_paper_continuous", "env=cartpole")
    assert not config.network.shared and config.env.reward_scale == 1
    assert make_config(A2C, "env=cartpole", "network=separate", "env.reward_scale=0.5").env.reward_scale == 0.5


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_composes(experiment):
    make_config(f"+experiment={experiment}")


def test_the_tutorial_is_the_textbooks():
    config = make_config("+experiment=tutorial")
    assert (config.network.shared, config.network.hidden_sizes, config.network.activation) == (True, (128,), "relu")
    assert (config.optimizer.name, config.optimizer.learning_rate, config.algo.discount) == ("adam", 1e-3, 0.99)
    assert config.algo.returns == "monte_carlo"
    assert config.num_updates == 500


def test_the_paper_preset_has_the_papers_values():
    """Mnih et al. 2016 and its first author's e-mail."""
    config = make_config("+experiment=a3c_paper")
    optimizer, algo = config.optimizer, config.algo
    assert (optimizer.name, optimizer.learning_rate, optimizer.schedule) == ("rmsprop", 7e-4, "linear")
    assert (optimizer.epsilon, optimizer.decay, optimizer.max_grad_norm) == (0.1, 0.99, None)
    assert (algo.name, algo.num_shards, config.env.num_envs, algo.unroll_length) == ("a3c", 16, 16, 5)
    assert (algo.entropy_coef, algo.value_coef, algo.discount, algo.returns) == (0.01, 0.5, 0.99, "n_step")
    assert (algo.time_reduction, algo.server, algo.shared_statistics) == ("sum", "per_gradient", True)
    assert (config.env.reward_clip, config.env.reward_scale) == (1, 1)


@pytest.mark.parametrize(
    "path", [path for path in sorted(CONF.rglob("*.yaml")) if not settings.is_preset(path)], ids=str
)
def test_every_setting_is_explained(path):
    """Each key that holds a value has a comment above it, or above the block it stands in."""
    names_say_it_all = {"name", "shared", "hidden_sizes", "project", "entity"}
    previous = ""
    for line in path.read_text().split("\nhydra:")[0].splitlines():
        key, _, value = line.strip().partition(":")
        if value.strip() and not line.lstrip().startswith(("#", "-")) and key not in names_say_it_all:
            assert previous.startswith("#"), f"{path.name}: {line}"
        previous = line.strip()


BAD = {
    "env.num_envs=abc": "env.num_envs=abc",
    "env.num_envs=0": "env.num_envs=0",
    "env.num_envs=4096.5": "env.num_envs=4096.5",
    "env.num_envs=true": "env.num_envs=true is",
    "env.num_envs=null": "env.num_envs=null is",
    "env.name=CartPol-v1": "did you mean CartPole-v1",
    "env.name=xyzzy": "the names are: CartPole-v1, ",
    "env.name=MNISTBandit-bsuite": "downloads",
    "++env.params.max_steps=3": "env.params.max_steps=3",
    "++env.params.max_steps_in_episode=0": "max_steps_in_episode=0",
    "++env.params.gravity=nan": "env.params.gravity",
    "++env.params.gravity=abc": "env.params.gravity",
    "algo.num_shards=3": "env.num_envs=4096 does not divide",
    "algo.discount=1.5": "algo.discount=1.5",
    "algo.gae_lambda=-0.1": "algo.gae_lambda=-0.1",
    "algo.entropy_coef=inf": "algo.entropy_coef=inf",
    "algo.returns=td": "algo.returns=td",
    "algo.returns=monte_carlo": "algo.unroll_length=16 is too short",
    "algo.unroll_length=100000000": "exceeds",
    "optimizer.learning_rate=nan": "optimizer.learning_rate=nan",
    "optimizer.max_grad_norm=0": "optimizer.max_grad_norm=0",
    "optimizer.decay=1": "optimizer.decay=1",
    "network.hidden_sizes=[64,-1]": "network.hidden_sizes=[64,-1] is not valid: each of them: give at least 1",
    "network.activation=sin": "network.activation=sin",
    "seed=-1": "seed=-1",
    "seed=4294967296": "seed=4294967296",
    "total_env_steps=0": "total_env_steps=0",
    "evaluation.episodes=0": "evaluation.episodes=0",
    "checkpoint.keep=0": "checkpoint.keep=0",
    "logger.wandb.mode=on": "logger.wandb.mode=on",
    "+foo=1": "foo is not a setting",
    "+algo.foo=1": "algo.foo is not a setting",
    "algo.max_staleness=3": "algo.max_staleness is a setting of algo=a3c; choose algo=a3c",
}


@pytest.mark.parametrize("override, expected", BAD.items())
def test_what_cannot_work_is_named(override, expected):
    with pytest.raises(ConfigError) as error:
        make_config(A2C, override)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


BAD_ASYNCHRONY = {
    ("algo.runtime=thread",): "algo.runtime=thread is not valid",
    ("algo.pull_every=0",): "algo.pull_every=0",
    ("algo.max_staleness=-1",): "algo.max_staleness=-1",
    ("algo.compensation=nan",): "algo.compensation=nan",
    ("algo.delay.distribution=normal",): "algo.delay.distribution=normal",
    ("algo.delay.mean=-1",): "algo.delay.mean=-1",
    ("algo.entropy_coef=[0,-1]",): "algo.entropy_coef",
    ("algo.entropy_coef=[0,1]",): "algo.entropy_coef=[0,1] has 2 numbers for algo.num_shards=16",
    ("algo.delay.mean=[1,2]",): "algo.delay.mean=[1,2] has 2 numbers for algo.num_shards=16",
    ("algo.shard_periods=[1,2]",): "algo.shard_periods=[1,2] has 2 numbers",
    ("algo.num_shards=2", "algo.shard_periods=[2,2]"): "has no shard of period 1",
    ("algo.num_shards=2", "algo.shard_periods=[1,2]", "algo.server=mean"): "algo.server=mean, a barrier",
    ("algo.shared_statistics=false", "algo.server=softsync"): "needs algo.server=per_gradient",
    ("algo.pull_at=round", "algo.pull_every=2"): "algo.pull_at=round leaves no room",
    ("algo.runtime=replay",): "algo.events=null does not fit algo.runtime=replay",
    ("algo.events=x",): "algo.events=x does not fit algo.runtime=compiled",
    ("algo.runtime=threads", "algo.server=mean"): "algo.server=mean is for algo.runtime=compiled",
    ("algo.runtime=threads", "algo.max_staleness=3"): "algo.above_max_staleness=wait is for algo.runtime=compiled",
    ("algo.runtime=threads", "algo.lock=false", "optimizer.decay=0.9"): "raise it above 0.9375",
    ("algo.runtime=ray", "algo.order=fixed"): "algo.order=fixed has no effect with algo.runtime=ray",
    ("algo.runtime=ray", "algo.ray.learners=17"): "algo.ray.learners=17 is more than algo.num_shards=16",
    ("algo.runtime=ray", "algo.ray.learners=0"): "algo.ray.learners=0 is not valid: give at least 1",
    ("algo.runtime=ray", "algo.ray.address="): "algo.ray.address",
    ("algo.runtime=threads", "algo.ray.learners=2"): "algo.ray.learners=2 has no effect with algo.runtime=threads",
    ("algo.ray.address=auto",): "algo.ray.address=auto has no effect with algo.runtime=compiled; choose",
    ("algo.num_shards=3",): "env.num_envs=4096 does not divide",
    ("+algo.foo=1",): "algo.foo is not a setting",
}


@pytest.mark.parametrize("overrides, expected", BAD_ASYNCHRONY.items())
def test_asynchrony_that_cannot_work_is_named(overrides, expected):
    with pytest.raises(ConfigError) as error:
        make_config("+algo=a3c", *overrides)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_the_fix_that_is_named_works():
    with pytest.raises(ConfigError, match=r"for example env\.num_envs=4098\."):
        make_config(A2C, "algo.num_shards=3")
    assert make_config(A2C, "algo.num_shards=3", "env.num_envs=4098").env.num_envs == 4098


@pytest.mark.parametrize("name", ["a4c", "null"])
def test_an_unknown_algorithm_is_named(name):
    with pytest.raises(ConfigError, match="algo"):
        make_config(A2C, f"algo.name={name}")


def test_slow_shards_make_a_run_longer():
    config = make_config("+algo=a3c", "algo.num_shards=2", "algo.shard_periods=[1,4]", "total_env_steps=6553600")
    assert config.env_steps(4) == 5 * 2048 * 16
    assert config.num_updates == 160
    assert config.env_steps(160) == 6553600 > config.env_steps(159)


@pytest.mark.parametrize("server, expected", [("per_gradient", 3e-3 / 16), ("softsync", 3e-3 / 4), ("mean", 3e-3)])
def test_the_steps_of_a_round_are_together_as_long_as_a2cs(server, expected):
    assert make_config("+algo=a3c", f"algo.server={server}").optimizer.learning_rate == pytest.approx(expected)


@pytest.mark.parametrize("bound, expected", [("null", 3e-3 * 15 / 16), (4, 3e-3 * 4 / 16), (0, 3e-3 / 16)])
def test_a_rate_that_is_divided_by_the_staleness_is_not_divided_twice(bound, expected):
    config = make_config("+algo=a3c", "algo.correction=learning_rate", f"algo.max_staleness={bound}")
    assert config.optimizer.learning_rate == pytest.approx(expected)


@pytest.mark.parametrize(
    "runtime, bound, how", [("ray", 128, "drop"), ("threads", None, "wait"), ("compiled", None, "wait")]
)
def test_with_ray_gradients_that_are_far_too_late_are_dropped(runtime, bound, how):
    algo = make_config("+algo=a3c", "algo.num_shards=8", f"algo.runtime={runtime}").algo
    assert (algo.max_staleness, algo.above_max_staleness) == (bound, how)
    set_by_hand = ("algo.max_staleness=3", "algo.above_max_staleness=drop")
    assert make_config("+algo=a3c", f"algo.runtime={runtime}", *set_by_hand).algo.max_staleness == 3


def test_no_algorithm_is_an_error():
    with pytest.raises(ConfigError, match=r"\+algo=a2c"):
        make_config()


@pytest.mark.parametrize("short", ["CartPole", "cartpole", "Catch", "DeepSea", "Acrobot"])
def test_the_suffix_of_a_name_may_be_left_out(short):
    assert make_config(A2C, f"env.name={short}").env.name.lower().startswith(short.lower() + "-")


@pytest.mark.parametrize("num_envs, updates", [(64, 977), (512, 400), (4096, 400)])
def test_the_default_length_follows_the_number_of_environments(num_envs, updates):
    assert make_config(A2C, f"env.num_envs={num_envs}").num_updates == updates


def test_long_runs_still_log_and_save_every_few_seconds():
    config = make_config(A2C, "total_env_steps=1e10")
    assert (config.logger.every, config.checkpoint.every) == (2_000_000, 20_000_000)


@pytest.mark.parametrize("num_envs, expected", [(32, 1.5e-3), (512, 3e-3), (4096, 3e-3)])
def test_the_default_learning_rate_follows_the_number_of_environments(num_envs, expected):
    assert make_config(A2C, f"env.num_envs={num_envs}").optimizer.learning_rate == pytest.approx(expected)


def test_a_length_is_rounded_up_to_whole_updates():
    assert make_config(A2C, "env.num_envs=10", "algo.unroll_length=10", "total_env_steps=101").num_updates == 2


def test_a_whole_float_is_an_integer():
    assert make_config(A2C, "total_env_steps=1e6").total_env_steps == 1_000_000


@pytest.mark.parametrize("every, expected", [(0, [10]), (1, [*range(1, 11)]), (96, [3, 6, 9, 10]), (10_000, [10])])
def test_evaluations_fall_on_their_multiples_and_the_end(small_config, every, expected):
    plan = schedule.make(small_config(f"evaluation.every={every}"))
    assert [updates for updates in range(1, 11) if plan.evaluates_at(updates)] == expected


def test_chunks_stop_wherever_something_is_due(small_config):
    plan = schedule.make(small_config("logger.every=128", "evaluation.every=96", "checkpoint.every=160"))
    stops, updates = [], 0
    while updates < plan.total:
        updates = plan.next_stop(updates)
        stops.append(updates)
    assert stops == [3, 4, 5, 6, 8, 9, 10]


def test_the_threshold_is_the_registrys_unless_a_stop_is_set():
    assert make_config(A2C).return_threshold == 475
    assert make_config(A2C, "evaluation.stop_at_return=100").return_threshold == 100
    assert make_config(A2C, "env.name=Catch").return_threshold is None


def test_the_supported_names_are_in_the_catalog():
    assert {"CartPole-v1", "Acrobot-v1", "Catch-bsuite", "DeepSea-bsuite"} <= set(catalog.supported())
    assert catalog.UNSUPPORTED.keys().isdisjoint(catalog.supported())


def test_yaml_files_hold_finite_numbers():
    for path in CONF.rglob("*.yaml"):
        for value in yaml.safe_load(path.read_text()).values():
            assert not (isinstance(value, float) and math.isnan(value))
