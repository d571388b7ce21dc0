"""What the clauses of an agreement say where the plan and the pack make a difference. Pure."""

from collections.abc import Sized
from decimal import Decimal
from typing import Any

from services.agreement.concessions import returning
from services.agreement.paper.words import Words
from services.agreement.rules import waived_debts
from shared.contracts.agreement import AgreementDrafted, AgreementTerms, DebtRate, WaivedDebt

__all__ = [
    "COMPONENTS",
    "asks_nothing",
    "conditions",
    "counted",
    "on_record",
    "rest_in",
    "returned",
    "rewards_in",
    "settles_at_once",
    "since_9",
    "watched",
]

COMPONENTS = ("principal", "interest", "fees", "late_charges")


def on_record(drafted: AgreementDrafted, terms: AgreementTerms) -> dict[str, Any]:
    """How long what was overdue stays on the credit record, and when an account is shown as current again."""
    years = str(terms.overdue_kept_years) if terms.overdue_kept_years else None
    payments = max((debt.re_aged_after or 0 for debt in drafted.plan.debts), default=0)
    return {
        "kept_after_end": years if terms.overdue_kept_from == "end" else None,
        "kept_after_start": years if terms.overdue_kept_from == "start" else None,
        "kept_as_law_says": years is None,
        "re_aged_after": str(payments) if payments else None,
    }


def watched(terms: AgreementTerms, payments: int, *, nothing: bool) -> dict[str, Any]:
    """What is said of payments where there are several, one or none; a period is over with the last one."""
    several = payments > 1 and not nothing
    on_trial = terms.trial_payments if several else 0
    periods = several and bool(on_trial or terms.observation_months or terms.probation_months)
    return {
        "something_to_pay": not nothing,
        "no_grace_to_pay": not terms.grace_days and not nothing,
        "not_watched": not several,
        "watched": periods,
        "trial_of": str(on_trial) if 0 < on_trial < payments else None,
        "trial_of_all": on_trial >= payments > 1 and several,
        "hardship_misses_rest_here": terms.hardship_misses_count is False and periods,
    }


def asks_nothing(drafted: AgreementDrafted) -> bool:
    return all(row.total.is_zero for row in drafted.instalments)


def settles_at_once(drafted: AgreementDrafted, words: Words) -> bool:
    """Whether nothing is left to pay, so that no breach can follow. Editions before 10 spoke of one."""
    return asks_nothing(drafted) and _since_10(words)


def returned(drafted: AgreementDrafted, terms: AgreementTerms, words: Words) -> tuple[WaivedDebt, ...]:
    """Give what a breach adds to the debt again."""
    if settles_at_once(drafted, words):
        return ()
    return returning(waived_debts(drafted.plan), terms.returns_on_breach or ())


def conditions(drafted: AgreementDrafted, terms: AgreementTerms, words: Words, lang: str) -> dict[str, Any]:
    """What a breach takes back: amounts waived on condition, and the rates of the contract."""
    comma = "、" if lang == "zh" else ", "
    amounts = returned(drafted, terms, words)
    parts = [part for part in COMPONENTS if any(getattr(d.amounts, part).is_positive for d in amounts)]
    rates = () if settles_at_once(drafted, words) else terms.contract_rates or ()
    names = [*parts, *(["rate"] if rates else [])]
    known = words.has("returning", "rate")
    lower_rate_stays = "rate_cut" in drafted.plan.measures and "rate" not in (terms.returns_on_breach or ())
    return {
        "returning": comma.join(words.named("returning", name, lang) for name in names) if known else "",
        "contract_rates": comma.join(_rate(rate, words, lang) for rate in rates),
        "amounts_return": bool(amounts),
        "only_rates_return": bool(rates) and not amounts,
        "something_returns": bool(rates or amounts),
        "lower_rate_stays": lower_rate_stays,
        "lower_rate_left": lower_rate_stays and not asks_nothing(drafted),
        "nothing_returns": not rates and not amounts,
        "breach_takes_nothing": not rates and not amounts and not asks_nothing(drafted),
    }


def rewards_in(drafted: AgreementDrafted, terms: AgreementTerms, words: Words, lang: str) -> dict[str, Any]:
    """Every step of the rewards that can still come to something, and what they ask for besides paying."""
    semicolon, comma = ("；", "、") if lang == "zh" else ("; ", ", ")
    late_left = any(
        (debt.balance.late_charges - debt.waived.late_charges).is_positive for debt in drafted.plan.debts
    )
    has_rate = any(debt.annual_rate_pct for debt in drafted.plan.debts)
    steps, late, rate = [], Decimal(0), Decimal(0)
    # An amendment goes on counting what was kept before it; a first version begins with nothing.
    from_nothing = drafted.version == 1 and since_9(words)
    for step in terms.rewards or () if words.has("labels", "reward_late") else ():
        if from_nothing and step.after >= _times(drafted, words):
            break  # nothing is left to be waived or to bear a lower rate
        after = str(step.after)
        if late_left and step.late_pct > late:
            late = step.late_pct
            steps.append(words.label("reward_late", lang, {"after": after, "pct": f"{late.normalize():f}"}))
        if has_rate and step.rate_pct > rate:
            rate = step.rate_pct
            steps.append(words.label("reward_rate", lang, {"after": after, "pct": f"{rate.normalize():f}"}))
    rules = terms.cooperation or () if steps else ()
    return {
        "rewards": semicolon.join(steps),
        "cooperation": comma.join(words.named("cooperation", name, lang) for name in rules),
    }


def since_9(words: Words) -> bool:
    """Whether a document has the words of edition 9 or a later one; older ones stay as they were signed."""
    return words.has("labels", "beside")


def rest_in(drafted: AgreementDrafted, words: Words, lang: str) -> dict[str, Any]:
    """When nothing is due: before the first day, in a holiday, and in which months of each year."""
    debts = drafted.plan.debts
    months = sorted({month for debt in debts for month in debt.skips})
    named = [words.named("month", str(month), lang) if since_11(words) else str(month) for month in months]
    comma = "、" if lang == "zh" else ", "
    listed = comma.join(named)
    if lang == "en" and since_11(words) and len(named) > 1:
        listed = f"{comma.join(named[:-1])} and {named[-1]}"
    # Where a plan is in several currencies, one of them may have no holiday.
    first = {debt.first_due for debt in debts}
    until = min(first).isoformat() if "payment_holiday" in drafted.plan.measures and len(first) == 1 else None
    return {
        "rest_months": listed,
        "holiday_until": until,
        "holiday_then_interest": until and any(debt.annual_rate_pct for debt in debts),
    }


def counted(name: str, found: Sized) -> dict[str, bool]:
    """Whether it is one or several: English says it in other words."""
    return {f"one_{name}": len(found) == 1, f"several_{name}": len(found) > 1}


def _rate(rate: DebtRate, words: Words, lang: str) -> str:
    pct = f"{rate.annual_rate_pct.normalize():f}"
    return f"{pct}%（{rate.debt_id}）" if lang == "zh" and since_11(words) else f"{pct} % ({rate.debt_id})"


def since_11(words: Words) -> bool:
    """Whether a document has the words of edition 11 or a later one."""
    return words.has("month", "1")


def _since_10(words: Words) -> bool:
    return words.has("labels", "others_liable")


def _times(drafted: AgreementDrafted, words: Words) -> int:
    """How often there is something to pay; editions before 10 counted each currency of a day apart."""
    rows = drafted.instalments
    return len({row.number for row in rows}) if _since_10(words) else len(rows)
