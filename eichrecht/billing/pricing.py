"""A session put together, cut where its price changes, and priced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.periods import RegisterPoint, Timeline, build_timeline, cut, with_energy_points
from ocpi.tariffs.boundaries import energy_boundaries_kwh, price_boundaries
from ocpi.tariffs.breakdown import Breakdown, PricedSessionInput
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.engine import price
from ocpi.tariffs.policy import PricingPolicy


@dataclass(frozen=True, slots=True)
class PricedSession:
    """A session with everything that its price was made of, so that it can be priced again otherwise.

    Attributes:
        facts: What the back office says.
        signed: Signed readings, placed in time.
        tariff: Tariff.
        policy: Pricing policy.
        timeline: The session ready to be cut.
        session: Its periods.
        breakdown: Its price.
    """

    facts: SessionFacts
    signed: tuple[RegisterPoint, ...]
    tariff: CompiledTariff
    policy: PricingPolicy
    timeline: Timeline
    session: PricedSessionInput
    breakdown: Breakdown


def price_session(
    facts: SessionFacts, signed: Sequence[RegisterPoint], tariff: CompiledTariff, policy: PricingPolicy
) -> PricedSession:
    """Price a session.

    Raises:
        PeriodsError: It cannot be cut into periods.
        TariffError: There is no price.
    """
    zone = ZoneInfo(facts.time_zone)
    timeline = build_timeline(facts, signed, resolution=_resolution(signed))
    timeline = with_energy_points(timeline, energy_boundaries_kwh(tariff))
    instants = price_boundaries(tariff, timeline.start, timeline.end, zone)
    session = cut(timeline, instants, facts, tariff.tariff_id)
    breakdown = price(session, [tariff], zone, policy)
    return PricedSession(facts, tuple(signed), tariff, policy, timeline, session, breakdown)


def _resolution(points: Sequence[RegisterPoint]) -> int:
    exponents = [point.energy_kwh.as_tuple().exponent for point in points]
    return min(exponent for exponent in exponents if isinstance(exponent, int))
