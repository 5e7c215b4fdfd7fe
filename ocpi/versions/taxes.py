"""Prices between the versions: ``excl_vat``/``incl_vat``, ``before_taxes`` with tax lines, net and gross tariffs."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.tariff import TaxIncluded
from ocpi.versions.codes import VersionCode

COST_FIELDS = (
    "total_cost",
    "total_fixed_cost",
    "total_energy_cost",
    "total_time_cost",
    "total_parking_cost",
    "total_reservation_cost",
)
"""Fields of a CDR that hold a Price."""

LIMIT_FIELDS = ("min_price", "max_price")
"""Fields of a tariff that hold a Price (2.2.1) or a PriceLimit (2.3.0)."""

VAT = "VAT"
NET_DIGITS = Decimal("0.0001")
"""A net price that has to be worked out is written with four decimals, as OCPI numbers are."""

_EXACT = Context(prec=400)
"""Sums of numbers of 64 characters and exponents within 64 (:mod:`ocpi.transport.json`) lose nothing."""
_QUOTIENT = Context(prec=60, rounding=ROUND_HALF_UP)

Data = dict[str, Any]
Findings = list[Finding]


def price_from_230(value: Any, place: str, findings: Findings) -> Any:
    """Return a Price of 2.3.0 in the words of the canonical one; what is no Price is left to validation.

    No tax line means that none is known: ``incl_vat`` stays absent (2.3.0 types, Price).
    """
    if not isinstance(value, dict):
        return value
    if "before_taxes" not in value:
        if "excl_vat" in value:
            findings.append(warning(VersionCode.PRICE_OF_OTHER_VERSION, place))
        return value
    rest = {key: item for key, item in value.items() if key not in {"before_taxes", "taxes"}}
    net, taxes = value["before_taxes"], value.get("taxes")
    if not taxes:
        return {**rest, "excl_vat": net}
    result = {**rest, "excl_vat": net, "taxes": taxes}
    amounts = [item.get("amount") for item in taxes if isinstance(item, dict)] if _is_list(taxes) else []
    if amounts and len(amounts) == len(taxes) and all(map(_is_number, (net, *amounts))):
        total = _number(net)
        for amount in amounts:
            total = _EXACT.add(total, Decimal(amount or 0))
        result["incl_vat"] = total
    return result


def limit_from_230(value: Any, place: str, findings: Findings) -> Any:
    """Return a PriceLimit of 2.3.0 as the canonical Price."""
    if not isinstance(value, dict) or "before_taxes" not in value:
        return price_from_230(value, place, findings)
    rest = {key: item for key, item in value.items() if key not in {"before_taxes", "after_taxes"}}
    result = {**rest, "excl_vat": value["before_taxes"]}
    if value.get("after_taxes") is not None:
        result["incl_vat"] = value["after_taxes"]
    return result


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_number(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Decimal | int) -> Decimal:
    return Decimal(value)


def price_to_230(price: Data, rate: Decimal | None, place: str, findings: Findings) -> Data:
    """Return the canonical data of a Price as 2.3.0 writes it; the tax lines sum to the difference.

    Args:
        price: With ``taxes`` where they are known.
        rate: VAT of all components of the tariffs, if there is only one: then the line can name it.
        place: Where the price stands.
        findings: Receives what could not be kept.
    """
    rest = {key: item for key, item in price.items() if key not in {"excl_vat", "incl_vat", "taxes"}}
    net, gross, taxes = price["excl_vat"], price.get("incl_vat"), price.get("taxes")
    if gross is None:
        return {**rest, "before_taxes": net, "taxes": taxes or []}
    tax = _EXACT.subtract(_number(gross), _number(net))
    if taxes:
        total = Decimal(0)
        for item in taxes:
            total = _EXACT.add(total, _number(item["amount"]))
        if total == tax:
            return {**rest, "before_taxes": net, "taxes": taxes}
        findings.append(warning(VersionCode.TAX_LINES_REPLACED, place, taxes=total, difference=tax))
    line: Data = {"name": VAT, "amount": tax}
    if rate is not None:
        line["percentage"] = rate
    return {**rest, "before_taxes": net, "taxes": [line]}


def price_to_221(price: Data, place: str, findings: Findings) -> Data:
    """Return the canonical data of a Price without its tax lines: 2.2.1 has only their sum."""
    taxes = price.get("taxes")
    if taxes is None:
        return price
    if len(taxes) > 1 or any(item["name"] != VAT or item.get("account_number") for item in taxes):
        names = ", ".join(str(item["name"]) for item in taxes)
        findings.append(warning(VersionCode.TAX_LINES_MERGED, place, taxes=names))
    return {key: item for key, item in price.items() if key != "taxes"}


def limit_to_230(limit: Data) -> Data:
    """Return the canonical data of a price limit as a PriceLimit."""
    rest = {key: item for key, item in limit.items() if key not in {"excl_vat", "incl_vat", "taxes"}}
    result = {**rest, "before_taxes": limit["excl_vat"]}
    if limit.get("incl_vat") is not None:
        result["after_taxes"] = limit["incl_vat"]
    return result


def each_price(data: Data, names: tuple[str, ...], change: Callable[[Any, str], Any]) -> Data:
    """Return data whose named fields were changed, where they are present; the order stays."""
    return {
        key: change(item, f"/{key}") if key in names and item is not None else item
        for key, item in data.items()
    }


def single_rate(tariffs: list[Data]) -> Decimal | None:
    """Return the VAT that all components of tariffs share, ``None`` if they differ or one has none."""
    rates = {
        component.get("vat")
        for tariff in tariffs
        for element in tariff["elements"]
        for component in element["price_components"]
    }
    return rates.pop() if len(rates) == 1 else None


def derived_tax_included(tariff: Data) -> TaxIncluded:
    """Return what 2.3.0 calls the net prices of older versions: without any VAT, none applies there."""
    has_vat = any(
        component.get("vat") is not None
        for element in tariff["elements"]
        for component in element["price_components"]
    )
    return TaxIncluded.NO if has_vat else TaxIncluded.NOT_APPLICABLE


def net_tariff(tariff: Data, place: str, findings: Findings) -> Data | None:
    """Return a tariff with the net prices that 2.1.1 and 2.2.1 mean, ``None`` if they are unknown.

    Prices that include taxes are divided by their rate and rounded to :data:`NET_DIGITS`; a price whose rate
    is not given cannot be (2.3.0 mod_tariffs, TaxIncluded).
    """
    kind = tariff.get("tax_included")
    result = {key: item for key, item in tariff.items() if key != "tax_included"}
    if kind == TaxIncluded.NO and _lacks_a_rate(tariff):
        findings.append(warning(VersionCode.TAXES_ON_TOP_UNSAID, f"{place}/tax_included"))
    if kind not in (TaxIncluded.YES, TaxIncluded.NOT_APPLICABLE):
        return result
    elements = []
    known = True
    for index, element in enumerate(tariff["elements"]):
        components = []
        for number, component in enumerate(element["price_components"]):
            where = f"{place}/elements/{index}/price_components/{number}"
            if kind == TaxIncluded.NOT_APPLICABLE:
                components.append(_without_vat(component, where, findings))
                continue
            net = _net(component, where, findings)
            known = known and net is not None
            components.append({**component, "price": net})
        elements.append({**element, "price_components": components})
    return {**result, "elements": elements} if known else None


def _lacks_a_rate(tariff: Data) -> bool:
    parts = (part for element in tariff["elements"] for part in element["price_components"])
    return any(part.get("vat") is None for part in parts)


def _without_vat(component: Data, where: str, findings: Findings) -> Data:
    if component.get("vat") is not None:
        findings.append(note(VersionCode.VAT_NOT_APPLICABLE, where, vat=component["vat"]))
    return {key: item for key, item in component.items() if key != "vat"}


def _net(component: Data, where: str, findings: Findings) -> Decimal | None:
    price, vat = _number(component["price"]), component.get("vat")
    factor = None if vat is None else _EXACT.add(Decimal(1), _EXACT.divide(_number(vat), Decimal(100)))
    if factor is None or factor <= 0:
        if price == 0:
            return price
        findings.append(problem(VersionCode.NET_PRICE_UNKNOWN, where, price=price))
        return None
    exact = _QUOTIENT.divide(price, factor)
    net = exact.quantize(NET_DIGITS, rounding=ROUND_HALF_UP, context=_EXACT)
    if _EXACT.multiply(net, factor) != price:
        findings.append(warning(VersionCode.NET_PRICE_ROUNDED, where, price=price, net=net))
    return net
