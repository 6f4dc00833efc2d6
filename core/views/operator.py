"""What operators ask: is it alive, is it ready; and the page that shows the sockets' raw messages."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from ..http import RETRY_AFTER, reads


@reads
def websocket_test(request: HttpRequest) -> HttpResponse:
    """Show the raw messages of both sockets; to anyone while developing, to staff otherwise."""
    if not (settings.DEBUG or request.user.is_staff):
        raise Http404("No such page.")
    return render(request, "core/websocket_test.html")


@reads
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive; asks nobody else."""
    return JsonResponse({"status": "ok"})


@reads
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer `ok`, or `degraded` with what is missing; 503 only without the database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        away = {"status": "unavailable", "missing": ["database"]}
        return JsonResponse(away, status=503, headers={"Retry-After": RETRY_AFTER})
    missing = [] if _redis_answers() else ["redis"]
    return JsonResponse({"status": "degraded" if missing else "ok", "missing": missing})


def _redis_answers() -> bool:
    """Return whether Redis, where it is configured, answers; pages work without it, less lively."""
    if not settings.REDIS_URL:
        return True
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=0.5, socket_timeout=0.5) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
