"""The journey without servers: simulated borrowers and the six deciders, day after day.

What the deciders do here, called one after another, is what the platform must do on real servers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta
from typing import Any

import pytest_asyncio

from deploy.demo.portfolio import generate
from deploy.demo.world import World
from services.cli.catalogue import load_all, policies_dir
from services.console.effects import Effects
from services.console.ledger import MoneyAudit
from services.console.model import ArchivedCustomer
from services.console.outcomes import Outcomes
from services.console.reconcile import sequences
from services.console.rules import link_id
from services.console.story import verify
from services.intake.model import IntakeState
from shared.contracts import agreement, alert, assessment, followup, intake, offer
from shared.contracts.base import Event
from shared.contracts.registry import SERVICES
from shared.lending.calendar import add_months
from shared.policy.loader import PolicyBook
from tests.journey.sequential import SequentialPlatform

START = date(2026, 1, 5)


async def live(customers: int, days: int, seed: int) -> SequentialPlatform:
    platform = SequentialPlatform(load_all())
    portfolio = generate(customers, seed=seed, start=START, entry_days=20)
    await World(portfolio, seed=seed, start=START, days=days, platform=platform).live()
    return platform


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def year() -> SequentialPlatform:
    return await live(30, 220, seed=7)


async def documents(platform: SequentialPlatform, service: str) -> AsyncIterator[Mapping[str, Any]]:
    cell = next(cell for cell in platform.cells if cell.service.name == service)
    for name, document in cell.documents.items():
        state = document.state.model_dump(mode="json") if document.state is not None else None
        yield {"_id": name, "state": state}


async def test_no_decider_fails_and_nothing_is_left_waiting(year: SequentialPlatform) -> None:
    assert [f"{who} on {what}: {error!r}" for who, what, error in year.failures()] == []
    waiting = [(c.service.name, m.type) for c in year.cells for d in c.documents.values() for m in d.waiting]
    assert waiting == []


async def test_cases_travel_the_whole_way(year: SequentialPlatform) -> None:
    said = Counter(message.type for message in year.published)
    for event in (
        intake.CaseOpened,
        intake.CaseAssigned,
        intake.PaymentMatched,
        intake.PaymentTakenBack,
        intake.BankAnswered,
        intake.JointDebtElsewhere,
        intake.PartiesChanged,
        intake.StopsChanged,
        intake.PlanDebtsChanged,
        assessment.StatementRequested,
        assessment.AssessmentCompleted,
        offer.OfferTabled,
        offer.OfferRevised,
        offer.OfferAgreed,
        agreement.AgreementDrafted,
        agreement.GuarantorConsented,
        agreement.CoBorrowerAccepted,
        agreement.AgreementSigned,
        agreement.BankInstructed,
        followup.PlanStarted,
        followup.InstalmentPaid,
        followup.InstalmentMissed,
        followup.ReviewDue,
        followup.ReviewRecorded,
        alert.AlertRaised,
        alert.AlertResolved,
    ):
        assert said[event.TYPE] > 0, event.TYPE


async def test_sequences_count_from_one_without_gaps(year: SequentialPlatform) -> None:
    check = sequences(m for m in year.published if m.sequence is not None)
    assert check.looked_at > 500
    assert check.findings == []


async def test_the_money_adds_up_from_the_published_events_alone(year: SequentialPlatform) -> None:
    money = MoneyAudit()
    for message in year.published:
        money.saw(message)
    check = await money.check(documents(year, "intake"))
    assert check.looked_at > 50
    assert check.findings == []
    for line in money.lines:
        left = line.opening + line.charges + line.corrections
        assert left == line.paid + line.waived + line.outstanding


async def test_the_figures_are_those_of_what_was_published(year: SequentialPlatform) -> None:
    effects = Effects()
    for message in (*year.published, *year.published):  # what is published twice counts once
        if message.sequence is not None:
            effects.saw(message)
    found = {(figure.group, figure.name): (figure.count, figure.of) for figure in effects.figures()}

    def cases(*events: type[Event]) -> set[str | None]:
        return {message.subject for message in year.published if isinstance(message.data, events)}

    plans, broken = cases(followup.PlanStarted), cases(followup.PlanBroken)
    assert found["plans", "broken"] == (len(broken), len(plans))
    assert found["incentives", "plans rewarded"][0] == len(cases(followup.RewardGranted))
    arms = [found[key] for key in found if key[0].startswith("strategy") and key[1] == "agreed"]
    assert sum(count for count, _ in arms) == len(cases(offer.OfferAgreed)) > 0
    said = Counter(message.type for message in year.published)
    alerts = [figure for figure in effects.figures() if figure.group.startswith("alert ")]
    assert sum(f.count for f in alerts if f.name == "raised") == said[alert.AlertRaised.TYPE] > 0
    assert sum(f.count for f in alerts if f.name == "escalated") == said[alert.AlertEscalated.TYPE]
    on_time, late, missed = (found["instalments", name] for name in ("on time", "late", "missed"))
    assert on_time[0] + late[0] + missed[0] == on_time[1] > 0
    assert missed[0] <= said[followup.InstalmentMissed.TYPE]


async def test_every_plan_whose_time_is_up_has_its_outcome_beside_what_was_foreseen(
    year: SequentialPlatform,
) -> None:
    outcomes, end = Outcomes(), START + timedelta(days=219)
    outcomes.closed(0, end)
    signed = dict.fromkeys(PolicyBook.load(policies_dir()).pack_ids, 0)
    for message in year.published:
        if message.sequence is not None:
            outcomes.saw(message)
        data = message.data
        if isinstance(data, agreement.AgreementSigned) and add_months(data.effective, 3) <= end:
            signed[data.policy] += 1
    told = {pack: outcomes.of(pack, 60, 3) for pack in signed}
    assert sum(len(plans) for plans, _ in told.values()) > 5
    for pack, (plans, left_out) in told.items():
        assert len(plans) + left_out.total() >= signed[pack]  # one over several packs is left out in each
        for one in plans:
            assert one.model == "occ-2009-q1+margin-1"
            assert 0 < one.predicted < 1


async def test_every_open_case_has_an_owner_and_a_next_date(year: SequentialPlatform) -> None:
    states: dict[str, list[Any]] = {}
    for cell in year.cells:
        for name, document in cell.documents.items():
            if document.state is not None and cell.service.name in SERVICES:
                due = cell.service.decider.due(document.state)
                if isinstance(document.state, IntakeState) and due == document.state.last_day_owned:
                    due = None  # that an owner leaves some day is no date of the case
                states.setdefault(name, []).append(due)
    archive = next(cell for cell in year.cells if cell.service.name == "archive")
    open_cases = 0
    for customer, document in archive.documents.items():
        assert isinstance(document.state, ArchivedCustomer)
        for case, line in document.state.cases.items():
            if line.close_reason is None:
                open_cases += 1
                assert line.owner is not None
                assert any(due is not None for due in (*states.get(case, []), *states.get(customer, [])))
    assert open_cases > 0


async def test_the_archive_has_every_message_as_one_whole_chain(year: SequentialPlatform) -> None:
    archive = next(cell for cell in year.cells if cell.service.name == "archive")
    entries = 0
    for customer, document in archive.documents.items():
        assert isinstance(document.state, ArchivedCustomer)
        numbers = range(1, document.state.entries + 1)
        chain = [archive.links[link_id(customer, number)] for number in numbers]
        assert verify(chain, document.state.head) is None
        entries += len(chain)
    assert entries == len(year.published)


async def test_one_seed_gives_one_story() -> None:
    first, second = await live(6, 60, seed=3), await live(6, 60, seed=3)
    assert [m.id for m in first.published] == [m.id for m in second.published]
