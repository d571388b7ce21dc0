"""Trial, observation and probation, pack by pack: what counts, what begins again, what ends a period."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.agreement.decide import AgreementDecider
from services.agreement.model import AgreementState, AgreementStatus, InForce, Unpaid, Watch
from services.agreement.watching import begun
from shared.contracts import followup
from shared.contracts.agreement import AgreementSigned, Period, PeriodPassed, PeriodRestarted
from shared.contracts.followup_care import DifficultyLasts
from shared.contracts.reasons import ReasonCode
from shared.lending.calendar import add_months
from shared.policy.loader import PolicyBook
from shared.policy.reference import Reference
from tests.unit.agreement.test_decide import BOTH, after, agreed, in_force, signed_by
from tests.unit.builders import CASE, ROSTER, cny, message, reference
from tests.unit.spec import Given
from tests.unit.spec import given as start

PACKS = Reference(PolicyBook.load(Path(__file__).parents[3] / "deploy" / "policies"), ROSTER, {})
EVERY = ("cn-card", "cn-consumer-loan", "tw-card", "uk-unsecured", "us-unsecured", "eu-consumer")
EFFECTIVE, FIRST = date(2026, 3, 10), date(2026, 4, 1)
TRIAL, OBSERVATION, PROBATION = Period


def due(number: int, days: int = 0) -> date:
    return add_months(FIRST, number - 1) + timedelta(days=days)


def followed(pack: str, rules: Reference = PACKS) -> Given:
    """A plan of many instalments, the first due in April, in force under a pack."""
    watches, _ = begun("AG-1", FIRST, EFFECTIVE, rules.policies.in_force(pack, EFFECTIVE), None)
    live = InForce(agreement_id="AG-1", version=1, offer_id="O-1", effective=EFFECTIVE, watches=watches)
    state = AgreementState(case=CASE, status=AgreementStatus.IN_FORCE, policy=pack, debts=(), live=live)
    return start(AgreementDecider(), rules, state)


def paid(
    number: int, late: int = 0, *, on_time: bool | None = None, shielded: bool = False, rests: int = 0
) -> Any:
    data = followup.InstalmentPaid(
        agreement_id="AG-1", version=1, number=number, due=due(number), total=cny("1.00"), paid=cny("1.00"),
        on=due(number, late), on_time=late <= 3 if on_time is None else on_time,
        shielded=shielded, shielded_days=rests,
    )  # fmt: skip
    return message(data, due(number, late))


def missed(number: int, late: int = 5, *, shielded: bool = False) -> Any:
    data = followup.InstalmentMissed(
        agreement_id="AG-1", version=1, number=number, due=due(number), total=cny("1.00"), paid=cny("0.00"),
        missed_in_a_row=1, shielded=shielded,
    )  # fmt: skip
    return message(data, due(number, late))


def returned(number: int, day: date, *, shielded: bool = False) -> Any:
    data = followup.InstalmentCorrected(
        agreement_id="AG-1", version=1, number=number, due=due(number), total=cny("1.00"), paid=cny("0.00"),
        was="paid", now="missed", reason={"code": ReasonCode.PAYMENT_RETURNED}, shielded=shielded,
    )  # fmt: skip
    return message(data, day)


def lasts(day: date) -> Any:
    return message(DifficultyLasts(agreement_id="AG-1", as_of=day), day)


def in_time(first: int, last: int) -> list[Any]:
    return [paid(number) for number in range(first, last + 1)]


def told(step: Given) -> list[tuple[Any, ...]]:
    said: list[tuple[Any, ...]] = []
    for event in step.said:
        if isinstance(event, PeriodPassed):
            said.append(("passed", event.period, event.since, event.as_of))
        else:
            assert isinstance(event, PeriodRestarted), "nothing else: nobody is told to collect"
            said.append(("again", event.period, event.since, event.ended))
    return said


def passed(period: Period, since: date, as_of: date) -> tuple[Any, ...]:
    return ("passed", period, since, as_of)


def again(period: Period, since: date, ended: Period | None = None) -> tuple[Any, ...]:
    return ("again", period, since, ended)


def test_who_was_asked_for_nothing_has_paid_nothing_on_trial() -> None:
    """Three instalments of a debt without interest, in its grace, were three payments of the trial."""
    free = [
        message(paid(n).data.model_copy(update={"total": cny("0.00"), "paid": cny("0.00")}), due(n))
        for n in (1, 2, 3)
    ]
    step = followed("us-unsecured").when(*free, *in_time(4, 5))
    assert told(step) == []
    assert told(step.when(paid(6))) == [passed(TRIAL, FIRST, due(6))]


# fmt: off
STORIES: list[tuple[str, str, list[Any], list[tuple[Any, ...]]]] = [
    *((f"{pack}: a year in time", pack, in_time(1, 13), [passed(OBSERVATION, FIRST, due(13))])
      for pack in ("cn-card", "cn-consumer-loan", "tw-card", "uk-unsecured", "eu-consumer")),
    ("us: three on trial", "us-unsecured", in_time(1, 13),
     [passed(TRIAL, FIRST, due(3)), passed(OBSERVATION, FIRST, due(13))]),
    ("us: one missed on trial, the rest in time", "us-unsecured",
     [paid(1), missed(2), paid(2, 9), *in_time(3, 5)],
     [again(TRIAL, due(2)), again(OBSERVATION, due(2)), passed(TRIAL, due(2), due(5))]),
    *((f"{pack}: a missed one begins it again", pack, [*in_time(1, 10), missed(11), *in_time(12, 23)],
       [again(OBSERVATION, due(11)), passed(OBSERVATION, due(11), due(23))])
      for pack in ("cn-card", "cn-consumer-loan", "tw-card", "uk-unsecured", "eu-consumer")),
    ("cn: paid in time and found returned", "cn-card",
     [*in_time(1, 5), returned(4, due(5, 20)), missed(4, 60), *in_time(6, 16)],
     [again(OBSERVATION, due(4)), passed(OBSERVATION, due(4), due(16))]),
    *((f"{pack}: a difficulty without an end begins it again", pack,
       [*in_time(1, 6), lasts(due(6, 9)), *in_time(7, 19)],
       [again(OBSERVATION, due(6, 10)), passed(OBSERVATION, due(6, 10), due(19))])
      for pack in ("cn-card", "cn-consumer-loan")),
    *((f"{pack}: where no law says so, a report of one costs nothing", pack,
       [*in_time(1, 6), lasts(due(6, 9)), *in_time(7, 13)], [passed(OBSERVATION, FIRST, due(13))])
      for pack in ("tw-card", "uk-unsecured", "eu-consumer")),
    ("eu: three years", "eu-consumer", in_time(1, 37),
     [passed(OBSERVATION, FIRST, due(13)), passed(PROBATION, due(13), due(37))]),
    ("eu: thirty days late on probation", "eu-consumer",
     [*in_time(1, 19), missed(20), paid(20, 31), *in_time(21, 37)],
     [passed(OBSERVATION, FIRST, due(13)), passed(PROBATION, due(13), due(37))]),
    ("eu: more than thirty days late on probation", "eu-consumer",
     [*in_time(1, 19), missed(20), paid(20, 32), *in_time(21, 56)],
     [passed(OBSERVATION, FIRST, due(13)), again(OBSERVATION, due(20), PROBATION),
      passed(OBSERVATION, due(20), due(32)), passed(PROBATION, due(32), due(56))]),
    ("eu: never paid on probation, known with the next one", "eu-consumer",
     [*in_time(1, 19), missed(20), missed(21)],
     [passed(OBSERVATION, FIRST, due(13)), again(OBSERVATION, due(21), PROBATION)]),
    ("eu: a difficulty on probation ends nothing", "eu-consumer",
     [*in_time(1, 19), lasts(due(19, 9)), *in_time(20, 37)],
     [passed(OBSERVATION, FIRST, due(13)), passed(PROBATION, due(13), due(37))]),
]
# fmt: on


@pytest.mark.parametrize(("pack", "story", "expected"), [s[1:] for s in STORIES], ids=[s[0] for s in STORIES])
def test_what_each_pack_watches(pack: str, story: list[Any], expected: list[tuple[Any, ...]]) -> None:
    assert told(followed(pack).when(*story)) == expected


# -- a hardship that was reported ----------------------------------------------------------------------------

IN_HARDSHIP = [missed(5, shielded=True), missed(6, shielded=True), paid(5, 50, shielded=True),
               paid(6, 22, shielded=True)]  # fmt: skip


@pytest.mark.parametrize("pack", EVERY)
def test_what_is_missed_in_a_reported_hardship_begins_nothing_again(pack: str) -> None:
    """It counts as if it had not fallen due: neither for the row of payments nor against it."""
    watched = followed(pack).when(*in_time(1, 4), *IN_HARDSHIP, *in_time(7, 13))
    assert passed(OBSERVATION, FIRST, due(13)) in told(watched)
    assert not any(said[0] == "again" for said in told(watched))
    unpaid = followed(pack).when(*in_time(1, 4), *IN_HARDSHIP[:2])
    assert unpaid.said == () or [said[0] for said in told(unpaid)] == ["passed"]  # a trial of three
    live_ = unpaid.state.live
    assert live_.unpaid == ()
    assert [watch.kept for watch in live_.watches if watch.period is OBSERVATION] == [4]


def test_a_trial_and_a_probation_are_kept_in_hardship_too() -> None:
    trial = [paid(1), missed(2, shielded=True), paid(2, 40, shielded=True), paid(3), paid(4)]
    assert told(followed("us-unsecured").when(*trial)) == [passed(TRIAL, FIRST, due(4))]
    on_probation = [*in_time(1, 19), missed(20, shielded=True), missed(21, shielded=True),
                    paid(20, 60, shielded=True), paid(21, 31, shielded=True), *in_time(22, 37)]  # fmt: skip
    assert told(followed("eu-consumer").when(*on_probation)) == [
        passed(OBSERVATION, FIRST, due(13)),
        passed(PROBATION, due(13), due(37)),
    ]
    back = [*in_time(1, 5), returned(4, due(5, 20), shielded=True), missed(4, 60, shielded=True)]
    assert told(followed("eu-consumer").when(*back)) == []


def test_what_was_missed_before_the_report_or_after_the_talks_counts_as_ever() -> None:
    story = [paid(1), missed(2), missed(3, shielded=True), paid(2, 40), paid(3, 9, shielded=True)]
    restarted = told(followed("cn-card").when(*story, *in_time(4, 7), missed(8)))
    assert restarted == [again(OBSERVATION, due(2)), again(OBSERVATION, due(8))]


@pytest.mark.parametrize(("rests", "ends"), [(29, False), (28, True), (0, True)])
def test_what_was_missed_before_the_report_does_not_grow_older_in_the_talks(rests: int, ends: bool) -> None:
    """Sixty days late, and for so many of them a new plan was talked about: thirty are borne."""
    story = [*in_time(1, 19), missed(20), missed(21, shielded=True), paid(20, 60, rests=rests)]
    said = told(followed("eu-consumer").when(*story, paid(21, 29, shielded=True)))
    assert said == [passed(OBSERVATION, FIRST, due(13)), *([again(OBSERVATION, due(20), PROBATION)] * ends)]


def test_a_pack_may_count_it_all_the_same() -> None:
    rules = reference(observation__hardship_misses_count=True)
    said = told(followed("example-card", rules).when(*in_time(1, 4), *IN_HARDSHIP))
    assert said == [again(OBSERVATION, due(5)), again(OBSERVATION, due(6))]


@pytest.mark.parametrize(
    ("tolerance", "story", "expected"),
    [
        (0, [paid(1, 1), paid(2)], []),  # in time by its grace days, and too late for a trial
        (
            0,
            [paid(1, 9, on_time=True), paid(2)],
            [passed(TRIAL, FIRST, due(2))],
        ),  # new grace: it was returned
        (20, [missed(1), paid(1, 19), paid(2)], [passed(TRIAL, FIRST, due(2))]),
        (20, [missed(1), paid(1, 25), paid(2)], []),
        (20, [missed(1), missed(2), paid(1, 35), paid(2, 10), paid(3)], [passed(TRIAL, FIRST, due(3))]),
    ],
)
def test_a_trial_has_a_tolerance_of_its_own(
    tolerance: int, story: list[Any], expected: list[tuple[Any, ...]]
) -> None:
    rules = reference(
        trial__payments=2, trial__tolerance_days=tolerance, observation__restarts_on_breach=False
    )
    of_trial = [said for said in told(followed("example-card", rules).when(*story)) if said[1] is TRIAL]
    assert of_trial == expected


@pytest.mark.parametrize(
    ("starts", "restarts", "expected"),
    [
        (
            "first_due_after_change",
            True,
            [again(OBSERVATION, due(12)), passed(OBSERVATION, due(12), due(24))],
        ),
        ("first_due_after_change", False, [passed(OBSERVATION, FIRST, due(14))]),  # two in a row were left
        ("signing", True, [again(OBSERVATION, due(12)), passed(OBSERVATION, due(12), due(24))]),
        ("signing", False, [passed(OBSERVATION, EFFECTIVE, due(14))]),
    ],
)
def test_where_an_observation_begins_and_whether_a_miss_begins_it_again(
    starts: str, restarts: bool, expected: list[tuple[Any, ...]]
) -> None:
    rules = reference(observation__starts=starts, observation__restarts_on_breach=restarts)
    story = [*in_time(1, 11), missed(12), *in_time(13, 24)]
    assert told(followed("example-card", rules).when(*story)) == expected


def test_a_difficulty_that_lasts_begins_nothing_again_where_the_pack_does_not_say_so() -> None:
    for again_then in (True, False):
        rules = reference(observation__restarts_on_persisting_difficulty=again_then)
        said = told(followed("example-card", rules).when(lasts(due(3)), lasts(due(3))))
        assert said == ([again(OBSERVATION, due(3, 1))] if again_then else [])


# -- a second measure ---------------------------------------------------------------------------------------

SECOND = EFFECTIVE + timedelta(days=800), FIRST + timedelta(days=800)


def before(period: Period, *unpaid: Unpaid) -> InForce:
    watch = Watch(period=period, since=due(13), kept=7, last=20)
    return InForce(
        agreement_id="AG-1", version=1, offer_id="O-1", effective=EFFECTIVE, watches=(watch,), unpaid=unpaid
    )


@pytest.mark.parametrize("pack", EVERY)
@pytest.mark.parametrize("period", [OBSERVATION, PROBATION])
def test_a_second_measure_begins_the_observation_again(pack: str, period: Period) -> None:
    """Also out of a probation, which only the Union's pack has: it says that a second measure ends it."""
    policy = PACKS.policies.in_force(pack, SECOND[0])
    watches, (said,) = begun("AG-2", SECOND[1], SECOND[0], policy, before(period))
    assert watches[-1] == Watch(period=OBSERVATION, since=SECOND[1])
    assert (said.agreement_id, said.since, said.as_of) == ("AG-2", SECOND[1], SECOND[0])
    assert said.reason.code is ReasonCode.PLAN_SUPERSEDED


@pytest.mark.parametrize(("late", "goes_on"), [(None, True), (30, True), (31, False)])
def test_a_probation_goes_on_where_no_second_measure_ends_it_unless_it_was_over(
    late: int | None, goes_on: bool
) -> None:
    unpaid = [Unpaid(number=21, due=SECOND[0] - timedelta(days=late), currency="CNY")] if late else []
    policy = reference(
        observation__probation_months=24, observation__second_measure_ends_probation=False
    ).policies.in_force("example-card", SECOND[0])
    watches, said = begun("AG-2", SECOND[1], SECOND[0], policy, before(PROBATION, *unpaid))
    if goes_on:
        assert [(watch.period, watch.since, watch.last) for watch in watches] == [(PROBATION, due(13), 0)]
        assert said == ()
    else:
        assert watches == (Watch(period=OBSERVATION, since=SECOND[1]),)
        assert len(said) == 1


def test_an_amendment_in_the_first_days_begins_the_observation_anew() -> None:
    step = in_force(agreement__cooling_off_days=14)
    again_ = step.when(message(agreed(2).model_copy(update={"offer_id": "O-2"}), after(5)))
    second = signed_by(again_, *BOTH, day=after(6)).closes(after(6))
    told_, signed = second.last(PeriodRestarted), second.last(AgreementSigned)
    assert (told_.agreement_id, told_.since) == (signed.agreement_id, signed.instalments[0].due)
    assert (told_.period, told_.ended, told_.as_of) == (OBSERVATION, None, signed.effective)


# -- whatever happens ---------------------------------------------------------------------------------------

LATENESS = st.lists(
    st.one_of(st.just(0), st.just(0), st.integers(0, 75)), min_size=45, max_size=60
)  # days after each due date, mostly none


def life(lateness: list[int]) -> list[Any]:
    """What followup says of instalments paid so late, the oldest first, each by the day that it is known."""
    said: list[tuple[date, int, Any]] = []
    until = FIRST
    for number, late in enumerate(lateness, start=1):
        until = max(until, due(number, late))
        days = (until - due(number)).days
        if days > 3:
            said.append((due(number, 3), number, missed(number, 3)))
        said.append((until, number, paid(number, days)))
    return [one for *_, one in sorted(said, key=lambda row: row[:2])]


@settings(max_examples=60, deadline=None)
@given(LATENESS, st.booleans(), st.integers(0, 60))
def test_no_period_passes_over_what_breaks_it(lateness: list[int], restarts: bool, bears: int) -> None:
    rules = reference(
        observation__restarts_on_breach=restarts, observation__probation_months=24,
        observation__probation_max_days_past_due=bears, trial__payments=3,
    )  # fmt: skip
    story = life(lateness)
    late = {
        m.data.due: (m.data.on - m.data.due).days
        for m in story
        if isinstance(m.data, followup.InstalmentPaid)
    }
    for kind, period, since, as_of in told(followed("example-card", rules).when(*story)):
        if kind == "again":
            assert since == FIRST or late[since] > 0, "only what was late begins a period again"
            continue
        inside = [days for day, days in late.items() if since < day <= as_of]
        if period is OBSERVATION:
            assert as_of >= add_months(since, 12)
            assert not restarts or max(inside) <= 3
        if period is PROBATION:
            assert as_of >= add_months(since, 24)
            assert max(inside) <= max(bears + 1, 3)
        if period is TRIAL:
            calendar = rules.policies.in_force("example-card", FIRST).calendar
            days_paid = [(day + timedelta(days=n), day) for day, n in late.items() if since < day <= as_of]
            assert all(on <= calendar.next_business_day(day + timedelta(days=3)) for on, day in days_paid)
    if max(lateness) == 0:
        assert len(told(followed("example-card", rules).when(*story))) == 3
