"""What a person is asked to look at before anybody relies on it: an alert until it is decided. Pure."""

from services.alert.model import AlertState
from services.alert.raising import Step, raise_alert, resolve
from shared.contracts import assessment, desk_household
from shared.contracts.alert import AlertKind
from shared.contracts.envelope import Envelope
from shared.contracts.reasons import ReasonCode
from shared.policy.model import PolicyInForce

__all__ = ["decided", "referred"]


def referred(state: AlertState, message: Envelope[assessment.ReviewReferred], policy: PolicyInForce) -> Step:
    """Evidence is doubted, or wilful default stated: somebody else than who said so takes a look."""
    data = message.data
    now = state.model_copy(update={"referred": state.referred + 1})
    about = data.reasons[0].code.value
    return raise_alert(
        now, AlertKind.PERSON_ASKED, about, message.day, policy, *data.reasons, cause=message.id
    )


def decided(
    state: AlertState,
    message: Envelope[desk_household.DoubtSettled] | Envelope[desk_household.WilfulDefaultStated],
    _: PolicyInForce,
) -> Step:
    """A doubt is settled, or the statement withdrawn; cured when nothing is left to look at."""
    data = message.data
    if not state.referred or (isinstance(data, desk_household.WilfulDefaultStated) and not data.withdrawn):
        return state, ()
    now = state.model_copy(update={"referred": state.referred - 1})
    if now.referred:
        return now, ()
    return resolve(now, AlertKind.PERSON_ASKED, message.day, ReasonCode.REFERRAL_ANSWERED)
