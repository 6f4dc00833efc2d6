"""Which pages may open our sockets."""

from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from .trust import refused
from .visitors import address_of


class Denier(WebsocketDenier):
    """Refuse before accept, and without asking the channel layer, which may be away."""

    channel_layer_alias = None  # type: ignore[assignment]  # -- Channels' documented way to have none


class SameOrigin:
    """Refuse, before accept, sockets that a foreign page opens: a browser sends our cookies with them.

    Allowed are the handshake's own scheme and host with port, if the host is one of ours, and CSRF_TRUSTED_ORIGINS.
    `channels.security.websocket.AllowedHostsOriginValidator` compares host names only, and lets other ports in.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """Pass the handshake on, or deny it."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        allowed = is_allowed(headers, scope.get("scheme", "ws"))
        if not allowed:
            refused.note("origin_refused", address=address_of(scope))
        return await (self.application if allowed else Denier())(scope, receive, send)


def is_allowed(headers: dict[bytes, str], scheme: str) -> bool:
    """Return whether a handshake with these headers (names in lower case) comes from a page of ours."""
    origin, host = headers.get(b"origin", ""), headers.get(b"host", "")
    secure = scheme == "wss"
    proxy_header = getattr(settings, "SECURE_PROXY_SSL_HEADER", None)
    if proxy_header is not None:
        name = proxy_header[0].removeprefix("HTTP_").replace("_", "-").lower().encode()
        said = headers.get(name)
        secure = secure if said is None else said.split(",")[0].strip() == proxy_header[1]  # as Django reads it
    ours = origin == f"{'https' if secure else 'http'}://{host}" and _is_our_host(host)
    return bool(origin) and (ours or origin in settings.CSRF_TRUSTED_ORIGINS)


def _is_our_host(host: str) -> bool:
    allowed = settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    return validate_host(split_domain_port(host)[0], allowed)
