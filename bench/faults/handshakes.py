"""F18: thousands of sockets from a few addresses, of nobody."""

import asyncio
from collections import Counter

from bench import processor
from bench.common import percentile
from bench.faults import crowd, probe
from bench.faults.report import Report
from bench.faults.scenes import site_of
from bench.faults.site import HOST, Process
from tools.servers import SOCKETS

OPENS, FEW = 5_000, 1_500  # when quick
ADDRESSES = 50
LIMIT = 20  # sockets of one address in this site
AT_ONCE = 100
SWITCHED, REFUSED = 101, {403, 429}
MIB = 1024  # KiB
MOST_GROWTH = 200  # MiB
LATEST = 1.0  # seconds that a page may take meanwhile
HANDSHAKE = (
    b"GET /ws/events/ HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def flooded(report: Report, quick: bool) -> None:
    """Open many more sockets than are allowed, and look at the memory and at pages meanwhile."""
    opens = FEW if quick else OPENS
    report.provoked = f"{opens:,} sockets from {ADDRESSES} addresses, of each of which {LIMIT} are allowed."
    with site_of(SOCKETS, SOCKETS_PER_ADDRESS=str(LIMIT)) as running:
        crowd.scene()
        [process] = running.web
        before = processor.kilobytes([process.pid], "Rss")
        statuses, waits = asyncio.run(_flood(process, opens))
        grown = (processor.kilobytes([process.pid], "Rss") - before) / MIB
        late, let_in = percentile(waits, 95), statuses[SWITCHED]
        refused = sum(statuses[code] for code in REFUSED)
        report.note(f"{let_in} let in, {refused} refused, +{grown:.0f} MiB, pages meanwhile p95 {1000 * late:.0f} ms")
        free = running.node(SOCKETS, SOCKETS_PER_ADDRESS=str(opens))
        without, _ = asyncio.run(_flood(free, (1 + LIMIT) * ADDRESSES))
        report.control = f"without the limit {without[SWITCHED]} of {without.total()} sockets were let in."
        report.expect(without[SWITCHED] == without.total(), f"without the limit they ended with {dict(without)}")
        report.expect(let_in == ADDRESSES * LIMIT, f"{let_in} were let in, {ADDRESSES * LIMIT} are allowed")
        report.expect(let_in + refused == opens, f"the handshakes ended with {dict(statuses)}")
        report.expect(grown <= MOST_GROWTH, f"the memory grew by {grown:.0f} MiB")
        report.expect(late <= LATEST, f"a page took {late:.2f} s meanwhile")
        report.expect_no_traces(running.traces())


async def _flood(process: Process, opens: int) -> tuple[Counter[int], list[float]]:
    """Return how many handshakes ended with which status, and the seconds that pages took meanwhile."""
    gate, statuses, writers = asyncio.Semaphore(AT_ONCE), Counter[int](), list[asyncio.StreamWriter]()

    async def open_one(n: int) -> None:
        async with gate:
            address = f"127.0.{1 + n % ADDRESSES}.1"
            reader, writer = await asyncio.open_connection(HOST, process.port, local_addr=(address, 0))
            writer.write(HANDSHAKE)
            line = await reader.readline()
            statuses[int(line.split()[1]) if line else 0] += 1
            writers.append(writer)

    flooding = asyncio.gather(*(open_one(n) for n in range(opens)))
    waits = []
    while not flooding.done():
        waits.append((await asyncio.to_thread(probe.tell, process, "/")).seconds)
        await asyncio.sleep(0.1)
    await flooding
    for writer in writers:
        writer.close()
    return statuses, waits
