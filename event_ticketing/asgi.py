"""The ASGI application: HTTP by Django, sockets by Channels, and the clock that starts with the first of either."""

import asyncio
import gc
import logging
import os
import sys
from functools import cache
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

from .starting import or_in_a_sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "event_ticketing.settings")
with or_in_a_sentence():
    http = get_asgi_application()  # loads the apps: what follows imports models

from core import checks, clock
from core.http import RETRY_AFTER, busy_page
from core.limits import is_used_up
from core.logs import mask_access_log
from core.operations.request_id import Numbered
from core.origins import SameOrigin
from core.routing import websocket_urlpatterns


def _answered(application: Any) -> Any:
    """Return the application that answers 503 where this process has no thread, or no memory, left to answer with."""

    async def answering(scope: Any, receive: Any, send: Any) -> None:
        is_begun = False

        async def noting(message: Any) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await application(scope, receive, noting)
        except (MemoryError, RuntimeError, OSError) as error:  # Django answers what a view raises, but not this
            if not is_used_up(error):
                raise
            logger.error("this process is at its limit: %s", error or "no memory")  # noqa: TRY400 -- told in a word
            if not is_begun:
                headers = [(b"retry-after", RETRY_AFTER.encode()), (b"content-length", b"0")]
                await send({"type": "http.response.start", "status": 503, "headers": headers})
                await send({"type": "http.response.body"})

    return answering


logger = logging.getLogger(__name__)
with or_in_a_sentence():
    checks.insist()
mask_access_log()
busy_page()
_router = ProtocolTypeRouter(
    {"http": _answered(http), "websocket": Numbered(SameOrigin(URLRouter(websocket_urlpatterns)))}
)
# What was loaded stays: without this each full collection would walk through it, for a tenth of a second in which no
# socket is served.
gc.collect()
gc.freeze()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve one scope. The first one of the process starts its clock: Daphne has no lifespan to hang it on."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        clock.start()
        _stop_with_daphne()
        await _router(scope, receive, send)


async def _live(receive: Any, send: Any) -> None:
    """Start the clock before the first request, and stop it after the last one, where the server tells of both."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            clock.start()
        else:
            await clock.stop()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


@cache
def _stop_with_daphne() -> None:
    """Have the clock stopped with Daphne, which has no lifespan: it ends when Twisted's reactor does."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None and reactor.running:
        from twisted.internet.defer import Deferred  # noqa: PLC0415 -- loaded under Daphne only

        stopping = lambda: Deferred.fromFuture(asyncio.ensure_future(clock.stop()))  # noqa: E731 -- one line, used once
        reactor.addSystemEventTrigger("before", "shutdown", stopping)
