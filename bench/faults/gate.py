"""The gate beside a fault: staff who scan tickets that were booked."""

from django.contrib.auth.models import Group

from bench.crowd import logged_in, strangers
from bench.stage import make_event
from bench.visits import Visit, ask
from core import allocation
from core.models import GATE_STAFF, Event, User

SCAN = "/checkin/scan/"


def scans(count: int) -> list[Visit]:
    """Return visits of gate staff, each of whom scans one ticket of an event that is sold here."""
    staff, event = logged_in(count), make_event(count)
    Group.objects.get(name=GATE_STAFF).user_set.add(*(person.pk for person in staff))
    codes = []
    for person in strangers(count):
        user = User.objects.get(pk=person.pk)
        allocation.join(event_id=event.pk, user=user)
        codes.append(allocation.book(event_id=event.pk, user=user).code)
    return [_scan(person.pk, person.session, event, code) for person, code in zip(staff, codes, strict=True)]


def _scan(user: int, session: str, event: Event, code: str) -> Visit:
    form = ask("scan", SCAN, session, post=True, form=f"code={code}&event={event.pk}")
    return Visit(
        user, (form._replace(request=form.request.replace(b"Accept: text/html", b"Accept: application/json")),)
    )
