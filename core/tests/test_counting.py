"""What the runner of the tests counts, tells and sends of those that fail or stand still."""

import asyncio
import io
import signal
import socket
import threading
import traceback
import unittest
from contextlib import suppress
from unittest import mock

from django.test import SimpleTestCase

from tools import counting


class WhyTests(SimpleTestCase):
    def test_why_a_test_failed_is_one_line_that_names_what_was_raised_last(self) -> None:
        class Failing(unittest.TestCase):
            def test_detail(self) -> None:
                raise ValueError("twice\nDETAIL:  Key (id)=(1) is there.")

            def test_during(self) -> None:
                try:
                    int("a")
                finally:
                    asyncio.run(asyncio.wait_for(asyncio.sleep(9), 0.001))

            def test_lists(self) -> None:
                self.assertEqual([1, 2], [1, 3])

            def test_parts(self) -> None:
                for part in range(2):
                    with self.subTest(part):
                        self.fail("no: neither")

            @unittest.expectedFailure
            def test_unexpected(self) -> None:
                pass

        result = unittest.TextTestRunner(io.StringIO(), resultclass=counting.CountingResult).run(
            unittest.defaultTestLoader.loadTestsFromTestCase(Failing)
        )
        failed = result.outcome()["failed"]  # type: ignore[attr-defined]  # -- it is ours
        self.assertEqual(
            {name.rpartition(".test_")[2]: reason for name, reason in failed.items()},
            {
                "detail": "ValueError: twice",
                "during": "TimeoutError",
                "lists": "AssertionError: Lists differ: [1, 2] != [1, 3]",
                "parts": "AssertionError: no: neither",
                "unexpected": "It passed.",
            },
        )


class StandsStillTests(SimpleTestCase):
    """A test that waits for what does not come fails, whatever it waits for, and those after it are played."""

    def test_each_fails_in_time_and_says_where_it_was(self) -> None:
        class Around(unittest.TestCase):
            @classmethod
            def setUpClass(cls) -> None:
                threading.Event().wait()

            def test_it_is_not_played(self) -> None:
                pass

        class Waiting(unittest.TestCase):
            def test_a_lock(self) -> None:
                locked = threading.Lock()
                locked.acquire()
                with suppress(Exception):
                    locked.acquire()

            def test_b_socket(self) -> None:
                ours, _theirs = socket.socketpair()
                ours.recv(1)

            def test_c_goes_on(self) -> None:
                pass

        load = unittest.defaultTestLoader.loadTestsFromTestCase
        suite = unittest.TestSuite(map(load, (Around, Waiting)))
        with (
            mock.patch.object(counting, "LONGEST", 1.0),
            mock.patch("tools.counting.faulthandler.dump_traceback") as told,
        ):
            events = counting.CopyingRunner().run(suite).events
        kinds = [kind for kind, *_ in events if kind.startswith("add")]
        self.assertEqual(kinds, ["addError", "addError", "addError", "addSuccess"])
        self.assertIn("locked.acquire()", "".join(traceback.format_exception(*events[2][2])))
        self.assertEqual(told.call_count, 3)
        self.assertEqual(signal.getitimer(signal.ITIMER_REAL), (0.0, 0.0))


class PartsTests(SimpleTestCase):
    class Having(SimpleTestCase):  # here, where nobody looks for tests, and it can be sent
        def test_one(self) -> None:
            self.unsendable = threading.Lock()
            with self.subTest(self.unsendable, part=0):
                self.fail("no")

        def test_still(self) -> None:
            for part in range(3):
                with self.subTest(part):
                    threading.Event().wait()

        def test_many(self) -> None:
            for part in range(5):
                with self.subTest(part):
                    pass

    def play(self, name: str) -> list[tuple[object, ...]]:
        """Play a test as in a parallel process; return what is sent."""
        return counting.CopyingRunner().run(unittest.TestSuite([self.Having(name)])).events  # type: ignore[no-any-return]  # -- Django's

    def test_a_part_that_failed_is_sent_whatever_its_test_has(self) -> None:
        [(subtest, error)] = [event[2:] for event in self.play("test_one") if event[0] == "addSubTest"]
        self.assertRegex(str(subtest), r"test_one .*<unlocked _thread.lock.*\(part=0\)")
        self.assertEqual(str(error[1]), "no")  # type: ignore[index]  # -- an exc_info
        self.assertFalse(hasattr(subtest.test_case, "unsendable"))  # type: ignore[attr-defined]  # -- a part

    def test_each_part_has_its_time_but_for_what_comes_after_one_that_stood_still(self) -> None:
        with mock.patch.object(counting, "_wind_up", wraps=counting._wind_up) as wound:
            self.play("test_many")
        many = wound.call_count
        with (
            mock.patch.object(counting, "LONGEST", 0.2),
            mock.patch.object(counting, "AGAIN", 0.05),
            mock.patch.object(counting, "_wind_up", wraps=counting._wind_up) as wound,
            mock.patch("tools.counting.faulthandler.dump_traceback"),
        ):
            events = self.play("test_still")
        self.assertEqual(many - wound.call_count, 5)
        self.assertEqual([event[0] for event in events if event[0].startswith("add")], ["addSubTest"] * 3)  # type: ignore[attr-defined]  # -- a word
