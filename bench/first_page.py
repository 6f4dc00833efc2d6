"""The first page for whoever was never here, over a slow network: how heavy it is, when it can be read and used.

    python -m bench.first_page [--times 5]

A list of 24 events, through nginx as `deploy/nginx.conf` has it, in Chromium, whose network is slowed down: with
an empty cache each time, on a phone's screen. Exit code 1: more than 100 kB, or scripts that have run only after 1.5
seconds.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.common import Figures, print_table, save, throwaway
from bench.topology import running
from tools.chromium import CHROMIUM, QUIET
from tools.front import front

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EVENTS = 24  # of the first page of the list
HEAVIEST, LATEST = 100_000, 1.5  # bytes, headers among them; seconds
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 812}, "is_mobile": True, "has_touch": True}
LIVE = "[data-live-status][data-state=live]"  # the numbers of this moment have come


class Network(NamedTuple):
    """A network as Chromium's developer tools play it: what it carries in bits a second, and its round trip in ms."""

    name: str
    bits: int
    round_trip: int


# The first is Lighthouse's "slow 4G", which the developer tools called "fast 3G"; the second their "slow 3G".
NETWORKS = (Network("3G", 1_600_000, 150), Network("slow 3G", 400_000, 400))


class Seen(NamedTuple):
    """What a visit came to: seconds since the address was opened, bytes and requests."""

    usable: float
    painted: float
    scripted: float
    live: float
    weight: int
    requests: int


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Open the first page over a slow network.")
    parser.add_argument("--times", type=int, default=5, help="that it is opened on each network")
    return parser.parse_args()


def visit(browser: "Browser", address: str, network: Network) -> Seen:
    """Open the page with an empty cache.

    It is usable once the server's own forms and links are there, for none of them needs a script; `scripted` is when
    the last script of the page has run, `live` when the first numbers have come over the socket.
    """
    with browser.new_context(ignore_https_errors=True, **PHONE) as context:
        page = context.new_page()
        weights: list[int] = []
        protocol = context.new_cdp_session(page)
        protocol.on("Network.loadingFinished", lambda told: weights.append(int(told["encodedDataLength"])))
        protocol.send("Network.enable")
        slow = {"offline": False, "latency": network.round_trip, "uploadThroughput": network.bits / 8}
        protocol.send("Network.emulateNetworkConditions", slow | {"downloadThroughput": network.bits / 8})
        page.goto(address)
        page.locator(LIVE).first.wait_for()
        live = page.evaluate("performance.now()")
        times = page.evaluate("""() => {
          const [page] = performance.getEntriesByType("navigation");
          const [painted] = performance.getEntriesByName("first-contentful-paint");
          return [page.domInteractive, painted.startTime, page.domContentLoadedEventEnd];
        }""")
        usable, painted, scripted = (time / 1000 for time in times)
        return Seen(usable, painted, scripted, live / 1000, sum(weights), len(weights))


def play(times: int) -> tuple[Figures, list[str]]:
    """Serve the page, open it; return the table, and what was not as promised."""
    from django.core.management import call_command  # noqa: PLC0415 -- needs Django set up
    from django.test import override_settings  # noqa: PLC0415 -- as above
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- only with the packages of development

    from core.tests.cast import make_event  # noqa: PLC0415 -- as above

    for n in range(EVENTS):
        make_event(name=f"Concert {n} of the winter season", capacity=500 + n)
    os.environ["HTTPS"] = "on"
    table: Figures = [("network", *(f"{name}{' s' * (n < 4)}" for n, name in enumerate(Seen._fields)))]  # noqa: PLR2004
    wrong = []
    with (
        tempfile.TemporaryDirectory() as name,
        running("granian-wsgi:1x8+uvicorn:1") as site,
        front(Path(name), pages=f"127.0.0.1:{site.http[0]}", sockets=f"127.0.0.1:{site.sockets[0]}") as ports,
        override_settings(STATIC_ROOT=Path(name, "staticfiles")),
        sync_playwright() as playwright,
    ):
        call_command("collectstatic", interactive=False, verbosity=0)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for network in NETWORKS:
            visits = [visit(browser, f"https://localhost:{ports.secure}/", network) for _ in range(times)]
            seen = Seen(*(median(column) for column in zip(*visits, strict=True)))
            if network is NETWORKS[0] and max(seen.painted, seen.scripted) > LATEST:
                wrong.append(f"{network.name}: interactive after {seen.scripted:.1f} s, and {LATEST} are promised")
            table.append((network.name, *(f"{value:.2f}" for value in seen[:4]), seen.weight, seen.requests))
            if seen.weight > HEAVIEST:
                wrong.append(f"{network.name}: {seen.weight:,} bytes, and {HEAVIEST:,} are promised")
        browser.close()
    return table, wrong


def main() -> None:
    """Play, print, and exit."""
    chosen = options()
    if CHROMIUM is None:
        sys.exit("This needs Chromium.")
    with throwaway():
        table, wrong = play(chosen.times)
    print_table("The first page", table)
    print(*wrong, sep="\n")
    save("first_page", {"table": table, "wrong": wrong})
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
