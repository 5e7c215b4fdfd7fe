"""What of a price may not be billed in Germany: policy ``german-calibration-law`` (law facts §3, §5, §11).

Energy in kWh may be billed, and beside it a fee to start, time and parking. Time is a measuring quantity as soon
as it decides about money: it then needs a measurement that conforms, and so does the clock that decides which
price holds. A tariff of time alone, or of a fee per session alone, is no price for energy. What is free is
outside the law.

The law speaks of what is billed, so only charges above 0 count. Whether the meter's signed values allow more is
for those who verified them to say: ``time_certified`` and ``energy_resolution_wh`` of the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ocpi.findings import Finding, problem, warning
from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.breakdown import Bucket
from ocpi.tariffs.charges import Charge
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import CompiledComponent, CompiledTariff
from ocpi.tariffs.policy import PricingPolicy

_ENERGY = TariffDimensionType.ENERGY
_FLAT = TariffDimensionType.FLAT


def offences(
    charges: Sequence[Charge], used: Sequence[CompiledTariff], policy: PricingPolicy
) -> tuple[Finding, ...]:
    """Return what may not be billed, each thing once.

    Args:
        charges: After step_size.
        used: Tariffs of the session.
        policy: ``energy_resolution_wh``, ``time_certified``.
    """
    billed = [charge for charge in charges if charge.cost_3600() > 0]
    found: dict[tuple[object, ...], Finding] = {}
    for finding in (
        *_steps(billed, policy),
        *_kinds(billed, used),
        *(() if policy.time_certified else _times(billed)),
        *_selectors(billed, policy),
    ):
        found.setdefault((finding.code, finding.where, *finding.params.values()), finding)
    return tuple(found.values())


def _place(component: CompiledComponent) -> str:
    return f"/elements/{component.element}/price_components/{component.component}"


def _steps(billed: Iterable[Charge], policy: PricingPolicy) -> Iterable[Finding]:
    """Blocks larger than the meter's resolution bill energy that was not delivered (MessEG § 33(1))."""
    for charge in billed:
        component = charge.component
        if component.dimension is not _ENERGY or component.step_size <= policy.energy_resolution_wh:
            continue
        say = problem if charge.surplus > 0 else warning
        yield say(
            TariffCode.LAW_STEP_SIZE,
            _place(component),
            tariff_id=charge.tariff.tariff_id,
            step_size=component.step_size,
            resolution_wh=format(policy.energy_resolution_wh, "f"),
        )


def _kinds(billed: Sequence[Charge], used: Iterable[CompiledTariff]) -> Iterable[Finding]:
    """A tariff must price energy in kWh, unless it gives everything away."""
    for tariff in used:
        kinds = {charge.bucket for charge in billed if charge.tariff is tariff} - {Bucket.RESERVATION}
        if not kinds or any(candidate.price > 0 for candidate in tariff.session.get(_ENERGY, ())):
            continue
        if Bucket.TIME in kinds:
            yield problem(TariffCode.LAW_TIME_ONLY, "", tariff_id=tariff.tariff_id)
        elif Bucket.FIXED in kinds:
            yield problem(TariffCode.LAW_FLAT_ONLY, "", tariff_id=tariff.tariff_id)


def _times(billed: Iterable[Charge]) -> Iterable[Finding]:
    """Time that costs money needs a duration that conforms; a reservation is measured by no meter."""
    for charge in billed:
        component = charge.component
        if component.dimension is _ENERGY or component.dimension is _FLAT:
            continue
        say = warning if charge.bucket is Bucket.RESERVATION else problem
        yield say(
            TariffCode.LAW_TIME_UNCERTIFIED,
            _place(component),
            tariff_id=charge.tariff.tariff_id,
            dimension=component.dimension,
        )


def _selectors(billed: Iterable[Charge], policy: PricingPolicy) -> Iterable[Finding]:
    """What decides which price holds should be measured as the quantity itself is.

    Of power only a warning: no source speaks of it.
    """
    for charge in billed:
        tariff, dimension = charge.tariff, charge.component.dimension
        group = tariff.reservation if charge.bucket is Bucket.RESERVATION else tariff.session
        restrictions = [one.restrictions for one in group.get(dimension, ()) if one.restrictions is not None]
        codes: list[tuple[Callable[..., Finding], TariffCode]] = []
        if not policy.time_certified:
            if any(one.on_clock for one in restrictions):
                codes.append((problem, TariffCode.LAW_CLOCK_UNCERTIFIED))
            if any(
                one.min_duration_us is not None or one.max_duration_us is not None for one in restrictions
            ):
                codes.append((problem, TariffCode.LAW_DURATION_UNCERTIFIED))
        if any(one.on_flow for one in restrictions):
            codes.append((warning, TariffCode.LAW_POWER_UNMEASURED))
        for say, code in codes:
            yield say(code, "", tariff_id=tariff.tariff_id, dimension=dimension)
