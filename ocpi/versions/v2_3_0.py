"""OCPI 2.3.0 (2.3.0/release/core): amounts before taxes with tax lines, tariffs that may include taxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ocpi.errors import InvalidObject, Problem
from ocpi.findings import Finding, note, warning
from ocpi.objects.cdr import Cdr, TokenType
from ocpi.objects.patch import patch_of
from ocpi.objects.session import Session
from ocpi.objects.tariff import Tariff, TaxIncluded
from ocpi.objects.token import Token
from ocpi.types import OcpiModel
from ocpi.versions.base import M, Read, Written, canonical_data, faithful_data, validate
from ocpi.versions.codes import VersionCode
from ocpi.versions.taxes import (
    COST_FIELDS,
    LIMIT_FIELDS,
    Data,
    derived_tax_included,
    each_price,
    limit_from_230,
    limit_to_230,
    price_from_230,
    price_to_230,
    single_rate,
)

_TOKEN_TYPES = frozenset(TokenType)


def _read_tariff(value: Any, place: str, findings: list[Finding]) -> Any:
    if not isinstance(value, dict):
        return value
    if value.get("tax_included") is None:  # mandatory; the CDR example of the specification lacks it
        findings.append(
            warning(VersionCode.TAX_INCLUDED_MISSING, f"{place}/tax_included", read_as=TaxIncluded.NO)
        )
    return each_price(
        value, LIMIT_FIELDS, lambda limit, where: limit_from_230(limit, place + where, findings)
    )


def _read_token(value: Any, place: str, findings: list[Finding]) -> Any:
    """Read a token type that nobody knew when this was written: the list is open (2.3.0, OpenEnum)."""
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    if not isinstance(kind, str) or kind in _TOKEN_TYPES:
        return value
    read_as = TokenType.OTHER.value
    findings.append(warning(VersionCode.TOKEN_TYPE_READ_AS, f"{place}/type", type=kind[:36], read_as=read_as))
    return {**value, "type": read_as}


def _read(model_type: type[OcpiModel], data: Any, findings: list[Finding]) -> Any:
    if not isinstance(data, dict):
        return data
    if model_type is Tariff:
        return _read_tariff(data, "", findings)
    if model_type is Token:
        return _read_token(data, "", findings)
    if model_type is not Cdr and model_type is not Session:
        return data
    read = each_price(data, COST_FIELDS, lambda price, where: price_from_230(price, where, findings))
    if "cdr_token" in read:
        read["cdr_token"] = _read_token(read["cdr_token"], "/cdr_token", findings)
    if isinstance(read.get("tariffs"), list):
        read["tariffs"] = [
            _read_tariff(tariff, f"/tariffs/{index}", findings)
            for index, tariff in enumerate(read["tariffs"])
        ]
    return read


_NAMES = {"excl_vat": "before_taxes", "incl_vat": "after_taxes"}


def _in_own_words(error: InvalidObject) -> InvalidObject:
    """Return an error whose places are named as 2.3.0 names them."""
    problems = []
    for problem in error.problems:
        head, _, last = problem.pointer.rpartition("/")
        problems.append(
            Problem(f"{head}/{_NAMES.get(last, last)}" if head else problem.pointer, problem.message)
        )
    return InvalidObject(error.object_name, tuple(problems))


def _write_tariff(data: Data, place: str, findings: list[Finding]) -> Data:
    written = each_price(data, LIMIT_FIELDS, lambda limit, _: limit_to_230(limit))
    if "tax_included" not in written:
        derived = derived_tax_included(written)
        findings.append(
            note(VersionCode.TAX_INCLUDED_DERIVED, f"{place}/tax_included", tax_included=derived.value)
        )
        written["tax_included"] = derived.value
    return written


@dataclass(frozen=True, slots=True)
class V230:
    """The :class:`ocpi.versions.base.WireVersion` of 2.3.0."""

    number: ClassVar[str] = "2.3.0"
    base64_tokens: ClassVar[bool] = True

    def load(self, model_type: type[M], data: Any) -> M:
        """Read an object; see the Protocol."""
        return self.read(model_type, data).model

    def load_patch(self, model_type: type[OcpiModel], data: Any) -> OcpiModel:
        """Read the body of a PATCH; see the Protocol."""
        return validate(patch_of(model_type), _read(model_type, data, []))

    def read(self, model_type: type[M], data: Any) -> Read[M]:
        """Read an object; see the Protocol."""
        findings: list[Finding] = []
        try:
            return Read(validate(model_type, _read(model_type, data, findings)), tuple(findings))
        except InvalidObject as error:
            raise _in_own_words(error) from error

    def dump(self, model: OcpiModel) -> dict[str, Any]:
        """Write an object; see the Protocol."""
        return faithful_data(self.write(model), model, self.number)

    def write(self, model: OcpiModel) -> Written:
        """Write an object; see the Protocol."""
        findings: list[Finding] = []
        data = canonical_data(model)
        if isinstance(model, Tariff):
            data = _write_tariff(data, "", findings)
        elif isinstance(model, Cdr | Session):
            tariffs = data.get("tariffs", [])
            rate = single_rate(tariffs)
            data = each_price(
                data, COST_FIELDS, lambda price, where: price_to_230(price, rate, where, findings)
            )
            if tariffs:
                data["tariffs"] = [
                    _write_tariff(tariff, f"/tariffs/{index}", findings)
                    for index, tariff in enumerate(tariffs)
                ]
        return Written(data, tuple(findings))


V2_3_0 = V230()
"""The one instance."""
