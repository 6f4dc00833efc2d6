"""What leaves the site: addresses of pages, and what previews, search engines and frames are told of an event."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from . import artwork
from .models import Event
from .numbers import Stats, is_all_booked

SHORT = 200  # characters of a description; previews show no more
# As `json_script` has it: what could end the element, or begin another, is written otherwise.
ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}
SCHEMA = "https://schema.org/"
FRAME = '<iframe src="{}" title="{}" width="360" height="280" loading="lazy"></iframe>'


@dataclass(frozen=True)
class Told:
    """What an event's page tells those who show a link to it; `structured` is JSON-LD, safe within a script element."""

    url: str
    title: str
    description: str
    picture: str
    is_drawn: bool
    structured: SafeString


def address_of(request: HttpRequest, path: str = "/") -> str:
    """Return the whole address of a page: at the one address of the site, or, where nobody said which, as asked for."""
    return urljoin(settings.SITE_URL if settings.SITE_URL_IS_KNOWN else request.build_absolute_uri("/"), path)


def frame_of(request: HttpRequest, event: Event) -> SafeString:
    """Return the markup that shows an event's numbers on another site (docs/embedding.md)."""
    return format_html(FRAME, address_of(request, reverse("embed", args=[event.pk])), event.name)


def told_of(request: HttpRequest, event: Event, stats: Stats, moment: dt.datetime) -> Told:
    """Return what is told of an event that everybody may see."""
    own = event.image.url if event.image else ""
    drawn = reverse("event_picture", args=[event.pk, artwork.mark_of(event)])
    facts = f"{event.local(event.starts_at)}, {event.venue}."
    told = {
        "url": address_of(request, event.get_absolute_url()),
        "description": _short(f"{facts} {event.description[: 10 * SHORT]}"),
        "picture": address_of(request, own or drawn),
    }
    structured = _json(_structured(event, stats, moment, **told))
    return Told(title=event.name, is_drawn=not own, structured=structured, **told)


def _short(text: str) -> str:
    return Truncator(" ".join(text.split())).chars(SHORT)


def _json(data: dict[str, Any]) -> SafeString:
    return mark_safe(json.dumps(data).translate(ESCAPES))  # noqa: S308 -- see ESCAPES


def _structured(
    event: Event, stats: Stats, moment: dt.datetime, *, url: str, description: str, picture: str
) -> dict[str, Any]:
    """Return an event in the words of schema.org/Event; its times have the offset of where it takes place."""
    zone = ZoneInfo(event.zone)
    is_cancelled = event.status == Event.Status.CANCELLED
    offer = {"@type": "Offer", "url": url, "availability": SCHEMA + _availability(event, stats, moment)}
    if event.sales_open_at:
        offer["validFrom"] = event.sales_open_at.astimezone(zone).isoformat()
    told = {
        "@context": SCHEMA.rstrip("/"),
        "@type": "Event",
        "name": event.name,
        "url": url,
        "description": description,
        "image": [picture],
        "startDate": event.starts_at.astimezone(zone).isoformat(),
        "eventStatus": SCHEMA + ("EventCancelled" if is_cancelled else "EventScheduled"),
        "eventAttendanceMode": f"{SCHEMA}OfflineEventAttendanceMode",
        "location": {"@type": "Place", "name": event.venue, "address": event.venue},
        "maximumAttendeeCapacity": event.capacity,
        "offers": offer,
    }
    if event.ends_at:
        told["endDate"] = event.ends_at.astimezone(zone).isoformat()
    return told


def _availability(event: Event, stats: Stats, moment: dt.datetime) -> str:
    """Return a word of schema.org/ItemAvailability."""
    if event.is_before_sale(moment):
        return "PreSale"
    if not stats["on_sale"]:
        return "OutOfStock"
    if stats["available"] > 0:
        return "InStock"
    return "SoldOut" if is_all_booked(stats) else "OutOfStock"
