"""What a process without an event loop changed is told to the others: by one thread, over one connection."""

import logging
import os
import subprocess
import sys
from typing import Any
from unittest import mock, skipUnless

import redis
from django.conf import settings
from django.test import SimpleTestCase, override_settings

from core import relay
from core.relay import Changes, Publisher

# `test` as its first argument: the channel layer of a test run has a prefix of its own.
NOTE = """
import django; django.setup()
from core import hub; from core.relay import Changes
hub.note_change(Changes(events={7}))
"""


class Heard:
    """A channel layer that keeps what it is told; the publisher knows any layer by `group_send` alone."""

    def __init__(self) -> None:
        self.events: list[set[int]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.events.append(set(message["events"]))


class PublisherTests(SimpleTestCase):
    def test_all_that_many_threads_changed_is_told_in_few_messages(self) -> None:
        layer, publisher = Heard(), Publisher()
        with mock.patch.object(relay, "shared_layer", lambda: layer):
            for number in range(200):
                publisher.note(Changes(events={number}))
            self.assertTrue(publisher.wait(10))
            self.assertEqual(set().union(*layer.events), set(range(200)))
            self.assertLess(len(layer.events), 200)
            publisher.note(Changes(events={1000}))
            self.assertTrue(publisher.wait(10))
        self.assertEqual(layer.events[-1], {1000})

    def test_a_layer_that_is_away_is_logged_and_asked_again_for_the_next_change(self) -> None:
        nowhere = {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["redis://127.0.0.1:1"]},
        }
        publisher = Publisher()
        with override_settings(CHANNEL_LAYERS={"default": nowhere}):
            for _ in range(2):
                with self.assertLogs("core.relay", logging.WARNING):
                    publisher.note(Changes(users={1}))
                    self.assertTrue(publisher.wait(10))

    def test_in_memory_there_is_nobody_to_tell_and_no_thread(self) -> None:
        publisher = Publisher()
        with override_settings(CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}):
            publisher.note(Changes(events={1}))
        self.assertEqual((publisher.wait(0), publisher._thread), (True, None))


@skipUnless(settings.REDIS_URL, "needs Redis, which carries changes from process to process")
class ExitTests(SimpleTestCase):
    def test_a_command_that_ends_at_once_has_told_what_it_changed(self) -> None:
        with redis.Redis.from_url(settings.REDIS_URL) as client, client.pubsub() as channel:
            channel.subscribe("tickets-test__group__changes")
            self.assertEqual(channel.get_message(timeout=10)["type"], "subscribe")
            environment = os.environ | {"DJANGO_SETTINGS_MODULE": "event_ticketing.settings"}
            subprocess.run([sys.executable, "-c", NOTE, "test"], env=environment, cwd=settings.BASE_DIR, check=True)
            told = b""
            while (
                b"events\x91\x07" not in told
            ):  # MessagePack: a list of one, 7; tests in other processes tell things, too
                message = channel.get_message(timeout=10)
                self.assertIsNotNone(message, "it was not told")
                told = message["data"]
