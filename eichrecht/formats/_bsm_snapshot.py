"""What a BAUER BSM-WS36A meter signs: 17 values in a fixed order, written in JSON as ``additionalValues``.

Source: facts/meter/containers.md §2.2 and §2.3. The signed bytes hold numbers with scale and unit code, and texts;
no names. So the name of an entry decides its place among them and nothing else does: the order of the array does not.
Every label that is not among the signed bytes (unit and type as words, OBIS code) must be the one that the layout
gives, or it contradicts what is signed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from eichrecht.evidence import Finding, note, problem, warning
from eichrecht.formats._bsm_codes import BsmCode, BsmErrorCode
from eichrecht.formats._chargeit_json import at, text_at, whole, written
from eichrecht.formats.errors import MalformedRecordError

WATT_HOUR, WATT, SECOND, MINUTE, UNITLESS = 30, 27, 7, 6, 255
"""DLMS unit codes."""

UNIT_WORDS: Mapping[int, frozenset[str]] = MappingProxyType(
    {
        WATT_HOUR: frozenset({"WATT_HOUR"}),
        WATT: frozenset({"WATT"}),
        SECOND: frozenset({"SECOND"}),
        MINUTE: frozenset({"MIN", "MINUTE"}),
        UNITLESS: frozenset({"UNITLESS"}),
    }
)
_UNSIGNED, _SIGNED, _TEXT = "UnsignedInteger32", "Integer32", "String"

MAX_SCALE = 10
"""Largest magnitude of a scale factor (SunSpec type ``sunssf``)."""

_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "iso-8859-1": "latin-1", "latin-1": "latin-1"}

MAX_ENTRIES = 64
"""Entries of ``additionalValues`` that are looked at; a snapshot has 17."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the signed values.

    Attributes:
        name: ``measurand.name``.
        kind: ``valueType``.
        unit: DLMS code that the layout gives it.
        scaled: Whether a scale factor other than 0 may stand there.
        obis: ``measurand.id``; ``None`` if it has none.
    """

    name: str
    kind: str = _UNSIGNED
    unit: int = UNITLESS
    scaled: bool = False
    obis: str | None = None


LAYOUT: tuple[_Field, ...] = (
    _Field("Typ"),
    _Field("RCR", unit=WATT_HOUR, scaled=True, obis="1-0:1.8.0*198"),
    _Field("TotWhImp", unit=WATT_HOUR, scaled=True, obis="1-0:1.8.0*255"),
    _Field("W", _SIGNED, WATT, scaled=True, obis="1-0:1.7.0*255"),
    _Field("MA1", _TEXT, obis="1-0:0.0.0*255"),
    _Field("RCnt"),
    _Field("OS", unit=SECOND),
    _Field("Epoch", unit=SECOND),
    _Field("TZO", _SIGNED, MINUTE),
    _Field("EpochSetCnt"),
    _Field("EpochSetOS", unit=SECOND),
    _Field("DI"),
    _Field("DO"),
    _Field("Meta1", _TEXT),
    _Field("Meta2", _TEXT),
    _Field("Meta3", _TEXT),
    _Field("Evt"),
)
"""The signed values in the order of the signed bytes."""

_NAMES = tuple(known.name for known in LAYOUT)
_OBIS = {known.name: known.obis for known in LAYOUT}
METAS = ("Meta1", "Meta2", "Meta3")


@dataclass(frozen=True, slots=True)
class Number:
    """A signed number: ``value`` times ten to ``scale`` in the unit of this DLMS code."""

    value: int
    scale: int
    unit: int


@dataclass(slots=True)
class Snapshot:
    """The signed values, read back from what is signed.

    Attributes:
        signed_bytes: What the meter signed.
        numbers: By name.
        texts: By name; read from the signed octets, whatever encoding the record claims for them.
        where: Place of each entry in the record, by name.
        findings: What decoding noticed.
        contradictions: Unsigned labels of the entries that contradict what is signed.
    """

    signed_bytes: bytes = b""
    numbers: dict[str, Number] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    contradictions: list[Finding] = field(default_factory=list)

    def value(self, name: str) -> int:
        """Return the digits of a signed number."""
        return self.numbers[name].value


def read_snapshot(value: Mapping[str, Any]) -> Snapshot:
    """Rebuild what the meter signed from a record's ``additionalValues``.

    Raises:
        MalformedRecordError: An entry is missing, stands there twice, or holds what cannot be signed.
    """
    entries = _entries(value.get("additionalValues"))
    snapshot = Snapshot()
    _judge_entries(entries, snapshot)
    signed = bytearray()
    for known in LAYOUT:
        snapshot.where[known.name], entry = _the_one(entries, known.name)
        signed += (_text if known.kind == _TEXT else _number)(known, entry, snapshot)
        _judge_labels(known, entry, snapshot)
    snapshot.signed_bytes = bytes(signed)
    return snapshot


def _entries(listed: Any) -> list[tuple[str, str, Any]]:
    """Return name, place and content of every entry."""
    if not isinstance(listed, list) or len(listed) > MAX_ENTRIES:
        raise MalformedRecordError(BsmErrorCode.ENTRY_MALFORMED, "/additionalValues", {"entry": "–"})
    found = []
    for index, entry in enumerate(listed):
        where = f"/additionalValues/{index}"
        name = text_at(entry, "measurand", "name")
        if name is None:
            raise MalformedRecordError(BsmErrorCode.ENTRY_MALFORMED, where, {"entry": str(index)})
        found.append((name, where, entry))
    return found


def _the_one(entries: list[tuple[str, str, Any]], name: str) -> tuple[str, Any]:
    same = [(where, entry) for known, where, entry in entries if known == name]
    if not same:
        raise MalformedRecordError(BsmErrorCode.ENTRY_MISSING, "/additionalValues", {"entry": name})
    if len(same) > 1:
        raise MalformedRecordError(BsmErrorCode.ENTRY_REPEATED, same[1][0], {"entry": name})
    return same[0]


def _judge_entries(entries: list[tuple[str, str, Any]], snapshot: Snapshot) -> None:
    names = [name for name, _, _ in entries]
    for name, where, _ in entries:
        if name not in _OBIS:
            # It stands among the signed values but is none: a reader would take it for one.
            snapshot.findings.append(problem(BsmCode.ENTRY_NOT_SIGNED, where, entry=name[:40]))
    if [name for name in names if name in _OBIS] != list(_NAMES):
        snapshot.findings.append(note(BsmCode.ENTRY_ORDER, "/additionalValues"))


def _malformed(known: _Field, snapshot: Snapshot) -> MalformedRecordError:
    return MalformedRecordError(
        BsmErrorCode.ENTRY_MALFORMED, snapshot.where[known.name], {"entry": known.name}
    )


def _number(known: _Field, entry: Any, snapshot: Snapshot) -> bytes:
    """Return the 6 signed octets of a number: 4 of value, 1 of scale, 1 of unit."""
    measured = at(entry, "measuredValue")
    value = whole(at(measured, "value"))
    scale = whole(at(measured, "scale")) if at(measured, "scale") is not None else 0
    unit = whole(at(measured, "unitEncoded")) if at(measured, "unitEncoded") is not None else known.unit
    if value is None or scale is None or unit is None:
        raise _malformed(known, snapshot)
    try:
        octets = value.to_bytes(4, "big", signed=known.kind == _SIGNED)
        octets += scale.to_bytes(1, "big", signed=True) + unit.to_bytes(1, "big")
    except OverflowError:
        raise _malformed(known, snapshot) from None
    snapshot.numbers[known.name] = Number(value, scale, unit)
    where = snapshot.where[known.name]
    if unit != known.unit:
        snapshot.findings.append(problem(BsmCode.UNIT_UNEXPECTED, where, entry=known.name, unit=unit))
    if abs(scale) > (MAX_SCALE if known.scaled else 0):
        snapshot.findings.append(problem(BsmCode.SCALE_UNEXPECTED, where, entry=known.name, scale=scale))
    return octets


def _text(known: _Field, entry: Any, snapshot: Snapshot) -> bytes:
    """Return the signed octets of a text: 4 of length, then the text. Without a value it is empty."""
    stated = at(entry, "measuredValue", "value")
    text = "" if stated is None else stated
    if not isinstance(text, str):
        raise _malformed(known, snapshot)
    octets = _encoded(text, text_at(entry, "measuredValue", "valueEncoding"))
    if octets is None:
        place = snapshot.where[known.name]
        raise MalformedRecordError(BsmErrorCode.TEXT_NOT_ENCODABLE, place, {"entry": known.name})
    # The encoding is not signed: the same octets are "ä" in UTF-8 and "Ã¤" in ISO 8859-1. What is shown of a
    # text must not depend on an unsigned word, so the octets decide.
    snapshot.texts[known.name] = _decoded(octets)
    if snapshot.texts[known.name] != text:
        finding = warning(BsmCode.TEXT_ENCODING_OPEN, snapshot.where[known.name], entry=known.name)
        snapshot.findings.append(finding)
    return len(octets).to_bytes(4, "big") + octets


def _encoded(text: str, stated: str | None) -> bytes | None:
    """Return a text's octets by the stated encoding; ISO 8859-1, else UTF-8, where none is stated."""
    if text.isascii():
        return text.encode("ascii")
    names = ("latin-1", "utf-8") if stated is None else (_ENCODINGS.get(stated.strip().lower(), ""),)
    for name in names:
        try:
            return text.encode(name) if name else None
        except UnicodeEncodeError:
            continue
    return None


def _decoded(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _judge_labels(known: _Field, entry: Any, snapshot: Snapshot) -> None:
    """Compare the words of an entry, which are not signed, with what its place among the signed values means."""
    unit_code = snapshot.numbers[known.name].unit if known.kind != _TEXT else UNITLESS
    checks: tuple[tuple[str, frozenset[str]], ...] = (
        ("measuredValue.unit", UNIT_WORDS.get(unit_code, frozenset())),
        ("measuredValue.valueType", frozenset({known.kind})),
    )
    if known.obis is not None or text_at(entry, "measurand", "id") in _OBIS.values():
        checks += (("measurand.id", frozenset({known.obis} if known.obis else ())),)
    if known.kind == _TEXT:
        checks += (("measuredValue.scale", _NO_SCALE), ("measuredValue.unitEncoded", _NO_UNIT))
    for path, allowed in checks:
        stated = at(entry, *path.split("."))
        if stated is not None and written(stated) not in allowed:
            place = f"{snapshot.where[known.name]}/{path.replace('.', '/')}"
            finding = problem(
                BsmCode.LABEL_CONTRADICTS,
                place,
                member=f"{known.name} {path}",
                stated=written(stated),
                signed=" / ".join(sorted(allowed)) or "–",
            )
            snapshot.contradictions.append(finding)


_NO_SCALE, _NO_UNIT = frozenset({"0"}), frozenset({str(UNITLESS)})

_TAG = re.compile(r"(contract-id|evse-id|csc-sw-version):(.*)", re.DOTALL)


def tags_of(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return what the signed metadata say: the texts behind ``contract-id:``, ``evse-id:``, ``csc-sw-version:``.

    Blanks around them do not count; equal ones count once. Other metadata are free text.
    """
    found: dict[str, list[str]] = {}
    for name in METAS:
        match = _TAG.fullmatch(snapshot.texts[name])
        if match is not None and match[2].strip() not in found.setdefault(match[1], []):
            found[match[1]].append(match[2].strip())
    return found
