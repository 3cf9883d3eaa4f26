"""Do the tests notice when the program is wrong? The same small mutations, one at a time, at any revision.

    python -m experiments.mutants                     every mutant, in the program as it stands: about 30 minutes
    python -m experiments.mutants --revision REV      the same ones in an earlier or later program, with its own tests
    python -m experiments.mutants --only staleness    those whose role or function says so
    python -m experiments.mutants --list              what they are, and what became of them

A mutant is one change by an operator of cosmic-ray. ``results/mutants.json`` holds those that a seed chose once
(``--pick`` chooses anew: in a revision, among those that the program as it stands has too). An interrupted campaign
goes on where it was. Exit code 1: some survived, or are not to be found.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from experiments import common, mutations
from experiments.mutations import Mutant

ROOT = Path(__file__).parents[1]
WORK = Path(tempfile.gettempdir(), "jaxac-mutants")
TEST_SECONDS = 600
"""Of one test; who takes longer hangs."""
SURVIVED, GONE, HANGS, CRASHES, VOID = "survived", "not found", "hangs", "crashes", "fails without the mutant: "


def tests_of(tree: Path, role: str) -> list[str]:
    """The tests of a role in a program, the cheapest first."""
    found = []
    for entry in mutations.ROLES[role][2].split():
        name, _, part = entry.partition(":")
        for path in sorted(tree.glob(f"tests/**/test_{name}.py")):
            functions = re.findall(rf"^def (test_\w*{part}\w*)", path.read_text(), re.MULTILINE) if part else [""]
            found += ["::".join(filter(None, (str(path.relative_to(tree)), function))) for function in functions]
    return list(dict.fromkeys(found))


def run_tests(tree: Path, tests: list[str], *options: str) -> tuple[int, str]:
    """Pytest's exit code, and what it printed."""
    # As a worker's, the tests' compilation cache lies beside the folder of this session, and outlives it.
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTEST_XDIST_WORKER": "gw0"}
    hang = [f"faulthandler_timeout={TEST_SECONDS}", "-o", "faulthandler_exit_on_timeout=true"]
    where = ["-n0", "-p", "no:cacheprovider", f"--basetemp={WORK / 'session'}", "-o", *hang]
    command = [sys.executable, "-m", "pytest", *tests, "-q", "-m", "not slow", *where, *options]
    done = subprocess.run(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode, done.stdout


def failed(output: str) -> list[str]:
    """The tests that failed, or the files that could not be imported."""
    return re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)


def what_failed(status: int, output: str) -> str:
    """The first test that failed, or what else ended the tests."""
    if status < 0:
        return CRASHES
    if "Timeout (" in output and not failed(output):
        return HANGS
    return failed(output)[0]


def judge(tree: Path, forms: list[Mutant], likely: Iterable[str] = ()) -> str:
    """The test that kills the mutant, or what else becomes of it.

    Args:
        forms: the mutant, and how it reads where its line was rewritten later.
        likely: the tests that killed it elsewhere, which are tried first.
    """
    mutant, found = forms[0], next(filter(None, (mutations.find(tree, form) for form in forms)), None)
    if found is None:
        return GONE
    path, code = found
    original = path.read_text()
    path.write_text(code)
    try:
        for tests in (still_there(tree, likely), tests_of(tree, mutant.role)):
            status, output = run_tests(tree, tests, "-x") if tests else (0, "")
            if status:
                return what_failed(status, output)
        return SURVIVED
    finally:
        path.write_text(original)


def still_there(tree: Path, tests: Iterable[str]) -> list[str]:
    """Tests of another revision, as far as there is one of that name here."""
    texts = {str(path.relative_to(tree)): path.read_text() for path in sorted(tree.glob("tests/**/test_*.py"))}
    names = dict.fromkeys(test.rpartition("::")[2].partition("[")[0] for test in tests if "::" in test)
    return [f"{path}::{name}" for name in names for path, text in texts.items() if f"\ndef {name}(" in text]


def confirm(tree: Path, records: list[dict[str, Any]], label: str) -> None:
    """Takes back what tests say that fail without a mutant, too."""
    results = {record["results"].get(label, "") for record in records} - {"", SURVIVED, GONE, HANGS, CRASHES}
    killers = sorted(each for each in results if not each.startswith(VOID))
    _, output = run_tests(tree, killers) if killers else (0, "")
    for record in records:
        if record["results"].get(label) in failed(output):
            record["results"][label] = VOID + record["results"][label]


def lay_out(revision: str | None) -> tuple[Path, str]:
    """A copy of the program at a revision of git's, or as it stands, and a name for it."""
    tree = WORK / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    if revision is None and _git("status", "--porcelain", "jaxac", "conf", "tests", "pyproject.toml"):
        for name in _git("ls-files", "-co", "--exclude-standard", "-z").decode().split("\0")[:-1]:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
        return tree, "working tree"
    revision = revision or "HEAD"
    subprocess.run(["tar", "-x", "-C", str(tree)], input=_git("archive", revision), check=True)
    return tree, _git("rev-parse", "--short", revision).decode().strip()


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def tell(record: dict[str, Any]) -> str:
    """A mutant and what became of it, as text."""
    results = "".join(f"\n    {label}: {result}" for label, result in record["results"].items())
    same = f"\n    equivalent: {record['equivalent']}" if "equivalent" in record else ""
    return f"{record['role']}, {record['function']}\n  − {record['before']}\n  + {record['after']}{results}{same}"


def forms(record: dict[str, Any]) -> list[Mutant]:
    """A mutant of the list, and how it reads where its line was rewritten later."""
    mutant = Mutant(*(record[name] for name in Mutant._fields))
    return [mutant, *(mutant._replace(**changes) for changes in record.get("later", ()))]


def campaign(tree: Path, label: str, records: list[dict[str, Any]], save: Callable[[], object]) -> None:
    """Every mutant in turn; ``save`` is called after each."""
    for record in records:
        if "equivalent" not in record and label not in record["results"]:
            record["results"][label] = judge(tree, forms(record), list(record["results"].values()))
            save()
            print(tell(record), flush=True)
    confirm(tree, records, label)
    save()


def sum_up(records: list[dict[str, Any]], label: str) -> int:
    """Tells the figures of a revision; 1 where a test is missing, or a mutant was not found."""
    results = [record["results"][label] for record in records if "equivalent" not in record]
    bad = [each for each in results if each in (SURVIVED, GONE) or each.startswith(VOID)]
    print(f"{label}: {len(results) - len(bad)} of {len(results)} killed; {dict(Counter(bad))}")
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revision", help="of git's: a commit, a tag, a branch")
    parser.add_argument("--only", default="", help="a part of roles' or functions' names")
    parser.add_argument("--list", action="store_true", help="only tell what is known")
    parser.add_argument("--pick", action="store_true", help="choose the mutants anew, in this revision")
    parser.add_argument("--again", action="store_true", help="also those whose result for this revision is known")
    arguments = parser.parse_args()
    records = common.load("mutants").get("mutants", [])
    if arguments.list:
        print(*map(tell, records), sep="\n")
        return 0
    os.nice(10)
    tree, label = lay_out(arguments.revision)
    if arguments.pick:
        records = [{**mutant._asdict(), "results": {}} for mutant in mutations.pick(tree, ROOT)]
    chosen = [each for each in records if arguments.only in f"{each['role']} {each['function']}"]
    for record in chosen if arguments.again or label == "working tree" else ():
        record["results"].pop(label, None)
    campaign(tree, label, chosen, lambda: common.save("mutants", {"mutants": records}))
    return sum_up(chosen, label)


if __name__ == "__main__":
    sys.exit(main())
