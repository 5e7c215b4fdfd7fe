"""Readings of an OCMF record with the inheritance inside the record resolved (OCMF 1.4.1, field RD)."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from eichrecht.evidence import Finding, Reading, ReadingRole, note, problem, warning
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats._json import Written
from eichrecht.formats._ocmf_numbers import EXACT, MAX_NUMBER_CHARS, digits, read_number
from eichrecht.formats._ocmf_time import NO_TIME, ReadTime, read_time
from eichrecht.formats.codes import OcmfCode, OcmfErrorCode
from eichrecht.formats.errors import LimitExceededError

MAX_READINGS = 10_000
"""Readings per record. A fiscal record of a whole year every 15 minutes would be split long before."""

ROLES = {
    "B": ReadingRole.BEGIN,
    "C": ReadingRole.INTERMEDIATE,
    "X": ReadingRole.EXCEPTION,
    "E": ReadingRole.END,
    "L": ReadingRole.END,  # ended locally
    "R": ReadingRole.END,  # ended remotely
    "A": ReadingRole.END,  # aborted by an error
    "P": ReadingRole.END,  # power failure
    "S": ReadingRole.SUSPENDED,
    "T": ReadingRole.TARIFF_CHANGE,
}
"""Field TX; absent means a fiscal reading."""

MAX_OBIS_CHARS = 32
"""The longest form has 18."""

METER_STATES = frozenset("NGTDRMXIOSEF")
"""Field ST. F (read error) came with 0.2, the others are older."""

MAX_COUNTER_DIGITS = 18
"""Digits of EI; fits 64 bits."""

ERROR_FLAGS = frozenset("Et")
"""Field EF: energy unusable, time unusable; empty means none."""

CURRENT_TYPES = frozenset({"AC", "DC"})
"""Field RT."""

ENERGY_SCALE = {"kWh": 0, "Wh": -3}
_SCALE_IN_ANY_CASE = {"kwh": 0, "wh": -3}
_DESCRIPTIVE = frozenset({"RT"})
"""Members that a reading can do without: one that holds no text voids nothing."""
_OTHER_UNITS = frozenset({"mOhm", "uOhm"})
_KEYS = frozenset({"TM", "TX", "RV", "RI", "RU", "RT", "CL", "EF", "ST", "EI"})
_INHERITABLE = ("TX", "RI", "RU", "RT", "EF", "ST")
_Fields = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
_NOTHING: _Fields = (None,) * 6
_NOTHING_INHERITED: frozenset[str] = frozenset()

MAX_REMEMBERED = 1024
"""Combinations of fields kept as known to be ordinary; a fleet has a few dozen."""

_ORDINARY: dict[_Fields, tuple[ReadingRole, int, int]] = {}
ORDINARY_FLAGS = frozenset({"", "E", "t", "Et", "tE"})
# A-B:C.D.E*F, hexadecimal in 1.4; before, with the placeholder letters b and e, or a dot before F.
_OBIS = re.compile(
    r"[0-9a-f]{1,2}-[0-9a-f]{1,2}:[0-9a-f]{1,2}\.[0-9a-f]{1,2}\.[0-9a-fx]{1,2}(?:[*.][0-9a-f]{1,3})?",
    re.I | re.ASCII,
)

_new_reading = positional_constructor(Reading)


def is_obis(register: str) -> bool:
    """Whether RI is an OBIS code in one of the forms that meters write."""
    return len(register) <= MAX_OBIS_CHARS and _is_obis(register)


@lru_cache(maxsize=MAX_REMEMBERED)
def _is_obis(register: str) -> bool:
    return _OBIS.fullmatch(register) is not None


class Readings:
    """Reads RD of one record.

    A later reading may omit what equals the reading before (OCMF 1.4.1, RD; spec issue 44). CL belongs to one
    register and is never inherited.

    Attributes:
        findings: Receives what was noticed.
        extensions: Names inside readings that OCMF does not define (LEM, BAUER, EM580, DZG), each once.
    """

    __slots__ = ("_last", "_last_time", "_transaction", "extensions", "findings")

    def __init__(self, transaction: bool, findings: list[Finding]) -> None:
        """Start with nothing to inherit; ``transaction`` is what the record's pagination says."""
        self.findings = findings
        self.extensions: dict[str, None] = {}
        self._transaction = transaction
        self._last: _Fields = _NOTHING
        self._last_time: ReadTime | None = None

    def read(self, items: list[Any]) -> tuple[Reading, ...]:
        """Read the array as parsed.

        Raises:
            LimitExceededError: More than :data:`MAX_READINGS`.
        """
        if len(items) > MAX_READINGS:
            raise LimitExceededError(OcmfErrorCode.TOO_MANY_READINGS, "/RD", {"limit": str(MAX_READINGS)})
        readings: list[Reading] = []
        for index, item in enumerate(items):
            if item.__class__ is dict:
                readings.append(self._read_ordinary(index, item) or self._read_carefully(index, item))
            else:
                self.findings.append(problem(OcmfCode.READING_MALFORMED, f"/RD/{index}"))
        return tuple(readings)

    def _read_ordinary(self, index: int, item: dict[str, Any]) -> Reading | None:
        """Read a reading that writes all its fields as the tables have them, or ``None``: the hot path."""
        get = item.get
        fields = (get("TX"), get("RI"), get("RU"), get("RT"), get("EF"), get("ST"))
        try:
            ordinary = _ORDINARY.get(fields) or _judge_fields(fields)
        except TypeError:  # an array or object where text belongs
            return None
        written, raw, last = get("TM"), get("RV"), self._last
        if ordinary is None or written.__class__ is not str or raw is None or len(item) != ordinary[2]:
            return None
        reason, register, unit, current, flags, state = fields
        if (current is None and last[3] is not None) or (flags is None and last[4] is not None):
            return None
        where = f"/RD/{index}"
        self._last = fields
        time = self._last_time = read_time(written, where, self.findings)
        if raw.__class__ is Written and len(raw) <= MAX_NUMBER_CHARS and b"e" not in raw and b"E" not in raw:
            text = raw.decode("ascii")
            value: str | None = text
            number: Decimal | None = Decimal(text)
        else:
            value, number = read_number(raw, where + "/RV", self.findings)
        return _new_reading(
            index,
            where,
            ordinary[0],
            reason,
            value,
            unit,
            number if number is None or ordinary[1] == 0 else number.scaleb(ordinary[1], EXACT),
            register,
            *time,
            state,
            flags or "",
            current,
            None,
            None,
            _NOTHING_INHERITED,
        )

    def _read_carefully(self, index: int, item: dict[str, Any]) -> Reading:
        where = f"/RD/{index}"
        findings = self.findings
        if not _KEYS.issuperset(item):
            self.extensions.update(dict.fromkeys(name for name in item if name not in _KEYS))
        inherited = self._fill(item, where)
        reason, register, unit, current, flags, state = self._last
        time = self._last_time if self._last_time is not None else NO_TIME

        raw = item.get("RV")
        value: str | None = None
        number: Decimal | None = None
        if raw is not None:
            value, number = read_number(raw, where + "/RV", findings)
        elif state == "G" and not flags and reason != "X":
            # RV "may be omitted only if the reading announces an error".
            findings.append(note(OcmfCode.VALUE_MISSING, where))
        role = ReadingRole.FISCAL if reason is None else ROLES.get(reason, ReadingRole.UNKNOWN)
        self._judge(where)
        return Reading(
            index=index,
            where=where,
            role=role,
            reason=reason,
            value=value,
            unit=unit,
            energy_kwh=_energy(unit, number, where, findings),
            obis=register,
            time=time[0],
            time_text=time[1],
            time_status=time[2],
            time_status_text=time[3],
            meter_status=state,
            error_flags=flags or "",
            current_type=current,
            cumulated_loss=_read_loss(item["CL"], where, role, register, findings) if "CL" in item else None,
            event_counter=_read_counter(item["EI"], where, findings) if "EI" in item else None,
            inherited=inherited,
        )

    def _fill(self, item: dict[str, Any], where: str) -> frozenset[str]:
        """Bring the last written fields up to date, and name those that this reading inherits."""
        findings = self.findings
        inherited = set()
        filled: list[str | None] = []
        for key, before in zip(_INHERITABLE, self._last, strict=True):
            written = item.get(key)
            if written is None:
                if key in item:
                    findings.append(warning(OcmfCode.NULL_FIELD, f"{where}/{key}", field=key))
                if before is not None:
                    inherited.add(key)
                filled.append(before)
            elif written.__class__ is str:
                filled.append(written)
            elif written.__class__ in (Written, int):
                findings.append(note(OcmfCode.NOT_TEXT, f"{where}/{key}", field=key))
                filled.append(digits(written))
            else:
                # What was meant cannot be told: a malformed EF is no missing EF.
                say = warning if key in _DESCRIPTIVE else problem
                findings.append(say(OcmfCode.FIELD_MALFORMED, f"{where}/{key}", field=key))
                filled.append(None)
        self._last = cast(_Fields, tuple(filled))

        written = item.get("TM")
        if written.__class__ is str:
            self._last_time = read_time(written, where, findings)
        elif written is not None:
            findings.append(problem(OcmfCode.TIME_UNREADABLE, f"{where}/TM", time=type(written).__name__))
            self._last_time = NO_TIME
        elif self._last_time is None:
            findings.append(note(OcmfCode.TIME_MISSING, where))
        else:
            inherited.add("TM")
        return frozenset(inherited)

    def _judge(self, where: str) -> None:
        """Say what is unusual about a reading after inheritance (RD; tables of TX, ST, EF)."""
        findings = self.findings
        reason, register, unit, current, flags, state = self._last
        if reason is None:
            if self._transaction:
                findings.append(note(OcmfCode.REASON_MISSING, where))
        elif reason not in ROLES:
            findings.append(warning(OcmfCode.REASON_UNKNOWN, f"{where}/TX", reason=reason[:20]))
        if state is None:
            findings.append(note(OcmfCode.METER_STATUS_MISSING, where))
        elif state not in METER_STATES:
            findings.append(note(OcmfCode.METER_STATUS_UNKNOWN, f"{where}/ST", status=state[:20]))
        if flags and not ERROR_FLAGS.issuperset(flags):
            findings.append(warning(OcmfCode.ERROR_FLAG_UNKNOWN, f"{where}/EF", flags=flags[:20]))
        if current is not None and current not in CURRENT_TYPES:
            findings.append(note(OcmfCode.CURRENT_TYPE_UNKNOWN, f"{where}/RT", value=current[:20]))
        # RI and RU form a group, both or none; none only where the reading announces an error (RI, RU).
        if unit is None and register is not None:
            findings.append(note(OcmfCode.UNIT_MISSING, where))
        elif register is None and (unit is not None or (state == "G" and not flags and reason != "X")):
            findings.append(warning(OcmfCode.REGISTER_MISSING, where))
        if register is not None and not is_obis(register):
            findings.append(note(OcmfCode.REGISTER_UNREADABLE, f"{where}/RI", register=register[:40]))


def _judge_fields(fields: _Fields) -> tuple[ReadingRole, int, int] | None:
    """Return role, scale to kWh and number of members of a reading about which nothing is to be said.

    ``None`` if anything is. Only good answers are remembered, and what is good is short, so hostile records
    cannot fill the memory. What the tables allow is never spelled like a number, so a number can never be
    taken for the equal text.
    """
    reason, register, unit, current, flags, state = fields
    if reason not in ROLES or unit not in ENERGY_SCALE or state not in METER_STATES:
        return None
    if not (current is None or current in CURRENT_TYPES) or not (flags is None or flags in ORDINARY_FLAGS):
        return None
    if register.__class__ is not str or not is_obis(register):
        return None
    if len(_ORDINARY) >= MAX_REMEMBERED:
        _ORDINARY.clear()
    answer = ROLES[reason], ENERGY_SCALE[unit], 8 - (current is None) - (flags is None)
    _ORDINARY[fields] = answer
    return answer


def _energy(unit: str | None, number: Decimal | None, where: str, findings: list[Finding]) -> Decimal | None:
    """Convert a value to kWh exactly; say so where RU is not spelled as in table 20 or not in it at all."""
    if unit is None or unit in _OTHER_UNITS:
        return None
    scale = ENERGY_SCALE.get(unit)
    if scale is None:
        scale = _SCALE_IN_ANY_CASE.get(unit.lower())
        code = OcmfCode.UNIT_UNKNOWN if scale is None else OcmfCode.UNIT_SPELLING
        findings.append(warning(code, f"{where}/RU", unit=unit[:20]))
    return None if scale is None or number is None else number.scaleb(scale, EXACT)


def _read_loss(
    raw: Any, where: str, role: ReadingRole | None, register: str | None, findings: list[Finding]
) -> Decimal | None:
    """Read CL (since 1.2): a loss already subtracted, only beside a register, 0 at the beginning."""
    place = f"{where}/CL"
    if raw.__class__ not in (int, Written):
        findings.append(warning(OcmfCode.CUMULATED_LOSS_MALFORMED, place))
        return None
    loss = read_number(raw, place, findings)[1]
    if register is None:
        findings.append(warning(OcmfCode.CUMULATED_LOSS_WITHOUT_REGISTER, place))
    if loss and role is ReadingRole.BEGIN:
        findings.append(warning(OcmfCode.CUMULATED_LOSS_AT_BEGIN, place, loss=loss))
    return loss


def _read_counter(raw: Any, where: str, findings: list[Finding]) -> int | None:
    """Read EI (0.1 to 0.4; later replaced by EF, still seen in the field)."""
    text = digits(raw) if raw.__class__ in (int, Written) else ""
    if not text.isdecimal() or len(text) > MAX_COUNTER_DIGITS:
        findings.append(warning(OcmfCode.EVENT_COUNTER_MALFORMED, f"{where}/EI"))
        return None
    return int(text)
