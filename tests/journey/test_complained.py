"""A complaint in a life: collection waits until the final response of who may give it, in every service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from deploy.demo.bank import external
from deploy.demo.portfolio import generate
from deploy.demo.world import World
from services.cli.catalogue import load_all
from shared.contracts.alert import ComplaintClosed, ComplaintOpened, InputRefused
from shared.contracts.base import Event, Personal
from shared.contracts.desk import ComplaintMade
from shared.contracts.desk_contact import ComplaintAnswered, ContactAsked
from shared.contracts.envelope import Envelope
from shared.contracts.ids import case_id
from shared.contracts.notice import ContactAnswered
from shared.contracts.reasons import ReasonCode
from tests.fault.living import START
from tests.journey.sequential import SequentialPlatform

SERVICES = [service for service in load_all(optional=True) if service.emits]
WORDS = Personal(value="…")
MADE, BY_A_COLLEAGUE, BY_A_SUPERVISOR, DAYS = 3, 6, 9, 12


class Complaining(SequentialPlatform):
    """Somebody asks each morning whether to collect; a complaint is made, and answered twice."""

    def __init__(self, customer: str) -> None:
        super().__init__(SERVICES)
        self._customer, self._number = customer, -1

    def _says(self, day: date) -> list[tuple[int, Event]]:
        told: dict[int, list[tuple[int, Event]]] = {
            MADE: [(1, ComplaintMade(complaint_id="K", words=WORDS))],
            BY_A_COLLEAGUE: [(1, self._final("n-lin"))],
            BY_A_SUPERVISOR: [(1, self._final("s-zhao"))],
        }
        asked = ContactAsked(
            contact_id=f"ask-{self._number}", by="n-lin", channel="phone", purpose="collection",
            at=datetime.combine(day, time(2), UTC), tells_about_debt=False,
        )  # fmt: skip
        return [*told.get(self._number, []), (2, asked)]

    @staticmethod
    def _final(by: str) -> ComplaintAnswered:
        return ComplaintAnswered(complaint_id="K", by=by, final=True, words=WORDS)

    async def publish(self, messages: Sequence[Envelope[Any]]) -> None:
        self._number += 1
        await super().publish(messages)
        day, case = START + timedelta(days=self._number), case_id(self._customer, 1)
        for hour, event in self._says(day):
            about = event.TYPE, str(hour), str(self._number)
            await super().publish(
                [external("/desk/x", self._customer, day, event, *about, subject=case, hour=hour)]
            )


async def test_collection_waits_for_the_final_response_of_who_may_give_it() -> None:
    """The word of a colleague ended it everywhere, and everybody went on to collect."""
    customers = generate(1, seed=1, start=START, entry_days=1)
    platform = Complaining(customers[0].number)
    await World(customers, seed=1, start=START, days=DAYS, platform=platform).live()
    said = [message.data for message in platform.published]
    answers = {a.contact_id: a.rules for a in said if isinstance(a, ContactAnswered)}
    waits = {n for n in range(DAYS) if "complaint_open" in answers.get(f"ask-{n}", ())}
    assert waits == set(range(MADE, BY_A_SUPERVISOR))
    assert [type(e) for e in said if isinstance(e, ComplaintOpened | ComplaintClosed | InputRefused)] == [
        ComplaintOpened, InputRefused, ComplaintClosed,
    ]  # fmt: skip
    (refused,) = [event for event in said if isinstance(event, InputRefused)]
    assert refused.reason.code is ReasonCode.COMPLAINT_NOT_THEIRS
    case = case_id(customers[0].number, 1)
    assert platform.state("intake", customers[0].number).reach.complaints == ()
    assert platform.state("notice", case).complaints == ()
    assert platform.state("followup", case).contacts.complaints == ()
    assert platform.state("alert", case).complaints == ()
    assert platform.failures() == []
