"""The on-sale's figures as pictures: docs/performance/*.svg from bench/results/onsale_*.json, and the medians as JSON.

python -m bench.plots
"""

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt  # after the choice of what draws

from bench.common import RESULTS

TARGET = Path("docs/performance")
THROUGHPUT = {
    "minimal view": "minimal",
    "minimal view, our middleware": "minimal_behind",
    "joins": "joins",
    "bookings": "books",
    "joins, 20 events": "joins_spread",
    "bookings, 20 events": "books_spread",
    "list, 200 events": "list_200",
    "dashboard, 200 events": "dashboard_200",
    "logins, 20 events": "logins_20",
    "joins over sockets": "socket_joins_a_second",
    "bookings over sockets": "socket_books_a_second",
    "plain INSERT": "insert",
    "lock, count, insert": "lock_count_insert",
    "joins in-process": "allocation_joins",
}
LATENCY = {"p50": "sockets_{}_change_p50_ms", "p99": "sockets_{}_change_p99_ms", "last": "sockets_{}_change_p100_ms"}
SOCKETS = (200, 1000, 3000, 5000, 10_000)
GROWTH = {"sold": (1_000, 10_000, 100_000), "in_line": (10, 1_000, 50_000)}
GROWING = ("joins", "books", "releases", "page")
Figures = dict[str, dict[str, float]]  # medians by name, by topology


def medians() -> Figures:
    """Return the medians of all runs that are kept; of what was measured twice, the newest."""
    found: Figures = {}
    for file in sorted(RESULTS.glob("onsale_*.json"), key=lambda path: path.stat().st_mtime):
        for spec, figures in json.loads(file.read_text())["figures"].items():
            found.setdefault(spec, {}).update({name: round(median(values), 3) for name, values in figures.items()})
    return found


def draw_throughput(found: Figures) -> None:
    """Draw a second's worth of each thing, one bar for each topology."""
    names = [label for label, name in THROUGHPUT.items() if any(name in figures for figures in found.values())]
    figure, axes = plt.subplots(figsize=(9, 0.5 + 0.35 * len(names) * max(1, len(found))))
    height = 0.8 / len(found)
    for n, (spec, figures) in enumerate(found.items()):
        values = [figures.get(THROUGHPUT[label], 0) for label in names]
        bars = axes.barh([row + n * height for row in range(len(names))], values, height, label=spec)
        axes.bar_label(bars, [f"{value:,.0f}" if value else "" for value in values], padding=3, fontsize=8)
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("a second (logarithmic)")
    _finish(figure, axes, "throughput")


def draw_latency(found: Figures) -> None:
    """Draw how long a change takes to be on every screen, by the number of open dashboards."""
    figure, axes = plt.subplots(figsize=(7, 4))
    for spec, figures in found.items():
        for label, name in LATENCY.items():
            points = [(size, figures[name.format(size)]) for size in SOCKETS if name.format(size) in figures]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", label=f"{spec}, {label}")
    axes.set_xlabel("open dashboards")
    axes.set_ylabel("milliseconds from the request to the screen")
    axes.set_ylim(bottom=0)
    _finish(figure, axes, "latency")


def draw_growth(found: Figures) -> None:
    """Draw rates as tickets are sold, and as the line grows."""
    figure, both = plt.subplots(1, len(GROWTH), figsize=(11, 4), sharey=True)
    for axes, (what, sizes) in zip(both, GROWTH.items(), strict=True):
        for spec, figures in found.items():
            for kind in GROWING:
                points = [(n, figures[f"{kind}_{n}_{what}"]) for n in sizes if f"{kind}_{n}_{what}" in figures]
                if points:
                    axes.plot(*zip(*points, strict=True), marker="o", label=f"{kind}, {spec}")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"{what.replace('_', ' ')} (logarithmic)")
    both[0].set_ylabel("a second")
    _finish(figure, both[-1], "growth")


def _finish(figure: Any, axes: Any, name: str) -> None:
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(TARGET / f"{name}.svg", metadata={"Date": None})  # the same figures give the same file
    plt.close(figure)


def main() -> None:
    """Draw all of it, and keep the medians that were drawn."""
    mpl.rcParams |= {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.family": "sans-serif"}
    found = medians()
    if not found:
        sys.exit("There is nothing to draw: run `make bench` first.")
    TARGET.mkdir(parents=True, exist_ok=True)
    for draw in (draw_throughput, draw_latency, draw_growth):
        draw(found)
    (TARGET / "figures.json").write_text(json.dumps(found, indent=1) + "\n")
    print(f"Drawn into {TARGET}: {', '.join(sorted(path.name for path in TARGET.iterdir()))}")


if __name__ == "__main__":
    main()
