"""What a release says of itself, in all the places that say it."""

import re
import tomllib

import yaml

from tests.docs.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_version_is_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert re.findall(r"^## (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version


def test_the_hooks_are_the_format_lint_and_types_of_ci():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    ci = (ROOT / ".ci" / "run").read_text()
    checks = re.search(r'^step "format, lint, types"\n(.*?)\n\n', ci, re.MULTILINE | re.DOTALL)
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == checks[1].splitlines()


def test_ci_finds_the_test_command_in_the_readme():
    ci = (ROOT / ".ci" / "run").read_text()
    pattern = re.search(r"sed -n 's/(.*?)/\\1/p' README\.md", ci)[1].replace(r"\(", "(").replace(r"\)", ")")
    found = re.findall(pattern, (ROOT / "README.md").read_text(), re.MULTILINE)
    assert found == ['pip install -e ".[test]" && python -m pytest']


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "jaxac" / "py.typed").exists()
    assert "Typing :: Typed" in PROJECT["project"]["classifiers"]


def test_the_sdist_has_what_the_documentation_names():
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    assert {"conf", "docs", "experiments", "tests", "CITATION.cff", "CONTRIBUTING.md", "CHANGELOG.md"} <= set(included)
    assert all((ROOT / path).exists() for path in included)


def test_every_tool_of_the_documentation_and_the_release_is_pinned():
    extras = PROJECT["project"]["optional-dependencies"]
    named = {re.match(r"[\w.-]+", line)[0] for extra in ("docs", "release") for line in extras[extra]}
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    assert named <= pinned
