"""By what a push service knows that it is us who ask (VAPID, RFC 8292): the key of VAPID_PRIVATE_KEY."""

import time
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode

LASTS = 3600  # seconds: a day at most, by whatever clock the service has


def is_on() -> bool:
    """Return whether the operator has set a key: without one nobody is offered push messages, and none is sent."""
    return bool(settings.VAPID_PRIVATE_KEY)


def public_key() -> str:
    """Return what browsers are to subscribe with: the public key as an uncompressed point, base64url."""
    point: str = b64urlencode(_key().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    return point


def subject() -> str:
    """Return whom a push service writes to when something is wrong: the sender of this site's mail."""
    return f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}"


def authorization(endpoint: str) -> dict[str, str]:
    """Return the header by which the push service of an endpoint knows us; it is good for an hour."""
    to = urlsplit(endpoint)
    claims = {"sub": subject(), "aud": f"{to.scheme}://{to.netloc}", "exp": int(time.time()) + LASTS}
    headers: dict[str, str] = _key().sign(claims)
    return headers


def new_private_key() -> str:
    """Return a new value for VAPID_PRIVATE_KEY: 32 random bytes that are a key of P-256, base64url."""
    made = Vapid02()
    made.generate_keys()
    secret: str = b64urlencode(made.private_key.private_numbers().private_value.to_bytes(32, "big"))
    return secret


def _key() -> Vapid02:
    return _read(settings.VAPID_PRIVATE_KEY)


@lru_cache(maxsize=2)
def _read(secret: str) -> Vapid02:
    return Vapid02.from_raw(secret.encode())
