"""What a format's records say and leave unsaid, so that one rule engine serves all formats."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from eichrecht.evidence.findings import Severity


class PaginationRule(StrEnum):
    """How the record numbers of one transaction must run."""

    CONSECUTIVE = "consecutive"
    """Each is one more than the last; a missing number is a missing record."""
    INCREASING = "increasing"
    """Each is more than the last; the meter also counts what is not delivered."""
    NONE = "none"
    """The format has no record number."""


class OfficialCheck(StrEnum):
    """A check of the official S.A.F.E. program 1.4.1, by what it looks at (facts/meter/safe_formats.md §3 to §8)."""

    OCMF_LAW = "ocmf_law"
    """The whole list of §1.6, which only OCMF has."""
    STATUS = "status"
    """Error bits of the status word, in each record."""
    SESSION = "session"
    LOGBOOK = "logbook"
    CUSTOMER = "customer"
    PAGINATION = "pagination"
    METER = "meter"
    REFUSED_PAIR = "refused_pair"
    """A pair of such records is refused without a look."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Properties that all records of a format (or of one of its variants) have.

    Attributes:
        roles_signed: Whether the signed bytes say which end of a session a reading is. If not, the container's
            word or the order of the record numbers decides, and swapping them can only make a session fail.
        has_meter_status: Whether every begin and end must carry an OCMF meter status (``Reading.meter_status``).
        has_clock_status: Whether every reading must carry a clock status.
        has_identifier: Whether a record must name its meter, gateway or charge point.
        pagination: How record numbers must run.
        official: What the official program compares, in its order; ``None`` if it does not know the format.
        official_key_shapes: Shapes of a key that the official program can use; ``None`` for no restriction.
    """

    roles_signed: bool = True
    has_meter_status: bool = False
    has_clock_status: bool = False
    has_identifier: bool = True
    pagination: PaginationRule = PaginationRule.INCREASING
    official: tuple[OfficialCheck, ...] | None = None
    official_key_shapes: frozenset[str] | None = None


OCMF_TRAITS = Traits(
    has_meter_status=True,
    has_clock_status=True,
    pagination=PaginationRule.CONSECUTIVE,
    official=(OfficialCheck.OCMF_LAW,),
    official_key_shapes=frozenset({"spki-hex", "spki-base64", "spki-base32"}),
)


@dataclass(frozen=True, slots=True)
class StatusFlag:
    """One set bit of a meter's or adapter's status word, decoded.

    Attributes:
        code: Stable finding code that names the bit (``alfen_meter_error``); its sentence comes with the format.
        severity: ``error`` forbids billing by the reading, ``warning`` deserves a look, ``note`` is a fact.
    """

    code: str
    severity: Severity
