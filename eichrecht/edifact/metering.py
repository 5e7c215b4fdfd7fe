"""What a MSCONS message says, as types: quantities, series, places and times (EDI@Energy MSCONS MIG 2.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import StrEnum
from functools import lru_cache

from eichrecht.edifact.coverage import Coverage
from eichrecht.edifact.interchange import Message
from eichrecht.edifact.syntax import Span
from eichrecht.evidence import Finding, Severity

TRUE_VALUE = "220"
"""The only status (6063) of a measured, final value; everything else is estimated, preliminary or derived."""

UNITS = {"KWH": "kWh", "KWT": "kW", "D54": "W/m²", "MTS": "m/s"}
"""6411 and what it means; the codes are upper case, so that ``kWh`` is none of them."""

MAX_DIGITS = 35
"""Longest 6060 (n..35); sign and decimal mark do not count."""

_EXACT = Context(prec=4 * MAX_DIGITS, traps=[Inexact, InvalidOperation])
"""Sums of numbers of 35 digits, some with 35 decimals, need at most 71 digits; rounding would raise."""

_NUMBER = re.compile(r"-?(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)")
_OBIS = re.compile(r"1-([0-9]{1,2}):([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{1,2})")


class MeasureKind(StrEnum):
    """What a number is, by D of its OBIS code."""

    REGISTER = "register"
    """Reading of a running register (D = 8)."""
    ADVANCE = "advance"
    """Energy of a period (D = 9)."""
    INTERVAL = "interval"
    """Energy of one interval of a load profile (D = 29)."""
    MAXIMUM = "maximum"
    """Greatest power of a period (D = 6)."""
    OTHER = "other"


_KINDS = {8: MeasureKind.REGISTER, 9: MeasureKind.ADVANCE, 29: MeasureKind.INTERVAL, 6: MeasureKind.MAXIMUM}


@dataclass(frozen=True, slots=True)
class Obis:
    """An electricity OBIS code as PIA writes it: ``1-B:C.D.E``.

    Attributes:
        channel: B.
        quantity: C: 1 import, 2 export of active energy, 3 and 4 reactive, 5 to 8 by quadrant.
        measure: D.
        tariff: E: 0 total, 63 error register.
    """

    channel: int
    quantity: int
    measure: int
    tariff: int

    @property
    def kind(self) -> MeasureKind:
        """What a number of this code is."""
        return _KINDS.get(self.measure, MeasureKind.OTHER)

    @property
    def unit(self) -> str | None:
        """The unit that the code implies: ``kWh``, ``kvarh``, ``kW``, ``kvar``; ``None`` if none is known."""
        if self.kind is MeasureKind.OTHER or not 1 <= self.quantity <= 8:
            return None
        power = self.kind is MeasureKind.MAXIMUM
        if self.quantity <= 2:
            return "kW" if power else "kWh"
        return "kvar" if power else "kvarh"


@lru_cache(maxsize=1024)
def read_obis(text: str) -> Obis | None:
    """Read the code of a PIA; ``None`` if it is none of electricity in the form ``1-B:C.D.E``."""
    found = _OBIS.fullmatch(text)
    return Obis(*map(int, found.groups())) if found is not None else None


class LocationKind(StrEnum):
    """What an identification of LOC+172 names."""

    METERING = "metering_location"
    MARKET = "market_location"
    NETWORK = "network_location"
    AREA = "area"
    """A balancing area, control area or grid with a 16-character EIC."""
    NONE = "none"
    """No identification: the configuration identification (RFF+AGK) stands for it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Location:
    """A LOC segment.

    Attributes:
        qualifier: 3227.
        identification: 3225 as written, ``""`` if it is omitted.
        kind: By its form.
        check_digit_valid: ``None`` where the kind has no check digit that is known.
    """

    qualifier: str
    identification: str
    kind: LocationKind
    check_digit_valid: bool | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A DTM (C507).

    Attributes:
        qualifier: 2005.
        text: 2380 as written, release characters removed.
        format: 2379.
        time: The instant in UTC; ``None`` if the format gives only a day or month, or it cannot be read.
        day: The day of format 102; a time of day must not be invented for it.
    """

    qualifier: str
    text: str
    format: str
    time: datetime | None
    day: date | None


@dataclass(frozen=True, slots=True)
class Remark:
    """A STS: category (9015), status (4405) and reason (9013), as written."""

    category: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """One value (SG10): QTY with its times and remarks.

    Attributes:
        number: Number of its QTY among the segments of the file.
        stop: Number of the segment after its last one.
        status: 6063.
        text: 6060 as written.
        marks: The decimal marks that count in this interchange.
        unit: 6411 as written, ``""`` if omitted.
        begin: DTM+163.
        end: DTM+164; the period does not include this instant.
        moments: Its other times.
        remarks: Its STS.
    """

    number: int
    stop: int
    status: str
    text: str
    marks: str
    unit: str
    begin: datetime | None
    end: datetime | None
    moments: tuple[Moment, ...]
    remarks: tuple[Remark, ...]

    @property
    def value(self) -> Decimal | None:
        """The number, exact; ``None`` if the text is none by the rules of the interchange."""
        return read_number(self.text, self.marks)

    @property
    def is_true(self) -> bool:
        """Whether it is a measured, final value (status 220)."""
        return self.status == TRUE_VALUE

    def moment(self, qualifier: str) -> Moment | None:
        """Return the first time with a qualifier other than 163 and 164."""
        return next((one for one in self.moments if one.qualifier == qualifier), None)

    def time(self, qualifier: str) -> datetime | None:
        """Return the instant of :meth:`moment`."""
        moment = self.moment(qualifier)
        return moment.time if moment is not None else None


def read_number(text: str, marks: str) -> Decimal | None:
    """Read a numeric element (ISO 9735-1 §11): optional minus, digits, at most one of the marks given."""
    if not _NUMBER.fullmatch(text) or sum(map(text.count, "0123456789")) > MAX_DIGITS:
        return None
    for mark in ".,":
        if mark in text and mark not in marks:
            return None
    return Decimal(text.replace(",", "."))


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one product at one location (SG9 with what stands above it).

    Attributes:
        location: LOC.
        device: RFF+MG, device number.
        configuration: RFF+AGK: the values come from a smart-meter gateway under this configuration.
        characteristic: CCI, series type.
        line: 1082 of LIN.
        product: 7140 of PIA as written, release characters removed.
        product_kind: 7143: ``SRW`` OBIS, ``Z02`` like OBIS, ``Z08`` medium.
        obis: The product as OBIS code, ``None`` if it is none.
        begin: DTM+163 of the location, start of the whole period.
        end: DTM+164 of the location.
        quantities: In the order of the message.
        context: Numbers of the segments above the quantities: NAD, LOC, its DTM and RFF, CCI, LIN, PIA.
    """

    location: Location | None
    device: str | None
    configuration: str | None
    characteristic: str | None
    line: str
    product: str
    product_kind: str
    obis: Obis | None
    begin: datetime | None
    end: datetime | None
    quantities: tuple[Quantity, ...]
    context: tuple[int, ...]

    @property
    def kind(self) -> MeasureKind:
        """What its numbers are."""
        return self.obis.kind if self.obis is not None else MeasureKind.OTHER

    def unit_of(self, quantity: Quantity) -> str | None:
        """Return the unit of a quantity: as written, else as the OBIS code implies; ``None`` if neither is known."""
        if quantity.unit:
            return UNITS.get(quantity.unit)
        return self.obis.unit if self.obis is not None else None

    def energy_kwh(self, quantity: Quantity) -> Decimal | None:
        """Return the value in kWh; ``None`` if it is another quantity or cannot be read."""
        return quantity.value if self.unit_of(quantity) == "kWh" else None

    def total_kwh(self) -> Decimal | None:
        """Return the sum of an energy series; ``None`` unless every value is an energy of a period and a true value."""
        if self.kind not in (MeasureKind.ADVANCE, MeasureKind.INTERVAL) or not self.quantities:
            return None
        total = Decimal(0)
        for quantity in self.quantities:
            energy = self.energy_kwh(quantity)
            if energy is None or not quantity.is_true:
                return None
            total = _EXACT.add(total, energy)
        return total


@dataclass(frozen=True, slots=True)
class SessionPair:
    """Begin and end of a session in one message: the project's profile, not one of the market's.

    Attributes:
        series: The register.
        begin: The earlier reading, by DTM+9.
        end: The later one.
        energy_kwh: End minus begin, exact.
        duration: Time between the readings, to the minute as transmitted.
    """

    series: Series
    begin: Quantity
    end: Quantity
    energy_kwh: Decimal
    duration: timedelta


def difference_kwh(begin: Decimal, end: Decimal) -> Decimal:
    """Return ``end - begin``, never rounded."""
    return _EXACT.subtract(end, begin)


@dataclass(frozen=True, slots=True)
class MsconsMessage:
    """One MSCONS message, read.

    Attributes:
        message: Its envelope and segments.
        version: Association code 0057 (``2.4c``).
        document_code: 1001 of BGM.
        document_number: 1004 of BGM.
        function: 1225 of BGM: ``9`` original, ``1`` cancellation.
        created: DTM+137.
        check_identifier: RFF+Z13.
        references: The other RFF of the header, qualifier and number.
        sender: NAD+MS, identification and agency.
        recipient: NAD+MR.
        series: All series in order.
        session: Begin and end of a session, if it is a message of that profile.
        test: Whether its interchange is marked as a test.
        envelope_sound: Whether file, interchange and message envelope are free of errors.
        header: Numbers of the segments that hold for all values: BGM to UNS.
        findings: What reading noticed, envelope excepted.
    """

    message: Message
    version: str
    document_code: str
    document_number: str
    function: str
    created: datetime | None
    check_identifier: str
    references: tuple[tuple[str, str], ...]
    sender: tuple[str, str]
    recipient: tuple[str, str]
    series: tuple[Series, ...]
    session: SessionPair | None
    test: bool
    envelope_sound: bool
    header: tuple[int, ...]
    findings: tuple[Finding, ...] = field(default=())

    @property
    def cancels(self) -> str | None:
        """Number of the document that this message cancels, ``None`` if it is no cancellation."""
        if self.check_identifier != "13006":
            return None
        return next((number for qualifier, number in self.references if qualifier == "ACW"), None)

    @property
    def usable(self) -> bool:
        """Whether its values may be used at all: original, no test, no error in it or around it."""
        return (
            self.envelope_sound
            and not self.test
            and self.function == "9"
            and not any(finding.severity is Severity.ERROR for finding in self.findings)
        )

    def billable(self, quantity: Quantity) -> bool:
        """Say whether a value may be billed as far as the message goes: usable, true value, readable number.

        Whether it is signed is not asked here: see :meth:`sources`.
        """
        return self.usable and quantity.is_true and quantity.value is not None

    def sources(self, series: Series, quantity: Quantity) -> tuple[Span, ...]:
        """Return the places of all segments that a value came from, header and location included."""
        numbers = (*self.header, *series.context, *range(quantity.number, quantity.stop))
        segments = self.message.segments
        return tuple(segments.at(number).span for number in numbers)

    def is_covered(self, series: Series, quantity: Quantity, coverage: Coverage) -> bool:
        """Say whether a signature covers every segment that a value came from."""
        return coverage.includes_all(self.sources(series, quantity))
