"""What the examples and tables for operators say is what the application does."""

import copy
import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import skipUnless

import yaml
from django.conf import settings
from django.core.management import get_commands
from django.test import SimpleTestCase
from redis import Redis

from core.tests.cast import PATIENCE
from event_ticketing import stores
from tools import capacity, check_compose, servers
from tools.ports import free_port

ROOT = Path(settings.BASE_DIR)


class PgBouncerTests(SimpleTestCase):
    def test_it_sets_what_the_start_up_options_cannot_tell_it(self) -> None:
        options = str(stores._POSTGRESQL["options"]).replace("\\ ", "_")
        asked = dict(re.findall(r"-c (\w+)=(\S+)", options)) | {"idle_in_transaction_session_timeout": "5s"}
        query = re.search(r"connect_query='(.*)'\n", (ROOT / "deploy/pgbouncer.ini").read_text())
        told = dict(re.findall(r"SET (\w+) = ''([^']+)''", query[1] if query else ""))
        self.assertEqual({name: value.replace(" ", "_") for name, value in told.items()}, asked)


class ComposeTests(SimpleTestCase):
    def test_it_is_what_the_specification_allows(self) -> None:
        text, example = ((ROOT / name).read_text() for name in ("docker-compose.yml", ".env.example"))
        self.assertEqual(list(check_compose.problems(text, example)), [])

    def test_backups_go_into_a_volume_whose_folder_the_image_gives_to_its_user(self) -> None:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        backup = compose["services"]["backup"]
        folder = backup["command"].rpartition(" backup ")[2]
        self.assertIn(f"backups:{folder}", backup["volumes"])
        made = re.search(r"install -d -o tickets (.*)", (ROOT / "Dockerfile").read_text())
        self.assertIn(folder.removeprefix("/app/"), (made[1] if made else "").split())
        self.assertEqual(backup["profiles"], ["tools"])  # not of what is started with the rest

    def test_what_the_specification_does_not_allow_is_told(self) -> None:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        for path, wrong in {"healthcheck.retrys": 3, "ports": 8000, "restart": ["no"], "volume": []}.items():
            planted = copy.deepcopy(compose)
            *outer, name = ["services", "proxy", *path.split(".")]
            place = functools.reduce(lambda part, key: part.setdefault(key, {}), outer, planted)
            place[name] = wrong
            with self.subTest(path=path):
                told = list(check_compose.by_schema(planted))
                self.assertTrue(told and all(problem.startswith("at services.proxy") for problem in told), told)

    def test_whoever_serves_is_not_told_how_to_be_the_owner_of_the_tables(self) -> None:
        text, example = ((ROOT / name).read_text() for name in ("docker-compose.yml", ".env.example"))
        served = text.replace(
            "postgres://tickets:${POSTGRES_APP_PASSWORD", "postgres://tickets_owner:${POSTGRES_APP_PASSWORD"
        )
        self.assertIn("pages uses the database as its owner", list(check_compose.problems(served, example)))
        told = text.replace('    POSTGRES_PASSWORD: ""', "    X_PASSWORD: x")
        self.assertIn("sockets gets the owner's password from .env", list(check_compose.problems(told, example)))

    def test_the_schema_comes_with_its_license(self) -> None:
        self.assertIn("Apache License", check_compose.SCHEMA.with_name("compose-spec.LICENSE").read_text())


class UnitTests(SimpleTestCase):
    """deploy/systemd, as docs/deploy-vps.md has it copied."""

    def directives(self, name: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in (ROOT / "deploy/systemd" / name).read_text().splitlines():
            key, is_one, value = line.partition("=")
            if is_one and not line.startswith("#"):
                found.setdefault(key, []).append(value)
        return found

    def test_they_start_the_chosen_servers(self) -> None:
        for name, kind, port in (("pages", servers.PAGES, 8001), ("sockets", servers.SOCKETS, 8002)):
            program = " ".join(servers.command(kind, host="127.0.0.1", port=port))
            command = f"/srv/tickets/current/.venv/bin/python -m {program}"
            self.assertEqual(self.directives(f"tickets-{name}.service")["ExecStart"], [command])

    def test_each_service_may_do_as_little_as_can_be(self) -> None:
        least = {
            "User": "tickets", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
            "PrivateTmp": "yes", "CapabilityBoundingSet": "", "SystemCallFilter": "@system-service",
        }  # fmt: skip
        services = sorted(path.name for path in (ROOT / "deploy/systemd").glob("*.service"))
        self.assertEqual(services, [f"tickets-{name}.service" for name in ("backup", "cleanup", "pages", "sockets")])
        for name in services:
            has = self.directives(name)
            with self.subTest(name=name):
                self.assertEqual({key: has[key][-1] for key in least}, least)

    def test_each_timer_has_its_service_and_the_commands_exist(self) -> None:
        for timer in (ROOT / "deploy/systemd").glob("*.timer"):
            [command] = self.directives(timer.with_suffix(".service").name)["ExecStart"]
            self.assertIn(command.partition("manage.py ")[2].split()[0], get_commands())

    def test_backups_go_into_a_folder_that_the_unit_makes_and_those_go_that_grow_old_there(self) -> None:
        has = self.directives("tickets-backup.service")
        folder = has["ExecStart"][0].rpartition(" backup ")[2]
        self.assertIn(folder.removeprefix("/var/lib/"), has["StateDirectory"][0].split())
        self.assertIn(f' {folder} -name "tickets-*.tar.gz" ', has["ExecStartPost"][0])
        self.assertIn(f"into `{folder}`", (ROOT / "docs/deploy-vps.md").read_text())

    def test_systemd_takes_them(self) -> None:
        program = shutil.which("systemd-analyze")
        if not program:
            self.skipTest("systemd-analyze is not installed here")
        with tempfile.TemporaryDirectory() as folder:
            for file in (ROOT / "deploy/systemd").iterdir():
                here = file.read_text().replace("/srv/tickets/current/.venv/bin/python", sys.executable)
                Path(folder, file.name).write_text(here.replace("=tickets\n", "=daemon\n"))
            units = [str(unit) for unit in Path(folder).iterdir()]
            done = subprocess.run([program, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
        complaints = [line for line in done.stderr.splitlines() if "tickets-" in line]
        self.assertEqual(complaints, [])


class GuideTests(SimpleTestCase):
    def test_every_file_that_the_guide_names_is_there(self) -> None:
        text = (ROOT / "docs/deploy-vps.md").read_text()
        named = set(re.findall(r"\bdeploy/[\w./-]+\w", text))
        self.assertGreater(len(named), 1)
        self.assertEqual([name for name in named if not (ROOT / name).exists()], [])

    def test_it_installs_the_programs_that_it_uses(self) -> None:
        text = (ROOT / "docs/deploy-vps.md").read_text()
        programs = ("sudo", "curl", "openssl", "ufw", "rsync", "git", "certbot", "nginx")
        self.assertEqual([name for name in programs if not re.search(rf"\n?`?{name} [-a-z]", text)], [])
        packages = text.partition("apt-get install")[2].partition("useradd")[0].split()
        self.assertEqual([name for name in programs if name not in packages], [])

    def test_its_change_of_the_example_makes_one_node_of_two(self) -> None:
        [script] = re.findall(
            r"^sed -e '(.*?)' .*nginx.conf", (ROOT / "docs/deploy-vps.md").read_text(), re.MULTILINE | re.DOTALL
        )
        done = subprocess.run(
            ["sed", "-e", script, ROOT / "deploy/nginx.conf"], capture_output=True, text=True, check=True
        ).stdout
        self.assertEqual(re.findall(r"^ +server (\S+) max", done, re.MULTILINE), ["127.0.0.1:8001", "127.0.0.1:8002"])
        self.assertNotIn("/srv/tickets/staticfiles", done)


class CapacityTests(SimpleTestCase):
    def test_the_tables_of_the_document_are_those_of_the_model(self) -> None:
        self.assertIn(capacity.tables(), (ROOT / "docs/scaling.md").read_text())

    def test_its_arithmetic_is_that_of_a_case_done_by_hand(self) -> None:
        opening = capacity.Opening(people=18_000, tickets=8_000)
        costs = {name: cost.figure for name, cost in capacity.COSTS.items()}
        self.assertEqual((opening.waiting, opening.logins), (10_000, 10))
        self.assertAlmostEqual(opening.cores_of_logins, (costs["login"] + costs["dashboard"] + costs["connect"]) / 100)
        self.assertEqual(opening.messages, 112_000)
        self.assertAlmostEqual(opening.cores_of_messages, 0.112 * costs["message"])
        self.assertAlmostEqual(opening.megabits, 0.576 * (costs["stats"] + 90) + 0.32 * (costs["position"] + 90))
        self.assertAlmostEqual(opening.share_of_line, 0.04 * costs["line"])
        self.assertAlmostEqual(opening.cores_of_rank, 0.04 * costs["rank"] * opening.processes)

    def test_more_people_never_need_less(self) -> None:
        sizes = [capacity.Opening(people=people, tickets=500) for people in (1_000, 5_000, 20_000, 80_000)]
        for name in ("processes", "nodes", "megabits", "share_of_line", "cores_of_rank"):
            values = [getattr(size, name) for size in sizes]
            self.assertEqual(values, sorted(values), name)

    def test_there_is_never_one_node_alone(self) -> None:
        self.assertEqual(capacity.Opening(people=10, tickets=5).nodes, 2)


class BodyTests(SimpleTestCase):
    def test_both_examples_of_nginx_take_the_same_bodies_and_say_the_same_of_what_is_too_large(self) -> None:
        texts = [(ROOT / "deploy" / name).read_text() for name in ("nginx.conf", "compose.conf")]
        sizes = [re.findall(r"client_max_body_size (\w+);", text) for text in texts]
        self.assertEqual(sizes, [["7m", "1k"]] * 2)
        self.assertGreater(7 * 2**20, settings.FILE_UPLOAD_MAX_MEMORY_SIZE + settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        [said, same] = [re.findall(r"error_page 413 @too_large;|return 413 '.*';", text) for text in texts]
        self.assertEqual((len(said), said), (2, same))
        for text in texts:
            sockets = text.partition("location /ws/ {")[2].partition("proxy_pass")[0]
            self.assertRegex(sockets, r"limit_except GET \{\s+deny all;\s+\}")


class LogTests(SimpleTestCase):
    def test_the_log_of_nginx_has_networks_and_no_address(self) -> None:
        text = (ROOT / "deploy/nginx.conf").read_text()
        self.assertEqual(re.findall(r"log_format \w+ '(\S+) ", text), ["$network"])
        self.assertNotIn("$remote_addr", text.partition("log_format")[2].partition(";")[0])
        [cuts] = re.findall(r"map \$remote_addr \$network \{(.*?)\n  \}", text, re.DOTALL)
        patterns = [(found[0].replace("?<", "?P<"), found[1]) for found in re.findall(r'"~(\S+)" (\S+);', cuts)]
        for address, network in (
            ("203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("2001:db8:1:2::6", "2001:db8:1::/48"),
            ("2001:db8:1::6", "2001:db8:1::/48"),
            ("2001:db8::6", "2001:db8::/48"),
            ("2001::3:4:5:6:7", "2001::/48"),
            ("::1", "-"),
            ("::ffff:203.0.113.77", "-"),
        ):
            matches = ((re.search(pattern, address), value) for pattern, value in patterns)
            told = [value.replace("$net", found["net"]) for found, value in matches if found]
            self.assertEqual([*told, "-"][0], network, address)


class TlsTests(SimpleTestCase):
    def test_the_example_of_nginx_speaks_tls_that_is_safe_and_takes_no_socket_without_it(self) -> None:
        text = (ROOT / "deploy/nginx.conf").read_text()
        self.assertEqual(re.findall(r"ssl_protocols (.*);", text), ["TLSv1.2 TLSv1.3"])
        servers_of = {server.partition(";")[0].split()[1]: server for server in text.split("  server {\n    ")[1:]}
        self.assertEqual(set(servers_of), {"80", "443"})
        self.assertEqual(["/ws/" in servers_of[port] for port in ("80", "443")], [False, True])
        self.assertNotIn("http://sockets", servers_of["80"])

    def test_whoever_has_ipv6_alone_gets_in_as_well(self) -> None:
        text = (ROOT / "deploy/nginx.conf").read_text()
        self.assertEqual(re.findall(r"\blisten (\S+)", text), ["80", "[::]:80", "443", "[::]:443"])


@skipUnless(shutil.which("redis-server"), "needs redis-server")
class RedisTests(SimpleTestCase):
    def test_that_of_the_compose_file_lets_in_who_has_the_password_its_health_check_included(self) -> None:
        text = re.sub(r"\$\{REDIS_PASSWORD:\?[^}]*\}", "letters1234", (ROOT / "docker-compose.yml").read_text())
        service, port = yaml.safe_load(text)["services"]["redis"], str(free_port())
        with subprocess.Popen([*shlex.split(service["command"]), "--port", port], stdout=subprocess.DEVNULL) as server:
            try:
                self.assertEqual(self.ping(service, port, **service["environment"]), "PONG")
                self.assertIn("NOAUTH", self.ping(service, port))
                address = re.search(r"REDIS_URL: (\S+)@redis:6379/0", text)
                assert address is not None
                with Redis.from_url(f"{address[1]}@127.0.0.1:{port}/0") as ours:
                    self.assertTrue(ours.ping())
            finally:
                server.terminate()

    def ping(self, service: dict[str, Any], port: str, **differs: str) -> str:
        """Do what the health check does, until the server is up; return what it says."""
        command = [*service["healthcheck"]["test"][1:2], "-p", port, *service["healthcheck"]["test"][2:]]
        deadline = time.monotonic() + PATIENCE
        while True:
            done = subprocess.run(command, env=os.environ | differs, capture_output=True, text=True, check=False)
            said = (done.stdout + done.stderr).strip()
            if "refused" not in said or time.monotonic() > deadline:
                return said


class ServerTests(SimpleTestCase):
    def test_the_image_the_compose_file_and_the_readme_start_the_chosen_servers(self) -> None:
        image = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        self.assertEqual(" ".join(json.loads(image[1] if image else "[]")), servers.PAGES)
        self.assertIn(f"command: {servers.SOCKETS}\n", (ROOT / "docker-compose.yml").read_text())
        readme = (ROOT / "README.md").read_text()
        for kind, port in ((servers.PAGES, 8001), (servers.SOCKETS, 8002)):
            self.assertIn(f"\n{kind.replace('--host 0.0.0.0 --port 8000', f'--port {port}')}\n", readme)
