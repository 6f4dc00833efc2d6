"""The addresses of the site as its resolvers have them, so that a test of all of them knows a new one by itself."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from django.urls import URLPattern, URLResolver, get_resolver

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
GROUP = re.compile(r"\(\?P<(\w+)>[^)]*\)")
BOUNDARY = "boundary"
OF_LIBRARIES = ("accounts/", "^accounts/", "admin/")


class Route(NamedTuple):
    """An address of the site: its pattern as the resolvers have it, and its name with that of its namespace, if any."""

    pattern: str
    name: str

    def address(self, values: dict[str, str]) -> str:
        """Return it with these values in it (1 for those that are missing)."""
        plain = GROUP.sub(r"<\1>", self.pattern).replace("^", "").replace("$", "")
        return filled_in(f"/{plain}", values)


def every() -> list[Route]:
    """Return every address that the site answers, those of allauth and of the admin included."""
    return list(_below(get_resolver().url_patterns))


def _below(patterns: list[Any], prefix: str = "", names: str = "") -> Iterator[Route]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern.url_patterns, route, f"{pattern.namespace}:" if pattern.namespace else names)
        else:
            yield Route(route, names + (pattern.name or ""))


def flat(patterns: list[Any], prefix: str = "/") -> list[str]:
    """Return the route of every pattern below a resolver, those of regular expressions with groups left out."""
    found: list[str] = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern).strip("^$")
        if isinstance(pattern, URLResolver):
            found += flat(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern) and "(" not in route:
            found.append(route)
    return found


def ours() -> list[str]:
    """Return the routes of the box office: all but what libraries bring along."""
    patterns: list[Any] = get_resolver().url_patterns
    return flat([pattern for pattern in patterns if not str(pattern.pattern).startswith(OF_LIBRARIES)])


def below(prefix: str) -> list[str]:
    """Return the routes of what is included at a place, as allauth at `accounts/`."""
    return flat([pattern for pattern in get_resolver().url_patterns if str(pattern.pattern) == prefix])


def filled_in(route: str, values: dict[str, str]) -> str:
    """Return an address with these values in it (1 for those that are missing), halves of characters included."""
    return ARGUMENT.sub(lambda found: quote(values.get(found[1], "1"), safe="", errors="surrogatepass"), route)


def encoded(form: dict[str, str]) -> str:
    """Return a form as a browser would send it that knows no rules: halves of characters included."""
    return "&".join(f"{name}={quote(value, safe='', errors='surrogatepass')}" for name, value in form.items())


def in_parts(form: dict[str, str], files: Mapping[str, tuple[str, str, bytes]]) -> bytes:
    """Return a form with files, each `(its name, what it is said to be, what is in it)`, as such a browser would."""
    parts = [(f'name="{name}"', value.encode(errors="surrogatepass")) for name, value in form.items()]
    parts += [
        (f'name="{field}"; filename="{name}"\r\nContent-Type: {kind}', content)
        for field, (name, kind, content) in files.items()
    ]
    sent = [
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode(errors="surrogatepass")
        + content
        + b"\r\n"
        for head, content in parts
    ]
    return b"".join([*sent, f"--{BOUNDARY}--\r\n".encode()])
