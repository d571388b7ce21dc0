"""What `parley offer` prints: the assessment, the ranked plans with their schedules, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from services.cli.common import stdout
from services.cli.offer_liable import must_agree
from shared.contracts.debts import DebtSchedule, Plan
from shared.contracts.offer import NoPlanFound, OfferRevised, OfferTabled
from shared.contracts.plan_terms import schedules_of, total_of
from shared.contracts.reasons import ReasonCode
from shared.lending.money import Money
from shared.texts import label, text, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from services.cli.offer_liable import MustAgree
    from services.cli.offer_run import Outcome
    from shared.contracts.base import Reason
    from shared.contracts.offer import LumpSumAnswered
    from shared.lending.money import Rounding

__all__ = ["as_json", "show"]


def as_json(outcome: Outcome, rounding: Rounding, lang: str) -> dict[str, Any]:
    """Give everything as plain data: the events as they would be sent, schedules, and reasons in words."""
    said = outcome.said
    plans = () if isinstance(said, NoPlanFound) else said.plans
    completed, answered = outcome.completed, outcome.answered
    return {
        "policy_version": None if isinstance(said, NoPlanFound) else said.policy_version,
        "assessment": outcome.assessed.model_dump(mode="json"),
        "assessment_completed": None if completed is None else completed.model_dump(mode="json"),
        "referrals": [referral.model_dump(mode="json") for referral in outcome.referrals],
        "event": type(said).TYPE,
        "said": said.model_dump(mode="json"),
        "plans": [
            {
                "plan_id": plan.plan_id,
                "rank": plan.rank,
                "schedules": [
                    schedule.model_dump(mode="json") for schedule in schedules_of(plan.debts, rounding)
                ],
                "reasons": [_words(reason, lang) for reason in plan.reasons],
                "must_agree": [
                    {
                        "debt_id": one.debt_id,
                        "customer": one.customer,
                        "today": _amount(one.today),
                        "later": _amount(one.later),
                    }
                    for one in must_agree(plan, outcome.state.debts, outcome.liable, rounding)
                ],
            }
            for plan in plans
        ],
        "obligors": [
            {
                "debt_id": one.debt_id,
                "customer": one.customer,
                "role": one.role.value,
                "liability": None if one.liability is None else _amount(one.liability),
            }
            for one in outcome.liable
        ],
        "words": [_words(reason, lang) for reason in _said_by(outcome)],
        "answered": None if answered is None else answered.model_dump(mode="json"),
        "answered_words": [] if answered is None else [_words(one, lang) for one in _of_a_sum(answered)],
    }


def _amount(money: Money) -> dict[str, str]:
    return {"amount": str(money), "currency": money.currency}


def _of_a_sum(answered: LumpSumAnswered) -> tuple[Reason, ...]:
    return (*answered.reasons, answered.next_step)


def _said_by(outcome: Outcome) -> tuple[Reason, ...]:
    said = outcome.said
    if isinstance(said, NoPlanFound):
        return said.reason, said.next_step
    answer = said.answer.reasons if said.answer is not None else ()
    return (*answer, *said.terms)


def show(outcome: Outcome, rounding: Rounding, lang: str) -> None:
    """Print it all for a person."""
    _assessment(outcome, lang)
    _debts(outcome, lang)
    said = outcome.said
    if isinstance(said, NoPlanFound):
        _heading(label("no_plan", lang))
        _bullets((said.reason, said.next_step), lang)
        if said.review_on is not None:
            _line(label("review_on", lang), said.review_on.isoformat(), lang)
        if said.payments:
            _line(label("payments_meanwhile", lang), "", lang)
            for row in said.payments:
                _plain(f"  {row.number:>3}  {row.due.isoformat()}  {_money(row.total)}")
    if outcome.answered is not None:
        _heading(label("answer", lang))
        _bullets(_of_a_sum(outcome.answered), lang)
    if isinstance(said, NoPlanFound):
        return
    if said.answer is not None:
        _heading(label("answer", lang))
        _bullets(said.answer.reasons, lang)
    for plan in said.plans:
        _plan(plan, outcome, rounding, lang)
    _terms(said, lang)


def _assessment(outcome: Outcome, lang: str) -> None:
    assessed = outcome.assessed
    _heading(label("assessment", lang))
    _line(label("available_now", lang), _money(assessed.now), lang)
    _line(label("available_stress", lang), _money(assessed.stress), lang)
    for step in assessed.later:
        name = label("available_from", lang).replace("{day}", step.start.isoformat())
        _line(name, f"{_money(step.now)} ({_money(step.stress)})", lang)
    if assessed.temporary:
        _plain(label("temporary", lang))
    _line(label("valid_until", lang), assessed.expires.isoformat(), lang)
    if outcome.completed is not None:
        _bullets(outcome.completed.reasons, lang)
    for referral in outcome.referrals:
        _bullets(referral.reasons, lang)
        role = word("role", referral.owner_role, lang)
        _plain(f"    {role}{_pause(lang)}{word('affairs', 'due', lang)} {referral.due.isoformat()}")


def _debts(outcome: Outcome, lang: str) -> None:
    table = Table(title=label("debts", lang), title_justify="left")
    for name in ("debt", "policy", "owed", "overdue", "rate", "days_late"):
        table.add_column(label(name, lang), justify="left" if name in {"debt", "policy"} else "right")
    for debt in outcome.state.debts:
        table.add_row(
            debt.debt_id,
            debt.policy,
            _money(total_of(debt.outstanding)),
            _money(total_of(debt.overdue)),
            str(debt.annual_rate_pct),
            str(debt.days_past_due),
        )
    stdout.print(table)
    if outcome.liable:
        _line(label("who_else_owes", lang), "", lang)
        for one in outcome.liable:
            limited = label("liable_up_to", lang).replace(
                "{amount}", _money(one.liability or Money(0, "CNY"))
            )
            how = label("liable_for_all", lang) if one.liability is None else limited
            who = f"{one.customer}{_comma(lang)}{word('obligor', one.role.value, lang)}"
            _plain(f"  - {one.debt_id}{_colon(lang)}{who}{_comma(lang)}{how}")
        _plain(f"  - {label('counts_once', lang)}")


def _must_agree(asked: tuple[MustAgree, ...], lang: str) -> None:
    _line(label("must_agree", lang), "" if asked else label("nobody_must_agree", lang), lang)
    for one in asked:
        grows = label("answers_for", lang).replace("{today}", _money(one.today))
        _plain(
            f"  - {one.customer} ({one.debt_id}){_colon(lang)}{grows.replace('{later}', _money(one.later))}"
        )


def _plan(plan: Plan, outcome: Outcome, rounding: Rounding, lang: str) -> None:
    _heading(f"{label('plan', lang)} {plan.rank}")
    measures = [label(measure.value, lang) for measure in plan.measures]
    _line(label("measures", lang), _comma(lang).join(measures) or label("no_measure", lang), lang)
    first = [row for row in plan.payments if row.number == plan.payments[0].number]
    largest = {m.currency: _largest(plan, m.currency) for m in plan.total_paid}
    _line(label("instalments", lang), str(len({row.number for row in plan.payments})), lang)
    paid = _moneys((row.total for row in first), lang)
    _line(label("first_payment", lang), f"{paid}{_pause(lang)}{first[0].due}", lang)
    _line(label("largest_payment", lang), _moneys(largest.values(), lang), lang)
    _line(label("total_paid", lang), _moneys(plan.total_paid, lang), lang)
    _line(label("interest_added", lang), _moneys(plan.interest, lang), lang)
    waived = [total_of(debt.waived) for debt in plan.debts]
    by_currency = {amount.currency: Money.zero(amount.currency) for amount in waived}
    for amount in waived:
        by_currency[amount.currency] += amount
    _line(label("waived", lang), _moneys(by_currency.values(), lang), lang)
    _line(label("concession", lang), _moneys(plan.concession, lang), lang)
    _line(label("apr", lang), _each(plan, "apr_pct"), lang)
    _line(label("npv", lang), _moneys(plan.npv, lang), lang)
    _line(label("npv_no_deal", lang), _moneys(plan.npv_no_deal, lang), lang)
    _line(label("redefault", lang), f"{_number(plan.redefault_pct)} ({plan.redefault_model})", lang)
    _line(label("reduction", lang), _each(plan, "payment_reduction_pct", _against), lang)
    _line(label("stress_margin", lang), _number(plan.stress_margin_pct), lang)
    substantial = label("substantial", lang) if plan.substantial_modification else ""
    _line(label("modification", lang), _each(plan, "modification_pct") + substantial, lang)
    _line(label("ceiling", lang), label(plan.ceiling_test or "no_ceiling", lang), lang)
    if not plan.needs_approval:
        _line(label("approval", lang), label("within_authority", lang), lang)
    if plan.not_covered:
        pair = "{}（{}）" if lang == "zh" else "{} ({})"
        left = [
            pair.format(one.debt_id, word("not_covered", one.why.value, lang)) for one in plan.not_covered
        ]
        _line(label("not_covered", lang), _comma(lang).join(left), lang)
    if outcome.liable:
        _must_agree(must_agree(plan, outcome.state.debts, outcome.liable, rounding), lang)
    _line(label("why", lang), "", lang)
    _bullets(plan.reasons, lang)
    for schedule in schedules_of(plan.debts, rounding):
        _schedule(schedule, lang)


def _each(plan: Plan, name: str, shown: Callable[[Decimal | None], str] | None = None) -> str:
    """Give a figure of a plan; where it has several currencies, that of each part."""
    shown = shown or _number
    if not plan.parts:
        return shown(getattr(plan, name))
    return ", ".join(f"{shown(getattr(part, name))} ({part.currency})" for part in plan.parts)


def _against(reduction: Decimal | None) -> str:
    """Give a reduction as the change that it is: less is negative, more is positive."""
    return "-" if reduction is None else f"{-reduction + 0:+.2f}"


def _schedule(schedule: DebtSchedule, lang: str) -> None:
    name = f"{label('schedule', lang)}{_colon(lang)}{schedule.debt_id}"
    table = Table(title=name, title_justify="left", box=None, padding=(0, 1), pad_edge=False)
    columns = ("number", "due", "payment", "principal", "interest", "fees", "late_charges", "left")
    for name in columns:
        table.add_column(label(name, lang), justify="right")
    for row in schedule.rows:
        amounts = (row.total, row.principal, row.interest, row.fees, row.late_charges, row.balance)
        table.add_row(str(row.number), row.due.isoformat(), *(str(amount) for amount in amounts))
    stdout.print(table)


def _terms(said: OfferTabled | OfferRevised, lang: str) -> None:
    _heading(label("terms", lang))
    _line(label("round", lang), str(said.round), lang)
    _line(label("valid_until", lang), said.valid_until.isoformat(), lang)
    _line(label("policy", lang), said.policy_version, lang)
    _line(label("strategy", lang), said.strategy or "-", lang)
    _bullets(said.terms, lang)
    days = said.balance_by_day
    if len({row.balance for row in days}) > len({row.balance.currency for row in days}):
        table = Table(title=label("balance_by_day", lang), title_justify="left")
        table.add_column(label("day", lang))
        table.add_column(label("owed", lang), justify="right")
        for row in days:
            table.add_row(row.day.isoformat(), _money(row.balance))
        stdout.print(table)


def _words(reason: Reason, lang: str) -> str:
    return text(reason.code, reason.params, lang)


def _bullets(reasons: Iterable[Reason], lang: str) -> None:
    for words in dict.fromkeys(_words(reason, lang) for reason in _together(reasons)):
        _plain(f"  - {words}")


def _together(reasons: Iterable[Reason]) -> list[Reason]:
    """Say once what is said alike of many accounts, with all of them."""
    found: dict[tuple[object, ...], Reason] = {}
    for number, reason in enumerate(reasons):
        alike = reason.code is ReasonCode.RE_AGED_WHEN_PAID and "account" in reason.params
        others = tuple((name, value) for name, value in reason.params.items() if name != "account")
        key = (reason.code, others) if alike else (number,)
        if key in found:
            accounts = f"{found[key].params['account']}, {reason.params['account']}"
            found[key] = reason.model_copy(update={"params": {**reason.params, "account": accounts}})
        else:
            found[key] = reason
    return list(found.values())


def _heading(words: str) -> None:
    stdout.print()
    stdout.print(words, style="bold", markup=False, highlight=False)


def _line(name: str, value: str, lang: str) -> None:
    _plain(f"{name}{_colon(lang)}{value}".rstrip())


def _colon(lang: str) -> str:
    return "：" if lang == "zh" else ": "


def _plain(words: str) -> None:
    stdout.print(words, markup=False, highlight=False, soft_wrap=True)


def _money(amount: Money) -> str:
    return f"{amount} {amount.currency}"


def _moneys(amounts: Iterable[Money], lang: str) -> str:
    return _pause(lang).join(map(_money, amounts)) or "-"


def _pause(lang: str) -> str:
    return "，" if lang == "zh" else ", "


def _largest(plan: Plan, currency: str) -> Money:
    return max(row.total for row in plan.payments if row.total.currency == currency)


def _number(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _comma(lang: str) -> str:
    return "、" if lang == "zh" else ", "
