"""Are there known weaknesses in what is pinned? Exit code 1 if there are, and what they are.

Asks pypi.org by `pip-audit`. What could not be looked up, for want of a network or behind a mirror without advisories,
is said and is no failure, unless `--strict` is given: a build must not depend on somebody else's server.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = ROOT / "requirements.txt"
ASK = ("pip_audit", "--require-hashes", "--disable-pip", "--progress-spinner=off", "--timeout=5", "--format=json")


def look_up() -> tuple[list[str], str]:
    """Return `package version: id, mended in ...` of each weakness, and in words what was not looked up, if any."""
    asked = subprocess.run(
        [sys.executable, "-m", *ASK, "--requirement", str(PINNED)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return [], (asked.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    found = [
        f"{package['name']} {package['version']}: {weakness['id']}, mended in {weakness['fix_versions'] or 'none'}"
        for package in packages
        for weakness in package.get("vulns", [])
    ]
    return found, f"{len(skipped)} of {len(packages)} packages" if skipped else ""


if __name__ == "__main__":
    weaknesses, unknown = look_up()
    print("\n".join(weaknesses), end="\n" if weaknesses else "")
    if unknown:
        print(f"Not looked up for known weaknesses: {unknown}.", file=sys.stderr)
    sys.exit(1 if weaknesses or (unknown and "--strict" in sys.argv) else 0)
