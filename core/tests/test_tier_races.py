"""Tiers that staff declare anew while people join (rule 9)."""

import threading
from typing import Any
from unittest import mock, skipUnless

from django.contrib.auth.models import Group
from django.db import connection, connections
from django.test import TransactionTestCase, override_settings

from core import clock, steering
from core.models import TicketHold
from core.serving import Serving

from .cast import PATIENCE, CastOfRaces, join, later, ledger_problems, make_event, open_sale, statuses


@override_settings(TIERS=["members"])
class TierRaceTests(CastOfRaces, TransactionTestCase):
    @skipUnless(connection.vendor == "postgresql", "on SQLite whoever joins waits until the change is committed")
    def test_whoever_joins_between_the_change_of_the_terms_and_its_commit_has_the_tier_of_the_new_terms(self):
        event = make_event(capacity=1, sales_open_at=later(hours=1), auto_hold=False, tier_shares={"members": 100})
        self.bob.groups.add(Group.objects.create(name="members"))
        join(event, self.alice)
        retier = Serving.retier

        def then_bob_joins(serving: Serving, waiting: Any) -> None:
            retier(serving, waiting)
            joining = threading.Thread(target=self.join_and_hang_up, args=(event,), daemon=True)
            joining.start()
            joining.join(PATIENCE)

        with mock.patch.object(Serving, "retier", then_bob_joins):
            steering.revise_event(event_id=event.pk, values={"tier_shares": {}})
        clock.tick()
        open_sale(event)
        clock.tick()
        self.assertEqual(list(TicketHold.objects.order_by("pk").values_list("tier", flat=True)), [0, 0])
        self.assertEqual((statuses(event), ledger_problems(event)), ([("alice", "held"), ("bob", "waiting")], []))

    def join_and_hang_up(self, event: Any) -> None:
        join(event, self.bob)
        connections.close_all()
