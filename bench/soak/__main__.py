"""Play rounds of a sale beside faults until so many operations are checked; exit code 1 if anything was violated.

    python -m bench.soak [--operations 1000000] [--seconds 240] [--seed 1] [--plant newest-first]

Each round has new events and people on one site; when it is over, the site is healed, everything comes to rest, and
the history of every event is checked. It goes on until there were faults enough, too: 500 beside a million. What was
found wrong, and the figures, are in bench/results/soak.json.
"""

import argparse
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer

from bench.common import Figures, print_table, save, throwaway
from bench.faults.cluster import running_cluster
from bench.faults.points import FORKED, failpoint
from bench.faults.scenes import ONE_WORKER
from bench.faults.site import running_site
from bench.load import loading, raise_file_limit
from bench.soak.promises import LEAST_QUIET
from bench.sockets import opening

if TYPE_CHECKING:  # it is too early for models before Django is set up
    from bench.soak.rounds import Told

PAGES_NODES = 2  # of one worker each, beside one process of sockets, in which the clock runs
SHOWN = 20
FEWEST = 500  # faults beside a million operations


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Sell beside one fault after the other, and check every answer.")
    parser.add_argument("--operations", type=int, default=1_000_000, help="checked at least")
    parser.add_argument("--seconds", type=float, default=240, help="that people ask in a round")
    parser.add_argument("--quiet", type=float, default=3, help="seconds from each recovery to the next fault")
    parser.add_argument("--seed", type=int, default=1, help="of what people and staff want, and of the faults")
    parser.add_argument("--plant", default="", help="a fault of bench/plants.py, to see that it is caught")
    chosen = parser.parse_args()
    if chosen.quiet <= LEAST_QUIET:
        parser.error(
            f"--quiet must be more than {LEAST_QUIET:g}, or nobody would see a place that is free for too long"
        )
    return chosen


def main() -> None:
    """Play, print, and exit."""
    chosen = options()
    raise_file_limit()
    run = Run(chosen)
    with (
        loading() as load,
        opening() as pages,
        running_cluster() as cluster,
        throwaway(cluster.url),
        failpoint() as point,
        running_site(cluster, nodes=1, by=FORKED, **point.settings, FAULTS_PLANT=chosen.plant) as site,
    ):
        from bench.soak.rounds import Stage, play  # noqa: PLC0415 -- its models need Django set up

        # What staff do here is told to the site's pages as what a command does; `throwaway` has set up none.
        channel_layers.set("default", RedisPubSubChannelLayer(hosts=[site.redis_url], prefix="tickets"))
        for _ in range(PAGES_NODES):
            site.node(ONE_WORKER, **point.settings, FAULTS_PLANT=chosen.plant)
        stage = Stage(site, point, load, pages)
        fewest = FEWEST * chosen.operations // 1_000_000 or 1
        while run.operations["checked"] < chosen.operations or 0 < run.faults.total() < fewest:
            seed = f"{chosen.seed} {run.rounds}"
            run.add(play(stage, seed=seed, seconds=chosen.seconds, quiet=chosen.quiet))
    print_table("The long run", run.figures())
    print(*run.wrong[:SHOWN], sep="\n")
    sys.exit(1 if run.wrong else 0)


class Run:
    """What all rounds came to so far; it is kept after each of them."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen, self.began, self.rounds = chosen, time.monotonic(), 0
        self.operations, self.faults = Counter[str](), Counter[str]()
        self.wrong: list[str] = []

    def add(self, told: "Told") -> None:
        """Add a round, tell how far it is, and keep it."""
        self.rounds += 1
        self.operations += told.operations
        self.faults += told.faults
        self.wrong += told.wrong or ([] if told.faults else ["no fault came about"])
        checked, faults = self.operations["checked"], self.faults.total()
        said = f"round {self.rounds}: {checked:,} operations, {faults:,} faults, {len(self.wrong)} violations"
        print(said, *told.wrong[:SHOWN], sep="\n", file=sys.stderr, flush=True)
        save("soak", {"options": vars(self.chosen), "figures": self.figures(), "wrong": self.wrong})

    def figures(self) -> Figures:
        """Return the table."""
        minutes = (time.monotonic() - self.began) / 60
        return [
            ("seed; rounds; minutes", f"{self.chosen.seed}; {self.rounds}; {minutes:.1f}"),
            *((name, f"{count:,}") for name, count in sorted(self.operations.items())),
            *((f"fault: {name}", f"{count:,}") for name, count in sorted(self.faults.items())),
            ("faults", f"{self.faults.total():,}"),
            ("violations", len(self.wrong)),
        ]


if __name__ == "__main__":
    main()
