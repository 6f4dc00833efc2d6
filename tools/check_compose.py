"""Check docker-compose.yml where there is no Docker: its services, what they wait for, and the settings they get.

And all of it by the compose specification's own schema, `tools/vendor/compose-spec.json` (Apache-2.0), as it was in
https://github.com/compose-spec/compose-spec at 170098ba.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = Path(__file__).parent / "vendor/compose-spec.json"
SERVICES = {"db", "redis", "roles", "migrate", "pages", "sockets", "proxy", "cleanup", "backup"}
REQUIRED = {"SECRET_KEY", "POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD"}
APP_SETTINGS = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "HTTPS"}


def problems(text: str, env_example: str) -> Iterator[str]:
    """Yield a sentence for everything wrong with a compose file; the settings it reads must be in `.env.example`."""
    compose = yaml.safe_load(text)
    yield from by_schema(compose)
    services: dict[str, dict[str, Any]] = compose["services"]
    if set(services) != SERVICES:
        yield f"its services are {sorted(services)}, not {sorted(SERVICES)}"
    for name, service in services.items():
        yield from _service_problems(name, service, compose)
    yield from _rights_problems(services)
    yield from (f"{name} must be required, as in ${{{name}:?...}}" for name in REQUIRED if f"${{{name}:?" not in text)
    if "--requirepass" not in services["redis"]["command"]:
        yield "redis asks for no password: the cache has pickles, and whoever writes one runs code"
    for name in sorted(set(re.findall(r"\$\{(\w+)", text))):
        if not re.search(rf"^#?{name}=", env_example, re.MULTILINE):
            yield f"{name} is not in .env.example"


def _rights_problems(services: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield where a service but the one that migrates is told how to be the owner of the tables."""
    for name, service in services.items():
        told = service.get("environment", {})
        is_owner = name in {"db", "roles", "migrate"}
        if "build" in service and "tickets_owner" in told["DATABASE_URL"] and not is_owner:
            yield f"{name} uses the database as its owner"
        if "env_file" in service and told.get("POSTGRES_PASSWORD") != "":
            yield f"{name} gets the owner's password from .env"


def by_schema(compose: Any) -> Iterator[str]:
    """Yield a sentence for everything that the specification does not allow."""
    schema = json.loads(SCHEMA.read_text())
    Draft7Validator.check_schema(schema)
    for error in Draft7Validator(schema).iter_errors(compose):
        yield f"at {'.'.join(map(str, error.absolute_path)) or 'its top'}: {error.message[:200]}"


def _service_problems(name: str, service: dict[str, Any], compose: dict[str, Any]) -> Iterator[str]:
    if "image" not in service:
        yield f"{name} has no image"
    if "build" in service and (missing := APP_SETTINGS - set(service["environment"])):
        yield f"{name} lacks {sorted(missing)}"
    yield from _volume_problems(name, service, compose)
    for other, wait in service.get("depends_on", {}).items():
        target = compose["services"].get(other)
        if target is None:
            yield f"{name} waits for {other}, which is no service"
        elif wait["condition"] == "service_healthy" and "test" not in target.get("healthcheck", {}):
            yield f"{name} waits for the health of {other}, which has no health check"


def _volume_problems(name: str, service: dict[str, Any], compose: dict[str, Any]) -> Iterator[str]:
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./") and not (ROOT / source).is_file():
            yield f"{name} mounts {source}, which is no file"
        if not source.startswith("./") and source not in compose["volumes"]:
            yield f"{name} mounts the undeclared volume {volume}"


if __name__ == "__main__":
    found = list(problems((ROOT / "docker-compose.yml").read_text(), (ROOT / ".env.example").read_text()))
    sys.exit("\n".join(f"docker-compose.yml: {problem}." for problem in found) or 0)
