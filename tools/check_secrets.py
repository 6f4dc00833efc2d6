"""Is there anything in the tree that looks like a secret, and is not in `.secrets.baseline`? Exit code 1 if there is.

What the baseline lists, made-up passwords of tests, was looked at. To add to it, once it is: `detect-secrets scan
--baseline .secrets.baseline`. By hash alone: a line that moves is no news.

With `--history`, every line that any file ever had: what was taken out again is still in every clone. Known is then
what any baseline ever listed: what was looked at and is gone goes into it by hand, and may be dropped by the next scan.
A clone without its history says so, and fails.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / ".secrets.baseline"
NO_HISTORY = "This clone lacks the history, or a part of it: not looked through for secrets."
_HASH = re.compile(r'"hashed_secret": "([0-9a-f]+)"')
_LOG = ("log", "--all", "-m", "-p", "--unified=0", "--format=", "--no-renames", "--no-color", "--no-ext-diff")


def git(*arguments: str, root: Path = ROOT) -> str:
    """Return what git says."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def scan(names: Iterable[str], root: Path = ROOT) -> SecretsCollection:
    """Return what looks like a secret in these files, by the rules of the baseline."""
    baseline = json.loads(BASELINE.read_text())
    secrets = SecretsCollection(root=str(root))
    with transient_settings({name: baseline[name] for name in ("plugins_used", "filters_used")}):
        for name in names:
            secrets.scan_file(name)
    return secrets


def unknown() -> list[str]:
    """Return `file:line: what it looks like` of what is new."""
    results = json.loads(BASELINE.read_text())["results"]
    known = {(name, one["hashed_secret"]) for name, ones in results.items() for one in ones}
    return [
        f"{name}:{secret.line_number}: {secret.type}"
        for name, secret in scan(filter(None, git("ls-files", "-z").split("\0")))
        if (name, secret.secret_hash) not in known
    ]


def unknown_of_history(root: Path = ROOT) -> list[str]:
    """Return `file: what it looks like` of what is in some commit, and was in no baseline."""
    lines = lines_ever(root)
    known = set(_HASH.findall("\n".join([BASELINE.read_text(), *lines.pop(BASELINE.name, {})])))
    with tempfile.TemporaryDirectory() as folder:
        # Each in a folder of its own: what was a file once may be a folder now.
        paths = [Path(folder, str(number), name) for number, name in enumerate(lines)]
        for path, ones in zip(paths, lines.values(), strict=True):
            path.parent.mkdir(parents=True)
            path.write_text("\n".join(ones))
        found = list(scan([str(path.relative_to(folder)) for path in paths], Path(folder)))
    return sorted({f"{path.partition('/')[2]}: {one.type}" for path, one in found if one.secret_hash not in known})


def lines_ever(root: Path = ROOT) -> dict[str, dict[str, None]]:
    """Return each line that a file ever had, once, by the name of the file."""
    lines: defaultdict[str, dict[str, None]] = defaultdict(dict)
    name, is_head = "", False
    for line in git("-c", "core.quotePath=false", *_LOG, root=root).split("\n"):
        if line.startswith("diff --git "):
            is_head = True
        elif is_head and line.startswith("+++ "):
            name = line.removeprefix("+++ ").removeprefix("b/").rstrip("\t")
        elif line.startswith("@@"):
            is_head = False
        elif line.startswith("+") and not is_head:
            lines[name][line[1:]] = None
    return lines


def main(*, history: bool, root: Path = ROOT) -> int:
    """Print what was found; return the exit code."""
    if history and git("rev-parse", "--is-shallow-repository", root=root).strip() != "false":
        print(NO_HISTORY, file=sys.stderr)
        return 1
    found = unknown_of_history(root) if history else unknown()
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(history="--history" in sys.argv))
