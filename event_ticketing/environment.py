"""How the settings read the environment, in which nonsense stops the start with a sentence."""

import re
import sys
from base64 import urlsafe_b64decode
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "test" in sys.argv[1:2]
P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551  # SEC 2, 2.4.2

env = environ.Env()
env.read_env(BASE_DIR / ".env")


def number(name: str, default: float, *, least: float) -> float:
    """Read a number from the environment; anything else, or less than `least`, stops the start with a sentence."""
    try:
        value = env.float(name, default=default)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {env.str(name)!r}.") from error
    if not least <= value < float("inf"):
        raise ImproperlyConfigured(f"{name} must be at least {least:g}, not {value:g}.")
    return float(value)


def switch(name: str, *, default: bool) -> bool:
    """Read on or off from the environment; a typing error must not switch a protection off."""
    text = env.str(name, default="").lower()
    if text not in {"", "on", "off", "true", "false", "yes", "no", "1", "0"}:
        raise ImproperlyConfigured(f"{name} must be on or off, not {text!r}.")
    return text in {"on", "true", "yes", "1"} if text else default


def is_private_key(text: str) -> bool:
    """Return whether a text is a private key of P-256, base64url without padding, as push services know a site by."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", text):
        return False
    return 0 < int.from_bytes(urlsafe_b64decode(text + "=")) < P256_ORDER


DEBUG = switch("DEBUG", default=False)
