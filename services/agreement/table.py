"""The draft on the table: what every signature and consent is checked against first. Pure."""

from collections.abc import Callable
from typing import Any, NamedTuple

from services.agreement.document import as_drafted, recompose
from services.agreement.model import AgreementState, AgreementStatus, Draft, Returned
from services.agreement.rules import status_of
from services.agreement.signing import Outcome, give_back, refusal
from shared.contracts.agreement import AgreementDrafted
from shared.contracts.base import Reason
from shared.contracts.decision import Decision
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.reference import Reference

__all__ = ["OnTheTable", "on_the_table"]


class OnTheTable(NamedTuple):
    """A draft as it is kept, and as it was computed again just now; `returned`: it went back this day."""

    state: AgreementState
    draft: Draft
    again: AgreementDrafted
    returned: Returned | None = None

    def signed(self, draft: Draft) -> AgreementState:
        """Keep what was signed. Of a draft that went back it binds nobody."""
        if self.returned is not None:
            kept = self.returned.model_copy(update={"draft": draft})
            return self.state.model_copy(update={"returned": kept})
        return self.state.model_copy(update={"draft": draft, "status": status_of(draft)})


def on_the_table(
    state: AgreementState | None,
    message: Envelope[Any],
    refuses: Callable[[Draft], ReasonCode | None],
    reference: Reference,
) -> OnTheTable | Outcome:
    """Give the draft that a message names, or why it cannot count.

    `refuses` looks at the draft; then the balances are looked at again: one that no longer fits goes back.
    What names a draft that is not known yet waits for it. One that went back this day, by a topic that has no
    order with this one, is answered as if it were still there: it makes no difference which came first.
    """
    if state is None:
        return Decision.wait(None, refusal(message, ReasonCode.NO_CASE))
    gone = _returned_today(state, message)
    if gone is not None:
        wrong = refuses(gone.draft)
        then = as_drafted(state, gone.draft, reference) if wrong is None else wrong
        if not isinstance(then, AgreementDrafted):
            return Decision.of(state, refusal(message, then))
        return OnTheTable(state, gone.draft, then, gone)
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


def _returned_today(state: AgreementState, message: Envelope[Any]) -> Returned | None:
    gone, named = state.returned, message.data.agreement_id
    if gone is None or gone.on != message.day or gone.draft.agreement_id != named:
        return None
    return None if state.draft is not None and state.draft.agreement_id == named else gone
