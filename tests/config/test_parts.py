import subprocess
import sys

import pytest
import yaml

from jaxac.config import import_path, validation
from jaxac.config.arguments import Arguments
from jaxac.config.compose import make_config, to_overrides
from jaxac.errors import ConfigError
from jaxac.storage import run_directory

A2C = "+algo=a2c"
NETWORK = ("network=own", "network.name=tests.own_parts:Wide")
OPTIMIZER = ("optimizer=own", "optimizer.name=optax.lion", "optimizer.learning_rate=1e-3")
TERM = ("algo.loss_terms.square.function=tests.own_parts:square_of_value", "algo.loss_terms.square.weight=0.5")


def test_arguments_are_given_whole_or_one_by_one():
    whole = make_config(A2C, *NETWORK, "network.arguments={width: 64, sizes: [1, 2], act: relu}")
    single = make_config(
        A2C,
        *NETWORK,
        "network.arguments.width=64",
        "network.arguments.sizes=[1,2]",
        "network.arguments.act=relu",
    )
    assert whole == single
    assert whole.network.arguments.as_keywords() == {"width": 64, "sizes": (1, 2), "act": "relu"}


def test_terms_are_given_whole_or_one_by_one():
    whole = make_config(A2C, "algo.loss_terms={square: {function: tests.own_parts:square_of_value, weight: 0.5}}")
    assert whole == make_config(A2C, *TERM)
    assert whole.algo.loss_terms["square"].weight == 0.5


def test_arguments_that_python_takes_for_equal_are_different():
    kinds = [Arguments(x=value) for value in (1, 1.0, True, [1], {"x": 1})]
    assert len({*kinds, *(Arguments(each) for each in kinds)}) == len(kinds)
    assert Arguments(x=1, y=2) == Arguments(y=2, x=1)
    assert Arguments(x=1) != Arguments(x=True)


def test_a_saved_configuration_is_the_one_that_was_saved():
    config = make_config(A2C, *NETWORK, "network.arguments={sizes: [1, 2]}", *OPTIMIZER, *TERM)
    saved = yaml.safe_load(yaml.safe_dump(run_directory.as_dict(config)))
    assert validation.resolve(saved) == config
    assert saved["network"]["arguments"] == {"sizes": [1, 2]}


def test_the_overrides_of_a_configuration_make_it_again():
    config = make_config(A2C, *NETWORK, "network.arguments={sizes: [1, 2], act: {name: 'a:b'}}", *OPTIMIZER, *TERM)
    assert make_config(*to_overrides(config)) == config


def test_a_configuration_of_before_a_setting_was_there_has_its_default():
    config = make_config(A2C)
    saved = run_directory.as_dict(config)
    del saved["algo"]["loss_terms"]
    assert validation.resolve(saved) == config


OWN_OPTIMIZER = ("optimizer=own", "optimizer.name=optax.lion")
BAD = {
    ("network=own",): "network.name=null is not valid: give the import path of your own as package.module:Name",
    ("network=own", "network.name=Wide"): "network.name=Wide is not valid: give the import path",
    ("network=own", "network.name=no_such_package.x:Y"): "cannot be imported: No module named 'no_such_package'",
    ("network.name=tests.own_parts:Wide",): "network.name is a setting of network=own; choose network=own",
    (*NETWORK, "network.hidden_sizes=[8]"): "network=separate and network=shared; choose network=separate, or leave",
    (*NETWORK, "network.arguments=3"): "network.arguments=3 is not valid: network.arguments is a mapping",
    (*NETWORK, "network.flatten=maybe"): "network.flatten=maybe is not valid",
    (*NETWORK, "algo.kernel=fused"): "network.name=tests.own_parts:Wide is your own, and algo.kernel=fused",
    ("optimizer.name=optax.lion",): "optimizer.name=optax.lion is not valid: an optimizer by import path needs",
    OWN_OPTIMIZER: "optimizer.learning_rate=null has no default for optimizer.name=optax.lion; give one",
    (*OPTIMIZER, "optimizer.name=adam"): "optimizer.name=adam is not valid: give the import path",
    (*OPTIMIZER, "optimizer.name=no_such_package.x"): "cannot be imported: No module named 'no_such_package'",
    (*OPTIMIZER, "optimizer.epsilon=1"): "optimizer.epsilon is a setting of optimizer=adam and optimizer=rmsprop",
    (*OPTIMIZER, "optimizer.arguments.learning_rate=1"): "set optimizer.learning_rate",
    ("algo.loss_terms.square=tests.own_parts:f",): "give two settings below it, function=",
    TERM[:1]: "algo.loss_terms.square.weight is not set",
    (*TERM, "algo.loss_terms.square.weight=inf"): "algo.loss_terms.square.weight=inf is not valid",
    (*TERM, "algo.loss_terms.square.scale=1"): "algo.loss_terms.square.scale is not a setting",
    (*TERM, "algo.loss_terms.square.function=f"): "algo.loss_terms.square.function=f is not valid: give the import",
    (*TERM, "algo.loss_terms.square.function=no_such_package.x:y"): "algo.loss_terms.square.function=no_such_package",
    (*TERM, "algo.kernel=fused"): "algo.loss_terms.square.function=tests.own_parts:square_of_value is your own",
    ("algo.loss_terms={policy: {function: tests.own_parts:f, weight: 1}}",): "neither policy nor value",
    ("algo.loss_terms={a-b: {function: tests.own_parts:f, weight: 1}}",): "letters, digits and _",
    ("algo.loss_terms=[tests.own_parts:f]",): "algo.loss_terms is a mapping",
    ("env.name=no_such_package.x:Y",): "env.name=no_such_package.x:Y cannot be imported",
}


@pytest.mark.parametrize("overrides, expected", BAD.items(), ids=lambda value: "")
def test_a_part_that_cannot_work_is_named(overrides, expected):
    with pytest.raises(ConfigError) as error:
        make_config(A2C, *overrides)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_checking_parts_imports_none_of_them():
    """So that a mistake elsewhere is said at once."""
    overrides = [A2C, *NETWORK, *OPTIMIZER, *TERM]
    code = f"import sys, jaxac.config.compose as c; c.make_config(*{overrides}); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("path", ["tests.own_parts:Wide", "tests.own_parts.Wide"])
def test_both_spellings_lead_to_the_same(path):
    from tests import own_parts

    assert import_path.load("network.name", path) is own_parts.Wide


@pytest.mark.parametrize(
    "path, expected",
    [
        ("tests.no_such_module:Wide", "No module named 'tests.no_such_module'"),
        ("tests.own_parts:Width", "has no attribute 'Width'"),
        ("tests.own_parts:NOT_CALLABLE", "is a dict; give the import path of a class or a function"),
    ],
)
def test_what_leads_nowhere_is_told(path, expected):
    with pytest.raises(ConfigError, match=f"^network.name={path} ") as error:
        import_path.load("network.name", path)
    assert expected in str(error.value)


def test_a_mistake_in_the_users_file_is_told_with_its_line(tmp_path, monkeypatch):
    (tmp_path / "with_a_mistake.py").write_text("import jax\n\nwidth = jax.nn.no_such_thing\n")
    (tmp_path / "with_another.py").write_text("width = 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot be imported: .*no_such_thing"):
        import_path.load("network.name", "with_a_mistake:Net")
    with pytest.raises(ConfigError, match=r"ZeroDivisionError: division by zero \(with_another.py, line 1\)"):
        import_path.load("network.name", "with_another:Net")
