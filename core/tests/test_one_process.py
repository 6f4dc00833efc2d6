"""Without Redis one process serves, and whoever starts a second one is told."""

import tempfile
from pathlib import Path

from django.test import SimpleTestCase, TransactionTestCase, override_settings

from core import checks

from .nodes import start_node

TOLD = "another process serves this database as well"


class OneProcessTests(TransactionTestCase):
    def test_a_second_one_says_so_in_its_log_and_the_next_after_it_does_not(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        nodes = []
        for name in ("first", "second"):
            nodes.append(start_node(log=folder / name, REDIS_URL=""))
            self.addCleanup(nodes[-1].stop)
        self.assertEqual([TOLD in (folder / name).read_text() for name in ("first", "second")], [False, True])
        for node in nodes:
            node.stop()
        self.addCleanup(start_node(log=folder / "third", REDIS_URL="").stop)
        self.assertNotIn(TOLD, (folder / "third").read_text())


class RedisCheckTests(SimpleTestCase):
    def test_a_public_site_without_redis_is_warned(self) -> None:
        for url, ids in (("", ["core.W001"]), ("redis://127.0.0.1", [])):
            with override_settings(REDIS_URL=url):
                self.assertEqual([found.id for found in checks.check_redis()], ids)
