"""The catalogs of translations: what is to be translated, gathered from the sources, and what the programs read.

`python -m tools.messages update` brings the catalogs up to the sources, `compile` writes those that are whole as `.mo`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import django
import polib

ROOT = Path(__file__).resolve().parent.parent
CATALOGS = ROOT / "core/locale"
PACKAGES = ("core", "event_ticketing")
LANGUAGES = ("de", "es", "ar")  # to begin with; a folder in `core/locale` adds one
NOT_OURS = shutil.ignore_patterns("__pycache__", "tests", "static", "migrations", "locale")
NO_GETTEXT = (
    "The strings of the sources cannot be gathered: GNU gettext is missing."
    " Install it (Debian and Ubuntu: sudo apt-get install gettext) and run this again."
)
HEADER = {
    "Project-Id-Version": "Box Office",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
}


def sources() -> polib.POFile:
    """Return what the sources have to translate; exit with a sentence where it cannot be gathered.

    From a copy of what people see: Django's command takes each folder of catalogs for that of the code beside it, and
    writes into it.
    """
    if shutil.which("xgettext") is None or shutil.which("msguniq") is None:
        sys.exit(NO_GETTEXT)
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, Path(folder, package), ignore=NOT_OURS)
        Path(folder, "locale").mkdir()
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        command = [sys.executable, "-m", "django", "makemessages", "--all", "--keep-pot", "--no-location", "--no-wrap"]
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
        template = Path(folder, "locale/django.pot")
        if made.returncode or not template.exists():
            sys.exit(f"The strings of the sources could not be gathered: {made.stderr.strip() or made.stdout.strip()}")
        return read(template)


def read(path: Path) -> polib.POFile:
    """Return a catalog; its lines are not wrapped anew when it is written."""
    return polib.pofile(str(path), wrapwidth=0)


def catalogs() -> dict[str, Path]:
    """Return `{folder's name: catalog}` of the languages that have one, finished or not."""
    return {path.parts[-3]: path for path in sorted(CATALOGS.glob("*/LC_MESSAGES/django.po"))}


def identity(entry: polib.POEntry) -> tuple[str | None, str, str]:
    """Return what tells one entry from another: its context, and its English with the plural."""
    return entry.msgctxt, entry.msgid, entry.msgid_plural


def plural_forms(language: str) -> str:
    """Return how a language counts, as Django's own catalog of it says."""
    own = Path(django.__file__).parent / f"conf/locale/{language}/LC_MESSAGES/django.po"
    return str(read(own).metadata["Plural-Forms"])


def count_of(catalog: polib.POFile) -> int:
    """Return how many plural forms a catalog has, as its header says; ValueError where it does not."""
    found = re.search(r"nplurals\s*=\s*(\d+)", catalog.metadata.get("Plural-Forms", ""))
    if found is None:
        raise ValueError("its header does not say how many plural forms there are")
    return int(found[1])


def merged(template: polib.POFile, old: polib.POFile | None, language: str) -> polib.POFile:
    """Return a catalog of exactly what the sources have, with the translations that it had."""
    known = {identity(entry): entry for entry in old or ()}
    new = polib.POFile(wrapwidth=0)
    new.metadata = {**HEADER, "Language": language, "Plural-Forms": plural_forms(language)}
    if old is not None:
        new.metadata["Plural-Forms"] = old.metadata.get("Plural-Forms", new.metadata["Plural-Forms"])
    for entry in template:
        found = known.get(identity(entry))
        if entry.msgid_plural:
            entry.msgstr_plural = dict.fromkeys(range(count_of(new)), "")
        if found is not None:
            entry.msgstr, entry.tcomment = found.msgstr, found.tcomment
            entry.msgstr_plural |= found.msgstr_plural
            entry.flags = [*(flag for flag in entry.flags if flag != "fuzzy"), *(["fuzzy"] if found.fuzzy else [])]
        new.append(entry)
    return new


def update() -> None:
    """Bring the catalogs up to the sources; a new language gets one."""
    template = sources()
    for language in sorted({*LANGUAGES, *catalogs()}):
        path = CATALOGS / language / "LC_MESSAGES/django.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = merged(deepcopy(template), read(path) if path.exists() else None, language)
        catalog.save(str(path))
        print(f"{path.relative_to(ROOT)}: {len(catalog)} strings, {len(catalog.untranslated_entries())} to translate.")


def compiled(catalog: polib.POFile) -> bytes:
    """Return what the programs read of a catalog."""
    return bytes(catalog.to_binary())


def compile_whole() -> int:
    """Write the `.mo` of each catalog that is whole: it is what offers a language. Return how many are not."""
    unfinished = 0
    for path in catalogs().values():
        catalog = read(path)
        if left := len(catalog.untranslated_entries()) + len(catalog.fuzzy_entries()):
            unfinished += 1
            print(f"{path.relative_to(ROOT)}: {left} strings to translate; not compiled.", file=sys.stderr)
        else:
            path.with_suffix(".mo").write_bytes(compiled(catalog))
    return unfinished


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["update"]:
            update()
        case ["compile"]:
            sys.exit(1 if compile_whole() else 0)
        case _:
            sys.exit("Say what to do: update, or compile.")
