"""What holds of the ledger whatever comes in whatever order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from services.intake.decide import IntakeDecider
from services.intake.model import IntakeState
from shared.contracts.bank import Obligor
from shared.contracts.debts import Balances, DebtLedger
from shared.contracts.ids import case_id
from shared.contracts.intake import (
    CaseChanged,
    CaseOpened,
    PaymentMatched,
    PaymentTakenBack,
)
from shared.contracts.parties import ObligorRole, StopCause
from shared.contracts.plan_terms import total_of
from shared.contracts.registry import EVENTS
from shared.lending.money import Money
from tests.unit.builders import balances
from tests.unit.contracts.strategies import envelopes
from tests.unit.intake.bank_says import (
    balance,
    confirmed,
    cured,
    day,
    instructed,
    lifted,
    overdue,
    paid,
    recalled,
    returned,
    signed,
    sold,
    stopped,
)
from tests.unit.intake.test_ledger import PARTS, REFERENCE, adds_up, opened

# -- properties


def obliged(holder: str) -> tuple[Obligor, ...]:
    """C-1 owes an account jointly; the case of `holder` holds it."""
    roles = {
        name: ObligorRole.BORROWER if name == holder else ObligorRole.CO_BORROWER for name in ("C-0", "C-1")
    }
    return tuple(Obligor(customer=name, role=role) for name, role in roles.items())


FACTS = st.one_of(
    st.builds(
        lambda a, n, d, o, late: overdue(a, n=n, days=d, owed=balances(*o), late=balances(*late), on=day(60)),
        st.sampled_from(["A-1", "A-2"]),
        st.integers(0, 50),
        st.integers(1, 200),
        st.tuples(*[st.integers(0, 900).map(lambda m: f"{m}.00")] * 4),
        st.tuples(*[st.integers(0, 900).map(lambda m: f"{m}.00")] * 4),
    ),
    st.builds(
        lambda a, n, o, d: replace(
            balance(n, balances(*o), balances(*o), account=a, days=d), time=overdue(n=60).time
        ),
        st.sampled_from(["A-1", "A-2"]),
        st.integers(0, 50),
        st.tuples(*[st.integers(0, 900).map(lambda m: f"{m}.50")] * 4),
        st.sampled_from([0, 1, 95]),
    ),
    st.builds(
        lambda amount, n, p, a: paid(f"{amount}.25", n, f"P-{p}", account=a, on=60),
        st.integers(1, 2000),
        st.integers(-5, 55),
        st.integers(1, 6),
        st.sampled_from([None, "A-1", "A-2"]),
    ),
    st.builds(
        lambda amount, n, p, r: returned(f"{amount}.25", n, f"P-{p}", f"R-{r}", on=60),
        st.integers(0, 1500),
        st.integers(0, 55),
        st.integers(1, 6),
        st.integers(1, 9),
    ),
    st.builds(cured, st.integers(0, 55), st.sampled_from(["A-1", "A-2"])),
    st.builds(
        lambda cause, accounts, n, stop: stopped(cause, n, *accounts, stop=f"S-{stop}"),
        st.sampled_from(StopCause),
        st.sampled_from([(), ("A-1",), ("A-1", "A-2")]),
        st.integers(0, 55),
        st.integers(1, 3),
    ),
    st.builds(lifted, st.integers(0, 55), st.integers(1, 3).map(lambda stop: f"S-{stop}")),
    st.builds(
        lambda n, holder: overdue("A-1", n=n, days=9, obligors=obliged(holder), on=day(60)),
        st.integers(0, 55),
        st.sampled_from(["C-1", "C-0"]),
    ),
    st.builds(recalled, st.integers(0, 55), st.sampled_from(["A-1", "A-2"])),
    st.builds(sold, st.integers(50, 55), st.just("A-2")),
    st.builds(
        lambda w: signed(60, "A-1", "A-2", waived=balances(*w)),
        st.tuples(*[st.integers(0, 300).map(lambda m: f"{m}.00")] * 4),
    ),
    st.builds(lambda w: instructed(60, balances(*w)), st.just(("0.00", "1.00"))),
    st.builds(confirmed, st.integers(0, 55)),
)


class Topic:
    """What a reader of intake's topic alone can add up."""

    def __init__(self) -> None:
        self.opening: dict[tuple[str, str], Balances] = {}
        self.paid: dict[tuple[str, str], int] = defaultdict(int)
        self.last: dict[tuple[str, str], DebtLedger] = {}
        self.owed: dict[tuple[str, str], Balances] = {}

    def read(self, subject: str, event: Any) -> None:
        if isinstance(event, CaseOpened | CaseChanged):
            for debt in event.debts:
                self.opening.setdefault((subject, debt.debt_id), debt.outstanding)
        if isinstance(event, PaymentMatched | PaymentTakenBack):
            sign = 1 if isinstance(event, PaymentMatched) else -1
            given_out = Money.sum((total_of(a.amounts) for a in event.allocations), event.amount.currency)
            if sign > 0:
                assert given_out + event.unallocated == event.amount
            for part in event.allocations:
                self.paid[subject, part.debt_id] += sign * total_of(part.amounts).minor
        for entry in getattr(event, "ledgers", ()):
            self.last[subject, entry.debt_id] = entry
        for debt in getattr(event, "debts", ()):
            self.owed[subject, debt.debt_id] = debt.outstanding

    def check(self) -> None:
        for key, entry in self.last.items():
            assert adds_up(entry)
            assert entry.opening == self.opening[key]
            assert total_of(entry.paid).minor == self.paid[key]
            assert entry.outstanding == self.owed[key]
            assert all(not getattr(entry.outstanding, part).is_negative for part in PARTS)


def lived(facts: list[Any]) -> IntakeState:
    """Tell intake the facts and close their day; a reader of its topic must be able to add everything up."""
    decider, ref, topic = IntakeDecider(), REFERENCE, Topic()
    state: IntakeState | None = None
    for fact in [overdue(days=10), *facts]:
        decision = decider.decide(state, fact, ref)
        if decision.waits:
            continue
        state = decision.state
        for emission in decision.emissions:
            topic.read(emission.subject or "", emission.data)
        assert state is None or not state.is_open or (state.owner and decider.due(state))
    assert state is not None
    closed = decider.close(state, day(60), ref)
    for emission in closed.emissions:
        topic.read(emission.subject or "", emission.data)
    topic.check()
    assert closed.state is not None
    assert decider.close(closed.state, day(60), ref).emissions == ()
    assert IntakeState.model_validate(closed.state.model_dump(mode="json")) == closed.state
    return closed.state


def test_a_return_after_the_debt_has_gone_on_to_the_next_case_is_owed_there_and_nowhere_twice() -> None:
    nothing, charged = balances("0.00"), balances("0.00", "0.00", "0.00", "1.00")
    state = lived(
        [
            paid("1.25", 0, "P-1", on=60),
            overdue("A-1", n=0, days=1, owed=nothing, late=nothing, on=day(60)),
            overdue("A-1", n=1, days=1, owed=charged, late=charged, on=day(60)),
            returned("0.25", 0, "P-1", "R-1", on=60),
        ]
    )
    (debt,) = state.debts
    assert (debt.episode, debt.outstanding.total) == (2, 100)  # the figure of day 1 holds a return of day 0


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@forall(st.lists(FACTS, min_size=1, max_size=25))
def test_every_ledger_adds_up_from_the_topic_alone_whatever_the_bank_says(facts: list[Any]) -> None:
    lived(facts)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@forall(
    st.dictionaries(st.integers(1, 40), st.integers(3000, 9000), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 200)), max_size=5),
    st.randoms(use_true_random=False),
)
def test_what_is_owed_does_not_depend_on_the_order_in_which_facts_arrive(
    figures: dict[int, int], money: list[tuple[int, int]], random: Any
) -> None:
    """The oracle: the newest figure less what is dated after it (figures and payments of different days)."""
    money = [(n, amount) for n, amount in money if n not in figures]
    facts = [
        overdue(n=n, days=200 + n, owed=balances(f"{m}.00"), late=balances(f"{m}.00"), on=day(50))
        for n, m in figures.items()
    ] + [paid(f"{amount}.00", n, f"P-{i}", on=50) for i, (n, amount) in enumerate(money)]
    random.shuffle(facts)
    state: IntakeState | None = None
    for fact in [overdue(days=200, owed=balances("9000.00"), late=balances("9000.00")), *facts]:
        state = IntakeDecider().decide(state, fact, REFERENCE).state
    newest = max(figures)
    expected = figures[newest] - sum(amount for n, amount in money if n > newest)
    assert state is not None
    assert state.debts[0].outstanding.total == expected * 100


READ = [
    envelopes(kind) for kind in EVENTS.values() if kind.PRODUCER in {"bank", "desk", "agreement", "followup"}
]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@forall(st.lists(st.one_of(*READ), min_size=1, max_size=6))
def test_no_message_of_any_kind_raises(messages: list[Any]) -> None:
    decider = IntakeDecider()
    for before in (None, opened().state, opened().when(signed(2)).state, opened().when(cured(3)).state):
        state = before
        for message_ in messages:
            known = replace(message_, key="C-1", subject=case_id("C-1", 1), time=overdue(n=9).time)
            state = decider.decide(state, known, REFERENCE).state
        assert state is None or decider.due(state) is not None or not state.is_open


def test_a_year_of_payments_and_figures_does_not_make_the_document_grow() -> None:
    after = opened()
    sizes = []
    for n in range(1, 400):
        after = after.when(paid("1.00", n, f"P-{n}"))
        if n % 100 == 0:
            sizes.append(len(after.state.model_dump_json()))
    assert sizes[-1] < sizes[0] * 1.05
