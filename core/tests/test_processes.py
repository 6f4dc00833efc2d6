import os
import subprocess
import sys
from unittest import skipUnless

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from core.tests.cast import make_event
from core.tests.sockets import SocketCase
from core.tests.visits import visit

# `test` as its first argument: the channel layer of a test run has a prefix of its own.
BOOK = """
import django; django.setup()
from core import allocation; from core.models import User
allocation.book(event_id={event}, user=User.objects.get(username="alice"))
"""


def book_elsewhere(event_id: int) -> None:
    """Book for alice in another process, on the same database."""
    database = connection.settings_dict
    address = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT'] or 5432}"
    sqlite = connection.vendor == "sqlite"
    url = f"sqlite:///{database['NAME']}" if sqlite else f"postgres://{address}/{database['NAME']}"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "event_ticketing.settings", "DATABASE_URL": url}
    command = [sys.executable, "-c", BOOK.format(event=event_id), "test"]
    subprocess.run(command, env=environment, cwd=settings.BASE_DIR, check=True, timeout=60)


@skipUnless(settings.REDIS_URL, "needs Redis, which carries changes from process to process")
class OtherProcessTests(SocketCase):
    async def test_what_another_process_sells_reaches_the_pages_of_this_one(self):
        event = await sync_to_async(make_event)(auto_hold=False)
        public = await self.open("/ws/events/")
        alices = await self.open("/ws/dashboard/", await sync_to_async(visit)(self.alice))
        for socket in (public, alices):
            await self.said(socket, 1)
        await sync_to_async(book_elsewhere)(event.pk)
        await self.until(public, type="stats", event=event.pk, booked=1)
        await self.until(alices, type="ticket", event=event.pk, status="valid")
        await self.close()
