"""The project's own signals, in the past tense: the allocation sends them after commit, `apps.py` connects them."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.dispatch import Signal

from .models import Event, Ticket, TicketHold

# The numbers of events changed. event_ids: set[int]
availability_changed = Signal()
# People's places changed state. holds: list[TicketHold]
hold_changed = Signal()
# Tickets were issued, cancelled or admitted. tickets: list[Ticket]
ticket_changed = Signal()


def announce_after_commit(event_ids: Iterable[int], holds: list[TicketHold], tickets: list[Ticket]) -> None:
    """Say once, after the commit, what changed. Robust: a broken receiver is logged, and what was done stays done."""
    for signal, changed in (
        (availability_changed, {"event_ids": set(event_ids)}),
        (hold_changed, {"holds": holds}),
        (ticket_changed, {"tickets": tickets}),
    ):
        if any(changed.values()):
            transaction.on_commit(partial(signal.send_robust, sender=Event, **changed), robust=True)
