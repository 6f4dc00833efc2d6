"""What the ledger costs the allocation: the same work with it and without it, in turn, in one run.

    python -m bench.ledger_cost [--sqlite] [--rounds 5] [--people 200] [--processes 1]

Without: nothing is noted, sealed or linked, and no query asks what is to be linked. The announcements to the pages are
left out of both, which makes the ledger's part look larger than it is for a visitor.
"""

import argparse
import sys
from collections.abc import Iterable
from statistics import median

from bench.common import Figures, print_table, processes, save, throwaway

WALL, CPU = 0, 1
PROMISE = 0.15  # of the rate, at most (issue "The line", item 6)
Took = tuple[float, float]  # seconds, of them processor time
Rounds = list[tuple[Took, Took]]  # with the ledger, and without


def measure(options: argparse.Namespace) -> dict[str, Rounds]:
    """Return what each scenario took; the first round of all is for warming up, and left out."""
    from bench import scenarios, stage  # noqa: PLC0415 -- its models need Django set up

    scenarios.prepare()
    stage.make_people(max(2 * options.people, scenarios.IN_LINE))
    times: dict[str, Rounds] = {name: [] for name in scenarios.SCENARIOS}
    with processes(options.processes, "bench.scenarios.prepare") as executor:
        for turn in range(options.rounds + 1):
            for name in scenarios.SCENARIOS:
                took = {
                    ledger: scenarios.play(executor, name, options.people, options.processes, ledger=ledger)
                    for ledger in ((True, False) if turn % 2 else (False, True))
                }
                if turn > 0:
                    times[name].append((took[True], took[False]))
    return times


def costs(rounds: Rounds, which: int = WALL) -> list[float]:
    """Return the part of the rate that the ledger takes, of each round, least first."""
    return sorted(1 - without[which] / with_ledger[which] for with_ledger, without in rounds)


def total(times: dict[str, Rounds]) -> Rounds:
    """Return what all scenarios took together."""
    turns = zip(*times.values(), strict=True)
    return [(_sum(with_ledger for with_ledger, _ in turn), _sum(without for _, without in turn)) for turn in turns]


def _sum(sides: Iterable[Took]) -> Took:
    wall, cpu = map(sum, zip(*sides, strict=True))
    return wall, cpu


def report(title: str, times: dict[str, Rounds]) -> float:
    """Print what was measured; return the overall cost, the median of the rounds."""
    rows: Figures = [("", "with", "without", "cost", "in rounds", "CPU with", "without", "cost", "in rounds")]
    for name, rounds in (*times.items(), ("all of it", total(times))):
        row = [name]
        for which in (WALL, CPU):
            row += [f"{1000 * median(took[which] for took in side):,.0f} ms" for side in zip(*rounds, strict=True)]
            ordered = costs(rounds, which)
            row += [f"{median(ordered):.1%}", f"{ordered[0]:.0%} to {ordered[-1]:.0%}"]
        rows.append(tuple(row))
    print_table(title, rows)
    return median(costs(total(times)))


def main() -> None:
    """Measure, print, and exit with 1 when the ledger costs more than was promised."""
    parser = argparse.ArgumentParser(description="Measure what the ledger costs the allocation.")
    parser.add_argument("--sqlite", action="store_true", help="on SQLite (default: PostgreSQL)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=int, default=200, help="operations of each scenario, the opening apart")
    parser.add_argument("--processes", type=int, default=1, help="that act at the same time")
    options = parser.parse_args()
    with throwaway(sqlite=options.sqlite):
        times = measure(options)
    name = "SQLite" if options.sqlite else "PostgreSQL"
    title = f"The ledger's cost on {name}: {options.people} operations each, {options.processes} process(es)"
    overall = report(title, times)
    save(f"ledger_cost_{name.lower()}", {"options": vars(options), "cost": overall, "seconds": times})
    kept = overall <= PROMISE
    print(f"Overall {overall:.1%}, promised at most {PROMISE:.0%}: {'kept' if kept else 'BROKEN'}.")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
