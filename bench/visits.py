"""What browsers ask for, and what they are answered: plain data, for the processes of the load and those who judge."""

from dataclasses import dataclass
from typing import NamedTuple

DONE, FOUND, REFUSED, BUSY = 200, 302, 409, 503
SESSION = b"%session%"  # in a request: the session that a login of this visit was given
NO_RETRY_AFTER = b"503 without Retry-After"  # in place of the body
SILENT = b"no result"  # in place of an answer: the page is open, and was told nothing
FOREIGN = 500  # in place of a status: the answer to another's question
TOKEN = "b" * 32  # Django compares the header with the cookie, and nothing with what it knows


class Ask(NamedTuple):
    """One request, ready to be sent."""

    kind: str
    request: bytes


@dataclass(frozen=True)
class Visit:
    """What one person does: one ask after the other, as long as each is answered 200, or a login's 302."""

    user: int
    asks: tuple[Ask, ...]


@dataclass(frozen=True)
class Page:
    """One open page: whose, on which path, with which session; one that is `stalled` never reads what it is sent."""

    user: int
    path: str
    session: str = ""
    stalled: bool = False


class Answer(NamedTuple):
    """What was asked and answered, by time.time(). `status` 0: the connection broke, or there was no answer."""

    user: int
    kind: str
    sent: float
    answered: float
    status: int
    body: bytes


def ask(kind: str, path: str, cookie: bytes | str = "", *, post: bool = False, form: str = "") -> Ask:
    """Compose a request as a browser on a page of the site sends it; a write bears the token that its cookie has."""
    lines = ["POST" if post else "GET", f" {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"]
    kept = cookie.decode() if isinstance(cookie, bytes) else cookie
    cookies = [f"csrftoken={TOKEN}"] * post + [f"sessionid={kept}"] * bool(kept)
    lines.append(f"Cookie: {'; '.join(cookies)}\r\n" if cookies else "")
    if post:
        accept = "text/html" if form else "application/json"  # a form is a page's own, and answered by one
        lines.append(f"Accept: {accept}\r\nOrigin: http://localhost\r\nX-CSRFToken: " + TOKEN + "\r\n")
        lines.append(f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n")
    else:
        lines.append("Accept: text/html\r\n")
    return Ask(kind, "".join([*lines, "\r\n", form]).encode())
