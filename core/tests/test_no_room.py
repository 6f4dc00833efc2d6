"""When a disk is full, no file may be opened or no thread is left: a clear no, nothing left behind, and a log of it."""

import asyncio
import errno
import io
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.test import SimpleTestCase, TestCase, override_settings
from PIL import Image

from core import limits
from core.http import busy_page
from event_ticketing.asgi import _answered

from .cast import Cast, book, make_event, make_person
from .desk import at_desk, errors_of, filled, make_administrator
from .visits import BROWSER, visit


@contextmanager
def limited(kind: int, most: int) -> Iterator[None]:
    """Let this process have so much of a resource and no more."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def next_file() -> int:
    """Return the number that the next open file gets."""
    number = os.open("/dev/null", os.O_RDONLY)
    os.close(number)
    return number


def picture(pixels: int) -> io.BytesIO:
    """Return a picture of noise, which nothing compresses, as a browser uploads it."""
    content = io.BytesIO()
    Image.frombytes("RGB", (pixels, pixels), os.urandom(3 * pixels**2)).save(content, "PNG")
    content.seek(0)
    content.name = "picture.png"
    return content


class StorageTests(SimpleTestCase):
    def test_of_an_upload_for_which_there_is_no_room_nothing_stays(self):
        with TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
            with limited(resource.RLIMIT_FSIZE, 1000), self.assertRaises(OSError):
                default_storage.save("events/picture.png", ContentFile(b"x" * 2000))
            self.assertEqual(os.listdir(f"{folder}/events"), [])


class UploadTests(Cast, TestCase):
    def setUp(self):
        self.event, self.browser = make_event(name="Opera"), at_desk(make_administrator())
        self.path = f"/admin/core/event/{self.event.pk}/change/"

    def upload(self, pixels: int) -> Any:
        form = filled(self.browser.get(self.path)) | {"name": "Ballet", "image": picture(pixels)}
        return self.browser.post(self.path, form)

    def saved(self) -> tuple[str, bool]:
        self.event.refresh_from_db()
        return self.event.name, bool(self.event.image)

    def test_a_picture_that_cannot_be_stored_is_refused_with_the_reason_and_nothing_is_saved(self):
        with override_settings(MEDIA_ROOT="/dev/null/media"), self.assertLogs("core.admin.events", "WARNING"):
            response = self.upload(20)
        self.assertEqual(response.status_code, 200)
        self.assertIn("has no room for this picture", errors_of(response)["__all__"][0])
        self.assertEqual(self.saved(), ("Opera", False))

    def test_an_upload_needs_no_temporary_file(self):
        with TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder, FILE_UPLOAD_TEMP_DIR="/dev/null"):
            self.assertEqual(self.upload(1100).status_code, 302)  # 3.5 MB
        self.assertEqual(self.saved(), ("Ballet", True))

    def test_one_that_is_too_large_is_refused(self):
        self.assertEqual(self.upload(1500).status_code, 400)  # 6.7 MB
        self.assertEqual(self.saved(), ("Opera", False))


class UsedUpTests(Cast, TestCase):
    def test_a_session_that_cannot_be_stored_is_503_and_not_a_fault(self):
        make_person("carol", password="a long password")
        browser = visit(headers=BROWSER, raise_request_exception=False)

        def locked(execute: Any, query: str, params: Any, many: bool, context: Any) -> Any:
            if query.startswith(("INSERT", "UPDATE")) and "django_session" in query:
                raise OperationalError("database is locked")
            return execute(query, params, many, context)

        with connection.execute_wrapper(locked):
            form = {"login": "carol", "password": "a long password"}
            response = browser.post("/accounts/login/", form)
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "3"))

    def test_a_pdf_when_no_file_may_be_opened_is_503(self):
        ticket = book(make_event(), self.alice)
        browser = visit(self.alice, headers=BROWSER, raise_request_exception=False)
        path = f"/ticket/{ticket.code}/download/"
        busy_page()  # as a server that has run for a while has it
        self.assertEqual([browser.get(page).status_code for page in (path, "/nothing/")], [200, 404])
        with limited(resource.RLIMIT_NOFILE, next_file()):
            response = browser.get(path)
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "3"))

    async def test_a_process_without_threads_memory_or_room_says_to_come_again(self):
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        errors = RuntimeError("can't start new thread"), MemoryError(), OSError(errno.ENOSPC, "No space left on device")
        for error in errors:
            with self.subTest(error=error), self.assertLogs("event_ticketing.asgi", "ERROR"):
                sent.clear()
                await _answered(mock.AsyncMock(side_effect=error))({}, None, send)
                self.assertEqual((sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"]), (503, b"3"))
        with self.assertRaises(RuntimeError):
            await _answered(mock.AsyncMock(side_effect=RuntimeError("a fault of ours")))({}, None, send)


class FilesTests(SimpleTestCase):
    def test_it_is_said_before_no_more_files_may_be_opened_and_when_none_may(self):
        self.assertEqual(limits.near_the_limit(), "")
        for most in (next_file() + 1, next_file()):
            with limited(resource.RLIMIT_NOFILE, most):
                self.assertIn(f"of {most} files are open", limits.near_the_limit())

    async def test_it_is_logged_once(self):
        with self.assertLogs("core.limits", "WARNING") as said, limited(resource.RLIMIT_NOFILE, 1):
            limits_look, limits.LOOK = limits.LOOK, 0.001
            try:
                with self.assertRaises(TimeoutError):
                    await asyncio.wait_for(limits.watch(), 0.05)
            finally:
                limits.LOOK = limits_look
        self.assertEqual(len(said.output), 1)
