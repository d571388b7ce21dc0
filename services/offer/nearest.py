"""The plan nearest to a wish where the lender has refused what the nearest of all would concede. Pure."""

from collections.abc import Callable, Sequence

from services.offer.questions import Question
from shared.lending import plans as lending

__all__ = ["nearest_of_what_is_left"]


def nearest_of_what_is_left(
    wish: lending.Counter,
    answer: lending.Nearest,
    left: Sequence[lending.Plan],
    asked: Question,
    may_be: Callable[[lending.Plan], bool],
) -> lending.Nearest:
    """Answer a wish by a plan that `may_be`: one of those `left`, or one in the longest time that has one.

    What makes a plan worth less to the lender than none is that it takes long and asks for little a month; so
    the time is halved until it is known up to where such plans reach. Nearest is what is nearest in its
    amount, then its term, then its first day.
    """
    found = list(left)
    able, unable = 0, answer.plan.spec.months
    while unable - able > 1:
        months = (able + unable) // 2
        counter = lending.Counter(months=months, first_due=wish.first_due)
        made = lending.nearest(
            counter, asked.debts, asked.capacity, asked.first_due, asked.limits, asked.authority
        )
        if isinstance(made, lending.Nearest) and may_be(made.plan):
            able, found = months, [*found, made.plan]
        else:
            unable = months

    def apart(plan: lending.Plan) -> tuple[int, int, int]:
        over = 0 if wish.monthly is None else max(plan.peak.minor - wish.monthly.minor, 0)
        months = 0 if wish.months is None else abs(plan.spec.months - wish.months)
        days = 0 if wish.first_due is None else abs((plan.payments[0].due - wish.first_due).days)
        return over, months, days

    denied = lending.Reason.of("approval_denied")
    return lending.answered(min(found, key=apart), (*answer.reasons[1:], denied))
