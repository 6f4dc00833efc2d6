"""Sales played against the real allocation, from several processes on PostgreSQL, and their whole history checked.

    python -m bench.fairness [story | opening] [--seed N] [--people 10000] [--processes 4] [--capacity 500]
    python -m bench.fairness --plant newest-first --people 600 --capacity 30

The story's people arrive by a seed, and its last part is quiet: nobody asks for anything, and only the clocks of the
web processes serve what lapses. The opening has people wait for an announced second. Exit code 1: something was unfair.
"""

import argparse
import secrets
import sys

from bench.common import print_table, save, throwaway
from tools.run_tests import POSTGRESQL

SHOWN = 20  # violations; all of them are in bench/results
SCENARIOS = ("story", "opening")
POLICIES = ("login_fifo", "randomised_open")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Play a sale, and check its whole history.")
    parser.add_argument("scenario", nargs="?", choices=SCENARIOS, default="story")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--people", type=int, help="default: 10,000; of the opening 2,000")
    parser.add_argument("--capacity", type=int, default=500)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--rate", type=float, help="logins a second in the story; default: as the machine can bear")
    parser.add_argument("--policy", choices=POLICIES, default=POLICIES[0], help="of the opening")
    parser.add_argument("--present", type=int, default=0, help="of the opening's people, those who only log in before")
    parser.add_argument("--plant", default="", metavar="FAULT", help="newest-first, overtake, ...: bench/plants.py")
    parser.add_argument("--server", default=POSTGRESQL, help="where the throwaway database is made")
    chosen = parser.parse_args()
    chosen.people = chosen.people or (10_000 if chosen.scenario == "story" else 2_000)
    return chosen


def main() -> None:
    """Play, print, and exit with 1 when a check found something."""
    chosen = options()
    with throwaway(chosen.server):
        from bench import opening, sale  # noqa: PLC0415 -- their models need Django set up

        outcome = (opening if chosen.scenario == "opening" else sale).play(chosen)
    for title, rows in outcome.tables.items():
        print_table(title, rows)
    found = [f"{check}: {text}" for check, texts in outcome.violations.items() for text in texts]
    print("\n".join(["", *found[:SHOWN]]))
    print(f"{f'UNFAIR: {len(found)} violations' if found else 'Fair: no violation'}. Seed {chosen.seed}.")
    save(f"{chosen.scenario}_{chosen.policy}", {"options": vars(chosen), **vars(outcome)})
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
