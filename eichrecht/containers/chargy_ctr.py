"""Charge transparency records (CTR) of the Open Charging Cloud: JSON with sessions, devices and keys.

Source: facts/meter/containers.md §5.3. A session is handed on as the exact bytes of its object, or, where it holds
the signed text of its meter (``original``), as that text. Verdicts, sums and certificates in the file are claims
and not looked at; keys come from the file like any other key that travels with its data.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.energy_claims import energy_claim, kwh_of_unit, read_number
from eichrecht.containers.json_slices import items, members
from eichrecht.containers.json_text import as_bytes
from eichrecht.containers.kinds import Found, Opener, Payload, joined, with_context, within
from eichrecht.containers.limits import MAX_BESIDE_KEYS
from eichrecht.containers.members import attach_detached
from eichrecht.evidence import EnergyClaim, Finding, Layer, Part, problem
from eichrecht.evidence.document import BesideKey

_CONTEXT = "https://open.charging.cloud/contexts/CTR+json"
_SESSIONS = "chargingSessions"
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+", re.ASCII)
_METHOD = re.compile(r"SignatureFormats/([A-Za-z0-9._-]{1,40}?)(?:\+json)?$", re.ASCII)
_MAX_SCALE = 12
"""Largest power of ten of a claimed value that is taken for one."""
_OTHER_UNITS = frozenset(
    {
        *("w", "kw", "watt", "watts", "kilowatt", "kilowatts", "va", "kva", "var", "kvar", "varh", "kvarh"),
        *("v", "volt", "volts", "a", "amp", "amps", "ampere", "amperes", "hz", "hertz", "%", "percent"),
        *("s", "sec", "seconds", "min", "minutes", "h", "hours", "c", "°c", "celsius"),
    }
)
"""Units of other quantities than energy."""


class CtrCode(StrEnum):
    """Finding codes of this container."""

    NO_SESSIONS = "ctr_no_sessions"
    SESSION_MALFORMED = "ctr_session_malformed"
    ORIGINAL_MISSING = "ctr_original_missing"
    SIGNATURE_UNREADABLE = "ctr_signature_unreadable"


class ChargyCtr:
    """A CTR with its charging sessions."""

    name = "chargy-ctr"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        document = None if payload.json is None else payload.json.value
        if not isinstance(document, dict) or not _is_ctr(document.get("@context")):
            return None
        layer = Layer(self.name, "ctr_context")
        sessions = document.get(_SESSIONS)
        if not isinstance(sessions, list) or not sessions:
            return within(Found(findings=(problem(CtrCode.NO_SESSIONS, f"/{_SESSIONS}"),)), layer)
        text = payload.trimmed
        places = members(text)
        spans = None if places is None or _SESSIONS not in places else items(text, places[_SESSIONS][0])
        if spans is None or len(spans) != len(sessions):
            return None  # single-quoted JSON: its bytes are not the ones that were read
        keys = _Keys(document)
        found = joined(
            _from_session(sessions[index], text[slice(*spans[index])], f"/{_SESSIONS}/{index}", keys, opener)
            for index in range(opener.grant_entries(len(sessions)))
        )
        return within(found, layer)


def _is_ctr(context: Any) -> bool:
    contexts = context if isinstance(context, list) else [context]
    return any(isinstance(one, str) and one.startswith(_CONTEXT) for one in contexts)


@dataclass(frozen=True, slots=True)
class _Key:
    text: str
    where: str


class _Keys:
    """The keys in a CTR: of energy meters, by the meter's id, and those that stand by themselves."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._of_meter: dict[str, list[_Key]] = {}
        devices = {name: part for name, part in document.items() if name != _SESSIONS}
        waiting: list[tuple[Any, str]] = [(devices, "")]
        while waiting:
            node, where = waiting.pop()
            if isinstance(node, list):
                waiting.extend((child, f"{where}/{index}") for index, child in enumerate(node))
            elif isinstance(node, dict):
                for name, child in node.items():
                    if name in ("energyMeters", "meters") and isinstance(child, list):
                        self._add_meters(child, f"{where}/{name}")
                    elif isinstance(child, dict | list):
                        waiting.append((child, f"{where}/{name}"))
        lone = document.get("publicKeys")
        self.beside = tuple(_beside_keys(lone if isinstance(lone, list) else []))

    def _add_meters(self, meters: list[Any], where: str) -> None:
        for index, meter in enumerate(meters):
            keys = meter.get("publicKeys") if isinstance(meter, dict) else None
            first = keys[0] if isinstance(keys, list) and keys else None
            text = _text(first, "value")
            identifier = _text(meter, "@id")
            if identifier is not None and text is not None:
                key = _Key(text, f"{where}/{index}/publicKeys/0/value")
                self._of_meter.setdefault(identifier, []).append(key)

    def of_meter(self, identifier: str | None) -> list[_Key]:
        return self._of_meter.get(identifier, []) if identifier is not None else []


def _beside_keys(keys: list[Any]) -> Iterator[BesideKey]:
    for key in keys[:MAX_BESIDE_KEYS]:
        text = _text(key, "value")
        if text is None:
            continue
        subject = key.get("subject")
        name = _text(key, "@id") or (subject if isinstance(subject, str) else _text(subject, "EVSEId"))
        yield BesideKey((name or "")[:100], text)


def _from_session(session: Any, content: bytes, where: str, keys: _Keys, opener: Opener) -> Found:
    """Take what is signed of a session: the session itself, or the text that its meter signed."""
    claims: tuple[tuple[str, str], ...]
    claimed: tuple[EnergyClaim, ...]
    if not isinstance(session, dict):
        return Found((Part(content, where=where, findings=(problem(CtrCode.SESSION_MALFORMED),)),))
    spans = opener.recognise(content)
    if len(spans) == 1 and (spans[0].start, spans[0].end) == (0, len(content)):
        found = (
            Found((Part(content, spans[0].format, spans[0].reason),)) if opener.grant_records(1) else Found()
        )
        # Its members are themselves what is signed; what they sign of the session groups them, not an id in the file.
        claims, claimed, transaction_id = (), (), None
    else:
        found = _from_originals(session, content, opener)
        claims = tuple(_claims(session))
        claimed = tuple(replace(c, where=where + c.where) for c in _energy_claims(session))
        transaction_id = _text(session, "@id")
    found = within(found, where=where)  # before the keys, whose places are those of the whole document
    meter_keys = keys.of_meter(_meter_id(session))
    parts = []
    for part in found.parts:
        given = with_context(part, transaction_id=transaction_id)
        for key in meter_keys[:2]:
            # A second meter of the same id is only there to be compared: the first key counts.
            given = with_context(given, key_text=key.text, key_where=key.where)
        parts.append(
            replace(
                given,
                claims=(*given.claims, *claims),
                energy_claims=(*given.energy_claims, *claimed),
                beside_keys=(*given.beside_keys, *(() if meter_keys else keys.beside)),
            )
        )
    return Found(tuple(parts), found.findings)


def _from_originals(session: dict[str, Any], content: bytes, opener: Opener) -> Found:
    """Open the signed texts that a session carries: one for the session, or one per value."""
    own = session.get("original")
    if isinstance(own, str) and own.strip():
        return within(_open_original(own, session.get("signature"), opener), where="/original")
    found = [
        within(_open_original(value["original"], value.get("signature"), opener), where=f"{where}/original")
        for where, value in _values(session)
        if isinstance(value.get("original"), str)
    ]
    if found:
        return joined(found)
    missing = problem(CtrCode.ORIGINAL_MISSING, "", method=_method(session))
    return Found((Part(content, findings=(missing,)),))


def _open_original(original: str, signature: Any, opener: Opener) -> Found:
    """Open a signed text; if a signature stands beside it, it belongs to exactly these bytes."""
    text = as_bytes(original)
    for content, layer in (
        (_base64(original), Layer("base64", "ctr_original")),
        (text, Layer("ctr-original", "signed_text")),
    ):
        found = Found() if content is None else opener.open(content, is_utf8=content is text)
        if content is not None and found.parts:
            if signature is not None:
                found = _with_signature(found, content, signature)
            return within(found, layer)
    unrecognised = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(text))
    return Found((Part(text, findings=(unrecognised,)),))


def _with_signature(found: Found, content: bytes, signature: Any) -> Found:
    octets = _signature_bytes(signature)
    if octets is None:
        unreadable: Finding = problem(CtrCode.SIGNATURE_UNREADABLE, "/signature")
        return Found(
            tuple(replace(part, findings=(*part.findings, unreadable)) for part in found.parts),
            found.findings,
        )
    return Found(attach_detached(found.parts, content, octets) or found.parts, found.findings)


def _signature_bytes(signature: Any) -> bytes | None:
    """Return a signature as DER: it is written so in hexadecimal, or as its two numbers r and s."""
    if isinstance(signature, str):
        digits = "".join(signature.split())
        return bytes.fromhex(digits) if _HEX.fullmatch(digits) else None
    numbers = [_text(signature, "r"), _text(signature, "s")]
    octets = [bytes.fromhex(n) for n in numbers if n is not None and _HEX.fullmatch(n) and len(n) <= 160]
    if len(octets) != 2:
        return None
    inner = b"".join(map(_der_integer, octets))
    return b"\x30" + _der_length(len(inner)) + inner


def _der_integer(octets: bytes) -> bytes:
    number = int.from_bytes(octets, "big")
    shortest = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + _der_length(len(shortest)) + shortest


def _der_length(length: int) -> bytes:
    return bytes((length,)) if length < 0x80 else bytes((0x81, length))


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _measurements(session: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    measurements = session.get("measurements")
    for index, measurement in enumerate(measurements if isinstance(measurements, list) else []):
        if isinstance(measurement, dict):
            yield f"/measurements/{index}", measurement


def _values(session: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for where, measurement in _measurements(session):
        values = measurement.get("values")
        for index, value in enumerate(values if isinstance(values, list) else []):
            if isinstance(value, dict):
                yield f"{where}/values/{index}", value


def _meter_id(session: dict[str, Any]) -> str | None:
    """Return the meter of a session; ``None`` if its measurements name several, or none."""
    named = {_text(measurement, "energyMeterId") for _, measurement in _measurements(session)}
    return named.pop() if len(named) == 1 else None


def _method(session: dict[str, Any]) -> str:
    """Return the name of the session's signature method, for people."""
    contexts = [session, *(measurement for _, measurement in _measurements(session))]
    for text in (_text(context, "@context") for context in contexts):
        match = _METHOD.search(text or "")
        if match is not None:
            return match[1]
    return "?"


def _claims(session: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for claim, text in (
        ("evse_id", _text(session, "EVSEId")),
        ("meter_id", _meter_id(session)),
        ("session_begin", _text(session, "begin")),
        ("session_end", _text(session, "end")),
    ):
        if text is not None:
            yield claim, text[:100]


def _energy_claims(session: dict[str, Any]) -> tuple[EnergyClaim, ...]:
    """Return the energy that the values beside a signed text add up to, as a program would show it.

    Of measurements that differ (import and export) nothing says which is the session's: none can be compared.
    """
    claims = tuple(
        claim for where, one in _measurements(session) if (claim := _energy_of(one, where)) is not None
    )
    same = len({claim.kwh for claim in claims}) < 2
    return claims if same else tuple(replace(claim, kwh=None) for claim in claims)


def _energy_of(measurement: dict[str, Any], where: str) -> EnergyClaim | None:
    """Return what a measurement says of the energy; one of another quantity (power, voltage) says nothing.

    One without a unit may be taken for energy, and so may a value that stands alone: these cannot be read.
    """
    values, unit = measurement.get("values"), measurement.get("unit")
    entries = [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
    stated = [value["value"] for value in entries if value.get("value") is not None]
    if not stated or (isinstance(unit, str) and unit.strip().lower() in _OTHER_UNITS):
        return None
    first, last, scale = (read_number(n) for n in (stated[0], stated[-1], measurement.get("scale", 0)))
    factor = kwh_of_unit(unit)
    if len(stated) < 2 or factor is None or first is None or last is None or not _is_scale(scale):
        named = unit[:20] if isinstance(unit, str) else "?"
        return energy_claim(f"{str(stated[-1])[:30]} {named}", None, where)
    assert scale is not None  # noqa: S101 - looked at above
    kwh = ((last - first) * factor).scaleb(int(scale))
    return energy_claim(kwh, kwh, where)


def _is_scale(scale: Decimal | None) -> bool:
    return scale is not None and abs(scale) <= _MAX_SCALE and scale == int(scale)


def _text(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) and found.strip() else None
