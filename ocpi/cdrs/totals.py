"""From a priced session to a CDR: all applicable totals, charging periods, the object (2.2.1 mod_cdrs)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ocpi.cdrs.credit import validated_cdr
from ocpi.cdrs.errors import CdrBuildError
from ocpi.cdrs.numbers import HOURS_DIGITS
from ocpi.cdrs.periods import WrittenPeriods, write_periods
from ocpi.objects.cdr import AuthMethod, Cdr, CdrLocation, CdrToken, SignedData
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import Breakdown, Bucket, PricedSessionInput
from ocpi.tariffs.errors import NetUnknownError
from ocpi.tariffs.policy import DEFAULT, PricingPolicy
from ocpi.tariffs.rounding import WireCosts, wire_costs

BUCKET_FIELDS: Mapping[Bucket, str] = {
    Bucket.FIXED: "total_fixed_cost",
    Bucket.ENERGY: "total_energy_cost",
    Bucket.TIME: "total_time_cost",
    Bucket.PARKING: "total_parking_cost",
    Bucket.RESERVATION: "total_reservation_cost",
}
"""CDR field of each bucket of the breakdown."""


@dataclass(frozen=True, slots=True)
class CdrTotals:
    """All totals of a CDR.

    Attributes:
        costs: In the currency of the tariff, rounded once by the policy: ``total_cost`` after min_price and
            max_price, the parts before. A bucket without a line is ``None``; a price of 0 keeps its line.
        total_energy: kWh, the exact sum of the periods.
        total_time: h, charging and parking; the written sum of the periods.
        total_parking_time: h; ``None`` where nothing was parked.
    """

    costs: WireCosts
    total_energy: Decimal
    total_time: Decimal
    total_parking_time: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrHeader:
    """Everything of a CDR that is neither measured nor priced.

    Attributes:
        country_code, party_id: The CPO.
        id: At most 34 characters leave room for the id of a Credit CDR (gotcha 57).
        token: As at session start. Personal data.
        location: As at session start, already cut to the lengths of CdrLocation (gotcha 37).
        auth_method, authorization_reference: Of the last authorisation.
        currency: ISO 4217; that of the tariff.
        session_id: ``None`` only for a reservation that never became a session.
        last_updated: Effectively the creation of the CDR; not before the end of the session.
    """

    country_code: str
    party_id: str
    id: str
    token: CdrToken
    location: CdrLocation
    auth_method: AuthMethod
    currency: str
    last_updated: datetime
    session_id: str | None = None
    authorization_reference: str | None = None
    meter_id: str | None = None
    remark: str | None = None
    invoice_reference_id: str | None = None
    home_charging_compensation: bool | None = None


def cdr_totals(
    session: PricedSessionInput,
    breakdown: Breakdown,
    policy: PricingPolicy = DEFAULT,
    hours_digits: int = HOURS_DIGITS,
) -> CdrTotals:
    """Return all totals of the CDR of a session.

    Raises:
        CdrBuildError: The session's periods cannot be those of a CDR (:mod:`ocpi.cdrs.periods`).
    """
    ids = sorted({period.tariff_id for period in session.periods if period.tariff_id is not None})
    return _totals(write_periods(session, ids, hours_digits), breakdown, policy)


def _totals(
    periods: WrittenPeriods, breakdown: Breakdown, policy: PricingPolicy, *, tax_lines: bool = False
) -> CdrTotals:
    try:
        costs = wire_costs(breakdown, policy, with_taxes=tax_lines)
    except NetUnknownError as error:
        raise CdrBuildError("net_unknown", "the tariff includes taxes of unknown rate") from error
    return CdrTotals(
        costs=costs,
        total_energy=periods.energy_kwh,
        total_time=periods.time_h,
        total_parking_time=periods.parking_h,
    )


def build_cdr(
    header: CdrHeader,
    session: PricedSessionInput,
    tariffs: Sequence[Tariff],
    breakdown: Breakdown,
    signed_data: SignedData | None = None,
    *,
    policy: PricingPolicy = DEFAULT,
    hours_digits: int = HOURS_DIGITS,
    tax_lines: bool = False,
) -> Cdr:
    """Build the CDR of a priced session.

    The sums of the periods are the totals, to the last digit. Volumes are measured values; only costs know
    step_size (tariffs facts §6 item 10).

    Args:
        header: Ids, token, location and the like.
        session: As it was priced; cut at signed readings and price boundaries.
        tariffs: Snapshots as at session start, the free-of-charge tariff included.
        breakdown: Its price, by the same tariffs.
        signed_data: See :mod:`ocpi.cdrs.signed_data`.
        policy: Rounding agreed with the partner.
        hours_digits: Decimals of hours; fewer than six only where the partner rejects them.
        tax_lines: Keep each tax of a cost, for partners of 2.3.0; 2.2.1 writes only their sum.

    Raises:
        CdrBuildError: See its codes. Nothing is shortened or repaired to make it fit.
    """
    for currency in (breakdown.currency, *(tariff.currency for tariff in tariffs)):
        if currency != header.currency:
            raise CdrBuildError(
                "currency_differs", f"the CDR is in {header.currency}, its price in {currency}"
            )
    periods = write_periods(session, [tariff.id for tariff in tariffs], hours_digits)
    totals = _totals(periods, breakdown, policy, tax_lines=tax_lines)
    fields = {
        "country_code": header.country_code,
        "party_id": header.party_id,
        "id": header.id,
        "start_date_time": session.periods[0].start,
        "end_date_time": session.periods[-1].end,
        "session_id": header.session_id,
        "cdr_token": header.token,
        "auth_method": header.auth_method,
        "authorization_reference": header.authorization_reference,
        "cdr_location": header.location,
        "meter_id": header.meter_id,
        "currency": header.currency,
        "tariffs": tuple(tariffs),
        "charging_periods": periods.periods,
        "signed_data": signed_data,
        "total_energy": totals.total_energy,
        "total_time": totals.total_time,
        "total_parking_time": totals.total_parking_time,
        "remark": header.remark,
        "invoice_reference_id": header.invoice_reference_id,
        "home_charging_compensation": header.home_charging_compensation,
        "last_updated": header.last_updated,
        "total_cost": totals.costs.total_cost,
        **{name: getattr(totals.costs, name) for name in BUCKET_FIELDS.values()},
    }
    return validated_cdr(fields, CdrBuildError)
