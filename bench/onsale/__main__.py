"""The on-sale's figures on PostgreSQL and Redis: one table, with what was promised; exit code 1 if anything was unfair.

    python -m bench.onsale [SCENARIO ...] [--topology uvicorn:2] [--runs 3] [--quick]

Load and servers share this machine's cores, so figures are lower than a site's; ratios are of the same run.
"""

import argparse
import importlib
import math
import sys
from dataclasses import dataclass, field
from statistics import median

from bench.common import Figures, print_table, save, throwaway
from bench.load import loading
from bench.onsale.promises import promised
from tools.run_tests import POSTGRESQL

SCENARIOS = (
    *("writes", "rush", "pages", "logins", "sockets", "references", "socket_writes", "one_process"),
    *("growth", "password_rush", "many_sockets"),  # minutes each
)
TOPOLOGY = "granian-wsgi:2x16+uvicorn:2"  # as in production (tools/servers.py)
SHOWN = 20


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure the on-sale, and check the history of every run.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--topology", nargs="+", default=[TOPOLOGY], help="servers, as bench/topology.py reads them")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="with fewer people, and half the time")
    parser.add_argument("--server", default=POSTGRESQL, help="where the throwaway database is made")
    chosen = parser.parse_args()
    chosen.scenarios = chosen.scenarios or list(SCENARIOS)
    return chosen


@dataclass
class Found:
    """What all runs found: each run's figures by topology and name, what was wrong, and what the servers logged."""

    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)


def measure(chosen: argparse.Namespace) -> Found:
    """Play all scenarios so many times; with several topologies each run plays them in turn."""
    found = Found()
    with throwaway(chosen.server), loading() as load:
        from bench.onsale import setting  # noqa: PLC0415 -- its models need Django set up

        setting.prepare()
        for number in range(1, chosen.runs + 1):
            for spec in chosen.topology:
                with setting.site_of(spec, load, quick=chosen.quick) as run:
                    for name in chosen.scenarios:
                        importlib.import_module(f"bench.onsale.{name}").play(run)
                    found.logged += [f"run {number}, {spec}: {text}" for text in run.site.troubles()]
                found.wrong += [f"run {number}, {spec}: {text}" for text in run.wrong]
                for figure, value in run.figures.items():
                    found.figures.setdefault(spec, {}).setdefault(figure, []).append(value)
                print(f"run {number} of {spec}", file=sys.stderr)
    return found


def table(found: Found) -> Figures:
    """Return the medians, one topology beside the other."""
    names = list(dict.fromkeys(name for figures in found.figures.values() for name in figures))
    rows: Figures = [("median of the runs", *found.figures)]
    for name in names:
        medians = [median(figures.get(name, [math.nan])) for figures in found.figures.values()]
        rows.append((name, *(f"{value:,.2f}" for value in medians)))
    return rows


def main() -> None:
    """Measure, print, and exit with 1 when a history was not as it must be."""
    chosen = options()
    found = measure(chosen)
    print_table("The on-sale: all figures", table(found))
    for spec, figures in found.figures.items():
        print_table(f"What was promised, {spec}", promised(figures, quick=chosen.quick))
    for title, lines in (("Logged by the servers", found.logged), ("Violations", found.wrong)):
        print("\n".join([f"\n{title}: {len(lines)}", *lines[:SHOWN]]))
    save(f"onsale_{'_'.join(chosen.scenarios)}", {"options": vars(chosen), **vars(found)})
    sys.exit(1 if found.wrong else 0)


if __name__ == "__main__":
    main()
