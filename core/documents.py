"""A ticket as QR code, PDF and calendar entry; made on demand, never inside a booking."""

import base64
import datetime as dt
import io
import logging
import threading
from typing import Any
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from . import pictures
from .models import Event, Ticket

logger = logging.getLogger(__name__)

SIZES = ("a4", "a6")
PICTURE = (1200, 500)  # pixels at most: 170 mm at 180 dots per inch
PATIENCE = 5.0  # seconds to wait for one's turn
_AT_ONCE = threading.BoundedSemaphore(2)  # a PDF takes 430 ms of processor and 70 MB


class PdfUnavailable(Exception):
    """This server cannot make PDFs: Pango is missing."""


class PdfBusy(Exception):
    """Too many people want a PDF at this moment, or there is no room for the files that it takes."""


def _qr(code: str) -> Any:
    """Return a QR code: alphanumeric mode, level M, four modules of quiet zone (ISO/IEC 18004)."""
    import qrcode  # noqa: PLC0415 -- with Pillow and what calendars take, a fifth of what a process loads to start

    qr: qrcode.QRCode[Any] = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=10, border=4)
    qr.add_data(code)
    return qr


def qr_png(code: str) -> bytes:
    """Return the code as a QR image of ten pixels a module."""
    png = io.BytesIO()
    _qr(code).make_image().save(png, "PNG")
    return png.getvalue()


def qr_svg(code: str) -> bytes:
    """Return the code as a QR drawing, black on white, that stays sharp at any size."""
    from qrcode.image.svg import SvgPathFillImage  # noqa: PLC0415 -- see _qr()

    svg = io.BytesIO()
    _qr(code).make_image(image_factory=SvgPathFillImage).save(svg)
    return svg.getvalue()


def pdf(ticket: Ticket, size: str = "a4") -> bytes:
    """Return the ticket as a PDF page of one of the `SIZES`. Raises PdfUnavailable and PdfBusy."""
    try:
        from weasyprint import CSS, HTML  # noqa: PLC0415 -- takes a second to import, and needs Pango
    except OSError as error:
        raise PdfUnavailable from error
    html = _page(ticket, size)
    fetcher = _fetcher()
    styles = CSS(filename=finders.find("core/css/pdf.css"), url_fetcher=fetcher)
    if not connection.in_atomic_block:
        connection.close()  # back to the pool: whoever waits here must not keep bookings from it
    if not _AT_ONCE.acquire(timeout=PATIENCE):
        raise PdfBusy
    try:
        made: bytes = HTML(string=html, url_fetcher=fetcher).write_pdf(stylesheets=[styles])
    except OSError as error:
        logger.warning("No PDF can be made: %s.", error.strerror)
        raise PdfBusy from error
    finally:
        _AT_ONCE.release()
    return made


def _fetcher() -> Any:
    """Return what fetches `data:` addresses alone: text in an event must not make the server open anything."""
    from weasyprint import urls  # noqa: PLC0415 -- see pdf()

    return urls.URLFetcher(allowed_protocols=["data"], allow_redirects=False)


def _page(ticket: Ticket, size: str) -> str:
    event = ticket.event
    context = {
        "ticket": ticket,
        "event": event,
        "holder": ticket.user.display_name,
        "size": size,
        "qr_data_uri": data_uri(qr_svg(ticket.code), "image/svg+xml"),
        "picture_data_uri": _picture(event),
        "starts_at": event.starts_at.astimezone(ZoneInfo(event.zone)),
        "zone": event.zone,
    }
    return render_to_string("core/ticket_pdf.html", context)


def data_uri(content: bytes, content_type: str) -> str:
    """Return a file as an address, for what loads nothing by itself."""
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def _picture(event: Event) -> str:
    """Return the event's image, no larger than paper needs it, as a data address; empty where there is none to show."""
    if not event.image:
        return ""
    try:
        with event.image.open() as file, pictures.opened(file) as image:
            image.thumbnail(PICTURE)
            jpeg = io.BytesIO()
            image.convert("RGB").save(jpeg, "JPEG", quality=85)
    except OSError:  # the file is gone, or is no image that can be read: the ticket counts, not its picture
        logger.warning("The image of event %s cannot be read.", event.pk)
        return ""
    return data_uri(jpeg.getvalue(), "image/jpeg")


def absolute(path: str) -> str:
    """Return the address of a page as it stands in what leaves the site: a mail, a calendar."""
    return urljoin(settings.SITE_URL, path)


def calendar_entry(ticket: Ticket) -> bytes:
    """Return an iCalendar file with the event of a ticket, which says when the ticket was cancelled."""
    return _entry(ticket.event, f"ticket-{ticket.pk}", is_cancelled=ticket.status == "cancelled")


def calendar_entry_of_event(event: Event) -> bytes:
    """Return an iCalendar file with an event, for everybody."""
    return _entry(event, f"event-{event.pk}", is_cancelled=event.status == Event.Status.CANCELLED)


def _entry(event: Event, uid: str, *, is_cancelled: bool) -> bytes:
    """Return an iCalendar file (RFC 5545) with an event: its times where it takes place, and what that zone is."""
    from icalendar import Calendar  # noqa: PLC0415 -- see _qr()
    from icalendar import Event as Entry  # noqa: PLC0415 -- see _qr()

    zone = ZoneInfo(event.zone)
    entry = Entry()
    entry.add("uid", f"{uid}@{urlsplit(settings.SITE_URL).hostname}")
    entry.add("dtstamp", timezone.now())
    entry.add("dtstart", event.starts_at.astimezone(zone))
    entry.add("dtend", (event.ends_at or event.starts_at + dt.timedelta(hours=2)).astimezone(zone))
    entry.add("summary", event.name)
    entry.add("location", event.venue)
    # The event's page: calendars are shared, and the ticket's address has its code in it.
    entry.add("url", absolute(event.get_absolute_url()))
    entry.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", "-//Event Ticketing System//EN")
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    calendar.add_missing_timezones()
    entry_bytes: bytes = calendar.to_ical()
    return entry_bytes
