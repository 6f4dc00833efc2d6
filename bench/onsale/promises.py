"""What issue and documentation promise of the on-sale, by the figure that shows it."""

from dataclasses import dataclass
from statistics import median

from bench.common import Figures


@dataclass(frozen=True)
class Promise:
    """A figure, and what it must be; `least` or at most."""

    figure: str
    what: str
    value: float
    least: bool = True

    def judge(self, values: list[float], *, quick: bool) -> tuple[str, str, str, str]:
        """Return the row of the table: what, the median of the runs, what was promised, whether it was kept.

        A quick run has a smaller load than the one that was promised for, so that it keeps nothing.
        """
        found = median(values)
        is_kept = found >= self.value if self.least else found <= self.value
        bound = f"{'at least' if self.least else 'at most'} {self.value:g}"
        return (
            self.what,
            f"{found:,.2f}",
            bound,
            ("smaller load, in reach" if quick else "kept") if is_kept else "BROKEN",
        )


def _most(figure: str, what: str, value: float) -> Promise:
    return Promise(figure, what, value, least=False)


PROMISES = (
    _most("rush_seconds", "rush: s until all who compete are answered", 15),
    _most("password_rush_seconds", "rush with password logins: s until all are answered", 120),
    _most("at_once_last_winner_s", "1,000 at once: s until the last winner knows", 8),
    _most("paced_winner_p99_s", "64 at a time: p99 s until the winner knows", 0.8),
    Promise("books", "confirmed bookings a second, one hot event", 100),
    Promise("books_of_minimal", "of the bare minimal view, in the same run", 0.6),
    Promise("books_of_minimal_behind", "of the minimal view behind our middleware", 0.6),
    Promise("joins", "joins a second by POST, one hot event", 150),
    Promise("joins_of_minimal", "of the bare minimal view, in the same run", 0.7),
    Promise("joins_of_minimal_behind", "of the minimal view behind our middleware", 0.7),
    Promise("socket_joins_a_second", "joins a second over open sockets", 2000),
    Promise("socket_books_a_second", "bookings a second over open sockets", 1000),
    _most("socket_rush_last_s", "s until the last of them knows", 2),
    Promise("joins_100000_of_1000_sold", "joins with 100,000 sold, of those with 1,000", 0.9),
    Promise("books_100000_of_1000_sold", "bookings with 100,000 sold, of those with 1,000", 0.9),
    Promise("list_200", "list pages a second, anonymous, 200 events", 400),
    Promise("list_flat", "of it with 10 events", 0.9),
    Promise("dashboard_200", "dashboards a second, 200 events", 60),
    Promise("logins_20", "password logins a second, 20 events", 20),
    _most("sockets_200_change_p99_ms", "200 sockets: p99 ms until a change is on every screen", 150),
    _most("sockets_3000_change_p99_ms", "3,000 sockets: p99 ms until a change is on every screen", 1000),
    _most("sockets_3000_idle_cpu_percent", "3,000 sockets: idle CPU, % of a core", 2),
    _most("sockets_3000_kb_each", "3,000 sockets: KiB of memory each", 60),
    _most("sockets_process_start_s", "a sockets process: s from its start to its first answer", 3),
    _most("sockets_process_full_mib", "a sockets process: MiB with 1,000 sockets", 150),
    _most("pages_process_start_s", "a pages process: s from its start to its first answer", 3),
    _most("pages_process_full_mib", "a pages process: MiB after 500 dashboards", 150),
    Promise("allocation_of_lock_count_insert", "holds in the allocation, of lock-count-insert", 10),
)


def promised(figures: dict[str, list[float]], *, quick: bool) -> Figures:
    """Return the table of what was promised and measured; what no scenario of this run measured is left out."""
    rows: Figures = [("", "median", "promised", "")]
    return rows + [
        promise.judge(figures[promise.figure], quick=quick) for promise in PROMISES if promise.figure in figures
    ]
