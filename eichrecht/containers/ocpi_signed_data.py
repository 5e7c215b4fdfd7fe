"""OCPI: ``signed_data`` of a CDR, alone or in its CDR, envelope or list, and single signed values.

Source: OCPI 2.2.1 and 2.3.0, mod_cdrs, SignedData and SignedValue classes. How a record is divided between
``plain_data`` and ``signed_data`` is decided in :mod:`eichrecht.containers.signed_value`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eichrecht.containers.claims import claims_in
from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.energy_claims import energy_claim, read_number
from eichrecht.containers.kinds import Found, Opener, Payload, joined, with_context, within
from eichrecht.containers.signed_value import open_signed_value
from eichrecht.evidence import EnergyClaim, Finding, Layer, Part, note, problem

_CDR_KEYS = frozenset({"charging_periods", "total_cost"})
"""Required in every CDR of every OCPI version and in no other OCPI object together."""


class OcpiSignedData:
    """Whatever of OCPI carries signed values: envelope, list, CDR, SignedData, SignedValue."""

    name = "ocpi"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        return None if payload.json is None else _from_any(payload.json.value, opener)


def _from_any(value: Any, opener: Opener) -> Found | None:
    if isinstance(value, list):
        return _from_list(value, opener)
    if not isinstance(value, dict):
        return None
    if "status_code" in value and isinstance(value.get("data"), dict | list):
        data = value["data"]
        found = _from_list(data, opener) if isinstance(data, list) else _from_object(data, opener)
        if found is None:
            return None
        return within(found, Layer("ocpi-envelope", "status_code_and_data"), where="/data")
    return _from_object(value, opener)


def _from_list(values: list[Any], opener: Opener) -> Found | None:
    found = [(i, _from_object(v, opener)) for i, v in enumerate(values) if isinstance(v, dict)]
    inner = [within(f, where=f"/{i}") for i, f in found if f is not None]
    if not inner:
        return None
    layer = Layer("ocpi-list", "objects_with_signed_data")
    return within(joined(inner), layer)


def _from_object(value: dict[str, Any], opener: Opener) -> Found | None:
    signed = value.get("signed_data")
    found: list[Found] = []
    if isinstance(signed, dict):
        found.append(_from_cdr(value, signed, opener))
    if "signed_values" in value:
        found.append(_from_signed_data(value, opener))
    if found:
        return joined(found)
    if isinstance(signed, str) and ("nature" in value or "plain_data" in value):
        return _from_signed_value(value, opener) if opener.grant_entries(1) else Found()
    if signed is None and value.keys() >= _CDR_KEYS:
        return Found(findings=(problem(ContainerCode.CDR_WITHOUT_SIGNED_DATA),))
    return None


def _from_cdr(value: dict[str, Any], signed: dict[str, Any], opener: Opener) -> Found:
    layer = Layer("ocpi-cdr", "signed_data_object")
    found = within(_from_signed_data(signed, opener), layer, where="/signed_data")
    identifier = value.get("id")
    group = identifier if isinstance(identifier, str) else None
    claims = _billed(value)
    parts = tuple(
        replace(with_context(part, transaction_id=group), energy_claims=(*part.energy_claims, *claims))
        for part in found.parts
    )
    return Found(parts, found.findings)


def _billed(cdr: dict[str, Any]) -> tuple[EnergyClaim, ...]:
    """Return the energy that a CDR bills.

    A credit negates ``total_cost`` only (mod_cdrs, Credit CDRs); some senders negate every total.
    """
    if "total_energy" not in cdr:
        return ()
    kwh = read_number(cdr["total_energy"])
    if kwh is not None and cdr.get("credit") is True:
        kwh = abs(kwh)
    return (energy_claim(cdr["total_energy"], kwh, "/total_energy"),)


def _from_signed_data(value: dict[str, Any], opener: Opener) -> Found:
    layer = Layer("ocpi-signed-data", "signed_values_list")
    signed_values = value.get("signed_values")
    if not isinstance(signed_values, list) or not signed_values:
        return Found(findings=(problem(ContainerCode.SIGNED_VALUES_MISSING, "/signed_values"),))
    key = value.get("public_key")
    key_text = key if isinstance(key, str) and key.strip() else None
    method = value.get("encoding_method")
    parts: list[Part] = []
    findings: list[Finding] = []
    for index, item in enumerate(signed_values[: opener.grant_entries(len(signed_values))]):
        found = within(_from_signed_value(item, opener), layer, where=f"/signed_values/{index}")
        findings.extend(found.findings)
        parts.extend(
            with_context(
                part,
                key_text=key_text,
                key_where=None if key_text is None else "/public_key",
                declared_format=method if isinstance(method, str) else None,
                findings=_without_key(part, key_text),
            )
            for part in found.parts
        )
    # placeInfo and meterInfo stand beside the values where a charging station wrote them (containers facts §6).
    claims = claims_in(value)
    claimed = (
        tuple(replace(part, claims=(*part.claims, *claims)) for part in parts) if claims else tuple(parts)
    )
    return Found(claimed, tuple(findings))


def _without_key(part: Part, key_text: str | None) -> tuple[Finding, ...]:
    """Report a missing key, unless the record came in a further container with a key of its own."""
    return (note(ContainerCode.PUBLIC_KEY_MISSING),) if key_text is None and part.key_text is None else ()


def _from_signed_value(item: Any, opener: Opener) -> Found:
    layer = Layer("ocpi-signed-value", "plain_data_and_signed_data")
    malformed = Part(b"", findings=(problem(ContainerCode.SIGNED_VALUE_MALFORMED),))
    if not isinstance(item, dict):
        return within(Found((malformed,)), layer)
    plain_data, signed_data, nature = (item.get(k) for k in ("plain_data", "signed_data", "nature"))
    if not all(isinstance(x, str | None) for x in (plain_data, signed_data)) or not (
        plain_data or signed_data
    ):
        found = Found((malformed,))
    else:
        found = open_signed_value(plain_data or "", signed_data or "", opener)
    context = nature if isinstance(nature, str) else None
    parts = tuple(with_context(part, context=context) for part in found.parts)
    return within(Found(parts, found.findings), layer)
