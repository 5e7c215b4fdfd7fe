"""From the segments of a MSCONS message to its header and series: which segment belongs to which group.

A segment opens the lowest group whose trigger it is; the order of the groups is binding (MSCONS MIG 2.4 §3). What
stands where it may not stand is an error and is not read. A quantity knows the segments that it was read from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import IntEnum
from typing import ClassVar

from eichrecht.edifact._mscons_plain import plain_period, plain_quantity
from eichrecht.edifact._notes import FindingList
from eichrecht.edifact.codes import MsconsCode
from eichrecht.edifact.interchange import Message
from eichrecht.edifact.locations import read_location
from eichrecht.edifact.metering import Location, Moment, Quantity, Remark, Series, read_number, read_obis
from eichrecht.edifact.moments import read_moment
from eichrecht.edifact.syntax import Segment
from eichrecht.evidence import problem, warning
from eichrecht.evidence.construct import positional_constructor

_quantity = positional_constructor(Quantity)

MAX_HEADER = 256
"""Most segments kept of a header, or of a location: the handbook allows some 130. Every value refers to all of them."""

MAX_SERIES = 10_000
"""Most series of a message. A message is about one measuring point, which has some dozen registers."""

MAX_PER_QUANTITY = 9
"""Most DTM and most STS of one quantity (SG10: DTM C9, STS C9)."""


class _Level(IntEnum):
    """How deep in the structure the last segment was."""

    START = 0
    BGM = 1
    CREATED = 2
    REFERENCE = 3
    PARTY = 4
    CONTACT = 5
    DETAIL = 6
    PLACE = 7
    LOCATION = 8
    LOCATION_TIME = 9
    LOCATION_REFERENCE = 10
    CHARACTERISTIC = 11
    LINE = 12
    PRODUCT = 13
    QUANTITY = 14
    QUANTITY_TIME = 15
    REMARK = 16


class _Draft:
    """A quantity that is being read."""

    __slots__ = ("begin", "end", "moments", "number", "remarks", "status", "text", "unit")

    def __init__(self, number: int, status: str, text: str, unit: str) -> None:
        self.number = number
        self.status = status
        self.text = text
        self.unit = unit
        self.begin: datetime | None = None
        self.end: datetime | None = None
        self.moments: tuple[Moment, ...] = ()
        self.remarks: tuple[Remark, ...] = ()


class MessageReader:
    """Reads one message; the attributes are the result."""

    def __init__(self, message: Message) -> None:
        self.document_code = ""
        self.document_number = ""
        self.function = ""
        self.created: datetime | None = None
        self.check_identifier = ""
        self.references: list[tuple[str, str]] = []
        self.parties: dict[str, tuple[str, str]] = {}
        self.series: list[Series] = []
        self.header: list[int] = []
        self.notes = FindingList()
        self._message = message
        self._syntax = message.segments.syntax
        signs = self._syntax.characters
        mark = chr(signs.decimal_mark)
        self._marks = ".," if self._syntax.version >= 4 else (mark if mark in ".," else ".")
        self._plain = signs.are_default and "." in self._marks
        self._level = _Level.START
        self._place: int | None = None
        self._location: Location | None = None
        self._location_numbers: list[int] = []
        self._period: dict[str, datetime | None] = {}
        self._device: str | None = None
        self._configuration: str | None = None
        self._characteristic: str | None = None
        self._line = ""
        self._line_numbers: list[int] = []
        self._product = ("", "")
        self._quantities: list[Quantity] = []
        self._draft: _Draft | None = None

    def read(self) -> None:
        """Read the whole body."""
        body = self._message.body
        for number, start, end in body.spans():
            if self._plain and self._level >= _Level.PRODUCT and self._plainly(body.data, number, start, end):
                continue
            segment = body.at(number)
            step = self._STEPS.get(segment.tag)
            if step is None or not step(self, segment, self._fields(segment)):
                self.notes.add(problem(MsconsCode.SEGMENT_UNEXPECTED, segment.where, tag=segment.tag))
        self._close_quantity(body.stop)
        self._close_series()
        for level, tag in ((_Level.BGM, "BGM"), (_Level.DETAIL, "UNS")):
            if self._level < level:
                self.notes.add(problem(MsconsCode.SEGMENT_MISSING, self._message.where, segment=tag))

    def _plainly(self, data: bytes, number: int, start: int, end: int) -> bool:
        """Read a segment of the two most frequent forms; return whether it was one."""
        if data[start] == 0x51:  # Q
            quantity = plain_quantity(data, start, end)
            if quantity is not None:
                self._close_quantity(number)
                self._draft = _Draft(number, *quantity)
                self._level = _Level.QUANTITY
            return quantity is not None
        draft = self._draft
        if draft is None or draft.moments or self._level > _Level.QUANTITY_TIME:
            return False
        period = plain_period(data, start, end)
        if period is None or (draft.begin if period[0] else draft.end) is not None:
            return False
        if period[0]:
            draft.begin = period[1]
        else:
            draft.end = period[1]
        self._level = _Level.QUANTITY_TIME
        return True

    def _fields(self, segment: Segment) -> list[list[str]]:
        """Return the texts of the first elements, filled up so that each can be addressed; no other one is read."""
        repetition = self._syntax.octets[2]
        if repetition is not None and repetition in self._syntax.shield(segment.raw):
            self.notes.add(problem(MsconsCode.ELEMENT_REPEATED, segment.where))
        values = [[*element, "", "", "", ""] for element in segment.values()[:5]]
        return values + [[""] * 4 for _ in range(5 - len(values))]

    def _bgm(self, segment: Segment, fields: list[list[str]]) -> bool:
        if self._level != _Level.START:
            return False
        self.document_code, self.document_number = fields[1][0], fields[2][0]
        self.function = fields[3][0]
        return self._in_header(segment, _Level.BGM)

    def _in_header(self, segment: Segment, level: _Level) -> bool:
        if len(self.header) == MAX_HEADER:
            return False
        self.header.append(segment.index)
        self._level = level
        return True

    def _in_location(self, segment: Segment, level: _Level) -> bool:
        if len(self._location_numbers) == MAX_HEADER:
            return False
        self._location_numbers.append(segment.index)
        self._level = level
        return True

    def _dtm(self, segment: Segment, fields: list[list[str]]) -> bool:
        level = self._level
        if level in (_Level.QUANTITY, _Level.QUANTITY_TIME):
            return self._quantity_time(segment, fields)
        if level in (_Level.LOCATION, _Level.LOCATION_TIME):
            moment = self._moment(segment, fields)
            if moment.qualifier in self._period:
                self._repeated(segment, moment)
            self._period[moment.qualifier] = moment.time
            return self._in_location(segment, _Level.LOCATION_TIME)
        if level not in (_Level.BGM, _Level.CREATED, _Level.REFERENCE):
            return False
        moment = self._moment(segment, fields)
        if level == _Level.REFERENCE:
            return self._in_header(segment, level)
        if moment.qualifier == "137":
            if self.created is not None:
                self._repeated(segment, moment)
            self.created = moment.time
        else:
            self.notes.add(warning(MsconsCode.TIME_UNEXPECTED, segment.where, qualifier=moment.qualifier))
        return self._in_header(segment, _Level.CREATED)

    def _repeated(self, segment: Segment, moment: Moment) -> None:
        self.notes.add(problem(MsconsCode.TIME_REPEATED, segment.where, qualifier=moment.qualifier))

    def _moment(self, segment: Segment, fields: list[list[str]]) -> Moment:
        qualifier, text, format_code = fields[1][:3]
        time, day, code = read_moment(text, format_code)
        if code is not None:
            finding = warning if code is MsconsCode.TIME_NOT_UTC else problem
            self.notes.add(finding(code, segment.where, qualifier=qualifier, text=text, format=format_code))
        return Moment(qualifier, text, format_code, time, day)

    def _rff(self, segment: Segment, fields: list[list[str]]) -> bool:
        qualifier, text = fields[1][:2]
        if _Level.BGM <= self._level <= _Level.REFERENCE:
            if qualifier != "Z13":
                self.references.append((qualifier, text))
            elif self.check_identifier:
                self.notes.add(problem(MsconsCode.SEGMENT_REPEATED, segment.where, segment="RFF+Z13"))
            else:
                self.check_identifier = text
            return self._in_header(segment, _Level.REFERENCE)
        if not _Level.LOCATION <= self._level <= _Level.LOCATION_REFERENCE:
            return False
        known = {"MG": self._device, "AGK": self._configuration}
        if known.get(qualifier) is not None:
            self.notes.add(problem(MsconsCode.SEGMENT_REPEATED, segment.where, segment=f"RFF+{qualifier}"))
        elif qualifier == "MG":
            self._device = text
        elif qualifier == "AGK":
            self._configuration = text
        return self._in_location(segment, _Level.LOCATION_REFERENCE)

    def _nad(self, segment: Segment, fields: list[list[str]]) -> bool:
        qualifier = fields[1][0]
        if self._level >= _Level.DETAIL:
            self._close_quantity(segment.index)
            self._close_series()
            self._place, self._level = segment.index, _Level.PLACE
            self._location, self._location_numbers = None, []
            return True
        if self._level < _Level.BGM:
            return False
        if qualifier in self.parties:
            self.notes.add(problem(MsconsCode.SEGMENT_REPEATED, segment.where, segment=f"NAD+{qualifier}"))
        self.parties.setdefault(qualifier, (fields[2][0].rstrip(" "), fields[2][2]))
        return self._in_header(segment, _Level.PARTY)

    def _contact(self, segment: Segment, _: list[list[str]]) -> bool:
        if segment.tag == "COM" and self._level != _Level.CONTACT:
            return False
        # Contacts are no source of values, so they are not kept with the header.
        if self._level not in (_Level.PARTY, _Level.CONTACT):
            return False
        self._level = _Level.CONTACT
        return True

    def _uns(self, segment: Segment, fields: list[list[str]]) -> bool:
        if not _Level.BGM <= self._level < _Level.DETAIL or fields[1][0] != "D":
            return False
        return self._in_header(segment, _Level.DETAIL)

    def _loc(self, segment: Segment, fields: list[list[str]]) -> bool:
        if self._level < _Level.PLACE:
            return False
        self._close_quantity(segment.index)
        self._close_series()
        self._location = read_location(fields[1][0], fields[2][0].rstrip(" "))
        self._location_numbers = [segment.index]
        self._period = {}
        self._device = self._configuration = self._characteristic = None
        self._level = _Level.LOCATION
        return True

    def _cci(self, segment: Segment, fields: list[list[str]]) -> bool:
        if not _Level.LOCATION <= self._level <= _Level.CHARACTERISTIC:
            return False
        self._characteristic = fields[3][0]
        return self._in_location(segment, _Level.CHARACTERISTIC)

    def _lin(self, segment: Segment, fields: list[list[str]]) -> bool:
        if self._level < _Level.LOCATION or len(self.series) == MAX_SERIES:
            return False
        self._close_quantity(segment.index)
        self._close_series()
        self._line, self._line_numbers = fields[1][0], [segment.index]
        self._product = ("", "")
        self._level = _Level.LINE
        return True

    def _pia(self, segment: Segment, fields: list[list[str]]) -> bool:
        if self._level != _Level.LINE or fields[1][0] != "5":
            return False
        self._product = (fields[2][0], fields[2][1])
        self._line_numbers.append(segment.index)
        self._level = _Level.PRODUCT
        return True

    def _qty(self, segment: Segment, fields: list[list[str]]) -> bool:
        if self._level < _Level.PRODUCT:
            return False
        self._close_quantity(segment.index)
        status, text, unit = fields[1][:3]
        value = read_number(text, self._marks)
        if value is None:
            self.notes.add(problem(MsconsCode.VALUE_UNREADABLE, segment.where, text=text))
        elif value < 0:
            self.notes.add(problem(MsconsCode.VALUE_NEGATIVE, segment.where, text=text))
        self._draft = _Draft(segment.index, status, text, unit)
        self._level = _Level.QUANTITY
        return True

    def _quantity_time(self, segment: Segment, fields: list[list[str]]) -> bool:
        draft = self._draft
        if draft is None or len(draft.moments) == MAX_PER_QUANTITY:
            return False
        moment = self._moment(segment, fields)
        known = {"163": draft.begin is not None, "164": draft.end is not None}
        if known.get(moment.qualifier) or any(one.qualifier == moment.qualifier for one in draft.moments):
            self._repeated(segment, moment)
        elif moment.qualifier == "163" and moment.time is not None:
            draft.begin = moment.time
        elif moment.qualifier == "164" and moment.time is not None:
            draft.end = moment.time
        else:
            draft.moments = (*draft.moments, moment)
        self._level = _Level.QUANTITY_TIME
        return True

    def _sts(self, segment: Segment, fields: list[list[str]]) -> bool:
        draft = self._draft
        if draft is None or self._level < _Level.QUANTITY or len(draft.remarks) == MAX_PER_QUANTITY:
            return False
        draft.remarks = (*draft.remarks, Remark(fields[1][0], fields[2][0], fields[3][0]))
        self._level = _Level.REMARK
        return True

    def _close_quantity(self, stop: int) -> None:
        """Make the quantity that is open, of all segments before number ``stop``."""
        draft = self._draft
        if draft is None:
            return
        self._draft = None
        self._quantities.append(
            _quantity(
                draft.number,
                stop,
                draft.status,
                draft.text,
                self._marks,
                draft.unit,
                draft.begin,
                draft.end,
                draft.moments,
                draft.remarks,
            )
        )

    def _close_series(self) -> None:
        """Make the series that is open."""
        if self._line_numbers:
            place = () if self._place is None else (self._place,)
            product, kind = self._product
            self.series.append(
                Series(
                    location=self._location,
                    device=self._device,
                    configuration=self._configuration,
                    characteristic=self._characteristic,
                    line=self._line,
                    product=product,
                    product_kind=kind,
                    obis=read_obis(product) if kind != "Z08" else None,
                    begin=self._period.get("163"),
                    end=self._period.get("164"),
                    quantities=tuple(self._quantities),
                    context=(*place, *self._location_numbers, *self._line_numbers),
                )
            )
        self._quantities = []
        self._line_numbers = []

    _STEPS: ClassVar[Mapping[str, Callable[[MessageReader, Segment, list[list[str]]], bool]]] = {
        "BGM": _bgm,
        "CCI": _cci,
        "COM": _contact,
        "CTA": _contact,
        "DTM": _dtm,
        "LIN": _lin,
        "LOC": _loc,
        "NAD": _nad,
        "PIA": _pia,
        "QTY": _qty,
        "RFF": _rff,
        "STS": _sts,
        "UNS": _uns,
    }
