"""Which file of letters can write a text: what fontconfig finds, as Pango does for PDFs."""

import subprocess
from dataclasses import dataclass

FAMILY = "Noto Sans"  # wanted; where it lacks a letter, whatever has them all
PATIENCE = 5  # seconds


@dataclass(frozen=True)
class Face:
    """A file of letters, and which of its faces."""

    file: str
    index: int


def face_for(text: str) -> Face | None:
    """Return a face that has every letter of a text; None where no file of this machine has."""
    wanted = {ord(letter) for letter in text}
    pattern = f"{FAMILY}:charset={' '.join(f'{code:x}' for code in sorted(wanted))}"
    command = ["fc-match", "--format=%{file}\n%{index}\n%{charset}", pattern]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)  # noqa: S603 -- ours
    except (OSError, subprocess.SubprocessError):
        return None
    file, index, ranges = found.stdout.split("\n")[:3]
    has = [(int(first, 16), int(last or first, 16)) for first, _, last in (r.partition("-") for r in ranges.split())]
    return Face(file, int(index)) if all(any(a <= code <= b for a, b in has) for code in wanted) else None
