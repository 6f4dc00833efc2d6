"""What came of a fault: one row of the table, and what was wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Report:
    """What was provoked, what the system did, and what was not as it must be; nothing wrong is a pass.

    `control` says how it is known that the fault was real: what is seen of it where nothing protects against it, or
    what the fault itself left behind.
    """

    provoked: str = ""
    control: str = ""
    did: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def note(self, said: str) -> None:
        """Keep what the system did."""
        self.did.append(said)

    def expect(self, is_so: bool, otherwise: str) -> None:
        """Count it as wrong unless something is so."""
        if not is_so:
            self.wrong.append(otherwise)

    def expect_no_traces(self, traces: Sequence[str]) -> None:
        """Count it as wrong if tracebacks were logged, whose last lines these are."""
        self.expect(not traces, f"tracebacks were logged: {sorted(set(traces))[:3]}")


Play = Callable[[Report, bool], None]  # the report to fill, and whether to be quick


@dataclass(frozen=True)
class Fault:
    """One row of the fault matrix (RELIABILITY 3)."""

    number: str
    name: str
    play: Play
    is_quick: bool = True  # part of the short version
    is_timed: bool = False  # compares milliseconds, so that nothing else may be played at the same time
