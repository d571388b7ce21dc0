"""What a payment in the talks means: it reduces what is owed, and may be the first instalment. Pure."""

from services.offer.model import OfferState, OfferStatus, Prepaid
from shared.contracts.intake import PaymentMatched, PaymentTakenBack

__all__ = ["with_payment_in_talks"]

_ON_OFFER = {OfferStatus.TABLED, OfferStatus.APPROVAL, OfferStatus.AGREED}


def with_payment_in_talks(state: OfferState, data: PaymentMatched | PaymentTakenBack) -> OfferState:
    """Note a payment that is the first instalment, as the offer says; one that came back is none any more.

    It is dated after the day on which the talks began, comes once, and never means acceptance.
    """
    if isinstance(data, PaymentTakenBack):
        came_back = state.prepaid is not None and state.prepaid.payment_id == data.payment_id
        return state.model_copy(update={"prepaid": None}) if came_back else state
    least, began = state.counts_from, state.started
    if state.offer is None or state.status not in _ON_OFFER or least is None or began is None:
        return state
    enough = data.amount.currency == least.currency and data.amount >= least
    if state.prepaid is not None or not enough or data.value_date <= began or data.in_balance:
        return state
    paid = Prepaid(payment_id=data.payment_id, amount=data.amount, on=data.value_date)
    return state.model_copy(update={"prepaid": paid})
