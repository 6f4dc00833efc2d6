"""What the examples and tables for operators say is what the application does."""

import json
import re
from pathlib import Path

from django.conf import settings
from django.test import SimpleTestCase

from event_ticketing import settings as source
from tools import capacity, servers

ROOT = Path(settings.BASE_DIR)


class PgBouncerTests(SimpleTestCase):
    def test_it_sets_what_the_start_up_options_cannot_tell_it(self) -> None:
        options = str(source._POSTGRESQL["options"]).replace("\\ ", "_")
        asked = dict(re.findall(r"-c (\w+)=(\S+)", options)) | {"idle_in_transaction_session_timeout": "5s"}
        query = re.search(r"connect_query='(.*)'\n", (ROOT / "deploy/pgbouncer.ini").read_text())
        told = dict(re.findall(r"SET (\w+) = ''([^']+)''", query[1] if query else ""))
        self.assertEqual({name: value.replace(" ", "_") for name, value in told.items()}, asked)


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


class ServerTests(SimpleTestCase):
    def test_the_image_the_compose_file_and_the_readme_start_the_chosen_servers(self) -> None:
        image = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        self.assertEqual(" ".join(json.loads(image[1] if image else "[]")), servers.PAGES)
        self.assertIn(f"command: {servers.SOCKETS}\n", (ROOT / "docker-compose.yml").read_text())
        readme = (ROOT / "README.md").read_text()
        for kind, port in ((servers.PAGES, 8001), (servers.SOCKETS, 8002)):
            self.assertIn(f"\n{kind.replace('--host 0.0.0.0 --port 8000', f'--port {port}')}\n", readme)
