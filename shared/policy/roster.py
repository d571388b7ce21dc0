"""The negotiators: who may be given a case, from `roster.toml` beside the policy packs."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

__all__ = ["Certification", "Negotiator", "Roster", "RosterError"]

Word = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class RosterError(ValueError):
    """A roster that cannot be used; the text names the file, the key and the rule."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Certification(_Frozen):
    """A certificate, valid from `issued` (included) to `expires` (excluded)."""

    name: Word
    issued: date
    expires: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expires <= self.issued:
            raise ValueError("expires must lie after issued")
        return self

    def valid_on(self, day: date) -> bool:
        """Whether it is in force on `day`."""
        return self.issued <= day < self.expires


class Negotiator(_Frozen):
    """A named person who negotiates. `capacity` is how many open cases they can carry (R46, R47)."""

    id: Word
    skills: tuple[Word, ...] = Field(min_length=1, description="product kinds and hardship skills")
    languages: tuple[Word, ...] = Field(min_length=1)
    certifications: tuple[Certification, ...] = ()
    capacity: int = Field(ge=1, le=10_000)
    supervisor: bool = False

    def certified(self, name: str, on: date) -> bool:
        """Whether the certificate `name` is in force on `on`."""
        return any(held.name == name and held.valid_on(on) for held in self.certifications)

    def certified_on(self, on: date) -> bool:
        """Whether any certificate is in force on `on`."""
        return any(held.valid_on(on) for held in self.certifications)


class Roster(_Frozen):
    """All negotiators, in the order of the file."""

    negotiators: tuple[Negotiator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        ids = [negotiator.id for negotiator in self.negotiators]
        if len(set(ids)) != len(ids):
            raise ValueError("every negotiator's id must be given once")
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a roster file. Raises RosterError."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise RosterError(
                f"{path.name}: there is no such file; the roster stands beside the packs"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RosterError(f"{path.name}: not valid TOML: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "negotiators"
            raise RosterError(f"{path.name}: {where}: {first['msg']}") from None

    def get(self, id_: str) -> Negotiator | None:
        """Give one negotiator."""
        return next((negotiator for negotiator in self.negotiators if negotiator.id == id_), None)

    @property
    def supervisors(self) -> tuple[Negotiator, ...]:
        """Those who may approve."""
        return tuple(negotiator for negotiator in self.negotiators if negotiator.supervisor)
