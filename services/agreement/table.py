"""The draft on the table: what every signature and consent is checked against first. Pure."""

from collections.abc import Callable
from typing import Any, NamedTuple

from services.agreement.document import recompose
from services.agreement.model import AgreementState, AgreementStatus, Draft
from services.agreement.signing import Outcome, give_back, refusal
from shared.contracts.agreement import AgreementDrafted
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["OnTheTable", "on_the_table"]


class OnTheTable(NamedTuple):
    """A draft that still stands: as it is kept, and as it was computed again just now."""

    state: AgreementState
    draft: Draft
    again: AgreementDrafted


def on_the_table(
    state: AgreementState | None,
    message: Envelope[Any],
    refuses: Callable[[Draft], ReasonCode | None],
    reference: Reference,
) -> OnTheTable | Outcome:
    """Give the draft that a message names, or why it cannot count.

    `refuses` looks at the draft; then the balances are looked at again: one that no longer fits goes back.
    What names a draft that is not known yet waits for it.
    """
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    if state.status is AgreementStatus.CLOSED:
        return Decision.of(state, refusal(message, ReasonCode.CASE_CLOSED))
    named = message.data.agreement_id
    draft = state.draft
    if draft is None or draft.agreement_id != named:
        if state.live is not None and state.live.agreement_id == named:
            return Decision.of(state, refusal(message, ReasonCode.ALREADY_SIGNED))
        over = state.why_over(named)
        if over is not None:
            return Decision.of(state, refusal(message, over))
        return Decision.wait(state, refusal(message, ReasonCode.AGREEMENT_UNKNOWN))
    wrong = refuses(draft)
    if wrong is not None:
        return Decision.of(state, refusal(message, wrong))
    again = recompose(state, draft, reference)
    if not isinstance(again, AgreementDrafted):
        returned = give_back(state, message.day, Reason(code=again))
        said = Decision.of(state, refusal(message, again)).emissions
        return Decision(returned.state, (*said, *returned.emissions))
    return OnTheTable(state, draft, again)
