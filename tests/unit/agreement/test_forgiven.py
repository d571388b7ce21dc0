"""What the settlement letter calls forgiven: all that nobody has to pay, of every version, and rewards."""

from __future__ import annotations

from decimal import Decimal

from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementSigned,
    BankInstructed,
    SettlementKind,
    SettlementLetterIssued,
    WaivedDebt,
)
from shared.contracts.debts import Balances
from shared.contracts.followup import RewardGranted
from tests.unit.agreement.test_decide import (
    BOTH,
    LESS,
    after,
    agreed,
    broken,
    changed,
    completed,
    drafted,
    signature,
    signed_by,
)
from tests.unit.agreement.test_paper import WAIVES
from tests.unit.builders import balances, cny, debt, message
from tests.unit.spec import Given

MARKED = {"reporting__tax_mark": "form_1099_c"}


def live() -> Given:
    step = signed_by(drafted(WAIVES, **MARKED), *BOTH).closes(after(2))
    assert step.last(AgreementSigned).waived
    return step


def redrafted(step: Given) -> Given:
    """The draft of a second version that waives nothing."""
    second = agreed(1, debts=LESS)
    nothing = balances()
    debts = tuple(debt.model_copy(update={"waived": nothing}) for debt in second.plan.debts)
    plan = second.plan.model_copy(update={"debts": debts, "payments": ()})
    step = step.when(message(changed(*LESS), after(40), sequence=2))
    wish = second.model_copy(update={"intake_sequence": 2, "plan": plan, "offer_id": "offer-2"})
    return step.when(message(wish, after(1)))


def amended(step: Given) -> Given:
    """A second version that waives nothing, signed."""
    step = redrafted(step)
    draft = step.last(AgreementDrafted)
    return step.when(*(message(signature(draft, party), after(3)) for party in BOTH)).closes(after(3))


def reward(late: str) -> RewardGranted:
    waived = WaivedDebt(debt_id="A-1", amounts=balances(late=late))
    return RewardGranted(reward="late_charges_waived", after_instalment=6, waived=(waived,))


def forgiven(step: Given) -> dict[str, Balances]:
    letter = step.last(SettlementLetterIssued)
    assert (letter.tax_mark == "form_1099_c") is bool(letter.forgiven)
    return {debt.debt_id: debt.amounts for debt in letter.forgiven}


def test_what_an_earlier_version_waived_stays_forgiven_and_is_reported() -> None:
    """After an amendment that waived nothing the letter said that nothing was, without a tax mark."""
    step = live()
    first = step.last(AgreementSigned)
    second = amended(step)
    new = second.last(AgreementSigned)
    assert (new.version, new.waived) == (2, ())
    end = second.when(message(completed(new.agreement_id), after(300)))
    assert forgiven(end) == {debt.debt_id: debt.amounts for debt in first.waived}


def test_late_charges_waived_as_a_reward_are_forgiven_too() -> None:
    step = live()
    signed = step.last(AgreementSigned)
    waived = {debt.debt_id: debt.amounts for debt in signed.waived}
    more = step.when(message(reward("12.00"), after(200)), message(reward("3.00"), after(250)))
    assert more.said == ()
    end = forgiven(more.when(message(completed(signed.agreement_id), after(300))))
    before = waived.get("A-1", balances())
    assert end["A-1"].late_charges.minor == before.late_charges.minor + 1500
    assert end["A-1"].interest == before.interest


def test_a_debt_that_was_paid_before_an_amendment_is_in_its_letter() -> None:
    """The amendment is not about it any more, and so its end was told to nobody."""
    step, nothing = live(), balances()
    rest = (LESS[0], debt("A-2", outstanding=nothing, overdue=nothing))
    step = step.when(message(changed(*rest), after(3), sequence=2))
    second = agreed(1, debts=LESS[:1])
    step = step.when(
        message(second.model_copy(update={"intake_sequence": 2, "offer_id": "offer-2"}), after(3))
    )
    draft = step.last(AgreementDrafted)
    step = step.when(*(message(signature(draft, party), after(4)) for party in BOTH)).closes(after(4))
    done = message(completed(step.last(AgreementSigned).agreement_id), after(300))
    end = step.when(done)
    letter, told = end.last(SettlementLetterIssued), end.last(BankInstructed)
    assert letter.debts == ("A-2", "A-1")
    assert {one.debt_id: one.settlement for one in told.settled} == {
        "A-1": SettlementKind.FULL,
        "A-2": SettlementKind.FULL,
    }
    back = (LESS[0], debt("A-2", outstanding=balances("5.00"), overdue=nothing))
    owed = step.when(message(changed(*back), after(290), sequence=3)).when(done)
    assert owed.last(SettlementLetterIssued).debts == ("A-1",)
    assert [one.debt_id for one in owed.last(SettlementLetterIssued).beside] == ["A-2"]


def test_what_vested_under_the_agreement_before_is_not_promised_again_by_an_amendment() -> None:
    """It printed every step of the pack; followup grants none of those twice."""
    steps = [
        {"after_on_time": 6, "late_charges_waived_pct": 50, "rate_cut_pct": 5},
        {"after_on_time": 12, "late_charges_waived_pct": 100, "rate_cut_pct": 10},
    ]
    first = signed_by(drafted(WAIVES, incentives__steps=steps), *BOTH).closes(after(2))
    granted = RewardGranted(reward="lower_rate", after_instalment=6, after_on_time=6)
    for step, promised in (
        (first, [(50, 5), (100, 10)]),
        (first.when(message(granted, after(30))), [(0, 0), (100, 10)]),
    ):
        terms = redrafted(step).last(AgreementDrafted).terms
        assert terms is not None
        assert [(term.late_pct, term.rate_pct) for term in terms.rewards or ()] == promised
        second = amended(step)
        assert second.last(AgreementSigned).version == 2
        assert second.state.live.rewarded_after == (6 if promised[0] == (0, 0) else 0)


def test_a_reward_that_names_instalments_and_no_cut_leaves_a_document_that_is_written_as_it_was_meant() -> (
    None
):
    """It kept the number 0 where a Decimal belongs, which pydantic warned of at each write."""
    step = live()
    rows = step.last(AgreementSigned).instalments[-1:]
    after_reward = step.when(message(reward("1.00").model_copy(update={"instalments": rows}), after(200)))
    assert after_reward.state.live.lowered == rows
    assert isinstance(after_reward.state.live.rate_cut_pct, Decimal)


def test_what_a_plan_that_broke_had_waived_for_good_is_in_the_letter_of_the_next() -> None:
    """It was in no letter, and carried no tax mark; what returned with the breach still is in none."""
    for returning in ([], ["interest"]):
        step = signed_by(drafted(WAIVES, **MARKED, agreement__returns_on_breach=returning), *BOTH).closes(
            after(2)
        )
        first = step.last(AgreementSigned)
        assert any(debt.amounts.interest.is_positive for debt in first.waived)
        second = amended(step.when(message(broken(first.agreement_id), after(2))))
        new = second.last(AgreementSigned)
        assert (new.supersedes, new.waived) == (None, ())
        end = forgiven(second.when(message(completed(new.agreement_id), after(300))))
        for debt_ in first.waived:
            stays = debt_.amounts
            if returning:
                stays = stays.model_copy(update={"interest": cny("0.00")})
            assert end.get(debt_.debt_id, balances()) == stays


def test_what_the_letter_of_a_completed_plan_named_is_not_forgiven_again_by_the_next() -> None:
    """A reward was reported with every later plan of the case, and taxed each time."""
    step = live()
    first = step.last(AgreementSigned)
    done = step.when(message(reward("12.00"), after(2)), message(completed(first.agreement_id), after(2)))
    assert forgiven(done)["A-1"].late_charges.is_positive
    second = amended(done)
    new = second.last(AgreementSigned)
    end = second.when(message(reward("1.00"), after(200)), message(completed(new.agreement_id), after(300)))
    assert forgiven(end) == {"A-1": balances(late="1.00")}
