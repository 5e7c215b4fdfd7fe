"""The tariff in a CDR against the one that was published: place by place (part of point 5; ocpi/ocpi#543)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ocpi.cdrs.codes import CdrFinding
from ocpi.cdrs.numbers import minus
from ocpi.cdrs.report import Check
from ocpi.errors import OcpiError
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff, TaxIncluded
from ocpi.types import format_datetime
from ocpi.versions import WRITTEN

MAX_PLACES = 20
"""Differing places named per tariff: whoever compares two versions needs the first ones, not five thousand."""

WITH_TAX_INCLUDED = "2.3.0"
"""Version in which a tariff can say that its prices include taxes."""

ROUNDED_NET = Decimal("0.0001")
"""By how much net prices may differ that were made of prices with taxes: each side rounded to four decimals."""

MAX_SHOWN = 60
"""Characters of a differing text that are shown."""

_PRICING_FIELDS = ("currency", "min_price", "max_price", "elements", "tax_included")
"""What decides about the price; texts, energy mix and ``last_updated`` do not."""


def tariffs_in_force(published: Sequence[Tariff], cdr: Cdr) -> tuple[Tariff, ...]:
    """Choose from all that was published what governs a CDR: of each tariff the version at session start.

    A tariff has no version field; the latest ``last_updated`` not after the start of the session governs
    (gotcha 25), else, where only later versions are known, the earliest. Where the CDR names none of the tariffs, all
    of them are returned: whoever gave one tariff means that one.

    Args:
        published: Any tariffs, several versions of one id included.
        cdr: Names tariffs in its periods or carries them.
    """
    named = {period.tariff_id.lower() for period in cdr.charging_periods if period.tariff_id is not None}
    named |= {tariff.id.lower() for tariff in cdr.tariffs or ()}
    chosen: dict[str, Tariff] = {}
    for tariff in sorted(published, key=lambda item: item.last_updated):
        key = tariff.id.lower()
        if key not in chosen or tariff.last_updated <= cdr.start_date_time:
            chosen[key] = tariff
    wanted = tuple(tariff for key, tariff in chosen.items() if key in named)
    return wanted or tuple(chosen.values())


def compare_published(check: Check, cdr: Cdr, published: Mapping[str, Tariff], version: str) -> None:
    """Report every tariff of the CDR that is not what was published, and where it is not.

    Args:
        check: Receives the differences and findings.
        cdr: With the tariffs that it carries.
        published: By lower-case id.
        version: In which the CDR was written; what it could not say of the tariff is not compared.
    """
    for index, carried in enumerate(cdr.tariffs or ()):
        place = f"/tariffs/{index}"
        original = published.get(carried.id.lower())
        if original is None:
            check.warn(CdrFinding.TARIFF_NOT_PUBLISHED, place, tariff=carried.id)
            continue
        _check_validity(check, place, original, cdr.start_date_time)
        published_prices = _pricing_of(_as_written(original, version))
        rounded = original.tax_included is TaxIncluded.YES and version != WITH_TAX_INCLUDED
        tolerance = ROUNDED_NET if rounded else Decimal(0)
        places = [
            place
            for place in _differing("", _pricing_of(carried), published_prices)
            if not _within(place[1], place[2], tolerance)
        ]
        if not places:
            continue
        check.error(CdrFinding.TARIFF_DIFFERS_FROM_SNAPSHOT, place, tariff=carried.id, places=len(places))
        for where, claimed, original_value in places[:MAX_PLACES]:
            _report(check, place + where, claimed, original_value, tolerance)


def _check_validity(check: Check, place: str, tariff: Tariff, start: datetime) -> None:
    begun = tariff.start_date_time is None or tariff.start_date_time <= start
    ended = tariff.end_date_time is not None and tariff.end_date_time <= start
    if not begun or ended:
        check.warn(CdrFinding.TARIFF_NOT_IN_FORCE, place, tariff=tariff.id, start=format_datetime(start))


def _within(claimed: Any, original: Any, tolerance: Decimal) -> bool:
    if not isinstance(claimed, Decimal) or not isinstance(original, Decimal):
        return False
    return minus(claimed, original).copy_abs() <= tolerance


def _report(check: Check, where: str, claimed: Any, original: Any, tolerance: Decimal) -> None:
    if isinstance(claimed, Decimal) and isinstance(original, Decimal):
        check.compare(CdrFinding.TARIFF_NUMBER_DIFFERS, where, claimed, original, tolerance)
    else:
        texts = {"claimed": _shown(claimed), "published": _shown(original)}
        check.error(CdrFinding.TARIFF_PLACE_DIFFERS, where, **texts)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict | list):
        return "(…)" if isinstance(value, dict) else "[…]"
    return (format(value, "f") if isinstance(value, Decimal) else str(value))[:MAX_SHOWN]


def _as_written(tariff: Tariff, version: str) -> Tariff:
    """Return what a tariff is once it was said in a version: less, or in other words."""
    wire = next((known for known in WRITTEN if known.number == version), None)
    if wire is None:
        return tariff
    try:
        written = wire.write(tariff)
        return tariff if written.data is None else wire.load(Tariff, written.data)
    except (OcpiError, TypeError):
        return tariff


def _pricing_of(tariff: Tariff) -> dict[str, Any]:
    data = tariff.model_dump(mode="python", include=set(_PRICING_FIELDS), exclude_none=True)
    taxed = any(part.vat is not None for element in tariff.elements for part in element.price_components)
    # NO is what 2.1.1 and 2.2.1 mean without saying it; without any rate, N/A is the same price.
    same = {TaxIncluded.NO} if taxed else {TaxIncluded.NO, TaxIncluded.NOT_APPLICABLE}
    if tariff.tax_included in same:
        del data["tax_included"]
    plain: dict[str, Any] = _plain(data)
    return plain


def _plain(value: Any) -> Any:
    """Return data that compare by what they mean: numbers by value, days without order, nothing empty."""
    if isinstance(value, dict):
        cleaned = {key: _plain(item) for key, item in value.items()}
        if "day_of_week" in cleaned:
            cleaned["day_of_week"] = ", ".join(sorted(str(day) for day in cleaned["day_of_week"]))
        return {key: item for key, item in cleaned.items() if item not in ({}, "")}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return value


def _differing(where: str, claimed: Any, original: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield pointer and both values of each place that differs; depth is that of a validated tariff."""
    if isinstance(claimed, dict) and isinstance(original, dict):
        for key in sorted(claimed.keys() | original.keys()):
            yield from _differing(f"{where}/{key}", claimed.get(key), original.get(key))
    elif isinstance(claimed, list) and isinstance(original, list):
        for index in range(max(len(claimed), len(original))):
            pair = (part[index] if index < len(part) else None for part in (claimed, original))
            yield from _differing(f"{where}/{index}", *pair)
    elif claimed != original:
        yield where, claimed, original
