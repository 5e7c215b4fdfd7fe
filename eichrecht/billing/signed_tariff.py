"""The tariff that the meter signed (OCMF ``TT``): as an OCPI tariff, and compared with the one that is billed by.

A tariff text in one of the structured profiles states a price; a CDR by another price contradicts what the driver
was shown and the meter signed. The text does not say whether its amounts include VAT, so either reading may agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from eichrecht.billing.codes import BillingCode as Code
from eichrecht.billing.policy import BillingPolicy
from eichrecht.evidence import Finding, RecordVerdict, SignatureStatus, note, problem, warning
from eichrecht.formats.tariff_text import CURRENCY, TariffText, read_tariff_text
from ocpi.objects.tariff import (
    PriceComponent,
    Tariff,
    TariffDimensionType,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
)

MAX_TARIFF_ID_CHARS = 36
"""OCPI ``CiString(36)``; a longer text is cut, for the whole text stands in the record."""

PRICE_TOLERANCE = Decimal("0.0001")
"""Two prices agree within a hundredth of a cent: net prices of gross cents are rounded there."""

_CENTS = Decimal(100)
_MINUTES_PER_HOUR = Decimal(60)
_SECONDS_PER_MINUTE = 60
_TIME = (TariffDimensionType.TIME, TariffDimensionType.PARKING_TIME)


class SignedTariffError(ValueError):
    """The signed tariff cannot be said in OCPI."""


@dataclass(frozen=True, slots=True)
class _Price:
    """What one dimension costs from a second of the session on; per kWh, per hour, or once."""

    dimension: TariffDimensionType
    from_s: int
    price: Decimal


def ocpi_tariff(
    signed: TariffText,
    *,
    country_code: str,
    party_id: str,
    last_updated: datetime,
    vat: Decimal | None = None,
    tax_included: TaxIncluded | None = None,
) -> Tariff:
    """Return the signed tariff as an OCPI tariff; its id is the text.

    Minutes count as they are (``step_size`` 1 s): the text does not say that started ones are billed. A price per
    minute of the session counts whether the vehicle charges or not, hence TIME and PARKING_TIME.

    Args:
        signed: The tariff text.
        country_code, party_id: Whose tariff it is.
        last_updated: Of the tariff object.
        vat: VAT in percent, ``None`` for none.
        tax_included: Whether the amounts include it.

    Raises:
        SignedTariffError: The blocking fee begins within a second.
    """
    made: dict[int, list[PriceComponent]] = {0: []}
    for item in _signed_prices(signed):
        component = PriceComponent(type=item.dimension, price=item.price, vat=vat, step_size=1)
        made.setdefault(_key(signed, item), []).append(component)
    elements = []
    for key, components in made.items():
        later = [item for item in _signed_prices(signed) if _key(signed, item) == key and item.from_s]
        restrictions = TariffRestrictions(min_duration=later[0].from_s) if later else None
        elements.append(TariffElement(price_components=tuple(components), restrictions=restrictions))
    return Tariff(
        country_code=country_code,
        party_id=party_id,
        id=signed.text[:MAX_TARIFF_ID_CHARS],
        currency=CURRENCY,
        elements=tuple(elements),
        tax_included=tax_included,
        last_updated=last_updated,
    )


def _key(signed: TariffText, item: _Price) -> int:
    """Return 0 for the first element (start fee, energy, time), 1 for the blocking fee."""
    return int(signed.blocking_ct_per_min is not None and item.dimension in _TIME)


def _signed_prices(signed: TariffText) -> list[_Price]:
    prices = [_Price(TariffDimensionType.FLAT, 0, signed.start_fee_ct / _CENTS)]
    if signed.energy_ct_per_kwh is not None:
        prices.append(_Price(TariffDimensionType.ENERGY, 0, signed.energy_ct_per_kwh / _CENTS))
    per_minute, from_s = signed.time_ct_per_min, 0
    dimensions: tuple[TariffDimensionType, ...] = _TIME
    if signed.blocking_ct_per_min is not None:
        per_minute = signed.blocking_ct_per_min
        if signed.blocking_from_min is None:
            dimensions = (TariffDimensionType.PARKING_TIME,)
        else:
            from_s = _whole_seconds(signed.blocking_from_min)
    if per_minute is not None:
        hourly = per_minute * _MINUTES_PER_HOUR / _CENTS
        prices += [_Price(dimension, from_s, hourly) for dimension in dimensions]
    return prices


def _whole_seconds(minutes: Decimal) -> int:
    seconds = minutes * _SECONDS_PER_MINUTE
    if seconds != seconds.to_integral_value():
        raise SignedTariffError(f"minute {minutes} is no whole second")
    return int(seconds)


def agreement(
    used: Sequence[RecordVerdict], tariffs: Sequence[Tariff], policy: BillingPolicy | None = None
) -> Iterator[Finding]:
    """Compare the tariffs that the records signed with those that are billed by; one must be the same.

    Args:
        used: Records of the session; only what is signed counts.
        tariffs: Tariffs of the CDR; nothing is compared if there are none.
        policy: What the CPO lets through; ``None`` for a CDR that somebody else made.
    """
    texts = {
        item.record.tariff_text
        for item in used
        if item.record is not None and item.signature.status is SignatureStatus.VALID
    }
    for text in sorted(text for text in texts if text):
        signed = read_tariff_text(text)
        if signed is None:
            yield note(Code.SIGNED_TARIFF_NOT_COMPARED, "/TT", text=text[:250])
            continue
        differences = [difference(signed, tariff) for tariff in tariffs]
        if not differences or None in differences:
            continue
        if policy is not None and policy.allow_other_tariff_text:
            code, switch = Code.SIGNED_TARIFF_DIFFERS, "allow_other_tariff_text"
            yield warning(Code.POLICY_OVERRIDDEN, "", code=code.value, policy=switch)
        else:
            yield problem(
                Code.SIGNED_TARIFF_DIFFERS,
                "/tariffs",
                signed=text,
                tariff=tariffs[0].id,
                difference=differences[0],
            )


def difference(signed: TariffText, tariff: Tariff) -> str | None:
    """Return in what a tariff differs from the signed one, ``None`` if they price every session alike.

    The answer names OCPI's own words: ``currency``, ``min_price``, ``restrictions``, or the dimension whose price
    differs (``ENERGY 0.5``). ``step_size`` is not compared: the text says nothing of it.
    """
    if tariff.currency != CURRENCY:
        return f"currency {tariff.currency}"
    if tariff.min_price is not None or tariff.max_price is not None:
        return "min_price" if tariff.min_price is not None else "max_price"
    try:
        expected = _priced(_signed_prices(signed))
    except SignedTariffError:
        return "restrictions"
    found = None
    for with_vat in (False, True):
        prices = _tariff_prices(tariff, with_vat=with_vat)
        if prices is None:
            return "restrictions"
        other = _first_difference(expected, _priced(prices))
        if other is None:
            return None
        found = found or other
    return found


def _tariff_prices(tariff: Tariff, *, with_vat: bool) -> list[_Price] | None:
    """Return what the tariff asks, ``None`` if it depends on more than the duration of the session.

    Of several elements the first that prices a dimension counts (mod_tariffs), so a price without restriction
    hides all that follow it.
    """
    prices: list[_Price] = []
    hidden: set[TariffDimensionType] = set()
    for element in tariff.elements:
        limits = element.restrictions
        if limits is not None and limits.reservation is not None:
            continue  # the price of a reservation is another one
        given = {} if limits is None else limits.model_dump(exclude_none=True)
        if set(given) - {"min_duration"}:
            return None
        from_s = int(given.get("min_duration", 0))
        for component in element.price_components:
            if component.type in hidden:
                continue
            if any(price.dimension is component.type for price in prices) and not from_s:
                return None  # first a later price, then an earlier one: no profile says such a thing
            hidden.update(() if from_s else (component.type,))
            factor = 1 + (component.vat or Decimal(0)) / _CENTS
            if with_vat:
                included = tariff.tax_included is TaxIncluded.YES
                price = component.price / factor if included else component.price * factor
            else:
                price = component.price
            prices.append(_Price(component.type, from_s, price))
    return prices


def _priced(prices: Sequence[_Price]) -> dict[tuple[TariffDimensionType, int], Decimal]:
    return {(item.dimension, item.from_s): item.price for item in prices if item.price}


def _first_difference(
    expected: dict[tuple[TariffDimensionType, int], Decimal],
    found: dict[tuple[TariffDimensionType, int], Decimal],
) -> str | None:
    for place in sorted(expected.keys() | found.keys()):
        asked, signed = found.get(place, Decimal(0)), expected.get(place, Decimal(0))
        if abs(asked - signed) > PRICE_TOLERANCE:
            later = f" (min_duration {place[1]})" if place[1] else ""
            return f"{place[0].value}{later} {asked.normalize():f} ≠ {signed.normalize():f}"
    return None
