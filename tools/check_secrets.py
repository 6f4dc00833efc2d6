"""Is there anything in the tree that looks like a secret, and is not in `.secrets.baseline`? Exit code 1 if there is.

What the baseline lists, made-up passwords of tests, was looked at. To add to it, once it is: `detect-secrets scan
--baseline .secrets.baseline`. By hash alone: a line that moves is no news.
"""

import json
import subprocess
import sys
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / ".secrets.baseline"


def unknown() -> list[str]:
    """Return `file:line: what it looks like` of what is new."""
    baseline = json.loads(BASELINE.read_text())
    known = {(name, one["hashed_secret"]) for name, ones in baseline["results"].items() for one in ones}
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    secrets = SecretsCollection(root=str(ROOT))
    with transient_settings({name: baseline[name] for name in ("plugins_used", "filters_used")}):
        for name in filter(None, tracked.stdout.split("\0")):
            secrets.scan_file(name)
    return [
        f"{name}:{secret.line_number}: {secret.type}"
        for name, secret in secrets
        if (name, secret.secret_hash) not in known
    ]


if __name__ == "__main__":
    found = unknown()
    print("\n".join(found))
    sys.exit(1 if found else 0)
