"""Price any CDR again from its periods and tariff, and compare (points 5, 6 and 7 of the checklist)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ocpi.cdrs.codes import CdrFinding, UncheckedReason
from ocpi.cdrs.context import CreditStyle, ReconcileContext
from ocpi.cdrs.credit import COST_FIELDS, debit_view
from ocpi.cdrs.numbers import total
from ocpi.cdrs.report import (
    Check,
    CheckResult,
    Difference,
    Rule,
    Unchecked,
    difference_json,
    finding_json,
)
from ocpi.cdrs.structure import readable, shown_id
from ocpi.cdrs.sums import check_volume_sums, volumes_of
from ocpi.cdrs.totals import BUCKET_FIELDS
from ocpi.findings import Finding
from ocpi.objects.cdr import Cdr, CdrDimensionType
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import Breakdown, Line
from ocpi.tariffs.compiled import CompiledTariff, compile_tariff
from ocpi.tariffs.engine import price
from ocpi.tariffs.errors import TariffError
from ocpi.tariffs.from_cdr import session_from_cdr
from ocpi.tariffs.policy import DEFAULT, PricingPolicy
from ocpi.tariffs.rounding import WireCosts, wire_costs, wire_price
from ocpi.types import Price, same_ci


@dataclass(frozen=True, slots=True)
class PricedCdr:
    """The cost of a CDR, computed again.

    A Credit CDR is priced as the charge that it takes back; its own total has the opposite sign.

    Attributes:
        cdr_id: The CDR.
        policy: Under which agreement.
        breakdown: Exact price with its lines; ``None`` = unpriceable, a finding says why.
        costs: The totals as the policy writes them; ``None`` = unpriceable.
        total_energy: kWh, sum of the periods; ``None`` = no period says.
        total_time: h, sum of TIME and PARKING_TIME; ``None`` = no period says.
        total_parking_time: h; ``None`` = no period says.
        differences: The CDR's numbers against these.
        findings: What a reader must know.
        unchecked: What could not be compared, and why.
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


def price_cdr(
    cdr: Cdr,
    tariffs: Sequence[Tariff] | None = None,
    *,
    time_zone: ZoneInfo | str,
    policy: PricingPolicy = DEFAULT,
    credit_style: CreditStyle = CreditStyle.TOTAL_COST,
) -> PricedCdr:
    """Compute the cost of a CDR again from its charging periods and tariff, and compare.

    Args:
        cdr: Any CDR; nothing of it is trusted.
        tariffs: Used instead of the CDR's own.
        time_zone: IANA zone of the Location: a CDR has none (gotcha 27).
        policy: Rounding, tolerance and what else the specification leaves open.
        credit_style: How the sender writes Credit CDRs.

    Returns:
        Never raises for any CDR: one that cannot be priced says why in its findings (gotcha 31).
    """
    clean, unreadable = readable(cdr)
    if clean is None:
        return PricedCdr(shown_id(cdr), policy, None, None, None, None, None, (), unreadable.findings, ())
    context = ReconcileContext(time_zone, tariffs, policy, credit_style=credit_style)
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
        policy=policy,
        breakdown=breakdown,
        costs=None if breakdown is None else wire_costs(breakdown, policy),
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
        _check_snapshots(check, cdr.tariffs or (), known)
    return check.result()


def _check_snapshots(check: Check, carried: Sequence[Tariff], known: dict[str, Tariff]) -> None:
    """Report a tariff that was altered only in the CDR (ocpi/ocpi#543: never)."""
    for index, tariff in enumerate(carried):
        snapshot = known.get(tariff.id.lower())
        if snapshot is not None and _pricing_of(tariff) != _pricing_of(snapshot):
            check.error(CdrFinding.TARIFF_DIFFERS_FROM_SNAPSHOT, f"/tariffs/{index}", tariff=tariff.id)


def _pricing_of(tariff: Tariff) -> tuple[object, ...]:
    return tariff.currency, tariff.min_price, tariff.max_price, tariff.elements


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
        _compare_costs(check, cdr, wire_costs(breakdown, context.policy), context.cost_tolerance)
    return breakdown, check.result()


def _priced(check: Check, cdr: Cdr, tariffs: Sequence[Tariff], context: ReconcileContext) -> Breakdown | None:
    try:
        compiled: list[CompiledTariff] = [compile_tariff(tariff) for tariff in tariffs]
        session, findings = session_from_cdr(cdr)
        check.adopt(tuple(findings))
        breakdown = price(session, compiled, context.time_zone, context.policy)
    except TariffError as error:
        check.error(CdrFinding.PRICING_FAILED, "/tariffs", reason=error.reason, detail=error.detail[:200])
        return None
    check.adopt(breakdown.findings)
    return breakdown


def _compare_costs(check: Check, cdr: Cdr, costs: WireCosts, tolerance: Decimal) -> None:
    for name in COST_FIELDS:
        claimed: Price | None = getattr(cdr, name)
        computed: Price | None = getattr(costs, name)
        if claimed is None:
            if computed is not None and computed.excl_vat:  # optional on the wire, but eMSPs ask (gotcha 3)
                amount = format(computed.excl_vat, "f")
                check.warn(CdrFinding.COST_PART_OMITTED, f"/{name}", field=name, computed=amount)
        else:
            _compare_price(check, name, claimed, computed or Price(excl_vat=Decimal(0)), tolerance)


def _compare_price(check: Check, name: str, claimed: Price, computed: Price, tolerance: Decimal) -> None:
    place = f"/{name}/excl_vat"
    check.compare(CdrFinding.COST_DIFFERS, place, claimed.excl_vat, computed.excl_vat, tolerance)
    # No VAT applies: the amount with VAT is the one without, whether it is written or not (ocpi/ocpi#409).
    computed_incl = computed.excl_vat if computed.incl_vat is None else computed.incl_vat
    if claimed.incl_vat is not None:
        place = f"/{name}/incl_vat"
        check.compare(CdrFinding.COST_DIFFERS, place, claimed.incl_vat, computed_incl, tolerance)
    elif computed.incl_vat is not None and computed.incl_vat != computed.excl_vat:
        amount = format(computed.incl_vat, "f")
        check.warn(CdrFinding.COST_WITH_VAT_OMITTED, f"/{name}/incl_vat", field=name, computed=amount)


def _price_json(price_: Price | None) -> dict[str, str | None] | None:
    if price_ is None:
        return None
    incl_vat = None if price_.incl_vat is None else format(price_.incl_vat, "f")
    return {"excl_vat": format(price_.excl_vat, "f"), "incl_vat": incl_vat}


def _line_json(line: Line, policy: PricingPolicy) -> dict[str, Any]:
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
        "vat_percent": None if line.vat_percent is None else format(line.vat_percent, "f"),
        "cost": _price_json(wire_price(line.cost, policy)),
    }


def as_json(priced: PricedCdr) -> dict[str, Any]:
    """Return the answer of ``eichrecht cdr price --json``: money and volumes as decimal strings.

    Every ``total_*`` field of a CDR is present; ``null`` where no component of the tariff applied, where no
    period says, or where the CDR is unpriceable (a finding says why). Findings carry no sentences: the caller
    adds them in the reader's language.
    """

    def volume(value: Decimal | None) -> str | None:
        return None if value is None else format(value, "f")

    breakdown = priced.breakdown
    lines = [] if breakdown is None else [_line_json(line, priced.policy) for line in breakdown.lines]
    costs = {name: _price_json(getattr(priced.costs, name, None)) for name in COST_FIELDS}
    return {
        "id": priced.cdr_id,
        "currency": None if breakdown is None else breakdown.currency,
        "policy": priced.policy.name,
        **costs,
        "total_energy": volume(priced.total_energy),
        "total_time": volume(priced.total_time),
        "total_parking_time": volume(priced.total_parking_time),
        "lines": lines,
        "differences": [difference_json(item) for item in priced.differences],
        "findings": [finding_json(item) for item in priced.findings],
        "unchecked": [{"reason": item.reason, "where": item.where} for item in priced.unchecked],
    }
