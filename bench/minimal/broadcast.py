"""A bare broadcast with the websockets library: what one message to every socket costs where nothing else is done.

    python -m bench.minimal.broadcast PORT

Twice a second all are told the numbers of event 1, whose version is the moment in milliseconds.
"""

import asyncio
import json
import sys
import time

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

EVERY = 0.5  # seconds
NUMBERS = {"capacity": 500, "booked": 120, "held": 80, "available": 300, "waiting": 0, "percentage_sold": 24.0}


async def greet(connection: ServerConnection) -> None:
    """Send a snapshot, and stay."""
    await connection.send(json.dumps({"type": "snapshot", "events": []}))
    await connection.wait_closed()


async def run(port: int) -> None:
    """Serve until ended from outside."""
    async with serve(greet, "127.0.0.1", port, compression=None, backlog=8192) as server:
        while True:
            await asyncio.sleep(EVERY)
            said = {"type": "stats", "event": 1, "name": "Concert", **NUMBERS, "version": round(1000 * time.time())}
            broadcast(server.connections, json.dumps(said))


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1])))
