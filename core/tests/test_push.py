"""Whose turn it is, is told to their browsers too: encrypted, once, in time, by a push service on this machine."""

import datetime as dt
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar
from unittest.mock import patch

from django.db import transaction
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import translation
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from core import accounts, allocation
from core.models import MutedNotice, PushMessage, PushSubscription, TicketHold, User
from core.push import keys, outside, sending, subscriptions
from core.telling import places

from .cast import Cast, CastOfRaces, HandClock, book, join, make_event, make_people, race, release
from .push_service import Browser, PushService, claims_of
from .test_language_of_mails import german

KEY = keys.new_private_key()


def let_tell(user: User, service: PushService, browser: Browser | None = None, name: str = "") -> PushSubscription:
    """Store a browser of a person."""
    made = (browser or Browser()).keys
    return PushSubscription.objects.create(user=user, endpoint=service.endpoint + name, **made)


class PushCase(Cast, TestCase):
    """A push service that runs, and an event whose one place bob holds while alice waits."""

    service: ClassVar[PushService]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.service = PushService()
        cls.addClassCleanup(cls.service.stop)

    def setUp(self) -> None:
        self.enterContext(override_settings(VAPID_PRIVATE_KEY=KEY, DEFAULT_FROM_EMAIL="Box <box@tickets.example>"))
        self.enterContext(patch.object(outside, "AUTHORITIES", self.service.certificate))
        self.enterContext(patch.object(outside, "is_public", lambda address: address in {"127.0.0.1", "::1"}))
        self.service.got.clear()
        self.service.answer, self.service.location, self.service.is_slow = 201, "", False
        self.clock = self.enterContext(HandClock())
        self.clock.at = dt.datetime(2030, 6, 1, 10, tzinfo=dt.UTC)
        starts_at = dt.datetime(2030, 7, 1, 18, tzinfo=dt.UTC)
        self.event = make_event(name="Opera\nNight <3", capacity=1, starts_at=starts_at)
        self.browser = Browser()
        self.subscription = let_tell(self.alice, self.service, self.browser)
        join(self.event, self.bob)
        self.hold = join(self.event, self.alice)

    def give_turn(self) -> None:
        """Let alice be held the place, and store what she is told."""
        release(self.event, self.bob)
        self.clock.move(seconds=11)
        places.tell()

    def refused(self, status: int) -> list[str]:
        """Let the service answer this; return what the log says of it."""
        self.service.answer = status
        with self.assertLogs("core.push.sending", "WARNING") as told:
            sending.deliver()
        self.assertNotIn("localhost", "".join(told.output))
        return [record.getMessage() for record in told.records]


class TurnTests(PushCase):
    def test_their_browser_alone_can_read_what_until_when_and_where(self) -> None:
        self.give_turn()
        self.assertEqual((sending.deliver(), sending.deliver(), PushMessage.objects.count()), (1, 0, 0))
        ((path, headers, body),) = self.service.got
        until = dt.datetime(2030, 6, 1, 10, 10, tzinfo=dt.UTC)
        self.assertEqual(
            self.browser.read(body),
            {
                "language": "en",
                "title": "Your turn – Opera Night <3",
                "body": "A ticket is held for you until {time}. Book it before then.",
                "event": "Opera Night <3",
                "until": until.isoformat(),
                "path": f"/events/{self.event.pk}/",
                "tag": f"turn {self.event.pk} {round(until.timestamp() * 1000)}",
            },
        )
        told = {name: headers[name] for name in ("ttl", "topic", "urgency", "content-encoding")}
        expected = {"ttl": "589", "topic": f"turn-{self.hold.pk}", "urgency": "high", "content-encoding": "aes128gcm"}
        self.assertEqual((path, told), ("/send/abc", expected))
        self.assertNotIn(b"Opera", body)

    def test_its_words_are_in_the_language_of_the_person_whatever_the_thread_speaks(self) -> None:
        User.objects.filter(pk=self.alice.pk).update(language="de")
        self.give_turn()
        with german(), translation.override("ar"):
            sending.deliver()
        told = self.browser.read(self.service.got[0][2])
        self.assertEqual((told["language"], told["title"]), ("de", "Du bist dran – Opera Night <3"))
        self.assertEqual(told["body"], "Dein Ticket wird bis {time} gehalten.")

    def test_the_service_knows_by_a_signed_token_that_it_is_us_and_whom_to_write_to(self) -> None:
        self.give_turn()
        sending.deliver()
        claims, key = claims_of(self.service.got[0][1]["authorization"])
        audience = self.service.endpoint.removesuffix("/send/abc")
        self.assertEqual((claims["aud"], claims["sub"]), (audience, "mailto:box@tickets.example"))
        self.assertTrue(0 < claims["exp"] - time.time() <= 3600)
        self.assertEqual(key, keys.public_key())

    def test_each_of_their_browsers_is_told_and_nobody_elses(self) -> None:
        let_tell(self.alice, self.service, name="2")
        let_tell(self.bob, self.service, name="3")
        self.give_turn()
        sending.deliver()
        self.assertEqual(sorted(path for path, *_ in self.service.got), ["/send/abc", "/send/abc2"])

    def test_who_does_without_the_mail_or_has_no_address_is_told_in_the_browser(self) -> None:
        MutedNotice.objects.create(user=self.alice, notice="turn")
        User.objects.filter(pk=self.alice.pk).update(email="")
        self.give_turn()
        self.assertEqual((sending.deliver(), len(self.service.got)), (1, 1))

    def test_who_has_booked_or_whose_hold_is_over_is_not(self) -> None:
        self.give_turn()
        book(self.event, self.alice)
        self.assertEqual((sending.deliver(), PushMessage.objects.count(), self.service.got), (1, 0, []))

    def test_a_queue_that_stood_until_the_hold_lapsed_says_nothing(self) -> None:
        self.give_turn()
        self.clock.move(minutes=10)
        self.assertEqual((sending.deliver(), PushMessage.objects.count(), self.service.got), (1, 0, []))

    def test_without_a_key_nothing_is_stored_or_sent(self) -> None:
        with override_settings(VAPID_PRIVATE_KEY=""):
            self.give_turn()
            self.assertEqual((PushMessage.objects.count(), subscriptions.offer_to(self.alice, "")), (0, None))

    def test_storing_for_many_asks_as_much_as_for_one(self) -> None:
        asked = []
        for people in (make_people(1), make_people(9)):
            holds = []
            for person in people:
                let_tell(person, self.service, name=f"-{person.pk}")
                holds.append(join(make_event(capacity=1), person).pk)
            with self.assertNumQueries(3):
                sending.store(holds)
            asked.append(PushMessage.objects.count())
        self.assertEqual(asked, [1, 10])

    def test_an_old_place_is_removed_with_its_message(self) -> None:
        self.give_turn()
        TicketHold.objects.filter(pk=self.hold.pk).delete()
        self.assertEqual(PushMessage.objects.count(), 0)


class FailureTests(PushCase):
    def setUp(self) -> None:
        super().setUp()
        self.give_turn()

    def test_a_browser_that_is_gone_is_forgotten(self) -> None:
        for status in (404, 410):
            with self.subTest(status=status):
                self.service.answer = status
                self.assertEqual((sending.deliver(), PushSubscription.objects.count()), (1, 0))
                self.subscription = let_tell(self.alice, self.service, self.browser)
                sending.store([self.hold.pk])

    def test_a_service_that_is_busy_is_asked_again_and_later_each_time(self) -> None:
        for status, tries in ((500, 1), (503, 2), (429, 3)):
            self.assertEqual(
                self.refused(status), [f"Push message {PushMessage.objects.get().pk} was not sent: status {status}."]
            )
            self.assertEqual((sending.deliver(), PushMessage.objects.get().tries), (0, tries))
            self.clock.move(seconds=5 * 2 ** (tries - 1))
        self.service.answer = 201
        self.assertEqual((sending.deliver(), PushMessage.objects.count()), (1, 0))

    def test_a_no_for_good_is_not_asked_again_and_the_browser_stays(self) -> None:
        for status in (400, 413):
            self.refused(status)
            self.assertEqual((PushMessage.objects.count(), PushSubscription.objects.count()), (0, 1))
            sending.store([self.hold.pk])

    def test_a_browser_of_another_key_is_forgotten_and_the_log_says_why(self) -> None:
        for status in (401, 403):
            with self.subTest(status=status):
                message = PushMessage.objects.get()
                self.assertEqual(self.refused(status), [f"Push message {message.pk} was not sent: status {status}."])
                self.assertFalse(PushSubscription.objects.exists())
                self.subscription = let_tell(self.alice, self.service, self.browser)
                sending.store([self.hold.pk])

    def test_where_it_would_be_sent_on_to_it_is_not_sent(self) -> None:
        self.service.location = self.service.endpoint + "other"
        self.refused(307)
        self.assertEqual(([path for path, *_ in self.service.got], PushMessage.objects.count()), (["/send/abc"], 0))

    def test_a_service_that_is_away_costs_a_try_and_no_trace(self) -> None:
        PushSubscription.objects.update(endpoint="https://localhost:1/send")
        with self.assertLogs("core.push.sending", "WARNING") as told:
            self.assertEqual((sending.deliver(), sending.deliver()), (1, 0))
        self.assertEqual([record.exc_info for record in told.records], [None])

    def test_an_answer_of_drops_ends_in_time_and_holds_up_no_other(self) -> None:
        self.service.is_slow = True
        began = time.monotonic()
        with patch.object(outside, "PATIENCE", 0.5), self.assertLogs("core.push.sending", "WARNING"):
            sending.deliver()
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(PushMessage.objects.get().tries, 1)

    def test_a_name_that_nobody_looks_up_holds_up_neither_another_nor_the_end_of_the_process(self) -> None:
        hanging, look_up = threading.Event(), socket.getaddrinfo
        self.addCleanup(hanging.set)

        def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
            return look_up(host, *args, **options) if host == "localhost" else hanging.wait()

        slow = let_tell(self.alice, self.service, name="2")
        PushSubscription.objects.filter(pk=slow.pk).update(endpoint="https://slow.example.org/a")
        sending.store([self.hold.pk])
        before, began = threading.enumerate(), time.monotonic()
        with (
            patch("core.push.outside.socket.getaddrinfo", getaddrinfo),
            patch.object(sending, "WAIT", 0.5),
            self.assertLogs("core.push.sending", "WARNING") as told,
        ):
            self.assertEqual((sending.deliver(), sending.deliver()), (2, 0))
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual([record.getMessage()[:31] for record in told.records], ["1 push messages had no answer i"])
        self.assertEqual([message.subscription for message in PushMessage.objects.all()], [slow])
        self.assertTrue(all(thread.daemon for thread in threading.enumerate() if thread not in before))

    def test_keys_that_are_none_hold_up_no_other(self) -> None:
        broken = let_tell(self.alice, self.service, name="2")
        PushSubscription.objects.filter(pk=broken.pk).update(p256dh="BAAA", auth="")
        sending.store([self.hold.pk])
        with self.assertLogs("core.push.sending", "WARNING"):
            sending.deliver()
        self.assertEqual(([path for path, *_ in self.service.got], PushMessage.objects.count()), (["/send/abc"], 0))

    def test_a_process_that_died_after_the_yes_repeats_it_under_the_same_topic(self) -> None:
        with patch.object(sending, "_note", side_effect=SystemExit), self.assertRaises(SystemExit):
            sending.deliver()
        self.assertEqual((len(self.service.got), sending.deliver()), (1, 0))  # leased: nobody else takes it
        self.clock.move(minutes=1)
        self.assertEqual((sending.deliver(), sending.deliver()), (1, 0))
        self.assertEqual(len({headers["topic"] for _, headers, _ in self.service.got}), 1)
        tags = {self.browser.read(body)["tag"] for *_, body in self.service.got}
        self.assertEqual((len(self.service.got), len(tags)), (2, 1))

    def test_a_certificate_that_nobody_vouches_for_is_told_nothing(self) -> None:
        with (
            patch.object(outside, "AUTHORITIES", DEFAULT_CA_BUNDLE_PATH),
            self.assertLogs("core.push.sending", "WARNING"),
        ):
            sending.deliver()
        self.assertEqual((self.service.got, PushMessage.objects.get().tries), ([], 1))


class BrowsersTests(Cast, TestCase):
    def subscribe(self, user: User, name: str) -> None:
        endpoint = f"https://push.example.org/{name}"
        subscriptions.subscribe(user=user, endpoint=endpoint, **Browser().keys)

    def endpoints(self, user: User) -> list[str]:
        rows = PushSubscription.objects.filter(user=user).order_by("created_at", "pk")
        return [endpoint.rsplit("/", 1)[1] for endpoint in rows.values_list("endpoint", flat=True)]

    def test_a_handful_of_browsers_are_told_the_latest(self) -> None:
        for name in "abcdefg":
            self.subscribe(self.alice, name)
        self.assertEqual(self.endpoints(self.alice), list("cdefg"))

    def test_the_same_one_again_is_one_row_with_its_new_keys(self) -> None:
        self.subscribe(self.alice, "a")
        before = PushSubscription.objects.get()
        self.subscribe(self.alice, "a")
        after = PushSubscription.objects.get()
        self.assertEqual((after.pk, after.p256dh == before.p256dh), (before.pk, False))

    def test_a_browser_is_of_whoever_switched_it_on_last_and_hears_nothing_of_the_other(self) -> None:
        self.subscribe(self.alice, "a")
        hold = allocation.join(event_id=make_event().pk, user=self.alice)
        PushMessage.objects.create(subscription=PushSubscription.objects.get(), hold=hold)
        self.subscribe(self.bob, "a")
        self.assertEqual((self.endpoints(self.alice), self.endpoints(self.bob)), ([], ["a"]))
        self.assertEqual(PushMessage.objects.count(), 0)

    def test_an_erased_account_has_none(self) -> None:
        self.subscribe(self.alice, "a")
        self.subscribe(self.bob, "b")
        accounts.erase_account(self.alice)
        self.assertEqual((self.endpoints(self.alice), self.endpoints(self.bob)), ([], ["b"]))


class CrowdTests(CastOfRaces, TransactionTestCase):
    def test_however_many_processes_send_each_message_is_sent_once(self) -> None:
        service = PushService()
        self.addCleanup(service.stop)
        people = make_people(12)
        event = make_event(capacity=len(people))
        holds = [join(event, person).pk for person in people]
        for person in people:
            let_tell(person, service, name=f"-{person.pk}")
        with (
            override_settings(VAPID_PRIVATE_KEY=KEY),
            patch.object(outside, "AUTHORITIES", service.certificate),
            patch.object(outside, "is_public", return_value=True),
            patch.object(sending, "AT_ONCE", 3),
        ):
            with transaction.atomic():
                sending.store(holds)
            race([sending.deliver] * 16, threads=4)
        self.assertEqual((len(service.got), len({path for path, *_ in service.got})), (12, 12))
        self.assertFalse(PushMessage.objects.exists())

    def test_a_browser_goes_with_the_message_that_is_being_stored_for_it(self) -> None:
        hold = join(make_event(), self.alice)
        ways = {
            "forget": lambda endpoint: subscriptions.forget(self.alice, endpoint),
            "forget_all": lambda _: subscriptions.forget_all(self.alice),
            "subscribe": lambda endpoint: subscriptions.subscribe(user=self.bob, endpoint=endpoint, **Browser().keys),
            "gone": lambda endpoint: sending._note(self.message_to(endpoint), 410),
            "erasure": lambda _: accounts.erase_account(self.alice),
        }
        for name, end in ways.items():
            with self.subTest(way=name):
                endpoint, stored = f"https://push.example.org/{name}", threading.Event()
                subscriptions.subscribe(user=self.alice, endpoint=endpoint, **Browser().keys)

                def store(stored: threading.Event = stored) -> None:
                    with override_settings(VAPID_PRIVATE_KEY=KEY), transaction.atomic():
                        sending.store([hold.pk])
                        stored.set()
                        time.sleep(0.3)  # until the other waits

                def end_it(
                    end: Callable[[str], None] = end, endpoint: str = endpoint, stored: threading.Event = stored
                ) -> None:
                    stored.wait(10)
                    end(endpoint)

                calls: list[Callable[[], None]] = [store, end_it]
                race(calls, threads=2)
                self.assertFalse(PushSubscription.objects.filter(user=self.alice).exists())
                self.assertFalse(PushMessage.objects.exists())

    def message_to(self, endpoint: str) -> PushMessage:
        """Return a message to a browser, as whoever sends it has it at hand."""
        return PushMessage(pk=0, subscription=PushSubscription.objects.get(endpoint=endpoint))

    def test_two_browsers_at_once_are_a_handful_still(self) -> None:
        subscribing = [
            lambda n=n: subscriptions.subscribe(
                user=self.alice, endpoint=f"https://push.example.org/{n}", **Browser().keys
            )
            for n in range(12)
        ]
        race(subscribing, threads=4)
        self.assertEqual(PushSubscription.objects.count(), subscriptions.MOST)
