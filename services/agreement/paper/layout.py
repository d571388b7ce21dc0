"""What stands on the page: titles, paragraphs and tables in one language, from the signed content. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.agreement.paper.facts import (
    COMPONENTS,
    asks_nothing,
    conditions,
    counted,
    kind_of,
    on_record,
    rest_in,
    returned,
    rewards_in,
    settles_at_once,
    since_9,
    watched,
)
from services.agreement.paper.others import Names, NameState, names_in, others_in, table_of
from services.agreement.paper.standing import said_of
from services.agreement.paper.words import EDITION, LANGUAGES, Words, words_of
from services.agreement.signatories import co_borrowers_of
from shared.contracts.agreement import (
    AgreementDrafted,
    AgreementTerms,
    CoBorrowerAccepted,
    PartySigned,
    SettlementKind,
    SettlementLetterIssued,
    SurvivingDebt,
    WaivedDebt,
)
from shared.contracts.debts import Balances, InstalmentTotal
from shared.contracts.plan_terms import total_of
from shared.crypto.canonical import exact
from shared.lending.money import Money

__all__ = ["Agreement", "Letter", "NameState", "PaperError", "not_in_font_of", "page_of"]


class PaperError(ValueError):
    """A document that cannot be put on paper; the message says why."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of an agreement with what its parties have done about it.

    `signed` holds each party's acceptance; `effective` is None until both have signed and their day was
    closed. `borrower_name` is printed where it is known; it is no part of the signed content. `consents`
    are the guarantors who have agreed to this very content, and when, `joined` the co-borrowers whose
    signatures of it count. `names`: of the others it names.
    `over`: why and since when it is not in force any more.
    """

    case: str
    customer: str
    drafted: AgreementDrafted
    signed: tuple[PartySigned, ...] = ()
    effective: str | None = None
    supersedes: str | None = None
    borrower_name: str | None = None
    consents: tuple[tuple[str, str], ...] = ()
    name_state: NameState = NameState.NONE
    names: Names = field(default_factory=dict)
    over: tuple[str, str] | None = None
    joined: tuple[CoBorrowerAccepted, ...] = ()
    joined_before: tuple[str, ...] = ()

    @property
    def signed_language(self) -> str:
        """The language of the copy that binds."""
        return self.drafted.language


@dataclass(frozen=True, slots=True)
class Letter:
    """A settlement letter; `over` where it does not hold any more, and since when."""

    case: str
    customer: str
    issued: SettlementLetterIssued
    borrower_name: str | None = None
    name_state: NameState = NameState.NONE
    over: tuple[str, str] | None = None

    @property
    def signed_language(self) -> str:
        """The language of the copy that counts."""
        return self.issued.language


def page_of(document: Agreement | Letter, lang: str) -> dict[str, Any]:
    """Give what page.typ prints, in one language. Raises PaperError where the words are not there."""
    if lang not in LANGUAGES:
        raise PaperError(f"no words in this language; there are: {', '.join(LANGUAGES)}")
    page = _agreement(document, lang) if isinstance(document, Agreement) else _letter(document, lang)
    exact(page)  # figures on the page are text: a float would be refused here
    return page


def not_in_font_of(document: Agreement | Letter, lang: str) -> str | None:
    """Give what explains a character that is printed by its number; None in editions without words for it."""
    terms = document.drafted.terms if isinstance(document, Agreement) else document.issued
    words = None if terms is None else words_of(terms.words)
    if words is None or not words.has("labels", "not_in_font"):
        return None
    return words.label("not_in_font", lang)


def _words(edition: str, digest: str) -> Words:
    words = words_of(edition)
    if words is None or words.digest != digest:
        raise PaperError(f"the words of edition {edition} are not those that the document was drawn up with")
    return words


def _agreement(document: Agreement, lang: str) -> dict[str, Any]:
    drafted, terms = document.drafted, document.drafted.terms
    if terms is None:
        raise PaperError("the draft is of an older version, which did not name its clauses")
    words = _words(terms.words, terms.words_hash)
    unknown = [name for name in terms.clauses if name not in words.clauses]
    if unknown:
        raise PaperError(f"there are no words for the mandatory clauses: {', '.join(unknown)}")
    params = _params(document, terms, words, lang)
    sections: list[dict[str, Any]] = [
        {
            "title": words.title(name, lang),
            "paragraphs": [*words.paragraphs(name, lang, params), *_lists(name, terms, words, lang)],
            "tables": _tables(name, document, words, lang),
        }
        for name in terms.clauses
    ]
    silent = [s["title"] for s in sections if not s["paragraphs"] and not s["tables"]]
    if silent:
        raise PaperError(f"a clause would have nothing to say: {', '.join(silent)}")
    sections.append(_signatures(document, words, lang))
    notice = _notice(document, words, lang) + said_of(document.over, lang)
    about = [words.label("number", lang, params), words.label("version", lang, params)]
    about += [words.label("supersedes", lang, params)] if document.supersedes else []
    return {
        **_frame(words, lang, drafted.drafted_on.isoformat(), drafted.content_hash, params["lender"]),
        "title": words.label(kind_of(drafted, terms, words), lang),
        "about": [*about, words.label("case", lang, params)],
        "notice": notice,
        "sections": sections,
    }


def _notice(document: Agreement, words: Words, lang: str) -> str:
    """Say which copy it is. A draft binds nobody, in whichever language."""
    name = "binding" if lang == document.drafted.language else "translation"
    if document.effective is not None:
        return words.label(name, lang)
    if name == "binding" and words.has("labels", "to_be_signed"):
        if document.over is not None:
            return words.label("draft", lang)  # what has become of it says that it is not to be signed
        name = "to_be_signed"
    return words.label("draft", lang) + ("" if lang == "zh" else " ") + words.label(name, lang)


def _frame(words: Words, lang: str, date: str, digest: str, lender: str) -> dict[str, Any]:
    labels = {name: words.label(name, lang) for name in ("hash", "page")}
    return {"lang": lang, "date": date, "hash": digest, "lender": lender, "labels": labels}


def _params(document: Agreement, terms: AgreementTerms, words: Words, lang: str) -> dict[str, Any]:
    drafted, comma, between = document.drafted, *(("、", "；") if lang == "zh" else (", ", "; "))
    left_out = _not_covered(drafted, words, lang)
    days = [row.due for row in drafted.instalments]
    nothing = asks_nothing(drafted)
    figures = {
        name: str(value) if value else None
        for name, value in terms.model_dump().items()
        if isinstance(value, int | Decimal) and not isinstance(value, bool)
    }
    return {
        **figures,
        "agreement_id": drafted.agreement_id,
        "version": str(drafted.version),
        "drafted_on": drafted.drafted_on.isoformat(),
        "sign_by": drafted.sign_by.isoformat(),
        "effective": document.effective,
        "supersedes": document.supersedes,
        "case": document.case,
        "customer": document.customer,
        "borrower_name": document.borrower_name,
        "lender": terms.lender_zh if lang == "zh" else terms.lender_en,
        "late_charge": terms.late_charge_zh if lang == "zh" else terms.late_charge_en,
        "language": words.named("language", drafted.language, lang),
        "jurisdiction": words.named("jurisdiction", terms.jurisdiction, lang),
        "payments": str(len(set(days))),
        "one_payment": len(set(days)) == 1 and not nothing,
        "several_payments": len(set(days)) > 1,
        "first_due": min(days).isoformat(),
        "last_due": max(days).isoformat(),
        "total_paid": comma.join(map(_money, drafted.plan.total_paid)),
        **rest_in(drafted, words, lang),
        "measures": comma.join(words.named("measure", str(m), lang) for m in drafted.plan.measures),
        "has_waiver": any(total_of(debt.waived).is_positive for debt in drafted.plan.debts),
        "modifying_agreement": terms.instrument == "modifying_agreement",
        "concession_letter": terms.instrument == "concession_letter",
        "stop_collection": terms.stop_collection,
        "stops_while_kept": terms.stop_collection and not nothing,
        "stops_for_good": terms.stop_collection and nothing,
        "no_cooling_off": not terms.cooling_off_days,
        "may_withdraw": bool(terms.cooling_off_days),
        "from_documents": terms.cooling_off_from == "documents_received",
        "from_signing": terms.cooling_off_from != "documents_received",
        "oral_allowed": terms.oral_allowed is not False,
        "written_only": terms.oral_allowed is False,
        "guarantors": comma.join(drafted.guarantors),
        "must_sign": comma.join(drafted.must_sign),
        "apart": comma.join(left.debt_id for left in drafted.plan.apart),
        **counted("apart", drafted.plan.apart),
        "not_covered": between.join(left_out),
        **counted("not_covered", left_out),
        "credit_status": words.named("credit", terms.credit_status, lang),
        "data_law": words.named("law", terms.data_law, lang),
        "nothing_to_pay": nothing,
        "no_grace": not terms.grace_days,
        **watched(drafted, terms, words, lang, len(set(days))),
        "hardship_misses_rest": terms.hardship_misses_count is False
        and bool(terms.trial_payments or terms.observation_months or terms.probation_months),
        **others_in(drafted, terms, words, lang),
        **on_record(drafted, terms),
        **conditions(drafted, terms, words, lang),
        **rewards_in(drafted, terms, words, lang),
        **_name(document.borrower_name, document.name_state),
    }


def _name(name: str | None, state: NameState) -> dict[str, Any]:
    """Say why there is no name, where it is on file and cannot be read."""
    return {
        "name_erased": name is None and state is NameState.ERASED,
        "name_sealed": name is None and state is NameState.SEALED,
    }


def _not_covered(drafted: AgreementDrafted, words: Words, lang: str) -> list[str]:
    """Name each debt that is out of reach of any plan, and why."""
    open_, close = ("（", "）") if lang == "zh" else (" (", ")")
    return [
        f"{left.debt_id}{open_}{words.named('not_covered', left.why, lang)}{close}"
        for left in drafted.plan.not_covered
        if words.has("not_covered", left.why)
    ]


def _lists(clause: str, terms: AgreementTerms, words: Words, lang: str) -> list[str]:
    if clause != "complaints":
        return []
    return [f"({n}) {words.named('route', name, lang)}" for n, name in enumerate(terms.complaint_routes, 1)]


def _tables(clause: str, document: Agreement, words: Words, lang: str) -> list[dict[str, Any]]:
    drafted = document.drafted
    if clause == "parties":
        return table_of(drafted, document.names, words, lang)
    if clause in {"interest_and_fees", "instalment_plan"} and settles_at_once(drafted, words):
        return []  # a row of nothing on a later day would look as if something were due then
    if clause == "debt_structure":
        owed = [(debt.debt_id, debt.balance) for debt in drafted.plan.debts]
        return [_balances(owed, words.label("owed_of", lang), words, lang)]
    if clause == "interest_and_fees":
        head = _labels(words, lang, "debt", "rate", "instalments")
        # The times with interest only are instalments, too: as many as the debt's schedule has.
        rows_of = {schedule.debt_id: len(schedule.rows) for schedule in drafted.schedules}
        terms = [
            [d.debt_id, f"{d.annual_rate_pct.normalize():f} %", str(rows_of.get(d.debt_id, d.instalments))]
            for d in drafted.plan.debts
        ]
        return [{"caption": None, "head": head, "rows": terms}]
    if clause == "concessions":
        waived = [(d.debt_id, d.waived) for d in drafted.plan.debts if total_of(d.waived).is_positive]
        again = (
            []
            if drafted.terms is None
            else [(d.debt_id, d.amounts) for d in returned(drafted, drafted.terms, words)]
        )
        if not again:
            caption = words.label("waived_now", lang) if since_9(words) else None
            return [_balances(waived, caption, words, lang)] if waived else []
        return [
            _balances(waived, words.label("waived_now", lang), words, lang),
            _balances(again, words.label("owed_again", lang), words, lang),
        ]
    if clause != "instalment_plan":
        return []
    tables = [_instalments(drafted.instalments, words, lang)]
    several = len({row.total.currency for row in drafted.instalments}) > 1
    for schedule in drafted.schedules:
        currency = schedule.rows[0].total.currency if several and schedule.rows else None
        head = _labels(words, lang, "no", "due", *COMPONENTS, "total", "left")
        rows = [
            [
                *(str(r.number), r.due.isoformat()),
                *(str(getattr(r, part)) for part in (*COMPONENTS, "total", "balance")),
            ]
            for r in schedule.rows
        ]
        debt_id = f"{schedule.debt_id} ({currency})" if currency else schedule.debt_id
        caption = words.label("schedule_of", lang, {"debt_id": debt_id})
        tables.append({"caption": caption, "head": head, "rows": rows})
    return tables


def _instalments(rows: Sequence[InstalmentTotal], words: Words, lang: str) -> dict[str, Any]:
    return {
        "caption": words.label("paid_by_plan", lang),
        "head": _labels(words, lang, "no", "due", "total", "currency"),
        "rows": [[str(r.number), r.due.isoformat(), str(r.total), r.total.currency] for r in rows],
    }


def _balances(
    rows: Sequence[tuple[str, Balances]], caption: str | None, words: Words, lang: str
) -> dict[str, Any]:
    return {
        "caption": caption,
        "head": _labels(words, lang, "debt", *COMPONENTS, "total", "currency"),
        "rows": [
            [debt, *(str(getattr(b, part)) for part in COMPONENTS), str(total_of(b)), b.principal.currency]
            for debt, b in rows
        ],
    }


def _signatures(document: Agreement, words: Words, lang: str) -> dict[str, Any]:
    rows = []
    for party in ("borrower", "lender"):
        given = next((s for s in document.signed if s.party.value == party), None)
        name = words.label(party, lang)
        if given is None:
            rows.append([name, words.label("not_signed", lang), "", ""])
            continue
        if given.by is not None:
            name = _acting_for(given.by, given.acts_as or "", document, words, lang)
        proof = given.evidence or ""
        if given.key_id:
            proof = words.label("signature_with", lang, {"key_id": given.key_id})
        rows.append([name, _moment(given.at), words.named("channel", given.channel or "", lang), proof])
    rows += _co_borrowers(document, words, lang)
    agreed = dict(document.consents)
    for party_id in document.drafted.guarantors:
        who = {"party_id": party_id, "name": names_in(document.names, party_id)}
        name = words.label("guarantor", lang, who)
        at = agreed.get(party_id)
        said = words.label("not_signed" if at is None else "written", lang)
        rows.append([name, said, "", ""] if at is None else [name, _moment(at), said, ""])
    known: Mapping[str, Any] = {"effective": document.effective}
    return {
        "whole": True,
        "title": words.label("signatures", lang),
        "paragraphs": [words.label("effective", lang, known)] if document.effective else [],
        "tables": [
            {
                "caption": None,
                "head": _labels(words, lang, "signed_by", "at", "channel", "evidence"),
                "rows": rows,
            }
        ],
    }


def _acting_for(by: str, acts_as: str, document: Agreement, words: Words, lang: str) -> str:
    """Say who signed for the borrower; of a draft from before there were words for it, in the newest ones."""
    said = words if words.has("labels", "acting_for") else words_of(EDITION) or words
    role = acts_as if said.has("acts_as", acts_as) else "representative"
    who = {"as": said.named("acts_as", role, lang), "by": by, "name": document.borrower_name}
    return said.label("acting_for", lang, who)


def _co_borrowers(document: Agreement, words: Words, lang: str) -> list[list[str]]:
    """Say of each co-borrower whether they have signed; editions of before did not let them."""
    if not words.has("labels", "co_borrower_signs"):
        return []
    joined, rows = {one.party_id: one for one in document.joined}, []
    for party_id in co_borrowers_of(document.drafted.liable):
        who = {"party_id": party_id, "name": names_in(document.names, party_id)}
        name, given = words.label("co_borrower_signs", lang, who), joined.get(party_id)
        if given is None:
            last = "joined_before" if party_id in document.joined_before else "not_joined"
            said = "not_signed" if document.effective is None else last
            rows.append([name, words.label(said, lang), "", ""])
        else:
            channel = words.named("channel", given.channel, lang)
            rows.append([name, _moment(given.at), channel, given.evidence])
    return rows


def _letter(document: Letter, lang: str) -> dict[str, Any]:
    issued = document.issued
    words = _words(issued.words, issued.words_hash)
    params = {
        "lender": issued.lender_zh if lang == "zh" else issued.lender_en,
        "customer": document.customer,
        "borrower_name": document.borrower_name,
        **_name(document.borrower_name, document.name_state),
        "case": document.case,
        "agreement_id": issued.agreement_id,
        "letter_id": issued.letter_id,
        "version": str(issued.version),
        "as_of": issued.as_of.isoformat(),
        "debts": ", ".join(issued.debts),
        "replaces": issued.replaces,
        "fulfilled": not issued.handed_back,
        "handed_back": issued.handed_back,
        "short": ("、" if lang == "zh" else ", ").join(map(_money, issued.short)),
        "full": issued.settlement is SettlementKind.FULL,
        "partial": issued.settlement is SettlementKind.PARTIAL,
        "credit_status": words.named("credit", issued.credit_status, lang),
        "tax_mark": words.named("tax", issued.tax_mark, lang) if issued.tax_mark else None,
        **_each_debt(issued, words, lang),
    }
    listed: dict[str, Sequence[SurvivingDebt | WaivedDebt]]
    listed = {"surviving": issued.surviving, "beside": issued.beside, "forgiven": issued.forgiven}
    tables = [
        _balances([(row.debt_id, row.amounts) for row in rows], words.label(name, lang), words, lang)
        for name, rows in listed.items()
        if rows
    ]
    notice = _copy_of_letter(document, words, lang) + said_of(document.over, lang)
    return {
        **_frame(words, lang, issued.as_of.isoformat(), issued.content_hash, str(params["lender"])),
        "title": words.label("settlement_letter", lang),
        "about": [words.label("letter_number", lang, params), words.label("case", lang, params)],
        "notice": notice,
        "sections": [
            {
                "title": words.title("letter", lang),
                "paragraphs": words.paragraphs("letter", lang, params),
                "tables": tables,
            }
        ],
    }


def _copy_of_letter(document: Letter, words: Words, lang: str) -> str:
    """Say which copy it is. A letter that does not hold any more, or is in doubt, is not said to bind."""
    if lang != document.signed_language:
        return words.label("translation", lang)
    newest = words_of(EDITION)
    if document.over is not None and newest is not None:  # in the words that say what has become of it
        return newest.label("signed_copy", lang)
    return words.label("binding", lang)


def _each_debt(issued: SettlementLetterIssued, words: Words, lang: str) -> dict[str, Any]:
    """What is certified of each debt by itself; nothing in letters of before, which had one word for all."""
    forgiven = {row.debt_id for row in issued.forgiven}
    whole = [one.debt_id for one in issued.settled if one.settlement is SettlementKind.FULL]
    said = [(one.debt_id, words.named("credit", one.credit_status, lang)) for one in issued.settled]
    lists = {
        "in_full": [one for one in whole if one not in forgiven],
        "forgiven": [one for one in whole if one in forgiven],
        "in_part": [one.debt_id for one in issued.settled if one.settlement is SettlementKind.PARTIAL],
        "to_buyer": [row.debt_id for row in issued.surviving if row.debt_id not in issued.debts],
        "forgiven_of_rest": [row.debt_id for row in issued.forgiven if row.debt_id not in whole],
        "records": [f"{debt_id}{'：' if lang == 'zh' else ': '}{status}" for debt_id, status in said],
    }
    comma = "、" if lang == "zh" else ", "
    number = {name: is_so for one, found in lists.items() for name, is_so in counted(one, found).items()}
    return {
        **{name: comma.join(found) or None for name, found in lists.items()},
        **number,
        "beside": bool(issued.beside),
        **counted("beside", issued.beside),
    }


def _labels(words: Words, lang: str, *names: str) -> list[str]:
    return [words.label(name, lang) for name in names]


def _money(amount: Money) -> str:
    return f"{amount} {amount.currency}"


def _moment(at: datetime | str | None) -> str:
    if at is None:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.isoformat(sep=" ", timespec="minutes")
