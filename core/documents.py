"""A ticket as QR code, PDF and calendar entry; made on demand, never inside a booking."""

import base64
import datetime as dt
import io
import threading
from typing import Any
from zoneinfo import ZoneInfo

import qrcode
from django.contrib.staticfiles import finders
from django.db import connection
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from icalendar import Calendar
from icalendar import Event as Entry

from .models import Ticket

PATIENCE = 5.0  # seconds to wait for one's turn
_AT_ONCE = threading.BoundedSemaphore(2)  # a PDF takes 430 ms of processor and 70 MB


class PdfUnavailable(Exception):
    """This server cannot make PDFs: Pango is missing."""


class PdfBusy(Exception):
    """Too many people want a PDF at this moment."""


def qr_png(code: str) -> bytes:
    """Return the code as a QR image: alphanumeric mode, level M, four modules of quiet zone (ISO/IEC 18004)."""
    image = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=10, border=4)
    image.add_data(code)
    png = io.BytesIO()
    image.make_image().save(png, "PNG")
    return png.getvalue()


def pdf(ticket: Ticket) -> bytes:
    """Return the ticket as a PDF page. Raises PdfUnavailable and PdfBusy."""
    try:
        from weasyprint import CSS, HTML  # noqa: PLC0415 -- takes a second to import, and needs Pango
    except OSError as error:
        raise PdfUnavailable from error
    html = _page(ticket)
    fetcher = _fetcher()
    styles = CSS(filename=finders.find("core/css/pdf.css"), url_fetcher=fetcher)
    if not connection.in_atomic_block:
        connection.close()  # back to the pool: whoever waits here must not keep bookings from it
    if not _AT_ONCE.acquire(timeout=PATIENCE):
        raise PdfBusy
    try:
        made: bytes = HTML(string=html, url_fetcher=fetcher).write_pdf(stylesheets=[styles])
    finally:
        _AT_ONCE.release()
    return made


def _fetcher() -> Any:
    """Return what fetches `data:` addresses alone: text in an event must not make the server open anything."""
    from weasyprint import urls  # noqa: PLC0415 -- see pdf()

    return urls.URLFetcher(allowed_protocols=["data"], allow_redirects=False)


def _page(ticket: Ticket) -> str:
    event = ticket.event
    qr = base64.b64encode(qr_png(ticket.code)).decode()
    context = {
        "ticket": ticket,
        "event": event,
        "holder": ticket.user.display_name,
        "qr_data_uri": f"data:image/png;base64,{qr}",
        "starts_at": event.starts_at.astimezone(ZoneInfo(event.zone)),
        "zone": event.zone,
    }
    return render_to_string("core/ticket_pdf.html", context)


def calendar_entry(ticket: Ticket, request: HttpRequest) -> bytes:
    """Return an iCalendar file (RFC 5545) with the event; times in UTC, so that every calendar gets them right."""
    event = ticket.event
    entry = Entry()
    entry.add("uid", f"ticket-{ticket.pk}@{request.get_host().split(':')[0]}")
    entry.add("dtstamp", timezone.now())
    entry.add("dtstart", event.starts_at.astimezone(dt.UTC))
    entry.add("dtend", (event.ends_at or event.starts_at + dt.timedelta(hours=2)).astimezone(dt.UTC))
    entry.add("summary", event.name)
    entry.add("location", event.venue)
    # The event's page: calendars are shared, and the ticket's address has its code in it.
    entry.add("url", request.build_absolute_uri(event.get_absolute_url()))
    entry.add("status", "CANCELLED" if ticket.status == "cancelled" else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", "-//Event Ticketing System//EN")
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    entry_bytes: bytes = calendar.to_ical()
    return entry_bytes
