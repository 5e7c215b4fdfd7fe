"""The chargeIT containers: one charging session as JSON, old and new, and the OCPI-shaped form of the new one.

Source: facts/meter/containers.md §3.1, §3.2 and §6 (b). Only the entries of ``signedMeterValues`` are signed. They
are cut out byte by byte; what stands beside them goes along as claims, which formats compare with what is signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Any

from eichrecht.containers.claims import claims_in, text_at
from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.energy_claims import energy_claim, kwh_of_unit, read_number
from eichrecht.containers.json_slices import items, members
from eichrecht.containers.json_text import as_bytes
from eichrecht.containers.kinds import Found, Opener, Payload, with_context, within
from eichrecht.evidence import EnergyClaim, Finding, Layer, Part, note, problem


class ChargeItCode(StrEnum):
    """Finding codes of these containers."""

    VALUES_MISSING = "chargeit_values_missing"
    VALUE_MALFORMED = "chargeit_value_malformed"
    TRANSACTIONS_DIFFER = "chargeit_transactions_differ"
    CONTEXT_UNKNOWN = "chargeit_context_unknown"
    PRICES_NOT_SIGNED = "chargeit_prices_not_signed"


_VALUES = "signedMeterValues"
_STATION = re.compile(
    r"https://www\.(?:chargeit-mobility\.com|lichtblick\.de|eneco\.com)/contexts/charging-station-json-v[0-9]+"
)
_OCPI_SHAPED = "https://open.charging.cloud/contexts/ocpi-2.1"
_PRICES = ("chargingTariffs", "chargingPeriods", "totalCosts", "chargingCostsInfo")
_BEGIN, _BETWEEN, _END = "Transaction.Begin", "Transaction.Intermediate", "Transaction.End"


class ChargeIt:
    """JSON with ``signedMeterValues``: BSM, EMH or ALFEN values of one session, in the order of their making."""

    name = "chargeit"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        document = None if payload.json is None else payload.json.value
        if not isinstance(document, dict) or not isinstance(document.get(_VALUES), list):
            return None
        layer, findings = _recognised(document)
        text = payload.trimmed
        places = members(text)
        spans = None if places is None or _VALUES not in places else items(text, places[_VALUES][0])
        values = document[_VALUES]
        if spans is None or len(spans) != len(values):
            return None  # single-quoted JSON: its bytes are not the ones that were read
        if not values:
            return within(Found(findings=(problem(ChargeItCode.VALUES_MISSING, f"/{_VALUES}"),)), layer)
        parts: list[Part] = []
        for index in range(opener.grant_entries(len(values))):
            start, end = spans[index]
            found = _open_value(values[index], text[start:end], opener)
            context = _BEGIN if index == 0 else _END if index == len(values) - 1 else _BETWEEN
            found = within(found, where=f"/{_VALUES}/{index}")
            parts += (with_context(part, context=context) for part in found.parts)
            findings += found.findings
        return within(Found(tuple(_with_statements(parts, document)), findings), layer)


def _recognised(document: dict[str, Any]) -> tuple[Layer, tuple[Finding, ...]]:
    """Return which container it is, and what to say about it as a whole."""
    findings: tuple[Finding, ...] = ()
    context = document.get("@context")
    if context is None:
        layer = Layer("chargeit", "signed_meter_values")
    elif isinstance(context, str) and _STATION.fullmatch(context.strip()):
        layer = Layer("chargeit-station", "station_context")
    elif context == _OCPI_SHAPED:
        layer = Layer("chargeit-ocpi", "ocpi_context")
    else:
        layer = Layer("chargeit", "signed_meter_values")
        findings = (note(ChargeItCode.CONTEXT_UNKNOWN, "/@context", context=str(context)[:100]),)
    priced = [name for name in _PRICES if document.get(name)]
    if priced:
        findings += (note(ChargeItCode.PRICES_NOT_SIGNED, "", members=", ".join(priced)),)
    return layer, findings


def _open_value(value: Any, content: bytes, opener: Opener) -> Found:
    """Return the record of one entry: the object itself, its ``payload`` text, or the text that it is."""
    if isinstance(value, str):
        found = opener.open(as_bytes(value), is_utf8=True)
        return found if found.parts else _unrecognised(as_bytes(value), found)
    if not isinstance(value, dict):
        return Found((Part(content, findings=(problem(ChargeItCode.VALUE_MALFORMED),)),))
    spans = opener.recognise(content)
    if len(spans) == 1 and (spans[0].start, spans[0].end) == (0, len(content)):
        return (
            Found((Part(content, spans[0].format, spans[0].reason),)) if opener.grant_records(1) else Found()
        )
    payload, declared = value.get("payload"), value.get("format")
    if isinstance(payload, str):
        found = opener.open(as_bytes(payload), is_utf8=True)
        if found.parts:
            hint = declared if isinstance(declared, str) else None
            parts = tuple(with_context(part, declared_format=hint) for part in found.parts)
            layer = Layer("chargeit-payload", "payload_is_recognised")
            return within(Found(parts, found.findings), layer, where="/payload")
    return _unrecognised(content, Found())


def _unrecognised(content: bytes, found: Found) -> Found:
    finding = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content))
    return Found((Part(content, findings=(finding,)),), found.findings)


def _with_statements(parts: list[Part], document: dict[str, Any]) -> Iterator[Part]:
    """Give every part what the container says of the session: its id, its key, its energy, its claims."""
    transaction_id, doubts = _transaction_of(document)
    claims = claims_in(document)
    key = text_at(document, "meterInfo", "publicKey")
    energy = tuple(_energy_claims_of(document))
    for part in parts:
        given = with_context(
            part,
            key_text=key,
            key_where=None if key is None else "/meterInfo/publicKey",
            transaction_id=transaction_id,
            findings=doubts,
        )
        yield replace(given, claims=(*given.claims, *claims), energy_claims=(*given.energy_claims, *energy))


def _transaction_of(document: dict[str, Any]) -> tuple[str | None, tuple[Finding, ...]]:
    """Return the session's id: the container's, the transaction's (EMH), or the first snapshot's (BSM).

    ALFEN values have neither in an old container; what they sign of their session groups them.
    """
    own = text_at(document, "@id")
    values = [value for value in document[_VALUES] if isinstance(value, dict)]
    named = [text for value in values if (text := text_at(value, "transactionId")) is not None]
    doubts: tuple[Finding, ...] = ()
    if len(set(named)) > 1 or (named and len(named) < len(values)):
        doubts = (problem(ChargeItCode.TRANSACTIONS_DIFFER, f"/{_VALUES}"),)
    if own is not None:
        return own, doubts
    if named:
        return named[-1], doubts
    return (text_at(values[0], "@id") if values else None), doubts


def _energy_claims_of(document: dict[str, Any]) -> Iterator[EnergyClaim]:
    """Yield the energy that the costs are calculated from, wherever it is stated.

    The OCPI-shaped form may have the ``total_energy`` of a CDR.
    """
    if document.get("total_energy") is not None:
        total = document["total_energy"]
        yield energy_claim(total, read_number(total), "/total_energy")
    for name in ("totalCosts", "chargingCostsInfo"):
        costs = document.get(name)
        energy = costs.get("energy") if isinstance(costs, dict) else None
        if energy is None or energy == {}:
            continue
        amount, unit = (
            (energy.get(n) for n in ("amount", "unit")) if isinstance(energy, dict) else (None, None)
        )
        number, factor = read_number(amount), kwh_of_unit(unit)
        kwh = None if number is None or factor is None else number * factor
        yield energy_claim(energy if kwh is None else kwh, kwh, f"/{name}/energy")
