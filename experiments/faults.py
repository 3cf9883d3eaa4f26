"""Is anything lost? Runs are killed, stopped, starved and damaged at random moments, and then resumed to the end.

    python -m experiments.faults                      200 faults: about an hour on two cores
    python -m experiments.faults --faults 20          the first 20
    python -m experiments.faults --only threads       those whose run or fault says so
    python -m experiments.faults --list               what has become of those so far
    python -m experiments.faults --many               30 faults of runs of several processes: about an hour; needs Ray

A fault is known by its number, which makes its moment. Its run must end as the same run does that nobody disturbs, with
the same digest and the same rows; a run of A3C in real time must end as the replay of its own events does. A campaign
goes on where it was. Exit code 1: a run was lost, hung, or ended otherwise.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments import common, hurts, many
from experiments.hurts import FAULTS, Fault
from experiments.session import HungError, LostError, Session, WrongError
from experiments.subjects import SUBJECTS, Subject

RESULTS = {False: "faults", True: "faults_many"}
"""Names of results: of runs of one process, and of several."""
OUTCOMES = ("survived", "lost", "hung", "wrong")


def pairs(several: bool) -> dict[tuple[str, str], Fault]:
    """Every fault with every run in turn; for runs of several processes, with those that it can befall."""
    return many.FAULTS if several else {(run, name): fault for name, fault in FAULTS.items() for run in SUBJECTS}


def plan(number: int, several: bool = False) -> tuple[str, str]:
    """The run and the fault of this number."""
    every = list(pairs(several))
    return every[number % len(every)]


def examine(number: int, work: Path, references: Path, several: bool = False) -> dict[str, Any]:
    """Hurts a run, resumes it until it is complete, and compares it with the one that nobody disturbed.

    Args:
        number: number of the fault.
        work: a directory for the run.
        references: the directory of the undisturbed runs, and of the programs that are compiled.
        several: it is one of runs of several processes.
    """
    name, fault = plan(number, several)
    subject = (many.SUBJECTS if several else SUBJECTS)[name]
    session = Session(subject, work / f"{number}", reference(name, subject, references), references / "programs")
    session.clean()  # of a campaign that was killed
    try:
        pairs(several)[name, fault](session, hurts.moment(number))
        outcome, why = "survived", ""
    except (LostError, HungError, WrongError) as error:
        outcome, why = error.outcome, str(error)
    finally:
        session.clean()
    kept = {"number": number, "run": name, "fault": fault, "outcome": outcome}
    untidy: dict[str, Any] = {"tracebacks": session.tracebacks} if session.tracebacks else {}
    untidy |= {"damaged": session.damaged} if session.damaged else {}
    untidy |= {"seen": session.seen} if session.seen else {}
    return kept | ({"why": why} if why else {}) | untidy | {"commands": session.commands}


def reference(name: str, subject: Subject, references: Path) -> Path:
    """The directory of the run that nobody disturbs, trained once, in one process."""
    directory = references / name
    if not subject.is_complete(directory):
        Session(subject._replace(processes=1), directory, directory, references / "programs").begin()
    return directory


def sum_up(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts of outcomes, of all faults and by run and fault."""
    table: dict[str, Any] = {"faults": len(records), "tracebacks": sum("tracebacks" in each for each in records)}
    table |= {outcome: sum(each["outcome"] == outcome for each in records) for outcome in OUTCOMES}
    by = Counter((each["run"], each["fault"], each["outcome"]) for each in records)
    return table | {"table": [[*key, count] for key, count in sorted(by.items())]}


def campaign(
    numbers: Sequence[int], work: Path, results: Path | None = None, several: bool = False
) -> list[dict[str, Any]]:
    """Examines these faults, but for those that are done already; every result is saved at once."""
    result, command = RESULTS[several], f"python -m experiments.faults{' --many' * several}"
    records = {each["number"]: each for each in common.load(result, results).get("records", [])}
    for number in numbers:
        if number not in records:
            records[number] = examine(number, work, work, several)
            told = records[number]
            print(
                f"{number:4d}  {told['run']:8} {told['fault']:16} {told['outcome']}  {told.get('why', '')}", flush=True
            )
            done = [records[each] for each in sorted(records)]
            common.save(result, {**sum_up(done), "records": done}, command, results)
    return [records[number] for number in numbers]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, help="how many; default: 200, or 30 with --many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--many", action="store_true", help="of runs of several processes")
    parser.add_argument("--work", type=Path, help="a directory for the runs, to use the undisturbed ones again")
    given = parser.parse_args()
    end = given.first + (given.faults or (30 if given.many else 200))
    numbers = [each for each in range(given.first, end) if given.only in " ".join(plan(each, given.many))]
    if given.list:
        records = common.load(RESULTS[given.many]).get("records", [])
    else:
        with tempfile.TemporaryDirectory(prefix="jaxac-faults-") as directory:
            records = campaign(numbers, (given.work or Path(directory)).resolve(), several=given.many)
    summed = sum_up(records)
    for name, fault, outcome, count in summed.pop("table"):
        its = [each.get("seen", {}) for each in records if (each["run"], each["fault"]) == (name, fault)]
        print(f"{name:14}{fault:18}{outcome:10}{count:4d}  {many.told(its)}")
    print(", ".join(f"{count} {name}" for name, count in summed.items()))
    sys.exit(int(summed["survived"] != summed["faults"]))


if __name__ == "__main__":
    main()
