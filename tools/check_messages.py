"""Check that each language says all that the sources say, and that the programs read what its catalog says."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

from tools.messages import ROOT, catalogs, compiled, count_of, identity, read, sources

PLACEHOLDER = re.compile(r"%\((\w+)\)[sdif]|\{(\w*)\}|%[sd]")


def problems(template: polib.POFile, catalog: polib.POFile) -> Iterator[str]:
    """Yield a sentence for every string that a catalog lacks, or has in a way that would fail."""
    known = {identity(entry): entry for entry in catalog if not entry.obsolete}
    forms = count_of(catalog)
    for wanted in template:
        entry = known.get(identity(wanted))
        if entry is None:
            yield f"lacks {wanted.msgid!r}"
        else:
            yield from _of_entry(entry, forms)


def _of_entry(entry: polib.POEntry, forms: int) -> Iterator[str]:
    name = repr(entry.msgid)
    if entry.fuzzy:
        yield f"is not sure of {name} (fuzzy)"
    said = entry.msgstr_plural if entry.msgid_plural else {0: entry.msgstr}
    if entry.msgid_plural and set(said) != set(range(forms)):
        yield f"has {len(said)} plural forms of {name}, not {forms}"
    if not all(text.strip() for text in said.values()):
        yield f"does not translate {name}"
        return
    one, many = placeholders(entry.msgid), placeholders(entry.msgid_plural or entry.msgid)
    # A form for one or for two may say the number in a word, where the English one does not so already.
    spare = 1 if entry.msgid_plural and one == many else 0
    for text in said.values():
        found = placeholders(text)
        if len((one & many) - found) > spare or found - (one | many):
            yield f"has other placeholders in {name}: {sorted(found)}, not {sorted(one | many)}"


def placeholders(text: str) -> set[str]:
    """Return what is put into a string: `%(name)s`, `{name}`, `%d`."""
    return {found[0] for found in PLACEHOLDER.finditer(text.replace("%%", ""))}


def of_file(template: polib.POFile, path: Path) -> Iterator[str]:
    """Yield a sentence for everything wrong with a catalog, and with what was made of it."""
    try:
        catalog = read(path)
        yield from problems(template, catalog)
    except (OSError, ValueError) as error:
        yield f"cannot be read: {error}"
        return
    made = path.with_suffix(".mo")
    if made.exists() and made.read_bytes() != compiled(catalog):
        yield f"is not what {made.name} says: run make compile-messages"
    elif not made.exists():
        yield f"has no {made.name}: run make compile-messages"


def check() -> int:
    """Print what is wrong with the catalogs; return 1 for anything."""
    template = sources()
    found = [f"{path.relative_to(ROOT)} {said}." for path in catalogs().values() for said in of_file(template, path)]
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(check())
