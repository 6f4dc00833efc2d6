"""The demo's events, as data."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .models import Event


@dataclass(frozen=True)
class DemoEvent:
    """An event of the demo, dated from today; `booked` and `waiting` people come from the demo's audience."""

    name: str
    venue: str
    time_zone: str
    in_days: int
    starts: dt.time
    capacity: int
    description: str
    lasts: dt.timedelta = dt.timedelta(hours=2)
    booked: int = 0
    waiting: int = 0
    opens_in: dt.timedelta | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


EVENTS = (
    DemoEvent(
        name="Baltic Chamber Orchestra: Northern Light",
        venue="Elbe Hall, Hamburg",
        time_zone="Europe/Berlin",
        in_days=9,
        starts=dt.time(20, 0),
        capacity=240,
        description=(
            "Sibelius, Pärt and a new violin concerto, played in the round. The doors open an hour before;"
            " an introduction in the foyer begins at 19:15."
        ),
        booked=7,
    ),
    DemoEvent(
        name="Supper Club: Five Courses by the Harbor",
        venue="The Net Loft, Bergen",
        time_zone="Europe/Oslo",
        in_days=6,
        starts=dt.time(18, 30),
        capacity=14,
        description=(
            "One long table, one menu, whatever the boats brought in that morning. A vegetarian menu is always there:"
            " tell us at the door."
        ),
        lasts=dt.timedelta(hours=4),
        booked=11,
    ),
    DemoEvent(
        name="An Evening with Adaeze Nwosu",
        venue="Foundry Books, Brooklyn",
        time_zone="America/New_York",
        in_days=4,
        starts=dt.time(19, 0),
        capacity=8,
        description=(
            "The novelist reads from “The Salt Ledger” and talks about maps, mothers and bad weather. The shop is"
            " small; when somebody cancels, the next in line gets the chair."
        ),
        booked=8,
        waiting=4,
    ),
    DemoEvent(
        name="Night Trains Live",
        venue="Depot 9, Vienna",
        time_zone="Europe/Vienna",
        in_days=21,
        starts=dt.time(21, 0),
        capacity=400,
        description=(
            "The only show of the tour with the full brass section. The sale opens tomorrow: take your place in line"
            " now, it is served in the order of login."
        ),
        lasts=dt.timedelta(hours=3),
        opens_in=dt.timedelta(days=1),
    ),
    DemoEvent(
        name="Warehouse Session: Three Bands, One Microphone",
        venue="Unit 12, Rotterdam",
        time_zone="Europe/Amsterdam",
        in_days=3,
        starts=dt.time(22, 0),
        capacity=5,
        description=(
            "The sale of this one opens ten minutes after the demo was made. Whoever waits then is drawn into a random"
            " order, and anybody can check the draw: join, and watch the page."
        ),
        opens_in=dt.timedelta(minutes=10),
        waiting=6,
        settings={"line_policy": Event.LinePolicy.RANDOMISED_OPEN},
    ),
    DemoEvent(
        name="Lunch Hour Organ Recital",
        venue="St. Magnus Church, Edinburgh",
        time_zone="Europe/London",
        in_days=2,
        starts=dt.time(12, 30),
        capacity=60,
        description=(
            "Forty minutes of Buxtehude and Bach on the restored gallery organ. Holds are short here, two minutes, so"
            " that nobody keeps a seat they do not want."
        ),
        lasts=dt.timedelta(minutes=45),
        booked=5,
        settings={"hold_minutes": 2},
    ),
    DemoEvent(
        name="Letterpress Workshop for Beginners",
        venue="Type & Ink Studio, Kyoto",
        time_zone="Asia/Tokyo",
        in_days=13,
        starts=dt.time(10, 0),
        capacity=20,
        description=(
            "Set a line of metal type, ink it, and take your print home. Aprons are provided. No place is held for you"
            " here at login: book one if you mean to come."
        ),
        lasts=dt.timedelta(hours=5),
        booked=4,
        settings={"auto_hold": False},
    ),
    DemoEvent(
        name="Open-Air Cinema: The Lighthouse Keepers",
        venue="Victoria Park, Sydney",
        time_zone="Australia/Sydney",
        in_days=35,
        starts=dt.time(20, 30),
        capacity=500,
        description="Still being planned: the license for the lawn has not come yet. Bring a blanket, and a jumper.",
        settings={"status": Event.Status.DRAFT},
    ),
    DemoEvent(
        name="Harvest Lantern Walk",
        venue="Old Mill Meadow, Ghent",
        time_zone="Europe/Brussels",
        in_days=-12,
        starts=dt.time(19, 30),
        capacity=40,
        description="Two hours along the river with lanterns, soup and songs, for everybody who can carry a light.",
        booked=10,
    ),
)
