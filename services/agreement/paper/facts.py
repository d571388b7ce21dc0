"""What the clauses of an agreement say where the plan and the pack make a difference. Pure."""

from collections.abc import Sequence, Sized
from decimal import Decimal
from typing import Any, Final

from services.agreement.concessions import returning
from services.agreement.paper.words import Words
from services.agreement.rules import waived_debts
from shared.contracts.agreement import AgreementDrafted, AgreementTerms, DebtRate, WaivedDebt
from shared.contracts.debts import PlanDebt

__all__ = [
    "COMPONENTS",
    "asks_nothing",
    "conditions",
    "counted",
    "kind_of",
    "on_record",
    "rest_in",
    "returned",
    "rewards_in",
    "settles_at_once",
    "since_9",
    "watched",
]

_BY_INSTALMENTS: Final = "modifying_agreement"
_LUMP_SUM: Final = "lump_sum"  # the method of a plan that settles at once
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


def watched(
    drafted: AgreementDrafted, terms: AgreementTerms, words: Words, lang: str, payments: int
) -> dict[str, Any]:
    """What is said of payments where there are several, one or none; a period is over with the last one."""
    nothing = asks_nothing(drafted)
    several = payments > 1 and not nothing
    on_trial = terms.trial_payments
    if _since_12(
        words
    ):  # who needs payments in a row to be shown as current is on trial for so many at least
        on_trial = max(on_trial, *(debt.re_aged_after or 0 for debt in drafted.plan.debts))
    on_trial = on_trial if several else 0
    periods = several and bool(on_trial or terms.observation_months or terms.probation_months)
    observed = several and bool(terms.observation_months)
    signing = terms.observation_starts == "signing"

    def late(days: int | None) -> str | None:
        if days is None or not _since_12(words):
            return None
        return words.label("days_late" if days else "late_at_all", lang, {"days": str(days)})

    return {
        "something_to_pay": not nothing,
        "no_grace_to_pay": not terms.grace_days and not nothing,
        "not_watched": not several,
        "watched": periods,
        "trial_of": str(on_trial) if 0 < on_trial < payments else None,
        "trial_of_all": on_trial >= payments > 1 and several,
        "trial_late": late(terms.trial_days_late) if on_trial else None,
        "observed_from_signing": observed and signing,
        "observed_from_first_due": observed and not signing,
        "observation_restarts": observed and terms.observation_restarts is not False,
        "observation_goes_on": observed and terms.observation_restarts is False,
        "difficulty_restarts": observed and terms.difficulty_restarts,
        "probation_goes_on": several and drafted.version > 1 and terms.probation_goes_on,
        "probation_late": late(terms.probation_days_late),
        "hardship_misses_rest_here": terms.hardship_misses_count is False and periods,
    }


def asks_nothing(drafted: AgreementDrafted) -> bool:
    return all(row.total.is_zero for row in drafted.instalments)


def kind_of(drafted: AgreementDrafted, terms: AgreementTerms, words: Words) -> str:
    """Give what the document is called: by instalments, by one payment, or by none.

    A letter of concession is called so whatever it grants. Editions before 13 called all else instalments.
    """
    if terms.instrument != _BY_INSTALMENTS or not words.has("labels", "paid_at_once"):
        return terms.instrument
    if asks_nothing(drafted):
        return "waives_all"
    at_once = all(debt.method == _LUMP_SUM or debt.balance == debt.waived for debt in drafted.plan.debts)
    return "paid_at_once" if at_once and _times(drafted, words) == 1 else terms.instrument


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
    seasons = {debt.skips for debt in debts}
    apart = _since_12(words)  # editions before named the months of one debt as if no other were due in them
    months = sorted({month for skips in seasons for month in skips}) if len(seasons) == 1 or not apart else []
    # Where a plan is in several currencies, one of them may have no holiday.
    first = {debt.first_due for debt in debts}
    until = min(first).isoformat() if "payment_holiday" in drafted.plan.measures and len(first) == 1 else None
    resting = () if until or not apart else _on_holiday(drafted)
    until_of = [(debt.debt_id, "until", debt.first_due.isoformat()) for debt in resting]
    seasonal = [debt for debt in debts if debt.skips] if apart and len(seasons) > 1 else []
    months_of = [(debt.debt_id, "months", _months(sorted(debt.skips), words, lang)) for debt in seasonal]
    return {
        "rest_months": _months(months, words, lang),
        "holiday_until": until,
        "holiday_then_interest": until and any(debt.annual_rate_pct for debt in debts),
        "holidays": _of_debts("holiday_of", until_of, words, lang),
        "holidays_then_interest": any(debt.annual_rate_pct for debt in resting),
        "seasons": _of_debts("season_of", months_of, words, lang),
    }


def _on_holiday(drafted: AgreementDrafted) -> tuple[PlanDebt, ...]:
    """Give the debts in whose currency payments rest at first, where it is not so in every one."""
    resting = {part.currency for part in drafted.plan.parts if "payment_holiday" in part.measures}
    return tuple(debt for debt in drafted.plan.debts if debt.balance.principal.currency in resting)


def _of_debts(label: str, facts: Sequence[tuple[str, str, str]], words: Words, lang: str) -> str:
    """Say of which debts a fact is true; those of which the same is true stand together."""
    found: dict[tuple[str, str], list[str]] = {}
    for debt_id, name, fact in facts:
        found.setdefault((name, fact), []).append(debt_id)
    said = (
        words.label(label, lang, {"debts": _listed(debts, lang), name: fact})
        for (name, fact), debts in found.items()
    )
    return _listed(list(said), lang)


def _months(months: Sequence[int], words: Words, lang: str) -> str:
    named = [words.named("month", str(month), lang) if since_11(words) else str(month) for month in months]
    return _listed(named, lang) if since_11(words) else ("、" if lang == "zh" else ", ").join(named)


def _listed(names: Sequence[str], lang: str) -> str:
    if lang == "zh" or len(names) == 1:
        return "、".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def counted(name: str, found: Sized) -> dict[str, bool]:
    """Whether it is one or several: English says it in other words."""
    return {f"one_{name}": len(found) == 1, f"several_{name}": len(found) > 1}


def _rate(rate: DebtRate, words: Words, lang: str) -> str:
    pct = f"{rate.annual_rate_pct.normalize():f}"
    return f"{pct}%（{rate.debt_id}）" if lang == "zh" and since_11(words) else f"{pct} % ({rate.debt_id})"


def since_11(words: Words) -> bool:
    """Whether a document has the words of edition 11 or a later one."""
    return words.has("month", "1")


def _since_12(words: Words) -> bool:
    return words.has("labels", "holiday_of")


def _since_10(words: Words) -> bool:
    return words.has("labels", "others_liable")


def _times(drafted: AgreementDrafted, words: Words) -> int:
    """How often there is something to pay; editions before 10 counted each currency of a day apart."""
    rows = drafted.instalments
    return len({row.number for row in rows}) if _since_10(words) else len(rows)
