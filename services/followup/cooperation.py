"""What cooperating means (R39): named rules of the pack, measured by what is on file, each visible. Pure.

A rule that had no occasion is met: nobody is held back because no promise was asked of them.
"""

from collections.abc import Callable

from services.followup.model import Cooperation, FollowedPlan, FollowupState, PromiseState
from services.followup.rules import missed_numbers, pauses_of
from shared.contracts import desk
from shared.policy.model import PolicyInForce

__all__ = ["met_rules", "note_contact", "note_hardship", "note_statement"]


def met_rules(state: FollowupState, policy: PolicyInForce) -> tuple[str, ...] | None:
    """Give the names of the pack's rules, where all of them are met; None where one is not."""
    names = policy.incentives.cooperation
    return tuple(names) if all(_RULES[name](state) for name in names) else None


def note_statement(
    state: FollowupState, data: desk.StatementSubmitted, required: tuple[str, ...]
) -> Cooperation:
    """A statement counts when it has every part that the pack asks for."""
    complete = all(getattr(data, part, None) is not None for part in required)
    known = state.cooperation
    return known.model_copy(update={"statement": True}) if complete else known


def note_contact(known: Cooperation, data: desk.ContactRecorded) -> Cooperation:
    """Our attempts, and those that were answered; who calls us has answered."""
    if data.with_another or data.outcome is desk.ContactOutcome.MESSAGE_LEFT:
        return known
    answered = data.outcome is desk.ContactOutcome.TALKED
    return known.model_copy(
        update={
            "contacts_tried": known.contacts_tried + 1,
            "contacts_answered": known.contacts_answered + answered,
        }
    )


def note_hardship(known: Cooperation, plan: FollowedPlan) -> Cooperation:
    """Told early: before an instalment was missed for it."""
    missed = set(missed_numbers(plan.lines))
    shielded = {
        line.number
        for line in plan.lines
        if any(pause.since <= line.until <= pause.until for pause in pauses_of(plan))
    }
    return known.model_copy(update={"told_late": bool(missed - shielded)})


def _answers(state: FollowupState) -> bool:
    known = state.cooperation
    return 2 * known.contacts_answered >= known.contacts_tried


def _keeps_promises(state: FollowupState) -> bool:
    """What was promised and not kept in a hardship that was reported is on file and costs nothing."""
    return all(promise.state is not PromiseState.BROKEN or promise.shielded for promise in state.promises)


def _told_early(state: FollowupState) -> bool:
    """Who told late has caught up when nothing is missing: a report never costs more than silence."""
    return not (state.cooperation.told_late and state.plan is not None and missed_numbers(state.plan.lines))


_RULES: dict[str, Callable[[FollowupState], bool]] = {
    "statement_complete": lambda state: state.cooperation.statement,
    "contacts_answered": _answers,
    "promises_kept": _keeps_promises,
    "reviews_held": lambda state: state.cooperation.reviews_passed == 0,
    "hardship_told_early": _told_early,
}
