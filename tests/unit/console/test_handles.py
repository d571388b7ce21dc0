"""What the desk answers by: the ids that stand at the end of a case's story."""

from __future__ import annotations

from services.console.handles import handles_of, ids_of
from shared.contracts.alert import AlertKind, AlertRaised, AlertResolved, AlertSeverity
from shared.contracts.base import Reason
from shared.contracts.desk_parties import StopLifted, StopReported
from shared.contracts.followup_care import ProblemOpened, ProblemResolved
from shared.contracts.intake import PartiesChanged
from shared.contracts.parties import ObligorRole, PartyInCase, StopCause
from shared.contracts.reasons import ReasonCode
from tests.unit.builders import CASE, DAY
from tests.unit.console.filing import File


def test_the_case_says_who_else_owes_and_what_nobody_has_ended() -> None:
    """A co-borrower's word, the end of a stop, and who takes an alert in hand need ids that stood nowhere."""
    filed = File()
    party = PartyInCase(party_id="p-2", roles=(ObligorRole.CO_BORROWER,), debts=("A-1",))
    alerts = [
        AlertRaised(
            alert_id=name, kind=AlertKind.PLAN_BROKEN, severity=AlertSeverity.HIGH, about="a", raised_on=DAY,
            remedy="call", owner_role="negotiator",
        )
        for name in ("a-1", "a-2")
    ]  # fmt: skip
    problems = [
        ProblemOpened(problem_id=name, about="b", owner_role="negotiator", opened_on=DAY, due=DAY)
        for name in ("b-1", "b-2")
    ]
    stops = [StopReported(stop_id=name, cause=StopCause.DISPUTE, since=DAY) for name in ("s-1", "s\x1b-2")]
    filed.say(PartiesChanged(as_of=DAY, parties=(party,)), *alerts, *problems, *stops, case=CASE)
    filed.say(
        AlertResolved(alert_id="a-1", as_of=DAY, reason=Reason(code=ReasonCode.CAUGHT_UP)),
        ProblemResolved(problem_id="b-1", as_of=DAY, by="n-1", days=0),
        StopLifted(stop_id="s-1", on=DAY),
        case=CASE,
    )
    lines = handles_of(filed.entries, CASE)
    assert lines == [
        "Co-borrower: party_id p-2, of A-1",
        f"Reported and not lifted: stop_id s\N{REPLACEMENT CHARACTER}-2, since {DAY}",
        f"Open problem: problem_id b-2, due {DAY}",
        "Open alert: alert_id a-2, plan_broken",
    ]
    assert handles_of(filed.entries, "another") == []
    assert ids_of(filed.entries[0]["data"])["party_ids"] == ["p-2"]
