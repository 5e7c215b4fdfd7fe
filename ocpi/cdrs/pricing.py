"""Price any CDR again from its periods and tariff, and compare (points 5, 6 and 7 of the checklist)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ocpi.cdrs.codes import CdrFinding, UncheckedReason
from ocpi.cdrs.context import CreditStyle, ReconcileContext
from ocpi.cdrs.credit import COST_FIELDS, debit_view
from ocpi.cdrs.numbers import minus, total
from ocpi.cdrs.published import compare_published
from ocpi.cdrs.report import (
    Check,
    CheckResult,
    Difference,
    Rule,
    Unchecked,
    difference_json,
    finding_json,
)
from ocpi.cdrs.structure import WITHOUT_LATER_FIELDS, readable, shown_id
from ocpi.cdrs.sums import check_volume_sums, volumes_of
from ocpi.cdrs.totals import BUCKET_FIELDS
from ocpi.findings import Finding
from ocpi.objects.cdr import Cdr, CdrDimensionType
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import Amount, Breakdown, Line, PricedSessionInput
from ocpi.tariffs.compiled import CompiledTariff, compile_tariff
from ocpi.tariffs.engine import price
from ocpi.tariffs.errors import NotBillableError, TariffError
from ocpi.tariffs.from_cdr import session_from_cdr
from ocpi.tariffs.policy import DEFAULT, PricingPolicy, policy_settings
from ocpi.tariffs.rounding import VAT, WireCosts, WrittenCosts, wire_costs, written_amount, written_costs
from ocpi.types import Price, TaxAmount, same_ci

WITH_TAX_LINES = "2.3.0"
"""Version that has amounts before taxes and tax lines."""


@dataclass(frozen=True, slots=True)
class PricedCdr:
    """The cost of a CDR, computed again.

    A Credit CDR is priced as the charge that it takes back; its own total has the opposite sign.

    Attributes:
        cdr_id: The CDR.
        policy: Under which agreement.
        breakdown: Exact price with its lines; ``None`` = unpriceable, a finding says why.
        costs: The totals as a CDR carries them; ``None`` = unpriceable, or the amounts before taxes are unknown
            because the tariff includes taxes of unknown rate.
        total_energy: kWh, sum of the periods; ``None`` = no period says.
        total_time: h, sum of TIME and PARKING_TIME; ``None`` = no period says.
        total_parking_time: h; ``None`` = no period says.
        differences: The CDR's numbers against these.
        findings: What a reader must know.
        unchecked: What could not be compared, and why.
        written: The totals as the policy rounds them, with their taxes; ``None`` = unpriceable.
        version: OCPI version of the CDR; :func:`as_json` answers in its words.
    """

    cdr_id: str
    policy: PricingPolicy
    breakdown: Breakdown | None
    costs: WireCosts | None
    total_energy: Decimal | None
    total_time: Decimal | None
    total_parking_time: Decimal | None
    differences: tuple[Difference, ...]
    findings: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    written: WrittenCosts | None = None
    version: str = "2.2.1"


def price_cdr(
    cdr: Cdr,
    tariffs: Sequence[Tariff] | None = None,
    *,
    time_zone: ZoneInfo | str,
    policy: PricingPolicy = DEFAULT,
    credit_style: CreditStyle = CreditStyle.TOTAL_COST,
    version: str = "2.2.1",
) -> PricedCdr:
    """Compute the cost of a CDR again from its charging periods and tariff, and compare.

    Args:
        cdr: Any CDR; nothing of it is trusted.
        tariffs: Used instead of the CDR's own.
        time_zone: IANA zone of the Location: a CDR has none (gotcha 27).
        policy: Rounding, tolerance and what else the specification leaves open.
        credit_style: How the sender writes Credit CDRs.
        version: OCPI version in which the CDR was written (:func:`ocpi.versions.read_any`).

    Returns:
        Never raises for any CDR: one that cannot be priced says why in its findings (gotcha 31).
    """
    clean, unreadable = readable(cdr)
    if clean is None:
        return PricedCdr(
            shown_id(cdr), policy, None, None, None, None, None, (), unreadable.findings, (), version=version
        )
    context = ReconcileContext(time_zone, tariffs, policy, credit_style=credit_style, version=version)
    debit = debit_view(clean, credit_style)
    checks = (
        check_volume_sums(debit, context.tolerances),
        check_tariff_ids(debit, context),
        check_currency(debit, context),
    )
    breakdown, cost_check = check_cost(debit, context)
    energy, time, parking = (
        total(volumes) if (volumes := volumes_of(debit.charging_periods, *kinds)) else None
        for kinds in (
            (CdrDimensionType.ENERGY,),
            (CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME),
            (CdrDimensionType.PARKING_TIME,),
        )
    )
    return PricedCdr(
        cdr_id=clean.id,
        policy=context.policy_used(clean.currency),
        breakdown=breakdown,
        costs=None
        if breakdown is None or breakdown.total.excl_vat is None
        else wire_costs(breakdown, policy, with_taxes=version == WITH_TAX_LINES),
        written=None if breakdown is None else written_costs(breakdown, policy),
        version=version,
        total_energy=energy,
        total_time=time,
        total_parking_time=parking,
        differences=tuple(item for check in (*checks, cost_check) for item in check.differences),
        findings=tuple(item for check in (*checks, cost_check) for item in check.findings),
        unchecked=tuple(item for check in (*checks, cost_check) for item in check.unchecked),
    )


def check_tariff_ids(cdr: Cdr, context: ReconcileContext) -> CheckResult:
    """Point 5: every period names a tariff that the CDR carries; the tariff is the snapshot, unaltered."""
    check = Check(Rule.TARIFF_IDS)
    tariffs = context.tariffs_for(cdr)
    if not tariffs:
        check.skip(UncheckedReason.NO_TARIFF, "/tariffs")
        return check.result()
    known: dict[str, Tariff] = {}
    for index, tariff in enumerate(tariffs):
        if tariff.id.lower() in known:  # a CDR cannot tell versions of one id apart (gotcha 25)
            check.error(CdrFinding.TARIFF_REPEATED, f"/tariffs/{index}/id", tariff=tariff.id)
        known.setdefault(tariff.id.lower(), tariff)
    for index, period in enumerate(cdr.charging_periods):
        place = f"/charging_periods/{index}/tariff_id"
        if period.tariff_id is None:
            if len(tariffs) > 1:
                check.warn(CdrFinding.TARIFF_NOT_NAMED, place, count=len(tariffs))
        elif period.tariff_id.lower() not in known:
            check.error(CdrFinding.TARIFF_UNKNOWN, place, tariff=period.tariff_id)
    if context.tariffs is not None:
        compare_published(check, cdr, known, context.version)
    return check.result()


def check_currency(cdr: Cdr, context: ReconcileContext) -> CheckResult:
    """Point 6: CDR and tariffs are in the same currency (no rule of OCPI, but nothing converts: gotcha 8)."""
    check = Check(Rule.CURRENCY)
    tariffs = context.tariffs_for(cdr)
    if not tariffs:
        check.skip(UncheckedReason.NO_TARIFF, "/tariffs")
    for index, tariff in enumerate(tariffs):
        if not same_ci(tariff.currency, cdr.currency):
            check.error(
                CdrFinding.CURRENCY_DIFFERS,
                f"/tariffs/{index}/currency",
                tariff=tariff.id,
                tariff_currency=tariff.currency,
                currency=cdr.currency,
            )
    return check.result()


def check_cost(cdr: Cdr, context: ReconcileContext) -> tuple[Breakdown | None, CheckResult]:
    """Point 7: the tariff engine comes to the same total and the same parts, within the tolerance.

    Args:
        cdr: Debit view of the CDR.
        context: Tariffs, time zone, policy, tolerance.

    Returns:
        The price, or ``None`` if there is none, and the result of the rule.
    """
    check = Check(Rule.COMPUTED_COST)
    tariffs = context.tariffs_for(cdr)
    if not tariffs:
        check.warn(CdrFinding.UNPRICEABLE, "/tariffs")
        check.skip(UncheckedReason.NO_TARIFF, "/total_cost")
        return None, check.result()
    breakdown = _priced(check, cdr, tariffs, context)
    if breakdown is None:
        check.skip(UncheckedReason.NOT_PRICED, "/total_cost")
    else:
        _compare_costs(check, cdr, written_costs(breakdown, context.policy), context)
    return breakdown, check.result()


_PERIOD = re.compile(r"/periods/(\d+)")


def _in_cdr(finding: Finding, session: PricedSessionInput, cdr: Cdr) -> Finding:
    """Return what the engine says of a period of the session with a pointer into the CDR.

    The session has the periods in order of time, and those apart that a CDR mixes.
    """
    named = _PERIOD.fullmatch(finding.where)
    if named is None:
        return finding
    start = session.periods[int(named[1])].start
    begun = [
        (period.start_date_time, index)
        for index, period in enumerate(cdr.charging_periods)
        if period.start_date_time <= start
    ]
    return replace(finding, where=f"/charging_periods/{max(begun)[1]}")


def _check_zone(check: Check, cdr: Cdr, used: ZoneInfo | str) -> None:
    """Report a zone that the sender names although OCPI has no field for it, if times were read in another."""
    named = (cdr.cdr_location.model_extra or {}).get("time_zone")
    shown = used if isinstance(used, str) else used.key or ""
    if isinstance(named, str) and named != shown:
        check.warn(
            CdrFinding.TIME_ZONE_DIFFERS, "/cdr_location/time_zone", named=named[:_SHOWN_ZONE], used=shown
        )


_SHOWN_ZONE = 60  # characters of a stranger's zone; the longest name has 32


def _priced(check: Check, cdr: Cdr, tariffs: Sequence[Tariff], context: ReconcileContext) -> Breakdown | None:
    try:
        compiled: list[CompiledTariff] = [compile_tariff(tariff) for tariff in tariffs]
        session, findings = session_from_cdr(cdr)
        check.adopt(tuple(findings))
        breakdown = price(session, compiled, context.time_zone, context.policy)
    except TariffError as error:
        if isinstance(error, NotBillableError):
            check.adopt(error.findings)
        check.error(CdrFinding.PRICING_FAILED, "/tariffs", reason=error.reason, detail=error.detail[:200])
        return None
    check.adopt(tuple(_in_cdr(finding, session, cdr) for finding in breakdown.findings))
    _check_zone(check, cdr, context.time_zone)
    return breakdown


def _compare_costs(check: Check, cdr: Cdr, costs: WrittenCosts, context: ReconcileContext) -> None:
    tolerance = context.cost_tolerance(cdr.currency)
    if context.version == WITHOUT_LATER_FIELDS:  # one number without VAT is all that it has (2.1.1 mod_cdrs)
        net = costs.total_cost.excl_vat
        if net is not None:
            place = "/total_cost/excl_vat"
            check.compare(CdrFinding.COST_DIFFERS, place, cdr.total_cost.excl_vat, net, tolerance)
        return
    for name in COST_FIELDS:
        claimed: Price | None = getattr(cdr, name)
        computed: Amount | None = getattr(costs, name)
        if claimed is not None:
            _compare_price(check, name, claimed, computed or _NOTHING, tolerance)
            continue
        known = None if computed is None else computed.excl_vat or computed.incl_vat
        if known:  # optional on the wire, but eMSPs ask (gotcha 3)
            check.warn(CdrFinding.COST_PART_OMITTED, f"/{name}", field=name, computed=format(known, "f"))


_NOTHING = Amount(Decimal(0), None)


def _compare_price(check: Check, name: str, claimed: Price, computed: Amount, tolerance: Decimal) -> None:
    """Compare a cost; of a tariff that includes taxes of unknown rate only the side with taxes."""
    place = f"/{name}/excl_vat"
    net, gross = computed.excl_vat, computed.incl_vat
    if net is not None:
        check.compare(CdrFinding.COST_DIFFERS, place, claimed.excl_vat, net, tolerance)
    # No VAT applies: the amount with VAT is the one without, whether it is written or not (ocpi/ocpi#409).
    computed_incl = net if gross is None else gross
    if claimed.incl_vat is not None and computed_incl is not None:
        place = f"/{name}/incl_vat"
        fits = check.compare(CdrFinding.COST_DIFFERS, place, claimed.incl_vat, computed_incl, tolerance)
        if fits and claimed.taxes and computed.taxes:  # else the same would be said twice
            _compare_taxes(check, name, claimed.taxes, computed, tolerance)
    elif claimed.incl_vat is None and gross is not None and gross != net:
        check.warn(
            CdrFinding.COST_WITH_VAT_OMITTED,
            f"/{name}/incl_vat",
            field=name,
            computed=format(gross, "f"),
        )


def _compare_taxes(
    check: Check, name: str, claimed: Sequence[TaxAmount], computed: Amount, tolerance: Decimal
) -> None:
    """Compare the tax of each rate (2.3.0); lines that name none can belong to any."""
    expected = {line.percent: line.amount for line in computed.taxes}
    if None in expected or any(line.percentage is None for line in claimed):
        return
    places: dict[Decimal | None, str] = dict.fromkeys(expected, f"/{name}/taxes")
    amounts: dict[Decimal | None, Decimal] = dict.fromkeys(expected, Decimal(0))
    for index, line in reversed(tuple(enumerate(claimed))):  # of several of one rate the first is named
        places[line.percentage] = f"/{name}/taxes/{index}/amount"
        amounts[line.percentage] = total((amounts.get(line.percentage, Decimal(0)), line.amount))
    for rate, amount in amounts.items():
        check.compare(
            CdrFinding.COST_DIFFERS, places[rate], amount, expected.get(rate, Decimal(0)), tolerance
        )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _amount_json(amount: Amount | None, version: str) -> dict[str, Any] | None:
    """Return a written amount; one of a 2.3.0 CDR also in the words of 2.3.0."""
    if amount is None:
        return None
    result: dict[str, Any] = {"excl_vat": _text(amount.excl_vat), "incl_vat": _text(amount.incl_vat)}
    if version == WITH_TAX_LINES:
        result["before_taxes"] = result["excl_vat"]
        result["taxes"] = [
            {"name": VAT, "percentage": _text(line.percent), "amount": _text(line.amount)}
            for line in amount.taxes
        ]
        result["after_taxes"] = result["incl_vat"]
    return result


def _line_json(line: Line, policy: PricingPolicy, version: str) -> dict[str, Any]:
    cost = written_amount(line.cost, policy)
    return {
        "tariff_id": line.tariff_id,
        "element": line.element,
        "component": line.component,
        "dimension": line.dimension.value,
        "total": BUCKET_FIELDS[line.bucket],
        "start": line.start.isoformat(),
        "end": line.end.isoformat(),
        "measured": format(line.measured, "f"),
        "billed": format(line.billed, "f"),
        "unit": line.unit,
        "step_size": line.step_size,
        "price": format(line.price, "f"),
        "vat_percent": _text(line.vat_percent),
        "tax_included": line.tax_included,
        "tax": _text(_tax_of(cost)),
        "cost": _amount_json(cost, version),
    }


def _tax_of(cost: Amount) -> Decimal | None:
    """Return the tax in an amount; ``None`` where it is unknown or none applies."""
    if cost.excl_vat is None or cost.incl_vat is None:
        return None
    return minus(cost.incl_vat, cost.excl_vat)


def as_json(priced: PricedCdr) -> dict[str, Any]:
    """Return the answer of ``eichrecht cdr price --json``: money and volumes as decimal strings.

    Every ``total_*`` field of a CDR is present; ``null`` where no component of the tariff applied, where no
    period says, or where the CDR is unpriceable (a finding says why). Findings carry no sentences: the caller
    adds them in the reader's language.
    """

    breakdown, version = priced.breakdown, priced.version
    policy = priced.policy if breakdown is None else priced.policy.for_currency(breakdown.currency)
    lines = [] if breakdown is None else [_line_json(line, policy, version) for line in breakdown.lines]
    costs = {name: _amount_json(getattr(priced.written, name, None), version) for name in COST_FIELDS}
    return {
        "id": priced.cdr_id,
        "currency": None if breakdown is None else breakdown.currency,
        "policy": priced.policy.name,
        "policy_settings": dict(policy_settings(priced.policy)),
        **costs,
        "total_energy": _text(priced.total_energy),
        "total_time": _text(priced.total_time),
        "total_parking_time": _text(priced.total_parking_time),
        "lines": lines,
        "differences": [difference_json(item) for item in priced.differences],
        "findings": [finding_json(item) for item in priced.findings],
        "unchecked": [{"reason": item.reason, "where": item.where} for item in priced.unchecked],
    }
