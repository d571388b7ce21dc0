"""What an earlier case of the same person leaves behind for the rules of contact: they protect the person."""

from datetime import date, datetime

from pydantic import Field

from shared.contracts.base import AccountId, Part
from shared.contracts.desk import ContactDirection, ContactOutcome
from shared.contracts.desk_contact import Id
from shared.policy.sections_conduct import Actor, Party, Purpose

__all__ = ["ChannelSince", "EarlierAuthority", "EarlierContact", "EarlierReach"]


class EarlierContact(Part):
    """A contact of an earlier case that a limit may still count; what was said in it stays on that case."""

    at: datetime
    direction: ContactDirection
    outcome: ContactOutcome
    channel: str = Field(max_length=20)
    purpose: Purpose | None = Field(default=None, description="None: nobody said")
    asks_for_payment: bool = False
    number: str | None = Field(
        default=None, max_length=64, description="a reference to the number, never the number"
    )
    debts: tuple[AccountId, ...] = Field(default=(), max_length=200, description="empty: none in particular")
    actor: Actor = "creditor"
    person: Id = Field(default="borrower", description="who it was with: borrower, or the id of an authority")


class ChannelSince(Part):
    """A channel that was closed, or consented to, since then."""

    channel: str = Field(max_length=20)
    since: datetime


class EarlierAuthority(Part):
    """Somebody who acts for the borrower, as recorded in an earlier case."""

    authority_id: Id
    party: Party
    purposes: tuple[Purpose, ...] = Field(min_length=1, max_length=4)
    since: datetime
    until: date = Field(description="the last day on which it holds")
    debts: tuple[AccountId, ...] = Field(default=(), max_length=200, description="empty: all of them")
    verified: bool
    signs: bool = Field(default=False, description="whether they may sign agreements for the borrower")


class EarlierReach(Part):
    """How the borrower may be reached, by what is on file from before the case."""

    contacts: tuple[EarlierContact, ...] = Field(default=(), description="oldest first")
    opt_outs: tuple[ChannelSince, ...] = ()
    consents: tuple[ChannelSince, ...] = ()
    channel: str | None = Field(default=None, max_length=20, description="that the borrower prefers")
    time_zone: str | None = Field(default=None, max_length=60, description="where the borrower lives")
    decided_at: datetime | None = Field(
        default=None, description="when a person last decided that it goes on after attempts in vain"
    )
    authorities: tuple[EarlierAuthority, ...] = Field(default=(), description="not over when the case opens")
    complaints: tuple[str, ...] = Field(
        default=(), description="that have no final response yet: each its case, a stroke, its id"
    )
