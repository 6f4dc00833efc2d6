"""The project's own signals, in the past tense: the allocation sends them after commit, `apps.py` connects them."""

from django.dispatch import Signal

# The numbers of events changed. event_ids: set[int]
availability_changed = Signal()
# People's places changed state. holds: list[TicketHold]
hold_changed = Signal()
# Tickets were issued, cancelled or admitted. tickets: list[Ticket]
ticket_changed = Signal()
