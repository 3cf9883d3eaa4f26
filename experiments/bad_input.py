"""Counts how many of thousands of mistaken command lines are mishandled, by the class of the mistake.

    python -m experiments.bad_input --count 1000

A line is handled if it is refused in one sentence of our own words that names the setting, before anything is compiled.
Lines are checked in this process, by what the command itself calls before it trains.
"""

import argparse
import os
import random
import re
import tempfile
from collections import Counter
from collections.abc import Sequence

from experiments import bad_lines
from experiments.bad_lines import Line
from jaxac.errors import ConfigError

JARGON = re.compile(
    r"Hydra|hydra\.cc|OmegaConf|omegaconf|ydantic|argparse|ANTLR|Lexer|Parser|usage:|mismatched|extraneous|EOF|viable|"
    r"token recog|EQUAL|full_key|object_type|struct|ConfigKey|ConfigAttr|defaults list|nput should|\bNone\b|\bTrue\b|"
    r"\bFalse\b|Traceback|dictionary|tuple\b|instance of|NoneType|nterpolation|Error\b|parsing|"
    r"primary config|validation error"
)
LONGEST = 700
"""The most characters of a sentence; the longest lists twenty environments."""


def verdict(line: Line) -> str:
    """The fault in the command's answer to a bad line, in a few words; empty if the line is refused as it should be."""
    try:
        _check(line.arguments)
    except ConfigError as error:
        return judge(line, str(error))
    except BaseException as error:
        return f"raises {type(error).__name__}"
    return "" if line.may_work else "is accepted"


def _check(arguments: Sequence[str]) -> None:
    """Prepares a training command as far as it goes without compiling; raises what the command would."""
    from jaxac.train import prepare

    prepare(list(arguments))


def judge(line: Line, sentence: str) -> str:
    """The fault in a sentence that refuses a bad line: jargon, a wrong name, no fix; empty if it has none."""
    theirs = " ".join(line.arguments)
    jargon = [word for word in JARGON.findall(sentence) if word not in theirs]
    if "\n" in sentence or not sentence.isprintable():
        return "is answered on several lines"
    if jargon:
        return f"is answered in jargon ({jargon[0]})"
    if len(sentence) > LONGEST:
        return "is answered at length"
    if line.names and not any(name in sentence for name in line.names):
        return "is answered without the setting"
    if line.hint and "did you mean" in sentence and line.hint not in sentence:
        return "gets a wrong hint"
    return ""


def main() -> None:
    """Prints a table of the classes, and every answer that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=20, help="mishandled lines to print in full")
    options = parser.parse_args()
    rng, lines, wrong = random.Random(options.seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for _ in range(options.count):
            line = bad_lines.line(rng)
            lines[line.kind] += 1
            said = verdict(line)
            if said:
                wrong.append((line, said))
        left = os.listdir(folder)
    for line, said in wrong[: options.show]:
        print(f"{said}: {' '.join(map(repr, line.arguments))[:300]}")
    print("\n| class | lines | mishandled |\n|---|---|---|")
    bad = Counter(line.kind for line, _ in wrong)
    for kind, count in sorted(lines.items()):
        print(f"| {kind} | {count} | {bad[kind]} |")
    print(f"| **all** | {options.count} | {len(wrong)} |\n")
    print(f"how: {dict(Counter(said for _, said in wrong))}; left behind: {left}")


if __name__ == "__main__":
    main()
