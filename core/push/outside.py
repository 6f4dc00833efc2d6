"""The way out to push services, whose addresses come from browsers: to public hosts alone, once, and for seconds.

An address that people hand in must not make the server ask what only it can reach. So the scheme is https and the host
has a name, of which every address is public; it is looked up once, since names can change what they lead to. Nothing is
followed, no proxy is asked, and of the answer the status alone is read. Only the look-up has no limit but the system's:
whoever waits for a post waits no longer than they want.
"""

import ipaddress
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

PATIENCE = 4.0  # seconds, for all of connecting, sending and the answer's head
TRIED = 2  # addresses of one name
AUTHORITIES = DEFAULT_CA_BUNDLE_PATH
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")  # all else is of some network's own, or for translation (RFC 4291)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # leads to the IPv4 address in its last bits (RFC 6052)
# A name of several parts, which no number is; no user, no port, no fragment.
_ENDPOINT = re.compile(r"https://(?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{1,62}/[!-\"$-\[\]-~]*", re.IGNORECASE)

# As `getaddrinfo` says it: family, type, protocol, name, address.
Place = tuple[int, int, int, str, Any]


class NotPublic(HTTPError):
    """The name of a push service leads to an address that is not public."""


def is_endpoint(text: str) -> bool:
    """Return whether a text can be the address of a browser at a push service; where its name leads is seen later."""
    return _ENDPOINT.fullmatch(text) is not None


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet, seen through what carries IPv4 in IPv6."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner:
            return is_public(str(inner))
        if found not in _GIVEN_OUT:
            return False
    return found.is_global and not found.is_multicast


def _few(found: Sequence[Place]) -> list[Place]:
    """Return those of a name's places that are tried: of both families where it has both."""
    of_the_other = [place for place in found if place[0] != found[0][0]]
    return [found[0], *of_the_other, *found[1:]][:TRIED]


class _PublicConnection(HTTPSConnection):
    _brake: tuple[Timer, socket.socket] | None = None

    def _new_conn(self) -> socket.socket:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        if not all(is_public(str(address[0])) for *_, address in found):
            raise NotPublic
        until = time.monotonic() + PATIENCE
        connected = self._connected(_few(found), until)
        # A limit of the socket would begin anew with every byte, and an answer of drops would never end.
        own = connected.dup()
        self._brake = Timer(max(until - time.monotonic(), 0), _shut, (own,)), own
        self._brake[0].daemon = True
        self._brake[0].start()
        return connected

    def _connected(self, places: list[Place], until: float) -> socket.socket:
        """Return a socket to the first place that answers, each being given its share of the time that is left."""
        errors: list[OSError] = []
        for tried, (family, kind, protocol, _, address) in enumerate(places):
            made = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    made.setsockopt(*option)
                made.settimeout(max(until - time.monotonic(), 0.01) / (len(places) - tried))
                made.connect(address)
            except OSError as error:
                made.close()
                errors.append(error)
            else:
                made.settimeout(PATIENCE)
                return made
        raise errors[-1]

    def close(self) -> None:
        if self._brake:
            timer, own = self._brake
            self._brake = None
            timer.cancel()
            own.close()
        super().close()


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):  # it has ended meanwhile
        connected.shutdown(socket.SHUT_RDWR)


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


def post(endpoint: str, body: bytes, headers: dict[str, str]) -> int:
    """Send something to a push service; return the status that it answered.

    Raises NotPublic, and OSError or urllib3's HTTPError where there is no answer.
    """
    to = urlsplit(endpoint)
    path = to.path + (f"?{to.query}" if to.query else "")
    with _PublicPool(
        str(to.hostname), to.port or 443, timeout=Timeout(PATIENCE), retries=False, ca_certs=AUTHORITIES
    ) as pool:
        answer = pool.urlopen("POST", path, body=body, headers=headers, redirect=False, preload_content=False)
        try:
            return answer.status
        finally:
            answer.close()
