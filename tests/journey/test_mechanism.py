"""A review of the mechanism: asked for when due, in a file of its own, and no case of anybody."""

from __future__ import annotations

from datetime import date, timedelta

from services.cli.catalogue import load_all, policies_dir
from services.cli.reviewed import said
from services.console.mechanism import Mechanism
from services.console.reconcile import sequences
from services.console.story import verify
from shared.contracts.alert_steps import MechanismReviewNoted, StepOverdue, StepReminded
from shared.contracts.desk_mechanism import mechanism_key
from shared.policy.loader import PolicyBook
from tests.journey.sequential import SequentialPlatform

START = date(2026, 1, 5)


async def test_a_review_is_asked_for_by_the_banks_days_and_kept_in_a_file_of_its_own() -> None:
    platform = SequentialPlatform(load_all())
    first, key = said("cn-card", "s-zhao", "supervisor", "begin", START), mechanism_key("cn-card")
    platform._keys[first.case] = key
    await platform.publish([first])
    for number in range(220):
        await platform.close_day(START + timedelta(days=number))
    late = said("cn-card", "c-wu", "credit_committee", "keep it", START + timedelta(days=220))
    await platform.publish([late])
    assert platform.failures() == []
    own = [message for message in platform.published if message.sequence is not None]
    assert {(message.key, message.subject) for message in own} == {(key, first.subject)}
    assert sequences(own).findings == []
    told = [type(message.data) for message in own]
    assert told[:3] == [MechanismReviewNoted, StepReminded, StepOverdue]
    assert told.count(MechanismReviewNoted) == 2

    archive = next(cell for cell in platform.cells if cell.service.name == "archive")
    assert set(archive.documents) == {key}
    filed = archive.documents[key].state
    links = sorted(archive.links.values(), key=lambda link: link["number"])
    assert verify(links, filed.head) is None
    assert len(links) == len(own) + 2
    assert filed.cases[first.case].opened_on is None  # the lists of cases leave it out
    others = {cell.service.name for cell in platform.cells if cell.documents.get(first.case)}
    states = {name for name in others if platform.state(name, first.case) is not None}
    assert states == {"alert"}

    mechanism = Mechanism()
    for message in own:
        mechanism.saw(message)
    lines = mechanism.lines(PolicyBook.load(policies_dir()), late.day)
    assert [(line.on, line.state) for line in lines] == [
        (late.day, "in time"), (START, "followed by another"),
    ]  # fmt: skip
