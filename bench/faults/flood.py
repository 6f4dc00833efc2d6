"""F19: a client that says too much, too often, or what no client may: closed with the reason, and the log is quiet."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from bench.crowd import logged_in
from bench.faults import crowd
from bench.faults.raw import BINARY, CONTINUED, TEXT, RawSocket
from bench.faults.report import Report
from bench.faults.scenes import SOCKETS, ask, site_of
from bench.faults.site import Process

LARGEST = 4096  # bytes
A_MINUTE = 60  # messages
FLOOD = 5000
PUBLIC, DASHBOARD = "/ws/events/", "/ws/dashboard/"


def _large(raw: RawSocket) -> None:
    raw.say(b"x" * (LARGEST + 1))


def _fragments(raw: RawSocket) -> None:
    raw.say(b"x" * 3000, is_last=False)
    raw.say(b"x" * 3000, CONTINUED)


def _endless(raw: RawSocket) -> None:
    raw.say(b"x", is_last=False)
    for _ in range(FLOOD):
        raw.say(b"x", CONTINUED, is_last=False)


def _no_text(raw: RawSocket) -> None:
    raw.say(b"\xff\xfe\xfd")


def _cut_text(raw: RawSocket) -> None:
    raw.say('{"type": "jo\u20ac'.encode()[:-1], is_last=False)
    raw.say(b'in"}', CONTINUED)


def _binary(raw: RawSocket) -> None:
    raw.say(b"\0\1\2", BINARY)


def _compressed(raw: RawSocket) -> None:
    raw.say(b"\x4a\xcc\x00\x00", TEXT, reserved=4)


def _flood(raw: RawSocket) -> None:
    for _ in range(A_MINUTE + 1):
        raw.say(b'{"type": "nothing"}')


# What is said, how, and with which code it is closed (RFC 6455, 7.4.1).
CASES: tuple[tuple[str, Callable[[RawSocket], None], int], ...] = (
    ("4,097 bytes", _large, 1009),
    ("6,000 bytes in two fragments", _fragments, 1009),
    ("5,000 fragments of a byte", _endless, 1009),
    ("bytes that are no UTF-8", _no_text, 1007),
    ("a character cut by fragments", _cut_text, 1007),
    ("a binary frame", _binary, 1003),
    ("a compressed frame, unasked", _compressed, 1002),
    ("61 messages within a minute", _flood, 1008),
)


def play(report: Report, quick: bool) -> None:
    """Say each of them on both sockets; look at the codes, the log, and whether others are served."""
    report.provoked = "a raw client: large, fragmented, broken, binary and compressed frames, and floods"
    with site_of(SOCKETS) as site:
        [process] = site.web
        event = crowd.scene()
        [person] = logged_in(1)
        for path, session in ((PUBLIC, ""), (DASHBOARD, person.session)):
            codes = {name: _code(process, path, session, say) for name, say, _ in CASES}
            judge_codes(report, path, codes)
        offered = RawSocket(process, deflate=True)
        report.expect(b"permessage-deflate" not in offered.answer, "compression was agreed to")
        report.note("compression is not agreed to")
        _pour(report, process, 1.0 if quick else 10.0)
        within = RawSocket(process, DASHBOARD, person.session)
        for _ in range(5):
            within.say(b'{"type": "nothing"}')
        report.control = (
            f"a client within the limits, which says five messages, was closed with {within.code(1)} (0: not)."
        )
        report.expect(within.code(0.2) == 0, "a client within the limits was closed")
        report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
        crowd.check(report, event, [], settle=0)


def judge_codes(report: Report, path: str, codes: Mapping[str, int]) -> None:
    """Count it as wrong if what was said on a socket was not closed with the code of its case."""
    for name, _, expected in CASES:
        report.note(f"{path}: {name}: {codes[name]}")
        report.expect(codes[name] == expected, f"{path}: {name}: closed with {codes[name]}, not {expected}")


def _code(process: Process, path: str, session: str, say: Callable[[RawSocket], None]) -> int:
    raw = RawSocket(process, path, session)
    with suppress(OSError):  # it was closed before all was said
        say(raw)
    try:
        return raw.code(5)
    finally:
        raw.close()


def _pour(report: Report, process: Process, seconds: float) -> None:
    """Say the largest message that is allowed without end, reading nothing; others are answered meanwhile."""
    raws = [RawSocket(process) for _ in range(4)]
    message, until, said, slowest = b" " * LARGEST, time.monotonic() + seconds, 0, 0.0
    for raw in raws:
        raw.raw.settimeout(0.2)
    while time.monotonic() < until:
        for raw in raws:
            try:
                raw.say(message)
                said += 1
            except OSError:
                continue
        slowest = max(slowest, ask(process, "/healthz").seconds)
    report.note(f"{said} full messages poured in; another request took {slowest:.2f} s at most")
    report.expect(slowest <= 1, f"beside a flood a request took {slowest:.1f} s")
