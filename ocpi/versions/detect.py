"""Which version an object without an envelope was written in, and reading it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from ocpi.findings import Finding
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.types import OcpiModel
from ocpi.versions.base import M, WireVersion
from ocpi.versions.taxes import COST_FIELDS, LIMIT_FIELDS
from ocpi.versions.v2_1_1 import V2_1_1
from ocpi.versions.v2_2_1 import V2_2_1
from ocpi.versions.v2_3_0 import V2_3_0


@dataclass(frozen=True, slots=True)
class AnyVersion(Generic[M]):
    """An object and how it was written.

    Attributes:
        model: Canonical object.
        version: Version number, e.g. ``2.3.0``.
        findings: What had to be understood in another way than it was written.
    """

    model: M
    version: str
    findings: tuple[Finding, ...]


def detect_version(model_type: type[OcpiModel], data: Any) -> WireVersion:
    """Return the version that an object was written in, by what only that version has.

    Args:
        model_type: Only tariffs and CDRs tell; for anything else it is 2.2.1.
        data: Parsed JSON, not yet validated.
    """
    if not isinstance(data, Mapping):
        return V2_2_1
    if model_type is Tariff:
        if data.get("tax_included") is not None or _is_230(data, LIMIT_FIELDS):
            return V2_3_0
        return V2_2_1 if "country_code" in data or "party_id" in data else V2_1_1
    if model_type is Cdr:
        if "stop_date_time" in data or "auth_id" in data:
            return V2_1_1
        return V2_3_0 if _is_230(data, COST_FIELDS) else V2_2_1
    return V2_2_1


def _is_230(data: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    prices = [data.get(name) for name in names]
    return any(
        isinstance(price, Mapping) and "before_taxes" in price and "excl_vat" not in price for price in prices
    )


def read_any(model_type: type[M], data: Any) -> AnyVersion[M]:
    """Read a tariff or CDR of 2.1.1, 2.2.1 or 2.3.0.

    Raises:
        InvalidObject: It is none, in the version that it looks like.
    """
    version = detect_version(model_type, data)
    read = version.read(model_type, data)
    return AnyVersion(read.model, version.number, read.findings)
