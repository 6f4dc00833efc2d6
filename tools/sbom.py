"""Write `sbom.json`, the list of all that the image's application is made of (CycloneDX 1.6): no network is needed.

The packages are those that requirements.txt pins, with the sums of their files; *optional* is what one Python or system
needs and another one does not. What is vendored is read from the READMEs beside it. Debian's packages, Python's own
modules and what is inside of a package are not listed: a scan of the image finds them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PINNED = ROOT / "requirements.txt"
VENDORED = ROOT / "core/static/core/vendor"
FILE = ROOT / "sbom.json"
NAME = "event-ticketing-system"
_PACKAGE = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?P<marker> ; .+?)? \\\n(?P<sums>(?: +--hash=.*\n)+)", re.MULTILINE
)
_SUM = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_TITLE = re.compile(r"^# (?P<name>[\w-]+) (?P<version>[\d.]+)\b")


def component(kind: str, name: str, version: str, *, sums: list[str], scope: str = "required") -> dict[str, Any]:
    """Return one part, of PyPI (`pypi`) or `npm`."""
    address = f"pkg:{kind}/{name}@{version}"
    hashes = [{"alg": "SHA-256", "content": one} for one in sums]
    part = {"type": "library", "bom-ref": address, "name": name, "version": version, "purl": address}
    return {**part, "scope": scope, "hashes": hashes}


def pinned() -> Iterator[dict[str, Any]]:
    """Yield each package that is pinned."""
    for found in _PACKAGE.finditer(PINNED.read_text()):
        scope = "optional" if found["marker"] else "required"
        yield component("pypi", found["name"], found["version"], sums=_SUM.findall(found["sums"]), scope=scope)


def vendored() -> Iterator[dict[str, Any]]:
    """Yield each package of which there are files here."""
    for readme in sorted(VENDORED.glob("*/README.md")):
        title = _TITLE.match(text := readme.read_text())
        if title is None:
            raise ValueError(f"{readme} does not begin with a name and a version.")
        yield component("npm", title["name"], title["version"], sums=re.findall(r"`([0-9a-f]{64})`", text))


def bill() -> dict[str, Any]:
    """Return the list; the same for the same tree."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": NAME, "name": NAME}},
        "components": [*pinned(), *vendored()],
    }


if __name__ == "__main__":
    listed = bill()
    FILE.write_text(json.dumps(listed, indent=1) + "\n")
    print(f"{FILE.name}: {len(listed['components'])} parts.")
