"""Generator of command lines with a mistake in them, as users make them; knows settings by a table of its own.

Every draw comes from one object with the methods of ``random.Random``, so that Hypothesis can shrink what it finds.
"""

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Line(NamedTuple):
    """A command line with a mistake."""

    kind: str
    """The class of the mistake."""
    arguments: tuple[str, ...]
    """The arguments."""
    names: tuple[str, ...] = ()
    """The sentence must hold one of these; empty if it may hold anything."""
    may_work: bool = False
    """True if the line may turn out to be right."""
    hint: str = ""
    """The setting that a hint, if there is one, must name."""


COUNTS = (
    "env.num_envs",
    "algo.num_shards",
    "algo.unroll_length",
    "evaluation.episodes",
    "checkpoint.keep",
    "num_seeds",
)
STEPS = ("total_env_steps", "stop_after_updates", "logger.every")
CADENCES = ("evaluation.every", "checkpoint.every")
PROBABILITIES = ("algo.discount", "algo.gae_lambda", "optimizer.decay", "optimizer.momentum")
NON_NEGATIVE = ("algo.entropy_coef", "algo.value_coef", "optimizer.learning_rate")
POSITIVE = ("env.reward_scale", "env.reward_clip", "optimizer.epsilon", "optimizer.max_grad_norm")
BOOLEANS = (
    "algo.normalize_observations",
    "algo.normalize_advantage",
    "evaluation.greedy",
    "env.stagger_starts",
    "logger.console",
    "logger.curve",
    "logger.gif",
    "network.shared",
)
CHOICES = (
    "algo.returns",
    "algo.time_reduction",
    "algo.kernel",
    "network.activation",
    "optimizer.schedule",
    "logger.wandb.mode",
    "algo.name",
    "optimizer.name",
)
A3C_COUNTS = ("algo.softsync_size", "algo.pull_every", "algo.max_staleness", "algo.delay.maximum")
A3C_CHOICES = (
    "algo.runtime",
    "algo.server",
    "algo.order",
    "algo.pull_at",
    "algo.correction",
    "algo.above_max_staleness",
    "algo.delay.distribution",
)
A3C_BOOLEANS = ("algo.lock", "algo.shared_statistics")
A3C = (
    *A3C_COUNTS,
    *A3C_CHOICES,
    *A3C_BOOLEANS,
    "algo.compensation",
    "algo.delay.mean",
    "algo.shard_periods",
    "algo.events",
)
TEXTS = ("logger.wandb.project", "logger.wandb.name", "logger.wandb.group", "logger.wandb.entity", "resume", "env.name")
PATHS = ("hydra.run.dir", "compilation_cache", "resume", "algo.events")
NUMBERS = (*COUNTS, *STEPS, *CADENCES, *PROBABILITIES, *NON_NEGATIVE, *POSITIVE, "seed")
COMMON = (*NUMBERS, *BOOLEANS, *CHOICES)
SECTIONS = ("evaluation", "checkpoint", "logger.wandb")
GROUPS = ("algo", "network", "optimizer", "env", "logger", "experiment")
PARAMS = ("gravity", "masscart", "length", "force_mag", "tau", "max_steps_in_episode")
SYNONYMS = {
    "gamma": "algo.discount",
    "lr": "optimizer.learning_rate",
    "learning_rate": "optimizer.learning_rate",
    "n_envs": "env.num_envs",
    "num_environments": "env.num_envs",
    "num_envs": "env.num_envs",
    "ent_coef": "algo.entropy_coef",
    "vf_coef": "algo.value_coef",
    "gae_lambda": "algo.gae_lambda",
    "n_steps": "algo.unroll_length",
    "num_steps": "algo.unroll_length",
    "total_timesteps": "total_env_steps",
    "max_grad_norm": "optimizer.max_grad_norm",
    "env_id": "env.name",
    "batch_size": "env.num_envs",
    "hidden_sizes": "network.hidden_sizes",
    "max_steps_in_episode": "env.params.max_steps_in_episode",
    "entropy_coef": "algo.entropy_coef",
    "discount": "algo.discount",
    "eps": "optimizer.epsilon",
    "n_workers": "algo.num_shards",
}
WORDS = (
    "abc",
    "many",
    "none",
    "nil",
    "one",
    "x1",
    "1x",
    "1,0",
    "yes!",
    "a b",
    "1 000",
    "1_0_",
    "0x",
    "--",
    "1e",
    "e5",
    ".",
)
STRANGE = ("Café", "日本", "１２", "π", "½", "é", "a\u00a0b", "\u200b1", "ünï", "😀", "“1”", "−1", "1…2")
BROKEN = (
    "[1",
    "1]",
    "{a:1",
    "}",
    "(",
    ")",
    "'a",
    '"b',
    "'",
    '"',
    "[1,,2",
    "a=b",
    "=3",
    "{a}b",
    "[[1]",
    "a'b",
    "#1",
    "~x",
    "!",
    "a;b",
    "<1>",
    "&",
)
NESTED = ("[1,2]", "[]", "{a: 1}", "{}", "[[1]]", "[a,b]", "{a: {b: 1}}", "[null]", "[true]")
REFERENCES = (
    "${nope}",
    "${algo.nope}",
    "${env}",
    "${oc.env:NO_SUCH_VARIABLE}",
    "${nope:1}",
    "${",
    "${}",
    "${seed",
    "$${x}",
    "${.x}",
)
HUGE = ("1e400", "-1e400", "9" * 25, "1" + "0" * 400, "1e39", "1e300", "-" + "9" * 25, "9" * 5000)
LETTERS = "abcdefghijklmnopqrstuvwxyz_"


def line(rng: random.Random) -> Line:
    """One command line with a mistake.

    Args:
        rng: what draws.
    """
    return rng.choice(KINDS)(rng)


def typo(rng: random.Random, name: str) -> str:
    """``name`` with a slip of the keyboard in its last part."""
    head, dot, word = name.rpartition(".")
    at = rng.randrange(len(word))
    way = rng.choice(("drop", "double", "swap", "other", "add", "dash", "upper", "plural"))
    wrong = {
        "drop": word[:at] + word[at + 1 :],
        "double": word[: at + 1] + word[at:],
        "swap": word[: max(at - 1, 0)] + word[max(at - 1, 0) : at + 1][::-1] + word[at + 1 :],
        "other": word[:at] + rng.choice(LETTERS) + word[at + 1 :],
        "add": word[:at] + rng.choice(LETTERS) + word[at:],
        "dash": word.replace("_", "-") if "_" in word else word + "s",
        "upper": word.upper(),
        "plural": word + "s",
    }[way]
    return f"{head}{dot}{wrong if wrong not in ('', word) else word + 'x'}"


def with_algo(rng: random.Random, *arguments: str, algo: str | None = None) -> tuple[str, ...]:
    """The arguments with an algorithm and perhaps settings that are right, in any order."""
    algo = algo or rng.choice(("a2c", "a3c"))
    first = [f"+algo={algo}" if rng.random() < 0.8 else f"algo={algo}"]
    right = rng.sample(
        ("seed=3", "env.num_envs=64", "total_env_steps=10000", "logger.wandb.mode=disabled"), rng.randrange(3)
    )
    mine = [*first, *(text for text in right if text.split("=")[0] not in " ".join(arguments)), *arguments]
    return tuple(rng.sample(mine, len(mine)) if rng.random() < 0.3 else mine)


def settings_of(rng: random.Random) -> tuple[str, str]:
    """A setting, and an algorithm that has it."""
    if rng.random() < 0.25:
        return rng.choice(A3C), "a3c"
    return rng.choice(COMMON), rng.choice(("a2c", "a3c"))


def misspelt(rng: random.Random) -> Line:
    name, algo = settings_of(rng)
    wrong = typo(rng, name)
    sign = rng.choice(("", "", "+", "++"))
    return Line("name misspelt", with_algo(rng, f"{sign}{wrong}=1", algo=algo), (wrong,), False, name)


def misplaced(rng: random.Random) -> Line:
    name, algo = settings_of(rng)
    section = rng.choice(
        [each for each in ("algo", "env", "network", "optimizer", "logger", "train") if not name.startswith(each)]
    )
    wrong = f"{section}.{name.rpartition('.')[2]}"
    return Line(
        "name in another section", with_algo(rng, f"{rng.choice(('', '+', '++'))}{wrong}=1", algo=algo), (wrong,), True
    )


def synonym(rng: random.Random) -> Line:
    word = rng.choice(sorted(SYNONYMS))
    sections = [f"{each}." for each in ("algo", "optimizer", "env", "train") if SYNONYMS[word] != f"{each}.{word}"]
    wrong = rng.choice(("", "", *sections)) + word
    hint = SYNONYMS[word]
    return Line("name of another library", with_algo(rng, f"{rng.choice(('', '+'))}{wrong}=1"), (wrong,), False, hint)


def of_other_algorithm(rng: random.Random) -> Line:
    name = rng.choice(A3C)
    return Line("setting of another choice", with_algo(rng, f"{name}=1", algo="a2c"), (name,), False, "algo=a3c")


def nonsense_name(rng: random.Random) -> Line:
    name = rng.choice(
        (
            "foo",
            "algo.foo",
            "a.b.c",
            "x",
            "env.foo.bar",
            "é",
            "a b",
            "a-b",
            "1",
            "0.5",
            "hydra.foo",
            "_",
            "algo.",
            ".x",
            "seed.x",
            "env..name",
            "@",
            "algo@x",
            "optimizer@",
            "a:b",
            "[x]",
            "'seed'",
            "hydra",
            "hydra.run",
        )
    )
    text = f"{rng.choice(('', '+', '++', '+++'))}{name}={rng.choice(('1', 'a', '', 'null'))}"
    return Line("nonsense for a name", with_algo(rng, text), (name, "name"), False)


def wrong_value(rng: random.Random) -> Line:
    name, algo = settings_of(rng)
    values = {"names": WORDS, "strange": STRANGE, "broken": BROKEN, "nested": NESTED, "reference": REFERENCES}
    kind = rng.choice(sorted(values))
    value = rng.choice(values[kind])
    may_work = name in ("algo.shard_periods", "algo.delay.mean", "algo.events") or value == "[]"
    return Line(f"value: {kind}", with_algo(rng, f"{name}={value}", algo=algo), (name,), may_work)


def null(rng: random.Random) -> Line:
    names = (
        *COUNTS,
        *CADENCES[:0],
        *PROBABILITIES,
        "algo.entropy_coef",
        "env.reward_scale",
        "optimizer.epsilon",
        *CHOICES,
        "algo.normalize_observations",
        "evaluation.greedy",
        "network.shared",
        "env.name",
        "env.params",
        "logger.wandb",
        "logger.wandb.project",
        "logger.wandb.tags",
        "hydra.run.dir",
        "seed",
        "network.hidden_sizes",
        *SECTIONS,
        *GROUPS,
    )
    name = rng.choice(names)
    return Line("value: null", with_algo(rng, f"{name}=null"), (name,))


def out_of_bounds(rng: random.Random) -> Line:
    name = rng.choice((*NUMBERS, *A3C_COUNTS, "algo.compensation", "algo.delay.mean"))
    values = {
        "algo.discount": ("1.1", "-0.1", "2"),
        "algo.gae_lambda": ("1.5", "-1"),
        "optimizer.decay": ("1", "-0.5", "1.0", "0.999999999"),
        "optimizer.momentum": ("1", "-0.1", "2"),
        "seed": ("-1", "4294967296", "1.5"),
        "optimizer.epsilon": ("0", "-1e-8", "1e-60"),
        "evaluation.every": ("-1", "0.5"),
        "checkpoint.every": ("-1", "1.5"),
    }
    bad = values.get(name, ("-1", "-5", "0.5") if name in (*COUNTS, *STEPS, *A3C_COUNTS) else ("-1", "-1e-3"))
    zero = ("0",) if name in (*COUNTS, *STEPS, *POSITIVE, "algo.pull_every", "algo.softsync_size") else ()
    return Line("value: out of bounds", with_algo(rng, f"{name}={rng.choice((*bad, *zero))}", algo="a3c"), (name,))


def not_finite(rng: random.Random) -> Line:
    name = rng.choice((*NUMBERS, *A3C_COUNTS, "algo.compensation", "algo.delay.mean", "evaluation.stop_at_return"))
    value = rng.choice(("nan", "inf", "-inf", "NaN", "Infinity", *HUGE))
    may_work = "9" * 25 in value and len(value) < 30 and name not in (*COUNTS, *STEPS, *CADENCES, *A3C_COUNTS, "seed")
    return Line("value: not finite or huge", with_algo(rng, f"{name}={value}", algo="a3c"), (name,), may_work)


def boolean(rng: random.Random) -> Line:
    if rng.random() < 0.5:
        name = rng.choice(
            (*NUMBERS, *A3C_COUNTS, "env.params.gravity", "env.params.max_steps_in_episode", "env.params.length")
        )
        return Line(
            "value: true for a number", with_algo(rng, f"{name}={rng.choice(('true', 'false'))}", algo="a3c"), (name,)
        )
    name = rng.choice((*BOOLEANS, *A3C_BOOLEANS))
    return Line(
        "value: a number for true",
        with_algo(rng, f"{name}={rng.choice(('2', '-1', '0.5', 'maybe', 'tru'))}", algo="a3c"),
        (name,),
    )


def choice(rng: random.Random) -> Line:
    name = rng.choice((*CHOICES, *A3C_CHOICES))
    value = rng.choice(("foo", "1", "true", "''", "GAE", "a,b", "compile", "none_", "[mean]"))
    return Line("value: no choice", with_algo(rng, f"{name}={value}", algo="a3c"), (name,))


def group(rng: random.Random) -> Line:
    name = rng.choice(GROUPS)
    value = rng.choice(
        (
            "null",
            "5",
            "=5",
            "[1]",
            "[]",
            "{}",
            "{name: x}",
            "",
            "huge",
            "true",
            "a2x",
            "Café",
            "''",
            "'a",
            "a,b",
            "../a2c",
            "a2c.yaml",
            "${seed}",
            "1e400",
        )
    )
    sign = rng.choice(("", "+", "++"))
    at = rng.choice(("", "", "@", "@x"))
    extra = () if name in ("algo", "experiment") else ("+algo=a2c",)
    return Line("group", (*extra, f"{sign}{name}{at}={value}"), (name,))


def hydra_group(rng: random.Random) -> Line:
    text = rng.choice(
        (
            "hydra/launcher=nope",
            "hydra/sweeper=nope",
            "hydra/sweeper=null",
            "hydra/launcher=[1]",
            "hydra/nope=1",
            "hydra.nope=1",
            "hydra.run.nope=1",
            "hydra.job.chdir=maybe",
            "hydra.sweeper=3",
            "hydra.launcher=null",
            "hydra.run=x",
            "hydra=1",
            "hydra.verbose={",
            "hydra.job=1",
            "hydra/launcher=joblib,basic",
            "hydra.mode=nope",
        )
    )
    sweep = ("-m",) if rng.random() < 0.5 else ()
    return Line("Hydra's own", (*sweep, *with_algo(rng, text)), ("hydra",), text in ("hydra/launcher=joblib,basic",))


def structure(rng: random.Random) -> Line:
    name, algo = settings_of(rng)
    text = rng.choice(
        (
            name,
            f"{name}:3",
            f"={name}",
            f"~{name}",
            "~",
            "=",
            "+",
            "++",
            "",
            f"{name} =3",
            f"{name}==3",
            f" {name}=x",
            f"+++{name}=3",
            f"{name}=3=4",
            "==",
            f"~{name}=3",
            f"{name}.x=3",
            f"{name}@p=3",
            "train",
            "a2c",
            "3",
            "null",
            "==>",
            "?",
            "*",
        )
    )
    return Line("structure", with_algo(rng, text, algo=algo), (), text.startswith(f"{name}==") and False)


def removal(rng: random.Random) -> Line:
    name = rng.choice((*GROUPS, *SECTIONS, *COMMON, "nope"))
    return Line("removal", with_algo(rng, f"~{name}"), (name,))


def option(rng: random.Random) -> Line:
    name, _ = settings_of(rng)
    short = name.rpartition(".")[2]
    text = rng.choice(
        (
            [f"--{short}", "3"],
            [f"--{short}=3"],
            [f"--{name}", "3"],
            [f"--{name}=3"],
            ["--multirunn"],
            ["--cfg", "jobs"],
            ["--cfg"],
            ["--cfg=x"],
            ["-x"],
            ["--lr", "1e-3"],
            ["--seed", "3"],
            ["--no-gif"],
            ["--multi"],
            ["--info", "nope"],
            ["---"],
            ["-seed=3"],
            ["--é"],
            ["--config"],
            ["-n", "3"],
            ["--package"],
            ["--versio"],
            ["--hlp"],
            ["--multirun=3"],
            ["-mm"],
        )
    )
    at = rng.randrange(2)
    line = with_algo(rng)
    return Line("option", (*text, *line) if at else (*line, *text), ())


def environment(rng: random.Random) -> Line:
    name = rng.choice(
        (
            "CartPol-v1",
            "xyzzy",
            "MNISTBandit-bsuite",
            ":",
            "a:",
            ":b",
            "a:b",
            "nope.mod:X",
            "1:2",
            "a b:c",
            "::",
            "a:b:c",
            "os.path:",
            ".x:y",
            "''",
            "[a]",
            "3",
            "true",
            "CartPole v1",
            "../x:y",
            "a" * 300,
            "nope:X",
            "é:x",
        )
    )
    return Line("environment", with_algo(rng, f"env.name={name}"), ("env.name",))


def params(rng: random.Random) -> Line:
    name = rng.choice(PARAMS)
    value = rng.choice(
        ("abc", "true", "null", "[1]", "{a: 1}", "nan", "inf", "1e400", "1e39", "''", "9" * 30, "${nope}")
    )
    text = rng.choice(
        (
            f"env.params.{name}={value}",
            f"++env.params.{name}={value}",
            f"env.params={{{name}: {value}}}",
            f"env.params.{typo(rng, name)}=1",
            *(f"env.params.max_steps_in_episode={bad}" for bad in ("0", "2.5", "99999999999999", "-3")),
            *(f"env.params{bad}" for bad in ("=3", "=[1]", ".=3", ".a.b=1", ".1=2", ".é=1")),
        )
    )
    large = "9" * 30 in text and name != "max_steps_in_episode"  # as a number of single precision it is none too large
    return Line("parameters", with_algo(rng, text), ("env.params",), large)


def a3c_pairs(rng: random.Random) -> Line:
    pair = rng.choice(
        (
            (("algo.lock=false",), "algo.lock"),
            (("algo.lock=false", "algo.runtime=compiled"), "algo.lock"),
            (("algo.delay.mean=5",), "algo.delay.mean"),
            (("algo.delay.maximum=8",), "algo.delay.maximum"),
            (("algo.delay.mean=100", "algo.delay.distribution=constant"), "algo.delay.mean"),
            (("algo.delay.distribution=pareto",), "algo.delay"),
            (("algo.compensation=3",), "algo.compensation"),
            (("algo.softsync_size=8",), "algo.softsync_size"),
            (("algo.above_max_staleness=drop",), "algo.above_max_staleness"),
            (("algo.runtime=threads", "algo.order=fixed"), "algo.order"),
            (("algo.runtime=threads", "algo.server=mean"), "algo.server"),
            (("algo.runtime=threads", "algo.max_staleness=3"), "algo."),
            (("algo.returns=n_step", "algo.gae_lambda=0.9"), "algo.gae_lambda"),
            (("algo.runtime=replay",), "algo."),
            (("algo.events=x",), "algo.events"),
            (("algo.runtime=replay", "algo.events=nope"), "algo.events"),
            (("algo.shard_periods=[1,2]",), "algo.shard_periods"),
            (("algo.num_shards=2", "algo.shard_periods=[2,2]"), "algo.shard_periods"),
            (("algo.num_shards=3",), "algo.num_shards"),
            (("algo.pull_at=round", "algo.pull_every=2"), "algo.pull_at"),
            (("algo.shared_statistics=false", "algo.server=mean"), "algo.shared_statistics"),
            (("algo.num_shards=4096", "algo.runtime=threads"), "algo.num_shards"),
            (("algo.ray.learners=2", "algo.runtime=threads"), "algo.ray.learners"),
            (("algo.ray.learners=17", "algo.runtime=ray"), "algo.ray.learners"),
            (("algo.server=softsync", "algo.softsync_size=1e30"), "algo.softsync_size"),
            (("algo.pull_every=18446744073709551616",), "algo.pull_every"),
            (("algo.pull_every=1000000000",), "algo.pull_every"),
        )
    )
    return Line("combination", with_algo(rng, *pair[0], algo="a3c"), (pair[1],))


def pairs(rng: random.Random) -> Line:
    pair = rng.choice(
        (
            (("seed=4294967295", "num_seeds=2"), "seed"),
            (("num_seeds=1000000",), "num_seeds"),
            (("env.num_envs=1000000000",), "env.num_envs"),
            (("network.hidden_sizes=[100000,100000]",), "network.hidden_sizes"),
            (("network.hidden_sizes=[64,-1]",), "network.hidden_sizes"),
            (("network.hidden_sizes=64",), "network.hidden_sizes"),
            (("optimizer.schedule=constant", "optimizer.anneal_env_steps=1000"), "optimizer.anneal_env_steps"),
            (("evaluation.stop_at_return=400", "evaluation.every=0"), "evaluation.stop_at_return"),
            (("algo.returns=monte_carlo",), "algo.unroll_length"),
            (("algo.kernel=fused", "algo.normalize_advantage=true"), "algo."),
            (("optimizer=adam", "optimizer=rmsprop"), "optimizer"),
            (("algo=a3c",), "algo"),
            (("network=own",), "network.name"),
            (("network=own", "network.name=nope"), "network.name"),
            (("network=own", "network.name=nope.x:Y"), "network.name"),
            (("optimizer=own", "optimizer.name=optax.lion"), "optimizer.learning_rate"),
            (("optimizer.name=optax.lion",), "optimizer.name"),
            (("algo.loss_terms.x=3",), "algo.loss_terms"),
            (("algo.loss_terms.x.function=f", "algo.loss_terms.x.weight=1"), "algo.loss_terms"),
            (("algo.loss_terms.value.function=os.path:join", "algo.loss_terms.value.weight=1"), "algo.loss_terms"),
            (("seed=1,2",), "seed"),
            (("total_env_steps=100000000000000000000000000",), "total_env_steps"),
            (("total_env_steps=1e15", "env.num_envs=1"), "total_env_steps"),
            (("logger.wandb.project=a/b",), "logger.wandb.project"),
            (("logger.wandb.project=",), "logger.wandb.project"),
            ((f"logger.wandb.tags=[{'x' * 70}]",), "logger.wandb.tags"),
            ((f"logger.wandb.name={'x' * 200}",), "logger.wandb.name"),
            (("logger.wandb.tags=x",), "logger.wandb.tags"),
            (("logger.wandb.project=a#b",), "logger.wandb.project"),
        )
    )
    return Line("combination", with_algo(rng, *pair[0], algo="a2c"), (pair[1],))


def sweep(rng: random.Random) -> Line:
    sweeps = rng.choice(
        (
            (("seed=0,abc",), "seed"),
            (("optimizer.learning_rate=1e-3,nan",), "optimizer.learning_rate"),
            (("env.name=CartPole-v1,Nope-v1",), "env.name"),
            (("seed=range(0,0)",), "seed"),
            (("seed=range(0,100000000000)",), "seed"),
            (("seed=range(0,10,0)",), "seed"),
            (("seed=choice()",), "seed"),
            (("seed=interval(0,1)",), "seed"),
            (("seed=glob(*)",), "seed"),
            (("seed=0,1", "hydra.sweep.subdir=same"), "hydra.sweep.subdir"),
            (("seed=0,1", "hydra.sweep.subdir="), "hydra.sweep.subdir"),
            (("seed=0,1", "hydra.sweep.dir="), "hydra.sweep.dir"),
            (("seed=0,1", "hydra.sweep.dir=/dev/null/x"), "hydra.sweep.dir"),
            (("seed=0,0", "hydra.sweep.subdir=${hydra.job.override_dirname}"), "hydra.sweep.subdir"),
            (("optimizer=adam,nope",), "optimizer"),
            (("algo.num_shards=1,3",), "algo.num_shards"),
            (("seed=0,1", "optimizer.lr=1,2"), "optimizer.lr"),
            (("hydra/launcher=vmap", "hydra.launcher.max_lanes=0"), "hydra.launcher.max_lanes"),
            (("hydra/launcher=vmap", "hydra.launcher.how=sideways"), "hydra.launcher.how"),
            (("hydra.launcher.how=vmap",), "hydra.launcher.how"),
            (("hydra/launcher=vmap", "hydra.launcher.executor=slurm"), "hydra.launcher.executor"),
            (("hydra/launcher=vmap", "hydra.launcher.workers=0"), "hydra.launcher.workers"),
            (("hydra/launcher=vmap", "hydra.launcher.retries=many"), "hydra.launcher.retries"),
            (("hydra/launcher=vmap", "hydra.launcher.ray.num_cpus=0"), "hydra.launcher.ray.num_cpus"),
            (("hydra/launcher=vmap", "hydra.launcher.ray=here"), "hydra.launcher.ray"),
            (("hydra/launcher=vmap", "hydra.launcher.submitit=null"), "hydra.launcher.submitit"),
            (("hydra/sweeper=optuna", "hydra.sweeper.n_trials=0"), "hydra.sweeper.n_trials"),
            (("hydra/sweeper=optuna", "hydra.sweeper.direction=up"), "hydra.sweeper.direction"),
            (("hydra/sweeper=optuna", "hydra.sweeper.n_jobs=0"), "hydra.sweeper.n_jobs"),
            (("hydra/sweeper=optuna", "hydra.sweeper.n_trials=x"), "hydra.sweeper.n_trials"),
            (("hydra/sweeper=optuna", "env.num_envs=0", "seed=range(0,3)"), "env.num_envs"),
        )
    )
    return Line("sweep", ("-m", *with_algo(rng, *sweeps[0], algo="a2c")), (sweeps[1],))


def path(rng: random.Random) -> Line:
    name = rng.choice(PATHS)
    value = rng.choice(
        (
            "",
            "/dev/null/x",
            "/proc/nowhere/x",
            "a" * 300,
            "/data/lr=1e-3/x",
            "/tmp/é",
            "'a",
            "a#b",
            "[x",
            "${nope}",
            "/" + "a/" * 3000,
            "~nobody-there/x",
        )
    )
    algo = "a3c" if name == "algo.events" else None
    may_work = value in ("/tmp/é", "a#b", "~nobody-there/x", "") or (name == "compilation_cache" and value == "")
    return Line("path", with_algo(rng, f"{name}={value}", algo=algo), (name,), may_work)


def fuzz(rng: random.Random) -> Line:
    alphabet = "abz019 _-.,=+~@:/\\'\"[]{}()$#%&*!?é日\t\n\x00"
    text = "".join(rng.choice(alphabet) for _ in range(rng.randrange(1, 12)))
    name, algo = settings_of(rng)
    whole = rng.choice(
        (
            text,
            f"{name}={text}",
            f"{text}={name}",
            f"{rng.choice(GROUPS)}={text}",
            f"env.params.{text}=1",
            f"{name}{text}=1",
        )
    )
    return Line("random characters", with_algo(rng, whole, algo=algo), (), True)


KINDS: Sequence[Callable[[random.Random], Line]] = (
    misspelt, misspelt, misplaced, synonym, of_other_algorithm, nonsense_name, wrong_value, wrong_value, wrong_value,
    null, out_of_bounds, out_of_bounds, not_finite, boolean, choice, group, group, hydra_group, structure, structure,
    removal, option, environment, params, params, a3c_pairs, pairs, pairs, sweep, path, fuzz, fuzz,
)  # fmt: skip
"""The mistakes; those of many forms more than once."""
