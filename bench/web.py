"""What makes a process of a benchmark a web process: its clock and hub run, and what it announces is noted."""

import asyncio
import logging
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connections

from bench import plants
from bench.evidence import Call
from bench.story import Lane, Plan
from core import clock
from core.models import TicketHold
from core.signals import hold_changed


@dataclass
class Notes:
    """What one process announced, by time.time(): when a person's first place, and when each hold, was committed."""

    waiting: dict[tuple[int, int], float] = field(default_factory=dict)  # by event and person
    held: dict[int, float] = field(default_factory=dict)  # by place
    planted: int = 0  # how often the planted fault came into play
    troubles: list[str] = field(
        default_factory=list
    )  # what went wrong without anybody being told, such as in the clock


K = TypeVar("K")
notes = Notes()  # of this process
_loop: asyncio.AbstractEventLoop | None = None


def prepare(plant: str = "") -> None:
    """Start what a web process starts with its first request."""
    global _loop  # noqa: PLW0603 -- one per process
    logging.getLogger().addHandler(_Listener(logging.ERROR))
    plants.plant(plant)
    hold_changed.connect(_note)
    _loop = asyncio.new_event_loop()
    threading.Thread(target=_loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(_serve(), _loop).result()


async def _serve() -> None:
    clock.start()


class _Listener(logging.Handler):
    """Keeps the errors that are logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one, with what was raised."""
        notes.troubles.append(
            f"{record.getMessage()}: {record.exc_info[1]!r}" if record.exc_info else record.getMessage()
        )


def _note(holds: list[TicketHold], **kwargs: Any) -> None:
    moment = time.time()
    for place in holds:
        if place.status == TicketHold.Status.HELD:
            notes.held.setdefault(place.pk, moment)
        elif place.status == TicketHold.Status.WAITING:
            notes.waiting.setdefault((place.event_id, place.user_id), moment)


def live(plan: Plan, numbers: list[int]) -> list[Call]:
    """Play these lanes of the story; the clock goes on after that."""
    lanes = [Lane(plan, number) for number in numbers]
    with ThreadPoolExecutor(len(lanes)) as threads:
        return [call for calls in threads.map(Lane.run, lanes) for call in calls]


def leave() -> Notes:
    """Stop the clock, as at the end of a web process, and return the notes."""
    if _loop is not None:
        asyncio.run_coroutine_threadsafe(_stop(), _loop).result()
        _loop.call_soon_threadsafe(_loop.stop)
    connections.close_all()
    notes.planted = plants.played
    return notes


def merge(all_notes: list[Notes]) -> Notes:
    """Return what all processes announced: each thing at its first announcement."""
    merged = Notes()
    for each in all_notes:
        merged.planted += each.planted
        merged.troubles += each.troubles
        merged.waiting = _first(merged.waiting, each.waiting)
        merged.held = _first(merged.held, each.held)
    return merged


def _first(mine: dict[K, float], theirs: dict[K, float]) -> dict[K, float]:
    return {key: min(mine.get(key, math.inf), theirs.get(key, math.inf)) for key in mine | theirs}


async def _stop() -> None:
    """Cancel the clock and all that runs beside it, and wait for what they are in the middle of."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
