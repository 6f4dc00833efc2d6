"""The signed code of a ticket: make one, tidy what was typed, tell a genuine one. Nothing else knows its format.

Format, version 1, 46 bytes as 74 upper-case base32 characters (RFC 4648, no padding; QR's alphanumeric mode):
version (1), key id (1), event id (4, big-endian), random (24), HMAC-SHA256 of all before it, cut to 16 bytes.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = 1
_HEAD = struct.Struct(">BBI")
_RANDOM_BYTES = 24
_TAG_BYTES = 16
LENGTH = 74
_MOST_KEYS = 255  # the id is one byte
_LEAST_SECRET = 32  # characters


def make(event_id: int) -> str:
    """Return a new code for a ticket of this event, signed with the newest key."""
    key_id = next(iter(signing_keys()))
    body = _HEAD.pack(VERSION, key_id, event_id) + secrets.token_bytes(_RANDOM_BYTES)
    return _text(body + _tag(key_id, body))


def tidy(typed: str) -> str:
    """Return what was typed or scanned at a gate without spaces and dashes, in upper case."""
    return "".join(typed.upper().replace("-", "").split())


def fingerprint(code: str) -> str:
    """Return the hash of a code that a gate's device keeps in its place: SHA-256, cut to 16 bytes, in base64url.

    Nobody finds a code by its fingerprint, since 24 of its bytes are random; the same is computed in `gate_list.js`.
    """
    return base64.urlsafe_b64encode(hashlib.sha256(code.encode()).digest()[:16]).decode().rstrip("=")


def event_of(code: str) -> int | None:
    """Return the event id a genuine code was made for; None for anything that we did not sign."""
    try:
        raw = base64.b32decode(code + "=" * (-len(code) % 8))
        version, key_id, event_id = _HEAD.unpack(raw[: _HEAD.size])
    except (binascii.Error, ValueError, struct.error):
        return None
    body, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
    known = version == VERSION and key_id in signing_keys() and len(code) == LENGTH and code == _text(raw)
    return event_id if known and hmac.compare_digest(tag, _tag(key_id, body)) else None


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=")


def _tag(key_id: int, body: bytes) -> bytes:
    return hmac.digest(signing_keys()[key_id], body, "sha256")[:_TAG_BYTES]


def signing_keys() -> dict[int, bytes]:
    """Return the signing keys by id, newest first. Id 0 is derived from SECRET_KEY where none are set.

    Raises ImproperlyConfigured for what are none.
    """
    keys = {}
    for pair in settings.TICKET_SIGNING_KEYS:
        key_id, separator, secret = pair.partition(":")
        if not (separator and key_id.isdecimal() and 0 < int(key_id) <= _MOST_KEYS and len(secret) >= _LEAST_SECRET):
            raise ImproperlyConfigured("TICKET_SIGNING_KEYS must be id:secret pairs; ids 1-255, secrets of 32 or more.")
        keys[int(key_id)] = secret.encode()
    return keys or {0: hashlib.sha256(b"ticket code" + settings.SECRET_KEY.encode()).digest()}
