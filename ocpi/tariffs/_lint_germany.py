"""Lints for Germany: calibration law, value added tax, AFIR, fees for blocking a charging point."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.tariff import TariffDimensionType, TariffType, TaxIncluded
from ocpi.tariffs._lint_codes import LintCode
from ocpi.tariffs._lint_context import Linted
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.policy import GERMAN_CALIBRATION_LAW

_ENERGY, _TIME = TariffDimensionType.ENERGY, TariffDimensionType.TIME
_PARKING, _FLAT = TariffDimensionType.PARKING_TIME, TariffDimensionType.FLAT

GERMAN_VAT = Decimal(19)
"""General rate (UStG § 12(1)); charging has no reduced one."""

BLOCKING_FEE_FROM_MIN = 240
"""Before four hours, a fee for occupying a charging point is unusual in Germany: drivers are surprised by it and
complain. No law names the time."""


def german_lints(linted: Linted) -> Iterator[Finding]:
    """Yield what is not billable or unusual in Germany, as far as the tariff alone shows it."""
    wanted = linted.options.germany
    if wanted if wanted is not None else linted.tariff.country_code.upper() == "DE":
        yield from _billable(linted)
        yield from _rates(linted)
        yield from _blocking(linted)


def _billable(linted: Linted) -> Iterator[Finding]:
    """What the policy ``german-calibration-law`` would say of every session (:mod:`ocpi.tariffs.law`)."""
    tariff_id, resolution_wh = linted.tariff.id, GERMAN_CALIBRATION_LAW.energy_resolution_wh
    for item in linted.compiled.session.get(_ENERGY, ()):
        if item.price > 0 and item.step_size > resolution_wh and linted.reach.reachable(item):
            yield warning(
                TariffCode.LAW_STEP_SIZE,
                f"/elements/{item.element}/price_components/{item.component}/step_size",
                tariff_id=tariff_id,
                step_size=item.step_size,
                resolution_wh=format(resolution_wh, "f"),
            )
    if linted.has_price(_ENERGY):
        return
    if linted.has_price(_TIME):
        yield problem(TariffCode.LAW_TIME_ONLY, "/elements", tariff_id=tariff_id)
    elif linted.has_price(_FLAT):
        yield problem(TariffCode.LAW_FLAT_ONLY, "/elements", tariff_id=tariff_id)
    else:
        return
    if linted.tariff.type is TariffType.AD_HOC_PAYMENT:
        yield warning(LintCode.AFIR_NOT_PER_KWH, "/elements")


def _rates(linted: Linted) -> Iterator[Finding]:
    if linted.tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return
    for place, component, _ in linted.components():
        if component.vat is not None and component.vat != GERMAN_VAT:
            yield warning(
                LintCode.DE_VAT_RATE, f"{place}/vat", vat=f"{component.vat:f}", usual=f"{GERMAN_VAT:f}"
            )


def _blocking(linted: Linted) -> Iterator[Finding]:
    """PARKING_TIME, and TIME beside a price per kWh, are fees for occupying."""
    kinds = (_PARKING, _TIME) if linted.has_price(_ENERGY) else (_PARKING,)
    for kind in kinds:
        for item in linted.compiled.session.get(kind, ()):
            from_us = 0 if item.restrictions is None else item.restrictions.min_duration_us or 0
            minutes = from_us // 60_000_000
            if item.price > 0 and linted.reach.reachable(item) and minutes < BLOCKING_FEE_FROM_MIN:
                yield note(
                    LintCode.EARLY_BLOCKING_FEE,
                    f"/elements/{item.element}/price_components/{item.component}",
                    dimension=kind,
                    minutes=minutes,
                    usual=BLOCKING_FEE_FROM_MIN,
                )
