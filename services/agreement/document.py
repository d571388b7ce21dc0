"""The formal document: computed from the plan's terms on today's balances, and its hash. Pure.

The hash is SHA-256 (FIPS 180-4) over the canonical JSON of the drafted event without its own hash, with the
case id beside it: sorted keys, no blanks, UTF-8, no floats (RFC 8785 for what is left). Whoever holds the
event can compute it again; the lender's signature is Ed25519 (RFC 8032) over the same bytes.
"""

from collections.abc import Collection, Sequence
from datetime import date
from hashlib import sha256

from services.agreement import concessions
from services.agreement.model import AgreementState, Draft, KnownDebt
from services.agreement.rules import (
    conduct_in,
    counts_from_documents,
    guarantors_asked,
    has_other_rates,
    liable_beside,
    packs_of,
    sign_by,
    unlike_balances,
)
from services.agreement.signatories import barred_now, co_borrowers_asked
from services.agreement.terms import terms_of
from shared.contracts.agreement import AgreementDrafted, DebtRate, SettlementLetterIssued
from shared.contracts.base import Event
from shared.contracts.debts import Plan
from shared.contracts.ids import derive_id
from shared.contracts.plan_terms import instalment_totals, schedules_of
from shared.contracts.reasons import ReasonCode
from shared.crypto.canonical import exact
from shared.lending.schedule import ScheduleError
from shared.policy.reference import Reference

__all__ = ["agreement_id_of", "as_drafted", "canonical_content", "compose", "content_hash", "recompose"]

_UNHASHED = "0" * 64
# What plans, and the terms of documents, did not have in the beginning.
_LATER_OF_PLAN = ("parts", "apart", "not_covered", "sign_until")
_LATER_TERMS = (
    *("cooling_off_from", "oral_allowed", "cure_days", "hardship_shield_days"),
    *("returns_on_breach", "contract_rates", "late_charge_zh", "late_charge_en"),
    *("rewards", "cooperation"),
    *("overdue_kept_years", "overdue_kept_from"),
    *("performing_after", "hardship_misses_count", "guarantor_unasked"),
    *("trial_days_late", "observation_starts", "observation_restarts", "difficulty_restarts"),
    *("probation_days_late", "probation_goes_on"),
)
_LATER_OF_LETTER = ("settled", "beside", "replaces", "short", "handed_back")


def agreement_id_of(case: str, offer_id: str, plan_id: str) -> str:
    """Give the id of the agreement on one plan of one offer."""
    return derive_id("agreement", case, offer_id, plan_id)


def canonical_content(event: Event, case: str) -> bytes:
    """Give the bytes that are signed: an event without its own hash, with its case.

    What a later version added to the event is left out where the event does not have it, so that documents
    drawn up before it keep their hash.
    """
    content = {**event.model_dump(mode="json", exclude={"content_hash"}), "case": case}
    if isinstance(event, AgreementDrafted):
        for name in _LATER_OF_PLAN:
            if not content["plan"][name]:
                del content["plan"][name]
        for debt in content["plan"]["debts"]:
            if debt["re_aged_after"] is None:
                del debt["re_aged_after"]
            if not debt["skips"]:
                del debt["skips"]
    if isinstance(event, AgreementDrafted) and not event.liable:
        del content["liable"]
    if isinstance(event, AgreementDrafted) and not event.must_sign:
        del content["must_sign"]
    if isinstance(event, AgreementDrafted) and event.terms is None:
        del content["terms"]
        if not event.guarantors:
            del content["guarantors"]
    elif isinstance(event, AgreementDrafted):
        for name in _LATER_TERMS:
            if content["terms"][name] is None:
                del content["terms"][name]
    elif isinstance(event, SettlementLetterIssued):
        for name in _LATER_OF_LETTER:
            if not content[name]:
                del content[name]
    return exact(content)


def content_hash(event: Event, case: str) -> str:
    """Give the hash that both parties sign."""
    return sha256(canonical_content(event, case)).hexdigest()


def compose(
    state: AgreementState,
    offer_id: str,
    plan: Plan,
    drafted_on: date,
    language: str,
    reference: Reference,
    pinned_on: date | None = None,
    incentives: str | None = None,
    rewarded_after: int | None = None,
    unasked: Collection[str] | None = None,
    barred: Collection[str] | None = None,
) -> AgreementDrafted | ReasonCode:
    """Compute the document on the balances as they stand, or say why the plan no longer fits them.

    The instalments of the plan, where it names them, must come out again exactly. `rewarded_after`: the
    rewards that have vested, `unasked`: who cannot be asked, `barred`: who cannot sign, where they are not
    those of today.
    """
    unlike = unlike_balances(plan, state.debts)
    if unlike is not None:
        return unlike
    rewarded_after = (
        (state.live.rewarded_after if state.live else 0) if rewarded_after is None else rewarded_after
    )
    terms = (offer_id, plan, drafted_on, language)
    gone = {one.party_id for one in state.unasked} if unasked is None else unasked
    out = barred_now(state.barred) if barred is None else barred
    return _composed(state, *terms, reference, pinned_on, incentives, None, rewarded_after, gone, out)


def _composed(
    state: AgreementState,
    offer_id: str,
    plan: Plan,
    drafted_on: date,
    language: str,
    reference: Reference,
    pinned_on: date | None,
    incentives: str | None,
    of: Draft | None,
    rewarded_after: int,
    unasked: Collection[str] = (),
    barred: Collection[str] = (),
) -> AgreementDrafted | ReasonCode:
    """Compute the document on the plan's own balances; `of`: the draft that it was."""
    policy = reference.policies.for_case(state.policy, drafted_on, agreed_on=pinned_on)
    try:
        schedules = schedules_of(plan.debts, policy.amounts.rounding)
    except ScheduleError:
        return ReasonCode.PLAN_NO_LONGER_COMPUTES
    instalments = instalment_totals(schedules)
    if plan.payments and plan.payments != instalments:
        return ReasonCode.PLAN_NO_LONGER_COMPUTES
    if not instalments or instalments[0].due <= drafted_on or drafted_on > (plan.sign_until or drafted_on):
        return ReasonCode.PLAN_NO_LONGER_COMPUTES
    packs = packs_of(state.policy, plan)
    sections = _sections(packs, drafted_on, pinned_on, reference)
    returns = concessions.returns_of(packs, drafted_on, pinned_on, reference)
    drafted = AgreementDrafted(
        agreement_id=agreement_id_of(state.case, offer_id, plan.plan_id),
        version=state.signed + 1,
        offer_id=offer_id,
        plan=plan.model_copy(update={"payments": instalments}),
        schedules=schedules,
        instalments=instalments,
        sections=sections,
        language=language,
        drafted_on=drafted_on,
        sign_by=sign_by(drafted_on, instalments, policy, plan.sign_until),
        content_hash=_UNHASHED,
        policy_version=policy.version,
        guarantors=guarantors_asked(schedules, state.debts, unasked) if of is None else of.guarantors,
        liable=liable_beside(plan, state.debts) if of is None else of.liable,
        must_sign=(
            co_borrowers_asked(
                plan,
                state.debts,
                _asking(packs, drafted_on, pinned_on, reference),
                {*unasked, *barred},
            )
            if of is None
            else of.must_sign
        ),
        terms=terms_of(
            policy,
            sections,
            conduct_in(packs, drafted_on, reference),
            from_documents=counts_from_documents(packs, drafted_on, reference),
            returns=returns,
            contract_rates=concessions.contract_rates(plan, returns, state.debts),
            incentives=incentives,
            rewarded_after=rewarded_after,
        ),
    )
    return drafted.model_copy(update={"content_hash": content_hash(drafted, state.case)})


def _sections(
    packs: Sequence[str], on: date, pinned_on: date | None, reference: Reference
) -> tuple[str, ...]:
    """Every debt brings the mandatory sections of its own pack; the case's pack comes first."""
    known = [pack for pack in packs if pack in reference.policies]
    ruling = [reference.policies.for_case(pack, on, agreed_on=pinned_on) for pack in known]
    in_force = [policy.agreement.required_sections for policy in ruling]
    return tuple(dict.fromkeys(section for sections in in_force for section in sections))


def _asking(packs: Sequence[str], on: date, pinned_on: date | None, reference: Reference) -> set[str]:
    """Give the packs under which nothing takes effect before a co-borrower has signed."""
    known = [pack for pack in packs if pack in reference.policies]
    ruling = {pack: reference.policies.for_case(pack, on, agreed_on=pinned_on) for pack in known}
    return {pack for pack, policy in ruling.items() if policy.document.co_borrower_signs == "must"}


def as_drafted(state: AgreementState, draft: Draft, reference: Reference) -> AgreementDrafted | ReasonCode:
    """Compute the document again as it was drawn up, whatever has become of the balances since."""
    terms = (draft.offer_id, draft.plan, draft.drafted_on, draft.language)
    # The version that it was: others may have been signed since.
    then = state.model_copy(
        update={"signed": draft.version - 1, "debts": _at_rates(state.debts, draft.rates)}
    )
    of_draft = (draft.pinned_on, draft.incentives, draft, draft.rewarded_after)
    return _the_same(_composed(then, *terms, reference, *of_draft), draft, state.case)


def recompose(state: AgreementState, draft: Draft, reference: Reference) -> AgreementDrafted | ReasonCode:
    """Compute the document again on today's balances; with other rates or another hash, it no longer fits.

    Nor does it where somebody who was to agree, or sign, cannot any more; what was agreed to before stands.
    """
    terms = (draft.offer_id, draft.plan, draft.drafted_on, draft.language)
    of_draft = (draft.pinned_on, draft.incentives, draft.rewarded_after)
    unasked = _unasked(state, draft)
    barred = barred_now(state.barred, draft.joined).union(draft.barred)
    again = compose(state, *terms, reference, *of_draft, unasked, barred)
    if isinstance(again, AgreementDrafted) and has_other_rates(draft.rates, state.debts):
        return ReasonCode.RATE_CHANGED
    same = _the_same(again, draft, state.case)
    gone = unasked.difference(draft.unasked) | barred.difference(draft.barred)
    if isinstance(same, AgreementDrafted) or not gone:
        return same
    asked = compose(state, *terms, reference, *of_draft, draft.unasked, draft.barred)
    fits = isinstance(_the_same(asked, draft, state.case), AgreementDrafted)
    return ReasonCode.SIGNATORY_CANNOT_BE_ASKED if fits else same


def _unasked(state: AgreementState, draft: Draft) -> set[str]:
    """Who could not be asked when it was drawn up, and who cannot since, before they have agreed."""
    agreed = {consent.party_id: consent.on for consent in (*draft.consents, *draft.joined)}
    gone = {one.party_id for one in state.unasked if agreed.get(one.party_id, one.since) >= one.since}
    return gone.union(draft.unasked)


def _at_rates(debts: Sequence[KnownDebt], rates: Sequence[DebtRate]) -> tuple[KnownDebt, ...]:
    then = {one.debt_id: one.annual_rate_pct for one in rates}
    return tuple(
        debt.model_copy(update={"annual_rate_pct": then.get(debt.debt_id, debt.annual_rate_pct)})
        for debt in debts
    )


def _the_same(again: AgreementDrafted | ReasonCode, draft: Draft, case: str) -> AgreementDrafted | ReasonCode:
    """Give the document if it hashes like the draft. Until when it was to be signed is as it was printed."""
    if not isinstance(again, AgreementDrafted):
        return again
    if again.sign_by != draft.sign_by:
        again = again.model_copy(update={"sign_by": draft.sign_by})
        again = again.model_copy(update={"content_hash": content_hash(again, case)})
    return again if again.content_hash == draft.content_hash else ReasonCode.PLAN_NO_LONGER_COMPUTES
