"""Messages to browsers, each a row until it was sent, outside of requests and beside the mail, which waits for none.

A row is stored with the note that somebody was told of their turn (`telling/places.py`). It is sent at least once:
whoever sends leases the rows first. A process that dies between the push service's yes and the end of the row leaves a
lease that runs out, and the same message goes out again, under the same topic and tag, by which it replaces the first.
"""

import asyncio
import datetime as dt
import json
import logging
import queue
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread

from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from django.utils import translation
from django.utils.translation import gettext

from .. import prepared
from ..models import PushMessage, PushSubscription, TicketHold, User
from ..now import now
from . import keys, outside, subscriptions

logger = logging.getLogger(__name__)

AT_ONCE = 20  # messages sent side by side: one service that does not answer holds up no other
WAIT = outside.PATIENCE + 1  # seconds; what is not answered by then is left to its lease, which ends later
LEASE = dt.timedelta(minutes=1)
FIRST_RETRY = dt.timedelta(seconds=5)  # and twice as long each time, as long as the hold lasts
GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}  # the browser was switched off, or is no more (RFC 8030, 7.3)
NOT_OURS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}  # it was switched on with another key (RFC 8292, 4.2)
LATER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)

_one_due = prepared.Rows(lambda: PushMessage.objects.due(prepared.moment("moment")).values_list("pk")[:1])


@dataclass(frozen=True)
class Post:
    """One message, encrypted, on its way."""

    message: PushMessage
    endpoint: str
    body: bytes
    headers: dict[str, str]


def store(hold_ids: Iterable[int]) -> None:
    """Store what the browsers of those are to be told whose turn it is; in the transaction that notes it."""
    if not keys.is_on():
        return
    holds = list(TicketHold.objects.filter(pk__in=list(hold_ids)).values_list("pk", "user"))
    browsers = PushSubscription.objects.filter(user__in={user_id for _, user_id in holds}).order_by("pk")
    of_person: dict[int, list[int]] = defaultdict(list)
    # Locked, so that none is switched off before its message is stored.
    for pk, user_id in browsers.select_for_update(no_key=True).values_list("pk", "user"):
        of_person[user_id].append(pk)
    moment = now()
    PushMessage.objects.bulk_create(
        [
            PushMessage(subscription_id=pk, hold_id=hold_id, due_at=moment)
            for hold_id, user_id in holds
            for pk in of_person[user_id]
        ],
        ignore_conflicts=True,
    )


async def run() -> None:
    """Send what is due until cancelled; where no key is set, nothing ever is."""
    while keys.is_on():
        await asyncio.sleep(1)
        try:
            await sync_to_async(_work_in_thread, thread_sensitive=False)()
        except Exception:
            logger.exception("push messages could not be looked after; it is tried again")


def _work_in_thread() -> None:
    try:
        deliver()
    finally:
        connections.close_all()


def deliver() -> int:
    """Send messages that are due, a few at most; return how many were looked at, sent or not."""
    if not _one_due(moment=now()):  # SQLite would lock out all writers for a look
        return 0
    messages = _lease()
    posts = [post for message in messages if (post := _written(message))]
    _give_back_connection()
    for message, outcome in _outcomes(posts):
        _note(message, outcome)
        _give_back_connection()
    return len(messages)


def _give_back_connection() -> None:
    if not connection.in_atomic_block:  # as a test case is
        connection.close()  # to the pool: no booking waits for a push service


def _lease() -> list[PushMessage]:
    moment = now()
    with transaction.atomic():
        due = PushMessage.objects.due(moment).select_for_update(skip_locked=True, of=("self",), no_key=True)
        messages = list(due.select_related("subscription__user", "hold__event")[:AT_ONCE])
        PushMessage.objects.filter(pk__in=[message.pk for message in messages]).update(due_at=moment + LEASE)
    return messages


def _written(message: PushMessage) -> Post | None:
    """Return a message ready to be sent; None, and it is over, where the hold is, or nothing can be encrypted."""
    hold, moment = message.hold, now()
    if hold.status != TicketHold.Status.HELD or hold.expires_at is None or hold.expires_at <= moment:
        message.delete()
        return None
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str((hold.expires_at - moment) // dt.timedelta(seconds=1)),
        "Topic": f"turn-{hold.pk}",
        "Urgency": "high",
    }
    endpoint = message.subscription.endpoint
    try:
        body = _encrypted(_told(hold, hold.expires_at, message.subscription.user), message.subscription)
        return Post(message, endpoint, body, headers | keys.authorization(endpoint))
    except Exception as error:  # noqa: BLE001 -- whatever is wrong with this browser's keys, the others are told
        _note(message, error, is_for_good=True)
        return None


def _told(hold: TicketHold, until: dt.datetime, person: User) -> dict[str, str]:
    event = " ".join(hold.event.name.split())
    return _words(event, person.mail_language) | {
        "event": event,
        "until": until.isoformat(),
        "path": hold.event.get_absolute_url(),
        # The one that an open page of `attention.js` has as well: the browser shows one of both.
        "tag": f"turn {hold.event_id} {(until - EPOCH) // dt.timedelta(milliseconds=1)}",
    }


def _words(event: str, language: str) -> dict[str, str]:
    """Return what the notification says; the browser knows which time it is where the person is."""
    with translation.override(language):
        return {
            "language": language,
            "title": gettext("Your turn – %(event)s") % {"event": event},
            # Translators: {time} is a time of the day, as in "20:15".
            "body": gettext("A ticket is held for you until {time}. Book it before then."),
        }


def _encrypted(told: dict[str, str], browser: PushSubscription) -> bytes:
    from pywebpush import WebPusher  # noqa: PLC0415 -- it loads aiohttp, 20 MB that a site without push does without

    info = {"endpoint": browser.endpoint, "keys": {"p256dh": browser.p256dh, "auth": browser.auth}}
    body: bytes = WebPusher(info).encode(json.dumps(told, ensure_ascii=False).encode())["body"]
    return body


def _outcomes(posts: list[Post]) -> Iterator[tuple[PushMessage, int | Exception]]:
    """Send side by side; yield what became of each as soon as it is known, of those for which it is in time."""
    known: queue.SimpleQueue[tuple[PushMessage, int | Exception]] = queue.SimpleQueue()
    for post in posts:
        # Not of a pool: the process would wait for it as it ends, and a name can take minutes to look up.
        Thread(target=lambda post=post: known.put((post.message, _sent(post))), daemon=True).start()
    until = time.monotonic() + WAIT
    for left in range(len(posts), 0, -1):
        try:
            yield known.get(timeout=max(until - time.monotonic(), 0))
        except queue.Empty:
            logger.warning("%s push messages had no answer in time; they are sent again after their lease.", left)
            return


def _sent(post: Post) -> int | Exception:
    """Return what the push service answered, or why there is no answer."""
    try:
        return outside.post(post.endpoint, post.body, post.headers)
    except Exception as error:  # noqa: BLE001 -- in a thread of its own, where nobody else would note it
        return error


def _note(message: PushMessage, outcome: int | Exception, *, is_for_good: bool = False) -> None:
    """Note what became of a message: sent, the browser gone, to be tried again, or given up."""
    if outcome in GONE:
        _forget(message)
        return
    if isinstance(outcome, int) and HTTPStatus.OK <= outcome < HTTPStatus.MULTIPLE_CHOICES:
        message.delete()
        return
    # Without the address, by which anybody could be taken for us.
    said = type(outcome).__name__ if isinstance(outcome, Exception) else f"status {outcome}"
    logger.warning("Push message %s was not sent: %s.", message.pk, said)
    if outcome in NOT_OURS:  # so that the page says "off", and it can be switched on anew
        _forget(message)
    elif _is_for_now(outcome) and not is_for_good:
        again = now() + FIRST_RETRY * 2 ** min(message.tries, 10)
        PushMessage.objects.filter(pk=message.pk).update(due_at=again, tries=message.tries + 1)
    else:
        message.delete()


def _forget(message: PushMessage) -> None:
    """Forget the browser that a message is for."""
    subscriptions.remove(PushSubscription.objects.filter(pk=message.subscription_id))


def _is_for_now(outcome: int | Exception) -> bool:
    if isinstance(outcome, Exception):
        return not isinstance(outcome, outside.NotPublic)
    return outcome in LATER or outcome >= HTTPStatus.INTERNAL_SERVER_ERROR
