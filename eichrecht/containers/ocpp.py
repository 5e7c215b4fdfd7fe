"""OCPP messages: signed values in MeterValues, StopTransaction (1.6) and TransactionEvent (2.0.1, 2.1).

Sources: OCPP 1.6J schemas with the OCA application note "Signed Meter Values in OCPP" 1.0; OCPP 2.0.1 and 2.1,
SampledValueType and SignedMeterValueType. A message may be a whole OCPP-J frame (``[2,"id","Action",{...}]``), the
payload alone, a list of either, or a log with one of them per line. Keys that a station announced in the same log
(``MeterPublicKey1``, ``FiscalMetering.PublicKey``, DataTransfer with ``meters``) lie beside its records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.energy_claims import kwh_of_unit, read_number
from eichrecht.containers.json_kinds import open_signed_meter_value
from eichrecht.containers.json_text import as_bytes, read_json
from eichrecht.containers.kinds import Found, Opener, Payload, joined, with_context, within
from eichrecht.containers.limits import MAX_BESIDE_KEYS, SHORTEST_RECORD
from eichrecht.evidence import BesideKey, Finding, Layer, Part, note, problem

_LAYER = "ocpp"
_CALL, _CALL_RESULT = 2, 3
_SIGNED = "SignedData"
_KEY_NAME = re.compile(r"MeterPublicKey(?:\[?\d{0,4}\]?)")
_REGISTER = "Energy.Active.Import.Register"
"""The measurand of a sampled value that names none (OCPP 1.6 §7.43)."""

REGISTER_CLAIM = "register_kwh"
"""Name of the claim that says, unsigned, what the register shows: ``meterStop``, or a value beside a signed one."""

_MAX_BESIDE = 64
_MAX_MULTIPLIER = 12
_Sampled = dict[str, Any]
_CARRIERS = frozenset({"meterValue", "transactionData"})


class OcppMessages:
    """OCPP-J frames and payloads with signed values."""

    name = "ocpp"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        messages = list(_messages(payload))
        if not messages:
            return None
        log = _Log()
        found = joined(log.read(message, opener) for message in messages)
        if not found.parts:
            return Found(findings=(problem(ContainerCode.OCPP_WITHOUT_SIGNED_DATA),))
        read = () if payload.json is None or payload.json.broken else payload.json.findings
        return Found(log.with_keys(found.parts), read + found.findings)


@dataclass(frozen=True, slots=True)
class _Message:
    """A payload with its place in the document and how its frame was recognised."""

    payload: dict[str, Any]
    where: str
    reason: str


def _messages(payload: Payload) -> Iterator[_Message]:
    if payload.json is not None and not payload.json.broken:
        yield from _from_value(payload.json.value, "")
        return
    for number, value in enumerate(payload.json_lines or ()):
        yield from _from_value(value, f"/{number}")


def _from_value(value: Any, where: str) -> Iterator[_Message]:
    if isinstance(value, list):
        framed = _framed(value)
        if framed is not None:
            yield from _from_payload(framed[0], where + framed[1], "ocpp_frame")
        else:
            for index, item in enumerate(value):
                if isinstance(item, list) and (inner := _framed(item)) is not None:
                    yield from _from_payload(inner[0], f"{where}/{index}{inner[1]}", "ocpp_frame")
                elif isinstance(item, dict):
                    yield from _from_payload(item, f"{where}/{index}", "ocpp_payload")
    elif isinstance(value, dict):
        yield from _from_payload(value, where, "ocpp_payload")


def _framed(value: list[Any]) -> tuple[dict[str, Any], str] | None:
    """Return the payload of an OCPP-J frame and its place (OCPP-J 1.6 §4.2)."""
    if len(value) == 4 and value[0] == _CALL and isinstance(value[2], str) and isinstance(value[3], dict):
        return value[3], "/3"
    if len(value) == 3 and value[0] == _CALL_RESULT and isinstance(value[2], dict):
        return value[2], "/2"
    return None


def _from_payload(payload: dict[str, Any], where: str, reason: str) -> Iterator[_Message]:
    carries = any(isinstance(payload.get(name), list) for name in _CARRIERS)
    sampled = isinstance(payload.get("sampledValue"), list)
    if carries or sampled or any(True for _ in _keys_of(payload)):
        yield _Message(payload, where, reason)


@dataclass(slots=True)
class _Log:
    """What the messages of one document say together."""

    keys: list[BesideKey] = field(default_factory=list)
    session_keys: dict[str | None, set[str]] = field(default_factory=dict)

    def read(self, message: _Message, opener: Opener) -> Found:
        """Return the records of one message; keys that it announces are kept."""
        self.keys += _keys_of(message.payload)
        session = _transaction_of(message.payload)
        inner = []
        for sampled, where, beside in _sampled_values(message.payload):
            found = _from_sampled(sampled, opener)
            if found is None:
                continue
            stated = tuple(_stated(sampled, beside, message.payload))
            parts = tuple(
                replace(with_context(part, transaction_id=session), claims=(*part.claims, *stated))
                for part in found.parts
            )
            for part in parts:
                if part.key_text is not None:
                    self.session_keys.setdefault(session, set()).add(part.key_text)
            inner.append(within(Found(parts, found.findings), where=where))
        return within(joined(inner), Layer(_LAYER, message.reason), where=message.where)

    def with_keys(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Give each record without a key the one that its transaction brought elsewhere, and what was announced.

        ``PublicKeyWithSignedMeterValue`` may be ``OncePerTransaction``: only one of the messages has the key.
        """
        beside = tuple(self.keys[:MAX_BESIDE_KEYS])
        made = []
        for part in parts:
            keyed = part
            known = self.session_keys.get(part.transaction_id, set())
            if part.key_text is None and len(known) == 1:
                kept = tuple(f for f in part.findings if f.code != ContainerCode.PUBLIC_KEY_MISSING)
                (text,) = known
                given = (*kept, note(ContainerCode.OCPP_KEY_OF_TRANSACTION))
                keyed = replace(part, key_text=text, key_where="", findings=given)
            made.append(replace(keyed, beside_keys=keyed.beside_keys + beside) if beside else keyed)
        return tuple(made)


def _transaction_of(payload: dict[str, Any]) -> str | None:
    """Return the transaction's id: an integer in 1.6, ``transactionInfo.transactionId`` in 2.0.1 and 2.1."""
    info = payload.get("transactionInfo")
    value = info.get("transactionId") if isinstance(info, dict) else payload.get("transactionId")
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _sampled_values(payload: dict[str, Any]) -> Iterator[tuple[_Sampled, str, list[_Sampled]]]:
    """Yield every sampled value with its place and with those of the same moment, itself among them."""
    for name in sorted(_CARRIERS):
        meter_values = payload.get(name)
        for index, meter_value in enumerate(meter_values if isinstance(meter_values, list) else ()):
            if isinstance(meter_value, dict):
                yield from _samples(meter_value, f"/{name}/{index}")
    yield from _samples(payload, "")


def _samples(meter_value: dict[str, Any], where: str) -> Iterator[tuple[_Sampled, str, list[_Sampled]]]:
    values = meter_value.get("sampledValue")
    every = [sampled for sampled in values if isinstance(sampled, dict)] if isinstance(values, list) else []
    for index, sampled in enumerate(values if isinstance(values, list) else ()):
        if isinstance(sampled, dict):
            yield sampled, f"{where}/sampledValue/{index}", every


def _stated(
    signed: _Sampled, beside: Sequence[_Sampled], payload: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield the readings of the register, in kWh, that unsigned members state for the moment of a signed value."""
    for sampled in beside[:_MAX_BESIDE]:
        own = sampled is signed
        energy = sampled.get("measurand") in (None, _REGISTER) and sampled.get("phase") is None
        if not energy or sampled.get("context") != signed.get("context") or sampled.get("format") == _SIGNED:
            continue
        if not own and isinstance(sampled.get("signedMeterValue"), dict):
            continue
        reading = _register_kwh(sampled)
        if reading is not None:
            yield REGISTER_CLAIM, f"{reading:f}"
    stop = read_number(payload.get("meterStop"))
    if stop is not None and signed.get("context") != "Transaction.Begin":
        yield REGISTER_CLAIM, f"{stop / 1000:f}"


def _register_kwh(sampled: _Sampled) -> Decimal | None:
    unit, multiplier = sampled.get("unit", "Wh"), None
    described = sampled.get("unitOfMeasure")
    if isinstance(described, dict):
        unit, multiplier = described.get("unit", "Wh"), read_number(described.get("multiplier", 0))
        if multiplier is None or abs(multiplier) > _MAX_MULTIPLIER or multiplier != int(multiplier):
            return None
    number, factor = read_number(sampled.get("value")), kwh_of_unit(unit)
    if number is None or factor is None:
        return None
    return (number * factor).scaleb(int(multiplier or 0))


def _from_sampled(sampled: dict[str, Any], opener: Opener) -> Found | None:
    """Return the record of one sampled value; ``None`` for an unsigned one, which nobody bills by."""
    signed, value = sampled.get("signedMeterValue"), sampled.get("value")
    context = sampled.get("context")
    declared = sampled.get("format") == _SIGNED
    if not (
        isinstance(signed, dict) or (isinstance(value, str) and (declared or len(value) >= SHORTEST_RECORD))
    ):
        return None
    if not opener.grant_entries(1):
        return Found()
    if isinstance(signed, dict):
        found = open_signed_meter_value(signed, opener) or _unreadable(b"")
        where = "/signedMeterValue"
    else:
        assert isinstance(value, str)  # noqa: S101 - looked at above
        content = as_bytes(value)
        found = opener.open(content, is_utf8=True)
        where = "/value"
        if not found.parts:
            if not declared:
                return None
            found = _unreadable(content, found.findings)
    parts = tuple(
        with_context(part, context=context if isinstance(context, str) else None) for part in found.parts
    )
    return within(Found(parts, found.findings), where=where)


def _unreadable(content: bytes, findings: tuple[Finding, ...] = ()) -> Found:
    unrecognised = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content))
    return Found((Part(content, findings=(unrecognised,)),), findings)


def _keys_of(payload: dict[str, Any]) -> Iterator[BesideKey]:
    """Yield the meter keys that a message announces.

    1.6: GetConfiguration.conf and ChangeConfiguration.req with ``MeterPublicKey<connector>``; DataTransfer.req whose
    ``data`` is a JSON text with ``meters``. 2.0.1: NotifyReport and GetVariables with FiscalMetering.PublicKey.
    """
    settings = payload.get("configurationKey")
    for setting in [*(settings if isinstance(settings, list) else ()), payload]:
        name = setting.get("key") if isinstance(setting, dict) else None
        if isinstance(name, str) and _KEY_NAME.fullmatch(name) and _is_key(setting.get("value")):
            yield BesideKey(name, setting["value"])
    yield from _transferred(payload.get("data"))
    for name in ("reportData", "getVariableResult", "setVariableData"):
        entries = payload.get(name)
        for entry in entries if isinstance(entries, list) else ():
            yield from _variable(entry)


def _is_key(value: object) -> bool:
    return isinstance(value, str) and len(value) >= SHORTEST_RECORD


def _transferred(data: object) -> Iterator[BesideKey]:
    if isinstance(data, str) and '"meters"' in data:
        text = read_json(as_bytes(data.strip()))
        data = text.value if text is not None else None
    meters = data.get("meters") if isinstance(data, dict) else None
    for meter in meters if isinstance(meters, list) else ():
        if isinstance(meter, dict) and _is_key(meter.get("publicKey")):
            serial = meter.get("meterSerial")
            yield BesideKey(serial if isinstance(serial, str) else "DataTransfer", meter["publicKey"])


def _variable(entry: object) -> Iterator[BesideKey]:
    if not isinstance(entry, dict):
        return
    component, variable = entry.get("component"), entry.get("variable")
    if not isinstance(component, dict) or not isinstance(variable, dict):
        return
    if (component.get("name"), variable.get("name")) != ("FiscalMetering", "PublicKey"):
        return
    attributes = entry.get("variableAttribute")
    values = (
        [a.get("value") for a in attributes if isinstance(a, dict)] if isinstance(attributes, list) else []
    )
    for value in (*values, entry.get("attributeValue")):
        if _is_key(value):
            yield BesideKey("FiscalMetering.PublicKey", str(value))
