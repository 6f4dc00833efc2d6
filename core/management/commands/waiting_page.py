"""A page for a CDN, to wait on for an opening: it costs the site one answer a second, however many look at it."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management.base import CommandError, CommandParser
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.management.base import DatabaseCommand
from core.models import Event

FILES = {
    "waiting.css": ("tokens.css", "base.css", "components.css", "cards.css"),
    "waiting.js": ("waiting.js",),
}
NUMBERS = {"available": _("Available"), "held": _("Held"), "booked": _("Booked"), "waiting": _("Waiting")}


class Command(DatabaseCommand):
    """Write the page."""

    help = "Writes a static page with countdown, numbers and link for an event with an announced opening."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the event, and the folder to write to."""
        parser.add_argument("event", type=int, help="the event's id")
        parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="made where it is missing")
        languages = [code for code, name in settings.LANGUAGES]
        parser.add_argument("--language", choices=languages, default=settings.LANGUAGE_CODE, help="of its words")

    def handle(self, *, event: int, out: Path, language: str, **options: Any) -> None:
        """Write three files, and say where they belong."""
        found = Event.objects.published().filter(pk=event).first()
        if found is None:
            raise CommandError(f"There is no published event {event}.")
        if found.sales_open_at is None:
            raise CommandError(f"Event {event} has no announced opening to wait for.")
        out.mkdir(parents=True, exist_ok=True)
        texts = {name: _joined(name, sources) for name, sources in FILES.items()}
        version = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:12]
        with translation.override(language):
            texts["index.html"] = render_to_string("core/waiting_page.html", _context(found, version))
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8")
        self.stdout.write(f"{out}: {', '.join(sorted(texts))}. Serve them under {settings.SITE_URL}, at any path.")


def _joined(name: str, sources: tuple[str, ...]) -> str:
    kind = name.rpartition(".")[2]
    found = [finders.find(f"core/{kind}/{source}") for source in sources]
    return "\n".join(Path(str(path)).read_text(encoding="utf-8") for path in found)


def _context(event: Event, version: str) -> dict[str, Any]:
    """Return what the template reads. Links name the site; numbers come from the page's own host."""
    event_path = reverse("event_detail", args=[event.pk])
    return {
        "event": event,
        "version": version,
        "numbers": NUMBERS,
        "stats_path": reverse("ticket_stats", args=[event.pk]),
        "event_url": urljoin(settings.SITE_URL, event_path),
        "login_url": urljoin(settings.SITE_URL, f"{reverse('account_login')}?next={event_path}"),
    }
