"""Nobody makes the server ask what only it can reach: where push messages may go."""

import socket
import time
from contextlib import ExitStack, suppress
from typing import Any
from unittest.mock import patch

from django.test import SimpleTestCase
from urllib3.exceptions import HTTPError

from core.push import outside

from .push_service import PushService


def place_of(port: int) -> tuple[Any, ...]:
    """Return what a look-up says of a port of this machine."""
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))


def silent_port(stack: ExitStack) -> int:
    """Return a port that answers nothing, not even a no: its queue is full."""
    full = stack.enter_context(socket.socket())
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    for _ in range(3):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        with suppress(BlockingIOError):
            waiting.connect(full.getsockname())
    port: int = full.getsockname()[1]
    return port


class WayOutTests(SimpleTestCase):
    def test_only_https_addresses_of_named_hosts_are_taken(self) -> None:
        for good in ("https://fcm.googleapis.com/fcm/send/a:B-_1", "https://web.push.apple.com/Q?x=1"):
            self.assertTrue(outside.is_endpoint(good), good)
        for bad in (
            "", "http://push.example.org/a", "https://localhost/a", "https://127.0.0.1/a", "https://[::1]/a",
            "https://2130706433/a", "https://0x7f.1/a", "https://push.example.org", "https://push.example.org:22/a",
            "https://push.example.org@10.0.0.1/a", "https://a:b@push.example.org/", "https://push.example.org\\@x.org/",
            "https://push.example.org/a#b", "https://push.example.org/a b", "https://push.example.org/\n",
            "https://pu\u0455h.example.org/a", "//push.example.org/a", "file:///etc/passwd", "https://push..org/a",
            "https://push.example.org./a",
        ):  # fmt: skip
            self.assertFalse(outside.is_endpoint(bad), bad)

    def test_only_public_addresses_are_public(self) -> None:
        for address in ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"):
            self.assertTrue(outside.is_public(address), address)
        for address in (
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
            "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1",
            "fec0::1", "::127.0.0.1", "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1",
        ):  # fmt: skip
            self.assertFalse(outside.is_public(address), address)

    def test_a_name_that_leads_to_this_machine_is_not_connected_to(self) -> None:
        service = PushService()
        self.addCleanup(service.stop)
        with patch.object(outside, "AUTHORITIES", service.certificate), self.assertRaises(outside.NotPublic):
            outside.post(service.endpoint, b"x", {})
        self.assertEqual(service.got, [])

    def test_a_name_is_looked_up_once_so_that_it_cannot_change_in_between(self) -> None:
        service = PushService()
        self.addCleanup(service.stop)
        found: list[Any] = [[place_of(1)], [place_of(service.port)]]
        with self.led_to(found, service), self.assertRaises((OSError, HTTPError)):
            outside.post(service.endpoint, b"x", {})
        self.assertEqual((len(found), service.got), (1, []))

    def test_where_one_address_is_silent_another_is_tried_within_the_same_time(self) -> None:
        service = PushService()
        self.addCleanup(service.stop)
        with ExitStack() as stack:
            silent = place_of(silent_port(stack))
            stack.enter_context(patch.object(outside, "PATIENCE", 1.0))
            with self.led_to([[silent, place_of(service.port)]], service):
                self.assertEqual(outside.post(service.endpoint, b"x", {}), 201)
            began = time.monotonic()
            with self.led_to([[silent] * 3 + [place_of(service.port)]], service), self.assertRaises(HTTPError):
                outside.post(service.endpoint, b"x", {})
        self.assertLess(time.monotonic() - began, 1.8)
        self.assertEqual(len(service.got), 1)

    def test_of_a_name_with_both_families_both_are_tried(self) -> None:
        six: Any = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 443, 0, 0))
        self.assertEqual(outside._few([six, six, place_of(443)]), [six, place_of(443)])
        self.assertEqual(outside._few([place_of(1), place_of(2), place_of(3)]), [place_of(1), place_of(2)])
        self.assertEqual(outside._few([six]), [six])

    def led_to(self, found: list[Any], service: PushService) -> ExitStack:
        """Let each look-up of a name find the next of these, all of them public."""
        stack = ExitStack()
        stack.enter_context(patch.object(outside, "AUTHORITIES", service.certificate))
        stack.enter_context(patch.object(outside, "is_public", return_value=True))
        looked_up = stack.enter_context(patch("core.push.outside.socket.getaddrinfo"))
        looked_up.side_effect = lambda *_, **__: found.pop(0)
        return stack
