"""Points 4, 8 and 9 of the checklist: the numbers of a CDR against one another, without a tariff engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ocpi.cdrs.codes import CdrFinding, UncheckedReason
from ocpi.cdrs.context import Tolerances
from ocpi.cdrs.credit import COST_FIELDS
from ocpi.cdrs.numbers import (
    SECONDS_PER_HOUR,
    exact,
    half_unit,
    hours_tolerance,
    minus,
    money_floor,
    seconds_between,
    total,
    written_decimals,
)
from ocpi.cdrs.report import Check, CheckResult, Rule
from ocpi.cdrs.structure import DURATION_DIMENSIONS, UNKNOWN_TIME
from ocpi.objects.cdr import Cdr, CdrDimensionType, ChargingPeriod
from ocpi.objects.tariff import PriceComponent, Tariff
from ocpi.types import Price

PART_FIELDS = tuple(name for name in COST_FIELDS if name != "total_cost")


@dataclass(frozen=True, slots=True)
class _PlacedPeriod:
    index: int
    period: ChargingPeriod
    start: datetime
    end: datetime


def _placed(cdr: Cdr) -> Iterator[_PlacedPeriod]:
    ends = [period.start_date_time for period in cdr.charging_periods[1:]] + [cdr.end_date_time]
    for index, (period, end) in enumerate(zip(cdr.charging_periods, ends, strict=True)):
        yield _PlacedPeriod(index, period, period.start_date_time, end)


def volumes_of(periods: Sequence[ChargingPeriod], *kinds: CdrDimensionType) -> list[Decimal]:
    """Return all volumes of the given dimensions, in order of time."""
    return [
        dimension.volume for period in periods for dimension in period.dimensions if dimension.type in kinds
    ]


def check_volume_sums(cdr: Cdr, tolerances: Tolerances) -> CheckResult:
    """Point 4: the volumes of the periods against the totals, and the hours against the timestamps.

    Each sum is checked only if some period carries the dimension (cdrs facts §8).

    Args:
        cdr: Debit view of the CDR.
        tolerances: Of the partner.
    """
    check = Check(Rule.VOLUME_SUMS)
    _check_energy(check, cdr, tolerances)
    _check_time(check, cdr)
    _check_parking(check, cdr)
    _check_span(check, cdr, tolerances)
    _check_period_durations(check, cdr, tolerances)
    return check.result()


def _check_energy(check: Check, cdr: Cdr, tolerances: Tolerances) -> None:
    energies = volumes_of(cdr.charging_periods, CdrDimensionType.ENERGY)
    if energies:
        check.compare(
            CdrFinding.ENERGY_SUM_DIFFERS,
            "/total_energy",
            cdr.total_energy,
            total(energies),
            tolerances.energy_kwh,
        )
    else:
        _without_dimension(check, "/total_energy", cdr.total_energy)


def _check_time(check: Check, cdr: Cdr) -> None:
    times = volumes_of(cdr.charging_periods, CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME)
    if times:
        tolerance = hours_tolerance((cdr.total_time, *times))
        check.compare(CdrFinding.TIME_SUM_DIFFERS, "/total_time", cdr.total_time, total(times), tolerance)
    else:
        _without_dimension(check, "/total_time", cdr.total_time)


def _check_parking(check: Check, cdr: Cdr) -> None:
    parked = volumes_of(cdr.charging_periods, CdrDimensionType.PARKING_TIME)
    claimed = cdr.total_parking_time
    if not parked:
        if claimed is not None:
            _without_dimension(check, "/total_parking_time", claimed)
    elif claimed is None:
        if total(parked):  # optional on the wire, but parking that is billed must show (gotcha 3)
            check.warn(CdrFinding.PARKING_TIME_OMITTED, "/total_parking_time", computed=total(parked))
    else:
        tolerance = hours_tolerance((claimed, *parked))
        check.compare(
            CdrFinding.PARKING_SUM_DIFFERS, "/total_parking_time", claimed, total(parked), tolerance
        )


def _without_dimension(check: Check, field: str, claimed: Decimal) -> None:
    check.skip(UncheckedReason.NO_DIMENSION, field)
    if claimed:
        check.warn(CdrFinding.TOTAL_WITHOUT_DIMENSION, field, field=field.removeprefix("/"), claimed=claimed)


def _check_span(check: Check, cdr: Cdr, tolerances: Tolerances) -> None:
    """Compare total_time with end - start minus the reservation part (cdrs facts §3 and §8)."""
    if UNKNOWN_TIME in (cdr.start_date_time, cdr.end_date_time):
        check.skip(UncheckedReason.START_UNKNOWN, "/total_time")
        return
    # Where the first period starts after the session (accepted inbound) the time before belongs to nothing.
    start = max(cdr.start_date_time, cdr.charging_periods[0].start_date_time)
    reserved_s = total(
        seconds_between(placed.start, placed.end)
        for placed in _placed(cdr)
        if any(item.type is CdrDimensionType.RESERVATION_TIME for item in placed.period.dimensions)
    )
    with exact():
        span_h = (seconds_between(start, cdr.end_date_time) - reserved_s) / SECONDS_PER_HOUR
    tolerance = _clock_tolerance([cdr.total_time], tolerances)
    check.compare(CdrFinding.TIME_SPAN_DIFFERS, "/total_time", cdr.total_time, _shown(span_h), tolerance)


def _check_period_durations(check: Check, cdr: Cdr, tolerances: Tolerances) -> None:
    """Compare the hours of each period with its length; RESERVATION_TIME has no total that would catch it."""
    for placed in _placed(cdr):
        written = [item.volume for item in placed.period.dimensions if item.type in DURATION_DIMENSIONS]
        if not written or UNKNOWN_TIME in (placed.start, placed.end) or placed.end < placed.start:
            continue  # without hours there is nothing to compare; disorder is reported by point 2
        with exact():
            length_h = seconds_between(placed.start, placed.end) / SECONDS_PER_HOUR
        check.compare(
            CdrFinding.PERIOD_DURATION_DIFFERS,
            f"/charging_periods/{placed.index}/dimensions",
            total(written),
            _shown(length_h),
            _clock_tolerance(written, tolerances),
        )


_SHOWN_HOURS = Decimal("0.000000000001")  # far below a microsecond; keeps reports readable


def _shown(value: Decimal) -> Decimal:
    with exact():
        return Decimal(format(value.quantize(_SHOWN_HOURS).normalize(), "f"))


def _clock_tolerance(written: Sequence[Decimal], tolerances: Tolerances) -> Decimal:
    with exact():
        return _shown(hours_tolerance(written) + tolerances.timestamp_s / SECONDS_PER_HOUR)


def check_sum_of_parts(cdr: Cdr, tariffs: Sequence[Tariff], cost_tolerance: Decimal) -> CheckResult:
    """Point 8: fixed + energy + time + parking + reservation is the total, or the limit that clamps it.

    OCPI has no such rule, but eMSPs check it (gotcha 3). The tolerance is the rounding that the written
    digits admit, half a unit per value with at least two decimals, or the partner's tolerance if larger.

    Args:
        cdr: Debit view of the CDR.
        tariffs: Whose ``min_price`` and ``max_price`` may stand in the total instead of the sum.
        cost_tolerance: Of the partner.
    """
    check = Check(Rule.SUM_OF_PARTS)
    parts = [price for name in PART_FIELDS if (price := getattr(cdr, name)) is not None]
    if not parts:
        check.skip(UncheckedReason.NO_PARTS, "/total_cost")
        return check.result()
    summed = total(part.excl_vat for part in parts)
    written = [part.excl_vat for part in parts]
    floor = money_floor(cdr.currency)
    tolerance = _parts_tolerance(cdr.total_cost.excl_vat, written, floor, cost_tolerance)
    once = max(half_unit(cdr.total_cost.excl_vat, floor), cost_tolerance)
    if not _is_limit(cdr.total_cost.excl_vat, summed, tariffs, "excl_vat", once):
        field = "/total_cost/excl_vat"
        check.compare(CdrFinding.PARTS_SUM_DIFFERS, field, cdr.total_cost.excl_vat, summed, tolerance)
    _check_parts_with_vat(check, cdr, parts, tariffs, cost_tolerance)
    return check.result()


def _check_parts_with_vat(
    check: Check, cdr: Cdr, parts: Sequence[Price], tariffs: Sequence[Tariff], cost_tolerance: Decimal
) -> None:
    field = "/total_cost/incl_vat"
    claimed = cdr.total_cost.incl_vat
    if claimed is None:
        check.skip(UncheckedReason.VAT_ABSENT, field)
        return
    # A part without incl_vat has no VAT: its amount with VAT is the one without (gotcha 5).
    values = [part.excl_vat if part.incl_vat is None else part.incl_vat for part in parts]
    summed = total(values)
    floor = money_floor(cdr.currency)
    tolerance = _parts_tolerance(claimed, values, floor, cost_tolerance)
    if minus(claimed, summed).copy_abs() <= tolerance:
        return
    if _is_limit(claimed, summed, tariffs, "incl_vat", max(half_unit(claimed, floor), cost_tolerance)):
        return
    net = total(part.excl_vat for part in parts)
    if any(_limits_net_only(tariff, net) for tariff in tariffs):
        # The amount with VAT then follows from the limit without VAT by a rate that no sum can tell.
        check.skip(UncheckedReason.LIMIT_WITHOUT_VAT, field)
        return
    check.compare(CdrFinding.PARTS_SUM_DIFFERS, field, claimed, summed, tolerance)


def _parts_tolerance(
    claimed: Decimal, parts: Sequence[Decimal], floor: int, cost_tolerance: Decimal
) -> Decimal:
    digits = max(floor, *(written_decimals(part) for part in parts))
    rounding = total([*(half_unit(part, digits) for part in parts), half_unit(claimed, floor)])
    return max(rounding, cost_tolerance)


def _is_limit(
    claimed: Decimal, summed: Decimal, tariffs: Sequence[Tariff], side: str, tolerance: Decimal
) -> bool:
    """Return whether a limit puts the claimed total in place of the sum; whether rightly, point 7 decides.

    The tolerance is that of one rounding, not of one per part.
    """
    bounds = (_bounded(tariff, side, summed) for tariff in tariffs)
    return any(bound != summed and minus(claimed, bound).copy_abs() <= tolerance for bound in bounds)


def _bounded(tariff: Tariff, side: str, summed: Decimal) -> Decimal:
    """Apply min_price, then max_price (tariffs facts §10)."""
    lowest = getattr(tariff.min_price, side, None)
    highest = getattr(tariff.max_price, side, None)
    raised = summed if lowest is None else max(summed, lowest)
    return raised if highest is None else min(raised, highest)


def _limits_net_only(tariff: Tariff, net: Decimal) -> bool:
    limits = [limit for limit in (tariff.min_price, tariff.max_price) if limit is not None]
    return any(limit.incl_vat is None for limit in limits) and _bounded(tariff, "excl_vat", net) != net


def check_vat_order(cdr: Cdr, tariffs: Sequence[Tariff]) -> CheckResult:
    """Point 9: with VAT is not less than without, unless a rate or a price is negative.

    For an amount below zero (a Credit CDR, a net export) the amount with VAT is the lower one.
    """
    check = Check(Rule.VAT_ORDER)
    prices: list[tuple[str, Price]] = [
        (name, price) for name in COST_FIELDS if (price := getattr(cdr, name)) is not None
    ]
    if all(price.incl_vat is None for _, price in prices):
        check.skip(UncheckedReason.VAT_ABSENT)
    elif _has_negative_factor(cdr, tariffs):
        check.skip(UncheckedReason.NEGATIVE_PRICE)
    else:
        for name, price in prices:
            if price.incl_vat is not None and _vat_is_wrong(price.excl_vat, price.incl_vat):
                check.error(
                    CdrFinding.VAT_ORDER_WRONG,
                    f"/{name}",
                    field=name,
                    excl_vat=format(price.excl_vat, "f"),
                    incl_vat=format(price.incl_vat, "f"),
                )
    return check.result()


def _vat_is_wrong(excl_vat: Decimal, incl_vat: Decimal) -> bool:
    return incl_vat > excl_vat if excl_vat < 0 else incl_vat < excl_vat


def _has_negative_factor(cdr: Cdr, tariffs: Sequence[Tariff]) -> bool:
    components: Iterator[PriceComponent] = (
        component
        for tariff in tariffs
        for element in tariff.elements
        for component in element.price_components
    )
    return any(item.price < 0 or (item.vat or 0) < 0 for item in components) or any(
        energy < 0 for energy in volumes_of(cdr.charging_periods, CdrDimensionType.ENERGY)
    )
