"""The answer to Prometheus: what processes measure, and what the database knows; and who may have it."""

from django.conf import settings
from django.http import Http404, HttpRequest
from django.utils.crypto import constant_time_compare
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from ..trust import second_factor
from . import measures
from .figures import Figures

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def require_operator(request: HttpRequest) -> None:
    """Let staff in, and anybody while developing. Raises Http404, and SecondFactorNeeded."""
    if settings.DEBUG:
        return
    if not request.user.is_staff:
        raise Http404("No such page.")
    second_factor.require(request)


def has_token(request: HttpRequest) -> bool:
    """Return whether a request brings METRICS_TOKEN, as Prometheus does (RFC 6750)."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    known = bool(settings.METRICS_TOKEN) and kind.lower() == "bearer"
    return known and constant_time_compare(token.strip(), settings.METRICS_TOKEN)


def text() -> bytes:
    """Return all measurements in Prometheus' text format."""
    registry = measures.collected()
    registry.register(Figures())
    return generate_latest(registry)
