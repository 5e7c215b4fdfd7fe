"""OCPI 2.1.1: tariffs and CDRs of platforms that never moved on.

Only these two are translated; locations, sessions and tokens are as 2.1.1 has them only inside a CDR. What 2.1.1
cannot say is reported by :meth:`V211.write`, never dropped in silence. In particular an element with a
restriction that 2.1.1 lacks is removed, because without the restriction it would always apply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ocpi.errors import InvalidObject, Problem
from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff, TariffType
from ocpi.types import OcpiModel
from ocpi.versions.base import M, Read, Written, canonical_data, faithful_data, validate
from ocpi.versions.cdr_2_1_1 import UNKNOWN_OWNER, read_cdr, write_cdr
from ocpi.versions.codes import VersionCode
from ocpi.versions.taxes import LIMIT_FIELDS, Data, net_tariff

_LATER_RESTRICTIONS = ("min_current", "max_current", "reservation")
_OWNER_FIELDS = ("country_code", "party_id")
_LATER_FIELDS = ("type", "start_date_time", "end_date_time")
"""Fields that only say which sessions a tariff is for; the connectors of 2.1.1 name one tariff anyway."""


def read_tariff(value: Any, owner: tuple[str, str] | None, place: str, findings: list[Finding]) -> Any:
    """Return a tariff of 2.1.1 in the words of the canonical one: its owner is in the URL, not in the object."""
    if not isinstance(value, dict) or all(value.get(key) for key in _OWNER_FIELDS):
        return value
    if owner is None:
        findings.append(note(VersionCode.OWNER_UNKNOWN, place))
    country_code, party_id = owner or UNKNOWN_OWNER
    return {"country_code": country_code, "party_id": party_id, **value}


def write_tariff(data: Data, place: str, findings: list[Finding]) -> Data | None:
    """Return the canonical data of a tariff in 2.1.1, ``None`` if nothing of it is left."""
    net = net_tariff(data, place, findings)
    if net is None:
        return None
    elements = _write_elements(net["elements"], f"{place}/elements", findings)
    if not elements:
        findings.append(problem(VersionCode.NO_ELEMENT_LEFT, f"{place}/elements"))
        return None
    for key in LIMIT_FIELDS:
        if key in net:
            findings.append(problem(VersionCode.LIMIT_LOST, f"{place}/{key}", field=key))
    for key in _LATER_FIELDS:
        if key in net:
            say = note if net[key] == TariffType.REGULAR else warning
            findings.append(say(VersionCode.FIELD_NOT_EXPRESSIBLE, f"{place}/{key}", field=key))
    for key in _OWNER_FIELDS:  # which the URL names
        findings.append(note(VersionCode.FIELD_NOT_EXPRESSIBLE, f"{place}/{key}", field=key))
    left_out = {*LIMIT_FIELDS, *_LATER_FIELDS, *_OWNER_FIELDS}
    return {**{key: item for key, item in net.items() if key not in left_out}, "elements": elements}


def _write_elements(elements: list[Data], place: str, findings: list[Finding]) -> list[Data]:
    """Return the elements that 2.1.1 can say.

    An element that goes makes another one apply in its place, so that the price differs: an error. One for
    reservations makes only the reservation free, which 2.1.1 has not: a warning.
    """
    kept = []
    for index, element in enumerate(elements):
        restrictions = element.get("restrictions", {})
        unknown = [key for key in _LATER_RESTRICTIONS if key in restrictions]
        if unknown:
            say = warning if "reservation" in restrictions else problem
            names = ", ".join(unknown)
            findings.append(
                say(VersionCode.ELEMENT_REMOVED, f"{place}/{index}", element=index, restrictions=names)
            )
            continue
        components = []
        for number, component in enumerate(element["price_components"]):
            if "vat" in component:
                where = f"{place}/{index}/price_components/{number}/vat"
                findings.append(warning(VersionCode.VAT_LOST, where, vat=component["vat"]))
            components.append({key: item for key, item in component.items() if key != "vat"})
        kept.append({**element, "price_components": components})
    return kept


@dataclass(frozen=True, slots=True)
class V211:
    """The :class:`ocpi.versions.base.WireVersion` of 2.1.1, for tariffs and CDRs.

    Attributes:
        owner: Country code and party id of the CPO whose objects are read; 2.1.1 objects do not name it.
    """

    number: ClassVar[str] = "2.1.1"
    base64_tokens: ClassVar[bool] = False
    owner: tuple[str, str] | None = None

    def load(self, model_type: type[M], data: Any) -> M:
        """Read an object; see the Protocol."""
        return self.read(model_type, data).model

    def load_patch(self, model_type: type[OcpiModel], data: Any) -> OcpiModel:
        """Refuse: a patched tariff of 2.1.1 has no canonical form; see the Protocol."""
        raise InvalidObject(
            model_type.__name__, (Problem("", "PATCH is not supported in OCPI 2.1.1: send the whole object"),)
        )

    def read(self, model_type: type[M], data: Any) -> Read[M]:
        """Read an object; see the Protocol. Pointers of problems are those of the canonical object."""
        findings: list[Finding] = []
        if model_type is Tariff:
            data = read_tariff(data, self.owner, "", findings)
        elif model_type is Cdr and isinstance(data, dict):
            data = read_cdr(data, self.owner, findings)
            if isinstance(data.get("tariffs"), list):
                owner = (data["country_code"], data["party_id"])
                data["tariffs"] = [
                    read_tariff(tariff, owner, f"/tariffs/{index}", findings)
                    for index, tariff in enumerate(data["tariffs"])
                ]
        elif model_type is not Cdr:
            raise InvalidObject(
                model_type.__name__, (Problem("", "only Tariff and Cdr are read in OCPI 2.1.1"),)
            )
        return Read(validate(model_type, data), tuple(findings))

    def dump(self, model: OcpiModel) -> dict[str, Any]:
        """Write an object; see the Protocol."""
        return faithful_data(self.write(model), model, self.number)

    def write(self, model: OcpiModel) -> Written:
        """Write a tariff or a CDR; see the Protocol. Anything else is not expressible."""
        findings: list[Finding] = []
        data = canonical_data(model)
        if isinstance(model, Tariff):
            return Written(write_tariff(data, "", findings), tuple(findings))
        if not isinstance(model, Cdr):
            name = type(model).__name__
            return Written(None, (problem(VersionCode.FIELD_NOT_EXPRESSIBLE, "", field=name),))
        tariffs = [
            write_tariff(tariff, f"/tariffs/{index}", findings)
            for index, tariff in enumerate(data.get("tariffs", []))
        ]
        written = write_cdr(model, data, findings)
        if written is None or None in tariffs:
            return Written(None, tuple(findings))
        if tariffs:
            written["tariffs"] = tariffs
        return Written(written, tuple(findings))


V2_1_1 = V211()
"""For objects whose owner nobody names."""
