"""What a reconciliation may know besides the CDR, and how much partners allow numbers to differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.policy import PricingPolicy


class CreditStyle(StrEnum):
    """Which totals a Credit CDR carries with the opposite sign; a partner setting (gotcha 32)."""

    TOTAL_COST = "total_cost"
    """Only ``total_cost``: the literal reading of mod_cdrs, confirmed by maintainers in ocpi/ocpi#399."""
    ALL_TOTALS = "all_totals"
    """Every ``total_*`` field, volumes included; for partners whose systems add up CDRs."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How much a number may miss the one it should be; a partner setting.

    Attributes:
        energy_kwh: Sum of the ENERGY volumes against ``total_energy`` (cdrs facts §7 item 4).
        signed_energy_kwh: ``total_energy`` against the signed difference: nothing, to the last digit.
        cost: Any cost against the one computed again, in units of the currency; ``None`` = the tolerance of
            the pricing policy, half a cent by default: both customary roundings pass, to four decimals and to
            the cent (gotcha 1), but no whole cent.
        signed_time_s: Signed start and end against those of the CDR; they only ever warn.
        timestamp_s: Resolution of the timestamps against which hours are compared: two timestamps in whole
            seconds miss each other by less than one second.
    """

    energy_kwh: Decimal = Decimal("0.0005")
    signed_energy_kwh: Decimal = Decimal(0)
    cost: Decimal | None = None
    signed_time_s: Decimal = Decimal(1)
    timestamp_s: Decimal = Decimal(1)


EXACT_TOLERANCES = Tolerances(energy_kwh=Decimal(0), cost=Decimal(0))
"""For CDRs of our own: they are written by the same arithmetic that checks them, so nothing may differ."""


@dataclass(frozen=True, slots=True)
class ReconcileContext:
    """Facts that a CDR does not hold. ``None`` means "not known": the rule is then reported as unchecked.

    Attributes:
        time_zone: IANA zone of the Location. A CDR has none (gotcha 27), so it must be given.
        tariffs: Snapshot of the tariffs at session start; ``None`` = the CDR's own.
        policy: Pricing and rounding agreed with the partner.
        tolerances: See :class:`Tolerances`.
        credit_style: How the partner writes Credit CDRs.
        signed_energy_kwh: Verified difference of the signed readings.
        signed_start, signed_end: Signed times; they only warn (OCPP facts §4).
        known_token: Whether the token exists.
        routed: Whether the token's owner can be reached over a known connection.
        already_sent: Whether a CDR with this id has left before.
        session_already_billed: Whether another CDR of the session is out and not credited.
        credited: The CDR that this Credit CDR credits.
        version: OCPI version in which the CDR was written: what 2.1.1 has no field for is not missing.
    """

    time_zone: ZoneInfo | str
    tariffs: Sequence[Tariff] | None = None
    policy: PricingPolicy = field(default_factory=PricingPolicy)
    tolerances: Tolerances = Tolerances()
    credit_style: CreditStyle = CreditStyle.TOTAL_COST
    signed_energy_kwh: Decimal | None = None
    signed_start: datetime | None = None
    signed_end: datetime | None = None
    known_token: bool | None = None
    routed: bool | None = None
    already_sent: bool | None = None
    session_already_billed: bool | None = None
    credited: Cdr | None = None
    version: str = "2.2.1"

    def cost_tolerance(self, currency: str) -> Decimal:
        """Return by how much a cost may differ."""
        return self.policy.tolerance_in(currency) if self.tolerances.cost is None else self.tolerances.cost

    def policy_used(self, currency: str) -> PricingPolicy:
        """Return the policy as it is applied, for reports."""
        return replace(self.policy, tolerance=self.cost_tolerance(currency))

    def tariffs_for(self, cdr: Cdr) -> tuple[Tariff, ...]:
        """Return the tariffs that price the CDR: the given snapshot, else the CDR's own."""
        return tuple(self.tariffs if self.tariffs is not None else cdr.tariffs or ())
