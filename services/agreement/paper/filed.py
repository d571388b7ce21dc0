"""From archive entries to documents: every version of an agreement ever drawn up, and the letters. Pure.

An entry has `type`, `case`, `number` and `data` (the message's wire form); what is here needs no more of the
archive.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from services.agreement.document import content_hash
from services.agreement.paper.layout import Agreement, Letter, PaperError
from services.agreement.paper.others import Names, NameState
from services.agreement.paper.standing import standing_in
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementSigned,
    CoBorrowerAccepted,
    GuarantorConsented,
    PartySigned,
    SettlementLetterIssued,
)
from shared.contracts.bank import AccountOverdue, BalanceReported
from shared.contracts.parties import party_id_of

__all__ = ["agreements_of", "letters_of"]

_PLAIN: Final = "none"
_ERASED: Final = "erased"
_NAMING: Final = frozenset({AccountOverdue.TYPE, BalanceReported.TYPE})


def agreements_of(
    entries: Iterable[Mapping[str, Any]], case: str, customer: str, erased: str = ""
) -> list[Agreement]:
    """Give every version on file, in the order in which they were drawn up.

    `erased` is up to when the person's key was destroyed (ISO 8601 in UTC), "" where it never was.

    A later draft of the same agreement takes the place of an earlier one that was returned; a signed one is
    never replaced. Raises PaperError where a draft is not what its hash says.
    """
    entries = list(entries)
    drafts: dict[str, AgreementDrafted] = {}
    signatures: dict[str, list[PartySigned]] = {}
    signed: dict[str, AgreementSigned] = {}
    joined: dict[str, list[CoBorrowerAccepted]] = {}
    consents: dict[str, list[tuple[str, GuarantorConsented, str]]] = {}
    for entry in entries:
        if entry["case"] != case:
            continue
        if entry["type"] == AgreementDrafted.TYPE:
            drafted = AgreementDrafted.model_validate(entry["data"])
            if drafted.agreement_id not in signed:
                drafts.pop(drafted.agreement_id, None)
                drafts[drafted.agreement_id], signatures[drafted.agreement_id] = drafted, []
                joined.pop(drafted.agreement_id, None)
        elif entry["type"] == PartySigned.TYPE:
            given = PartySigned.model_validate(entry["data"])
            signatures.setdefault(given.agreement_id, []).append(given)
        elif entry["type"] == CoBorrowerAccepted.TYPE:
            accepted = CoBorrowerAccepted.model_validate(entry["data"])
            joined.setdefault(accepted.agreement_id, []).append(accepted)
        elif entry["type"] == GuarantorConsented.TYPE:
            agreed = GuarantorConsented.model_validate(entry["data"])
            consents.setdefault(agreed.agreement_id, []).append((agreed.party_id, agreed, entry["time"]))
        elif entry["type"] == AgreementSigned.TYPE:
            bound = AgreementSigned.model_validate(entry["data"])
            signed[bound.agreement_id] = bound
    name, names = _name(entries, erased), _names_of_others(entries, erased)
    standing = standing_in(entries, case).agreements
    # What a draft that may still be signed would take the place of: the agreement that is in force.
    in_force = next((id_ for id_ in reversed(drafts) if id_ in signed and id_ not in standing), None)
    found = (
        (_agreement(d, case, customer, signatures[id_], signed.get(id_), name), consents.get(id_, []))
        for id_, d in drafts.items()
    )
    return [
        replace(
            one,
            names=names,
            over=standing.get(one.drafted.agreement_id),
            supersedes=in_force if _may_be_signed(one, standing) else one.supersedes,
            consents=tuple(
                (party_id, time)
                for party_id, agreed, time in given
                if agreed.content_hash == one.drafted.content_hash
            ),
            joined=_joined(one.drafted, joined, signed),
        )
        for one, given in found
    ]


def _joined(
    drafted: AgreementDrafted,
    joined: Mapping[str, list[CoBorrowerAccepted]],
    signed: Mapping[str, AgreementSigned],
) -> tuple[CoBorrowerAccepted, ...]:
    """Give the co-borrowers' signatures of this content; of what took effect, those that it says count."""
    given = (one for one in joined.get(drafted.agreement_id, ()) if one.content_hash == drafted.content_hash)
    in_force = signed.get(drafted.agreement_id)
    return tuple(one for one in given if in_force is None or one.party_id in in_force.bound)


def _may_be_signed(one: Agreement, standing: Mapping[str, object]) -> bool:
    return one.effective is None and one.drafted.agreement_id not in standing


def letters_of(
    entries: Iterable[Mapping[str, Any]], case: str, customer: str, erased: str = ""
) -> list[Letter]:
    """Give every settlement letter on file, in order. Raises PaperError for one that was changed."""
    entries, letters = list(entries), []
    name, state = _name(entries, erased)
    standing = standing_in(entries, case).letters
    for entry in entries:
        if entry["case"] == case and entry["type"] == SettlementLetterIssued.TYPE:
            issued = SettlementLetterIssued.model_validate(entry["data"])
            if content_hash(issued, case) != issued.content_hash:
                raise PaperError("the letter on file is not what its hash says")
            letters.append(Letter(case, customer, issued, name, state, standing.get(issued.letter_id)))
    return letters


def _agreement(
    drafted: AgreementDrafted,
    case: str,
    customer: str,
    given: list[PartySigned],
    signed: AgreementSigned | None,
    name: tuple[str | None, NameState],
) -> Agreement:
    if content_hash(drafted, case) != drafted.content_hash:
        raise PaperError("the draft on file is not what its hash says")
    if signed is not None and signed.content_hash != drafted.content_hash:
        raise PaperError("what was signed is not the draft that is on file")
    # The later one of a party: what somebody had signed for the borrower did not count.
    counted = {one.party: one for one in given if one.content_hash == drafted.content_hash}
    return Agreement(
        case=case,
        customer=customer,
        drafted=drafted,
        signed=tuple(counted.values()),
        effective=None if signed is None else signed.effective.isoformat(),
        supersedes=None if signed is None else signed.supersedes,
        joined_before=() if signed is None else signed.signed_before,
        borrower_name=name[0],
        name_state=name[1],
    )


def _name(entries: Iterable[Mapping[str, Any]], erased: str) -> tuple[str | None, NameState]:
    """Give the borrower's name as the bank last gave it; where it cannot be read, why not."""
    found: tuple[str | None, NameState] = (None, NameState.NONE)
    for entry in entries:
        if entry["type"] == AccountOverdue.TYPE:
            found = _known(found, entry["data"].get("name"), entry["time"], erased)
    return found


def _names_of_others(entries: Iterable[Mapping[str, Any]], erased: str) -> Names:
    """Give the names of whoever else owes an account, by party id; they are under the same person's key."""
    found: dict[str, tuple[str | None, NameState]] = {}
    for entry in entries:
        for one in entry["data"].get("obligors") or () if entry["type"] in _NAMING else ():
            party_id = party_id_of(one["customer"])
            known = found.get(party_id, (None, NameState.NONE))
            found[party_id] = _known(known, one.get("name"), entry["time"], erased)
    return found


def _known(
    before: tuple[str | None, NameState], name: object, time: str, erased: str
) -> tuple[str | None, NameState]:
    """Give what is known of a name once an entry has said it, too."""
    if not isinstance(name, Mapping):
        return before
    alg = name.get("alg", _PLAIN)
    if alg == _PLAIN:
        return (str(name["value"]), NameState.READABLE) if name.get("value") else before
    if before[0] is not None:
        return before
    gone = alg == _ERASED or _is_erased(time, erased)
    return None, NameState.ERASED if gone else NameState.SEALED


def _is_erased(time: str, erased: str) -> bool:
    """Whether the key of what was filed at a time has been destroyed since: it stays on file, unreadable."""
    return bool(erased) and datetime.fromisoformat(time) <= datetime.fromisoformat(erased)
