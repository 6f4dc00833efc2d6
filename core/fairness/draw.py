"""The draw of `randomised_open`: a promise made before, an order that anybody can compute after (rule 10).

Commit and reveal: whoever draws publishes SHA-256 of a secret seed long before they know who takes part. What is drawn
depends on the seed and on the whole list of those who do, so that neither can be chosen to fit.
"""

import hashlib
import hmac
from collections.abc import Iterable


def commitment(seed: str) -> str:
    """Return what is published before the draw: SHA-256 of the seed (32 bytes in hexadecimal)."""
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def freeze(people: Iterable[str]) -> str:
    """Return SHA-256 of the pseudonyms of all who take part, sorted, one a line."""
    return hashlib.sha256("\n".join(sorted(people)).encode()).hexdigest()


def score(seed: str, frozen: str, person: str) -> bytes:
    """Return HMAC-SHA256 (RFC 2104) of the frozen list's hash followed by the pseudonym, under the seed."""
    return hmac.digest(bytes.fromhex(seed), f"{frozen}{person}".encode(), "sha256")


def order(seed: str, frozen: str, people: Iterable[str]) -> list[str]:
    """Return the pseudonyms in the order drawn: by score, lowest first."""
    return sorted(people, key=lambda person: score(seed, frozen, person))
