"""Joint debts: one case holds each, in whatever order the bank speaks; its parties have their own rights."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from services.intake.decide import IntakeDecider
from shared.contracts.bank import Obligor, is_held_by
from shared.contracts.base import Event
from shared.contracts.debts import DebtPriority, DebtStatus, ProductKind
from shared.contracts.desk_parties import PartyRightsSet
from shared.contracts.ids import case_id
from shared.contracts.intake import (
    CaseAssigned,
    CaseChanged,
    CaseClosed,
    CaseOpened,
    CloseReason,
    InputRefused,
    JointDebtElsewhere,
    PartiesChanged,
    PaymentMatched,
    PlanDebtsChanged,
)
from shared.contracts.intake_team import ConductChanged
from shared.contracts.parties import ObligorRole, party_id_of
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.policy.roster import Roster
from shared.policy.testing import example_pack
from tests.unit.builders import DAY, balances, cny, message, reference
from tests.unit.intake.bank_says import LATE, OWED, balance, cured, day, overdue, paid, recalled, signed, sold
from tests.unit.spec import Given, given

BORROWER, CO, GUARANTOR = ObligorRole.BORROWER, ObligorRole.CO_BORROWER, ObligorRole.GUARANTOR
C1, C2 = Obligor(customer="C-1", role=BORROWER), Obligor(customer="C-2", role=CO, language="en")
G9 = Obligor(customer="G-9", role=GUARANTOR, liability=cny("3000.00"))
JOINT = (C1, C2)


def start() -> Given:
    return given(IntakeDecider(), reference())


def of(*people: tuple[str, ObligorRole]) -> tuple[Obligor, ...]:
    return tuple(Obligor(customer=customer, role=role) for customer, role in people)


@pytest.mark.parametrize(
    ("people", "holder"),
    [
        ((), "C-1"),
        ((("C-1", BORROWER), ("C-2", CO)), "C-1"),
        ((("C-1", CO), ("C-2", BORROWER)), "C-2"),
        ((("C-2", BORROWER), ("C-1", BORROWER)), "C-1"),
        ((("C-2", CO), ("C-1", CO)), "C-1"),
        ((("C-0", GUARANTOR), ("C-2", BORROWER)), "C-2"),
        ((("C-2", GUARANTOR),), "C-1"),
        ((("C-1", GUARANTOR), ("C-2", BORROWER)), "C-2"),
    ],
)
def test_who_holds_a_joint_debt_follows_from_its_obligors(people: Any, holder: str) -> None:
    for order in permutations(of(*people)):
        assert [name for name in ("C-0", "C-1", "C-2") if is_held_by(name, order)] in (
            [holder],
            ["C-0", "C-1", "C-2"],  # nobody named: whose key it is
            ["C-0", "C-1"],  # only a guarantor: anybody else whose key it is
        )
        assert is_held_by(holder, order)


@for_all(
    st.lists(
        st.tuples(st.sampled_from(["C-1", "C-2", "C-3", "D-1"]), st.sampled_from(list(ObligorRole))),
        min_size=1, max_size=4, unique_by=lambda person: person[0],
    ).filter(lambda people: any(role is not GUARANTOR for _, role in people))
)  # fmt: skip
def test_exactly_one_obligor_holds_it_and_never_a_guarantor(people: list[tuple[str, ObligorRole]]) -> None:
    named = of(*people)
    holders = [customer for customer, _ in people if is_held_by(customer, named)]
    assert len(holders) == 1
    assert dict(people)[holders[0]] is not GUARANTOR


def test_the_other_obligors_are_parties_of_the_case() -> None:
    after = start().when(overdue(obligors=(*JOINT, G9)))
    assert after.emits(CaseOpened, CaseAssigned, PartiesChanged)
    said = {party.party_id: party for party in after.last(PartiesChanged).parties}
    assert said.keys() == {party_id_of("C-2"), party_id_of("G-9")}
    assert said[party_id_of("C-2")].roles == (CO,)
    assert said[party_id_of("C-2")].language == "en"
    obligors = {o.party_id: o for o in after.last(CaseOpened).debts[0].obligors}
    assert obligors[party_id_of("G-9")].role is GUARANTOR
    assert obligors[party_id_of("G-9")].liability == cny("3000.00")
    assert obligors[party_id_of("C-2")].liability is None
    assert after.when(overdue(n=1, days=61, obligors=(*JOINT, G9))).emits(CaseChanged)


@pytest.mark.parametrize(
    ("liability", "code"),
    [
        (cny("1.00", "USD"), ReasonCode.CURRENCY_MISMATCH),
        (cny("99999999999999.00"), ReasonCode.AMOUNT_OUT_OF_RANGE),
    ],
)
def test_a_liability_that_cannot_be_is_refused(liability: Money, code: ReasonCode) -> None:
    guarantor = Obligor(customer="G-9", role=GUARANTOR, liability=liability)
    assert start().when(overdue(obligors=(C1, guarantor))).last(InputRefused).reason.code is code


def test_no_customer_number_of_another_person_is_in_what_the_case_says() -> None:
    after = start().when(overdue(obligors=(C1, Obligor(customer="SECRET-77", role=CO))))
    assert "SECRET-77" not in "".join(event.model_dump_json() for event in after.said)
    assert "SECRET-77" not in after.state.model_dump_json()


def test_an_obligor_s_wishes_and_consents_are_their_own() -> None:
    before = start().when(overdue(obligors=(*JOINT, G9)))
    wish = PartyRightsSet(
        party_id=party_id_of("G-9"), may_contact=False, opt_out=("phone",), channel="letter"
    )
    after = before.when(message(wish))
    assert after.emits(PartiesChanged)
    said = {party.party_id: party for party in after.last(PartiesChanged).parties}
    guarantor, other = said[party_id_of("G-9")], said[party_id_of("C-2")]
    assert (guarantor.may_contact, guarantor.opt_out, guarantor.channel) == (False, ("phone",), "letter")
    assert (other.may_contact, other.opt_out, other.channel) == (True, (), None)
    assert after.state.language == before.state.language
    consent = PartyRightsSet(party_id=party_id_of("C-2"), may_discuss=True)
    again = after.when(message(consent), message(consent))
    assert [p.may_discuss for p in again.state.parties] == [True, False]
    assert [p.may_contact for p in again.state.parties] == [True, False]
    # What the bank says of the account later does not undo what people have said of themselves.
    later = again.when(overdue(n=2, days=62, obligors=(*JOINT, G9)))
    assert later.state.parties == again.state.parties


def test_rights_of_somebody_unknown_wait_and_are_refused_when_the_day_closes() -> None:
    wish = message(PartyRightsSet(party_id=party_id_of("X-1"), may_contact=False))
    waiting = start().when(overdue(obligors=JOINT)).when(wish)
    assert waiting.waiting == (wish,)
    assert waiting.closes(DAY).last(InputRefused).reason.code is ReasonCode.UNKNOWN_PARTY


def test_who_is_released_is_no_party_any_more() -> None:
    before = start().when(overdue(obligors=(*JOINT, G9)))
    after = before.when(overdue(n=1, days=61, obligors=JOINT))
    assert [p.party_id for p in after.last(PartiesChanged).parties] == [party_id_of("C-2")]
    assert [o.party_id for o in after.last(CaseChanged).debts[0].obligors] == [party_id_of("C-2")]
    silent = before.when(overdue(n=1, days=61))
    assert len(silent.state.debts[0].obligors) == 2, "who names nobody has said nothing about it"


# -- under the other obligor's key


def test_under_another_key_a_joint_debt_is_known_by_its_account_alone() -> None:
    after = start().when(overdue(obligors=JOINT, key="C-2"))
    assert after.said == (), "there is no case that could say anything"
    assert [(item.account_id, item.role) for item in after.state.elsewhere] == [("A-1", CO)]
    assert after.state.debts == after.state.payments == ()
    known = after.state.model_dump_json()
    for secret in ("5000", "500000", "C-1", case_id("C-1", 1)):
        assert secret not in known
    again = after.when(overdue(n=30, days=90, obligors=JOINT, key="C-2"), overdue(n=31, days=91, key="C-2"))
    assert again.said == ()


def test_one_customer_s_own_debts_are_a_case_beside_a_joint_debt_elsewhere() -> None:
    after = start().when(overdue(obligors=JOINT, key="C-2"), overdue("B-1", key="C-2"))
    assert after.emits(CaseOpened, CaseAssigned, JointDebtElsewhere)
    assert [d.debt_id for d in after.last(CaseOpened).debts] == ["B-1"]
    said = after.last(JointDebtElsewhere)
    assert (said.account_id, said.role) == ("A-1", CO)
    assert after.when(overdue(n=1, days=61, obligors=JOINT, key="C-2")).said == ()
    later = start().when(overdue("B-1", key="C-2"), overdue(obligors=JOINT, key="C-2"))
    assert later.emits(CaseOpened, CaseAssigned, JointDebtElsewhere)
    assert later.state == after.state


FACTS = (
    overdue(obligors=JOINT),
    overdue(n=1, days=61, obligors=JOINT),
    paid("250.00", 2, account="A-1", obligors=JOINT),
    paid("100.00", 2, "P-2", account="A-1"),
    balance(3, balances("4700.00", "500.00", "200.00")),
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_no_payment_counts_twice_in_whatever_order_the_copies_come(order: tuple[int, ...]) -> None:
    holder = start().when(*FACTS)
    credited = holder.state.debts[0].paid.total
    assert credited == 35000
    copies = [replace(FACTS[n], key="C-2") for n in (0, 2, 3)]
    other = start().when(*(copies[n] for n in order)).closes(day(3))
    assert other.state.debts == ()
    assert other.state.payments == (), "money on the joint account is no credit of the other obligor"
    assert not [event for event in other.said if isinstance(event, PaymentMatched)]
    assert {event.reason.code for event in other.said if isinstance(event, InputRefused)} <= {
        ReasonCode.JOINT_DEBT_ELSEWHERE
    }
    own = other.when(overdue("B-1", key="C-2", n=4), paid("90.00", 4, "P-3", key="C-2"))
    assert own.state.debts[0].paid.total == 9000
    assert own.last(PaymentMatched).unallocated == cny("0.00")


@pytest.mark.parametrize("fact", [balance(0, OWED), cured(0), sold(0), recalled(0)])
def test_other_facts_of_it_change_nothing_there(fact: Any) -> None:
    before = start().when(overdue(obligors=JOINT, key="C-2"))
    after = before.when(replace(fact, key="C-2"))
    assert after.state == before.state
    assert after.last(InputRefused).reason.code is ReasonCode.JOINT_DEBT_ELSEWHERE


def test_a_debt_that_another_case_holds_from_now_on_leaves_this_one_and_may_come_back() -> None:
    before = start().when(overdue(obligors=JOINT), overdue("A-2"))
    moved = of(("C-1", CO), ("C-0", BORROWER))
    after = before.when(overdue(n=1, days=61, obligors=moved))
    assert after.emits(CaseChanged, PartiesChanged, JointDebtElsewhere)
    assert after.last(CaseChanged).debts[0].status is DebtStatus.ELSEWHERE
    assert after.last(PartiesChanged).parties == ()
    stale = after.when(overdue(n=0, obligors=JOINT))
    assert stale.state == after.state
    back = after.when(overdue(n=2, days=62, obligors=JOINT))
    assert back.last(CaseChanged).debts[0].status is DebtStatus.ACTIVE
    alone = start().when(overdue(obligors=JOINT)).when(overdue(n=1, days=61, obligors=moved))
    assert alone.last(CaseClosed).reason is CloseReason.ELSEWHERE
    planned = before.when(signed(1, "A-1", "A-2")).when(overdue(n=1, days=61, obligors=moved))
    assert planned.last(PlanDebtsChanged).left == ("A-1",)


# -- kinds, currencies, priorities, packs


GBP = example_pack({"id": "example-loan", "currency": "GBP", "calendar": "GB"})


def mixed() -> Given:
    loan = overdue(
        "A-2", product="example-loan", kind=ProductKind.PERSONAL_LOAN,
        owed=balances("800.00", "20.00", currency="GBP"), late=balances("100.00", "20.00", currency="GBP"),
    )  # fmt: skip
    return given(IntakeDecider(), reference(example_pack(), GBP)).when(overdue(), loan)


def test_debts_in_two_currencies_are_one_case_and_are_never_netted() -> None:
    case = mixed()
    assert [d.outstanding.principal.currency for d in case.last(CaseChanged).debts] == ["CNY", "GBP"]
    pounds = case.when(paid(cny("50.00", "GBP"), 1))
    assert [d.paid.total for d in pounds.state.debts] == [0, 5000]
    much = case.when(paid(cny("900.00", "GBP"), 1))
    assert much.last(PaymentMatched).unallocated == cny("80.00", "GBP"), "what is left is not turned to yuan"
    assert much.state.debts[0].paid.total == 0
    dollars = case.when(paid(cny("10.00", "USD"), 1))
    assert dollars.last(PaymentMatched).allocations == ()


def test_conduct_names_the_packs_of_the_debts_whichever_came_first() -> None:
    case = mixed()
    assert case.last(CaseOpened).conduct == ("example-card",)
    assert case.last(CaseChanged).conduct == ("example-card", "example-loan")
    gone = case.when(cured(3))
    assert gone.last(CaseChanged).conduct == ("example-loan",)


def test_a_stricter_pack_that_joins_takes_the_case_from_who_may_not_own_it() -> None:
    lax = example_pack(assignment__certification_required=False)
    strict = example_pack({"id": "example-loan"}, assignment__certification_required=True)
    held = [{"name": "collections", "issued": "2010-01-01", "expires": "2035-01-01"}]
    base = {"skills": ["card"], "languages": ["zh"], "capacity": 10}
    people = Roster.model_validate(
        {"negotiators": [{"id": "a", **base, "certifications": []},
                         {"id": "b", **base, "certifications": held, "skills": ["dispute"]}]}
    )  # fmt: skip
    ref = replace(reference(lax, strict), roster=people)
    case = given(IntakeDecider(), ref).when(overdue())
    assert case.last(CaseAssigned).owner == "a"
    joined = case.when(overdue("A-2", product="example-loan"))
    assert joined.emits(CaseChanged, CaseAssigned, ConductChanged)
    assert joined.last(ConductChanged).packs == ("example-card", "example-loan")
    assert joined.last(CaseAssigned).owner == "b"


def test_money_without_an_account_serves_secured_debts_first_then_priority_ones() -> None:
    small = {"owed": balances("100.00"), "late": balances("100.00")}
    case = start().when(
        overdue("A-1", days=90, **small),
        overdue("A-2", days=30, priority=DebtPriority.PRIORITY, **small),
        overdue("A-3", days=5, priority=DebtPriority.SECURED, **small),
    )
    after = case.when(paid("150.00", 1))
    assert [d.paid.total for d in after.state.debts] == [0, 5000, 10000]
    assert [a.debt_id for a in after.last(PaymentMatched).allocations] == ["A-3", "A-2"]


def test_the_order_of_components_is_that_of_each_debt_s_own_pack() -> None:
    first = [{"from_days": 0, "order": ["costs", "principal", "interest", "fees", "late_charges"]}]
    ref = reference(example_pack(), example_pack({"id": "example-loan"}, allocation__bands=first))
    case = given(IntakeDecider(), ref).when(overdue(late=LATE), overdue("A-2", product="example-loan"))
    card, loan = case.when(
        paid("10.00", 1, "P-1", account="A-1"), paid("10.00", 1, "P-2", account="A-2")
    ).state.debts
    assert (card.paid.interest, card.paid.principal) == (1000, 0)
    assert (loan.paid.interest, loan.paid.principal) == (0, 1000)


def test_the_same_obligors_lead_to_the_same_case_document_whoever_is_told_first() -> None:
    told: list[list[type[Event]]] = []
    for keys in (("C-1", "C-2"), ("C-2", "C-1")):
        documents = {key: start() for key in keys}
        for key in keys:
            documents[key] = documents[key].when(overdue(obligors=JOINT, key=key))
        told.append([type(event) for key in ("C-1", "C-2") for event in documents[key].said])
        assert [d.debt_id for d in documents["C-1"].state.debts] == ["A-1"]
        assert documents["C-2"].state.debts == ()
    assert told[0] == told[1]


@settings(max_examples=60, deadline=None)
@for_all(
    st.permutations(["C-1", "C-2", "C-3"]),
    st.lists(st.tuples(st.integers(1, 40), st.sets(st.sampled_from(["C-1", "C-2", "C-3"]))), max_size=6),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_over_all_customers_each_payment_on_a_joint_account_counts_exactly_once(
    people: list[str], money: list[tuple[int, set[str]]], named: bool, random: Any
) -> None:
    """Whoever holds it, under whichever keys the copies come, in any order of the customers and the facts."""
    first, *others = people
    obligors = of((first, BORROWER), *((other, CO) for other in others))
    facts = [overdue(obligors=obligors, key=key) for key in people]
    facts += [
        paid(f"{amount}.00", 1, f"P-{n}", account="A-1", obligors=obligors if named else (), key=key)
        for n, (amount, copies) in enumerate(money)
        for key in sorted(copies | {first})
    ]
    random.shuffle(facts)
    documents = {key: start() for key in people}
    for fact in facts:
        documents[fact.key] = documents[fact.key].when(fact)
    documents = {key: document.closes(day(1)) for key, document in documents.items()}
    total = sum(amount for amount, _ in money) * 100
    assert documents[first].state.debts[0].paid.total == total
    for other in others:
        state = documents[other].state
        assert (state.debts, state.payments) == ((), ())


def test_whose_packs_rule_a_case_is_said_when_a_debt_comes_and_when_it_goes() -> None:
    ref = reference(example_pack(), example_pack({"id": "example-loan"}))
    joined = given(IntakeDecider(), ref).when(overdue()).when(overdue("A-2", product="example-loan"))
    assert joined.last(ConductChanged).packs == ("example-card", "example-loan")
    by_bank = joined.when(cured(1, account="A-2"))
    on_our_books = joined.when(paid("1700.00", 1, account="A-2")).closes(day(1))
    for gone in (by_bank, on_our_books):
        assert gone.last(ConductChanged).packs == ("example-card",)
    last = by_bank.when(cured(2))
    assert not [event for event in last.said if isinstance(event, ConductChanged)], "the case is closed"
