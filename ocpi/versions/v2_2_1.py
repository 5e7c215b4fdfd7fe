"""OCPI 2.2.1: the canonical models are its wire format, but for what only 2.3.0 can say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ocpi.findings import Finding, warning
from ocpi.objects.cdr import Cdr, TokenType
from ocpi.objects.patch import patch_of
from ocpi.objects.session import Session, SessionStatus
from ocpi.objects.tariff import Tariff
from ocpi.objects.token import Token
from ocpi.types import OcpiModel
from ocpi.versions.base import M, Read, Written, canonical_data, faithful_data, validate
from ocpi.versions.codes import VersionCode
from ocpi.versions.taxes import COST_FIELDS, LIMIT_FIELDS, Data, each_price, net_tariff, price_to_221

_AFTER_2_2_1 = frozenset({TokenType.EMAID.value})
_CONNECTORS_AFTER_2_2_1 = frozenset({"MCS", "SAE_J3400"})


def _session(data: Any) -> Any:
    """Read the status RESERVED as RESERVATION.

    mod_sessions writes RESERVED in its prose and RESERVATION in its enum (ocpi/ocpi#533); partners send both.
    """
    if isinstance(data, dict) and data.get("status") == "RESERVED":
        return {**data, "status": SessionStatus.RESERVATION.value}
    return data


def write_tariff(data: Data, place: str, findings: list[Finding]) -> Data | None:
    """Return the canonical data of a tariff in 2.2.1, ``None`` if its net prices are unknown."""
    plain = each_price(data, LIMIT_FIELDS, lambda price, where: price_to_221(price, place + where, findings))
    return net_tariff(plain, place, findings)


def write_tariffs(data: Data, findings: list[Finding]) -> Data | None:
    """Return the canonical data of a CDR with its tariffs in 2.2.1, ``None`` if one cannot be written."""
    if "tariffs" not in data:
        return data
    tariffs = [
        write_tariff(tariff, f"/tariffs/{index}", findings) for index, tariff in enumerate(data["tariffs"])
    ]
    return None if None in tariffs else {**data, "tariffs": tariffs}


def write_token_type(data: Data, place: str, findings: list[Finding]) -> Data:
    """Return a token whose type 2.2.1 knows."""
    if data.get("type") not in _AFTER_2_2_1:
        return data
    written = TokenType.OTHER.value
    findings.append(
        warning(VersionCode.TOKEN_TYPE_WRITTEN_AS, f"{place}/type", type=data["type"], written=written)
    )
    return {**data, "type": written}


def report_connector(data: Data, findings: list[Finding]) -> None:
    """Report a connector that 2.2.1 does not know: no other value says the same, so it is written as it is."""
    standard = data.get("cdr_location", {}).get("connector_standard")
    if standard in _CONNECTORS_AFTER_2_2_1:
        place = "/cdr_location/connector_standard"
        findings.append(warning(VersionCode.VALUE_NOT_EXPRESSIBLE, place, value=standard))


@dataclass(frozen=True, slots=True)
class V221:
    """The :class:`ocpi.versions.base.WireVersion` of 2.2.1."""

    number: ClassVar[str] = "2.2.1"
    base64_tokens: ClassVar[bool] = True

    def load(self, model_type: type[M], data: Any) -> M:
        """Read an object; see the Protocol."""
        return validate(model_type, _session(data) if model_type is Session else data)

    def load_patch(self, model_type: type[OcpiModel], data: Any) -> OcpiModel:
        """Read the body of a PATCH; see the Protocol."""
        return validate(patch_of(model_type), _session(data) if model_type is Session else data)

    def read(self, model_type: type[M], data: Any) -> Read[M]:
        """Read an object; see the Protocol."""
        model = self.load(model_type, data)
        findings = []
        if isinstance(model, Tariff) and model.tax_included is not None:
            findings.append(_foreign("", model))
        if isinstance(model, Cdr):
            findings += [
                _foreign(f"/tariffs/{index}", tariff)
                for index, tariff in enumerate(model.tariffs or ())
                if tariff.tax_included is not None
            ]
        return Read(model, tuple(findings))

    def dump(self, model: OcpiModel) -> dict[str, Any]:
        """Write an object; see the Protocol."""
        return faithful_data(self.write(model), model, self.number)

    def write(self, model: OcpiModel) -> Written:
        """Write an object; see the Protocol."""
        findings: list[Finding] = []
        data: Data | None = canonical_data(model)
        if isinstance(model, Tariff) and data is not None:
            data = write_tariff(data, "", findings)
        elif isinstance(model, Cdr | Session) and data is not None:
            data = each_price(data, COST_FIELDS, lambda price, where: price_to_221(price, where, findings))
            data["cdr_token"] = write_token_type(data["cdr_token"], "/cdr_token", findings)
            report_connector(data, findings)
            data = write_tariffs(data, findings)
        elif isinstance(model, Token) and data is not None:
            data = write_token_type(data, "", findings)
        return Written(data, tuple(findings))


def _foreign(place: str, tariff: Tariff) -> Finding:
    return warning(
        VersionCode.TAX_INCLUDED_FOREIGN, f"{place}/tax_included", tax_included=str(tariff.tax_included)
    )


V2_2_1 = V221()
"""The one instance."""
