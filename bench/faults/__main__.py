"""Every fault of the matrix, provoked on this machine: a row for each, and exit code 1 if one did not pass.

    python -m bench.faults [F1 F7 ...] [--quick]
    python -m bench.faults --markdown > docs/faults.md

It starts servers of its own (PostgreSQL, Redis, web processes), and needs their programs. The second prints what each
fault came to when it was last played whole, which is kept in bench/results/faults.json.
"""

import argparse
import contextlib
import datetime as dt
import importlib
import json
import pkgutil
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bench.faults
from bench.common import RESULTS, print_table, save
from bench.faults.cluster import template
from bench.faults.page import page
from bench.faults.report import Fault, Report

NUMBERS = tuple(f"F{number}" for number in range(1, 31))  # of the matrix
SHOWN = 10
PATIENCE = 900  # seconds for one fault


def matrix() -> list[Fault]:
    """Return the faults of all modules `bench.faults.f_*`, in order."""
    names = [name for _, name, _ in pkgutil.iter_modules(bench.faults.__path__) if name.startswith("f_")]
    faults = [fault for name in names for fault in importlib.import_module(f"bench.faults.{name}").FAULTS]
    return sorted(faults, key=lambda fault: int(fault.number[1:]))


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Provoke every fault, and check what came of it.")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="F1, F2, ...; default: all")
    parser.add_argument(
        "--quick", action="store_true", help="fewer repetitions, and unless they are named only those that take seconds"
    )
    parser.add_argument("--here", action="store_true", help="play one fault in this process, and print it as JSON")
    parser.add_argument("--markdown", action="store_true", help="play nothing, and print the record of the last run")
    chosen = parser.parse_args()
    try:
        chosen.faults = choose(matrix(), chosen.faults, quick=chosen.quick)
    except LookupError as error:
        parser.error(error.args[0])
    return chosen


def choose(faults: Sequence[Fault], names: Sequence[str], *, quick: bool) -> list[Fault]:
    """Return the faults of these names, or all there are to play; raise LookupError for one that there is not."""
    numbers = [fault.number for fault in faults]
    unknown = [name for name in names or NUMBERS if name not in numbers]
    if unknown:
        raise LookupError(f"There is no {', '.join(unknown)}. The faults are {', '.join(numbers)}.")
    return [fault for fault in faults if (fault.number in names if names else fault.is_quick or not quick)]


def play_here(fault: Fault, *, quick: bool) -> Report:
    """Play a fault in this process, whose Django has one database for good."""
    report = Report()
    try:
        fault.play(report, quick)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- it is told like anything else that is wrong
        traceback.print_exc()
        report.wrong.append(f"it could not be played: {error!r}")
    report.expect(bool(report.control), "nothing shows that the fault was real")
    return report


def play(fault: Fault, *, quick: bool) -> Report:
    """Play a fault in a process of its own."""
    command = [sys.executable, "-m", "bench.faults", fault.number, "--here", *(["--quick"] if quick else [])]
    with contextlib.suppress(subprocess.TimeoutExpired, ValueError, IndexError):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        return Report(**json.loads(done.stdout.splitlines()[-1]))
    return Report(wrong=["it did not end, or told nothing"])


def main() -> None:
    """Play, print, and exit."""
    chosen = options()
    faults = chosen.faults
    if chosen.markdown:
        print(last_run())
        return
    if chosen.here:
        [fault] = faults
        print(json.dumps(vars(play_here(fault, quick=chosen.quick))))
        return
    with template() if len(faults) > 1 else contextlib.nullcontext():
        reports = play_all(faults, quick=chosen.quick)
    rows = [
        (number, told["name"], told["seconds"], _result(told), "; ".join(told["did"]))
        for number, told in reports.items()
    ]
    print_table("Faults", [("", "fault", "seconds", "", "what the system did"), *rows])
    for number, told in reports.items():
        print(f"{number}: {told['provoked']}. Control: {told['control']}")
    if not chosen.quick:
        keep(reports)
    sys.exit(1 if any(told["wrong"] for told in reports.values()) else 0)


def kept() -> dict[str, dict[str, Any]]:
    """Return what each fault came to when it was last played whole, by number."""
    file = RESULTS / "faults.json"
    return json.loads(file.read_text()) if file.exists() else {}


def keep(reports: dict[str, dict[str, Any]]) -> None:
    """Keep what faults came to, in place of what each of them did before, with the day and the size of the run."""
    of_run = {"date": f"{dt.datetime.now(dt.UTC):%-d %B %Y}", "together": len(reports)}
    known = kept() | {number: told | of_run for number, told in reports.items()}
    save("faults", {number: known[number] for number in NUMBERS if number in known})


def last_run() -> str:
    """Return the page that tells of it; exit if nothing was played."""
    found = kept()
    if not found:
        sys.exit("Nothing was played whole yet: `make faults` does it.")
    return page(found, len(NUMBERS))


def play_all(faults: Sequence[Fault], *, quick: bool) -> dict[str, dict[str, Any]]:
    """Play faults, when quick two at a time but for those that are timed; return what came of each, in order."""
    reports: dict[str, dict[str, Any]] = {}
    for are_timed in (False, True):
        these = [fault for fault in faults if fault.is_timed == are_timed]
        with ThreadPoolExecutor(2 if quick and not are_timed else 1) as threads:
            reports |= dict(threads.map(lambda fault: (fault.number, _told(fault, quick=quick)), these))
    return {fault.number: reports[fault.number] for fault in faults}


def _told(fault: Fault, *, quick: bool) -> dict[str, Any]:
    began = time.monotonic()
    told = {"name": fault.name, **vars(play(fault, quick=quick)), "seconds": round(time.monotonic() - began)}
    said = f"{fault.number} {fault.name}: {_result(told)}, {told['seconds']} s"
    print(said, *told["wrong"][:SHOWN], sep="\n  ", file=sys.stderr, flush=True)
    return told


def _result(told: dict[str, Any]) -> str:
    return "FAILED" if told["wrong"] else "passed"


if __name__ == "__main__":
    main()
