"""Whether what a ChargePoint station signs adds up: energy against registers, lines against sums.

All of it is signed, so nobody but the station can be at fault. Two statements about the energy leave open which one
is billed: an error. Money that does not add up touches no measured value: a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import islice
from typing import Any

from eichrecht.evidence import Finding, note, problem, warning
from eichrecht.formats._chargepoint_codes import ChargePointCode as Code
from eichrecht.formats._chargepoint_payload import (
    MAX_OF_A_CODE,
    SHAPE_A,
    Payload,
    every_line,
    lines_of,
    number,
    number_text,
)

ENERGY_TOLERANCE_KWH = Decimal("0.001")
"""Registers count whole watt-hours, and lines are binary fractions of kWh: by so much each may be off."""

SUM_TOLERANCE = Decimal("0.005")
"""Amounts are whole cents written as binary fractions (0.98999999999999999): sums must agree to the cent."""

COST_TOLERANCE = Decimal("0.01")
"""A line is rounded to cents, in which direction is not said."""

_CENT = Decimal("0.01")
_SECONDS_PER_HOUR = Decimal(3600)
_WIDE = Context(prec=600)
"""More digits than a product of two numbers has whose size the reader bounds, so that none is refused."""


def sum_findings(payload: Payload) -> Iterator[Finding]:
    """Yield what does not add up in the signed text, and the amount that it signs."""
    if payload.value.keys() >= SHAPE_A:
        yield from _line_energy(payload)
        for check in (_costs, _subtotals, _totals, _durations):
            yield from islice(check(payload.value), MAX_OF_A_CODE)
        yield from _amount(payload.value)
    else:
        yield from _total_energy(payload)


def kwh(text: str | None, unit: str | None) -> Decimal | None:
    """Return a register's value in kWh with all its digits; ``None`` unless its unit is one of energy."""
    value = number(text)
    plain = (unit or "").strip().lower()
    if value is None or plain not in {"kwh", "wh"}:
        return None
    if plain == "kwh":
        return value
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - only finite numbers are read
    return Decimal((sign, digits, exponent - 3))


def _measured(payload: Payload) -> Decimal | None:
    begin, end = kwh(payload.begin, payload.unit), kwh(payload.end, payload.unit)
    return None if begin is None or end is None else _WIDE.subtract(end, begin)


def _line_energy(payload: Payload) -> Iterator[Finding]:
    """Compare the kWh that are charged for with the registers; timed lines (active_charging 1) have none."""
    measured = _measured(payload)
    lines = list(lines_of(payload.value, "energy"))
    units = [number(line.get("units")) for _, line in lines if not _is_timed(line)]
    billed = _sum(units)
    if measured is None or not units or billed is None:
        return
    gap, slack = _WIDE.subtract(billed, measured), ENERGY_TOLERANCE_KWH * len(units)
    shown = {"stated": _shown(billed), "measured": _shown(measured)}
    if gap > slack:
        yield problem(Code.ENERGY_DIFFERS, "/energy", **shown)
    elif gap < -slack and len(units) == len(lines):
        yield warning(Code.ENERGY_DIFFERS, "/energy", **shown)


def _total_energy(payload: Payload) -> Iterator[Finding]:
    stated = kwh(number_text(payload.value.get("total_energy")), payload.unit)
    measured = _measured(payload)
    if stated is None:
        if measured is not None:
            yield problem(Code.FIELD_MALFORMED, "/total_energy")
    elif measured is not None and abs(_WIDE.subtract(stated, measured)) > ENERGY_TOLERANCE_KWH:
        shown = {"stated": _shown(stated), "measured": _shown(measured)}
        yield problem(Code.ENERGY_DIFFERS, "/total_energy", **shown)


def _is_timed(line: dict[str, Any]) -> bool:
    return number(line.get("active_charging")) == 1


def _costs(value: dict[str, Any]) -> Iterator[Finding]:
    """Compare each line's cost with its price: per kWh, or per hour for seconds of charging and parking."""
    for kind in ("energy", "parking"):
        for where, line in lines_of(value, kind):
            price, units = number(line.get("unit_price")), number(line.get("units"))
            cost = number(line.get("line_item_cost"))
            if price is None or units is None or cost is None:
                yield warning(Code.FIELD_MALFORMED, where)
                continue
            exact = _WIDE.multiply(price, units)
            if kind == "parking" or _is_timed(line):
                exact = _WIDE.divide(exact, _SECONDS_PER_HOUR)
            if abs(_WIDE.subtract(cost, exact)) >= COST_TOLERANCE:
                yield warning(Code.COST_DIFFERS, where, stated=_shown(cost), computed=_shown(_cents(exact)))


_SUBTOTALS = (
    ("energy", "line_item_cost", "energy_subtotal"),
    ("parking", "line_item_cost", "parking_subtotal"),
    ("tax", "tax", "total_tax"),
)


def _subtotals(value: dict[str, Any]) -> Iterator[Finding]:
    for kind, item, name in _SUBTOTALS:
        costs = [number(line.get(item)) for _, line in lines_of(value, kind)]
        yield from _same_sum(_stated(value, kind, name), costs, f"/{kind}/{name}")


_BEFORE_ADJUSTMENT = (
    ("energy", "energy_subtotal"),
    ("parking", "parking_subtotal"),
    ("flat", "flat_fee_subtotal"),
)


def _totals(value: dict[str, Any]) -> Iterator[Finding]:
    """Follow the bill: lines, minimum price, tax, total."""
    parts = [_stated(value, kind, name) for kind, name in _BEFORE_ADJUSTMENT]
    before, subtotal = number(value.get("subtotal_before_adjustment")), number(value.get("subtotal"))
    adjusted = [number(line.get("session_min_adjustment")) for _, line in every_line(value, "minMaxAdj")]
    tax = _stated(value, "tax", "total_tax")
    yield from _same_sum(before, [part or Decimal(0) for part in parts], "/subtotal_before_adjustment")
    yield from _same_sum(subtotal, [before, *adjusted], "/subtotal")
    yield from _same_sum(number(value.get("totalAmount")), [subtotal, tax or Decimal(0)], "/totalAmount")


def _stated(value: dict[str, Any], kind: str, name: str) -> Decimal | None:
    """Return the sum that the lines of a kind state themselves; ``None`` if none does."""
    found = [number(line[name]) for _, line in every_line(value, kind) if name in line]
    return _sum(found) if found else None


def _same_sum(stated: Decimal | None, parts: Sequence[Decimal | None], where: str) -> Iterator[Finding]:
    total = _sum(parts)
    if stated is None or total is None:
        return
    if abs(_WIDE.subtract(stated, total)) >= SUM_TOLERANCE:
        yield warning(Code.SUM_DIFFERS, where, stated=_shown(stated), computed=_shown(_cents(total)))


def _sum(parts: Sequence[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for part in parts:
        if part is None:
            return None
        total = _WIDE.add(total, part)
    return total


def _durations(value: dict[str, Any]) -> Iterator[Finding]:
    for kind in ("energy", "parking"):
        for where, line in lines_of(value, kind):
            start, end = number(line.get("start_time_utc")), number(line.get("end_time_utc"))
            duration = number(line.get("duration"))
            if start is None or end is None or duration is None:
                continue
            span = _WIDE.subtract(end, start)
            if span != duration:
                yield warning(Code.DURATION_DIFFERS, where, stated=_shown(duration), computed=_shown(span))


def _amount(value: dict[str, Any]) -> Iterator[Finding]:
    info = value.get("additional_info")
    currency = info.get("currency_code") if isinstance(info, dict) else None
    amount = number(value.get("totalAmount"))
    if amount is None:
        yield warning(Code.FIELD_MALFORMED, "/totalAmount")
    elif isinstance(currency, str):
        yield note(Code.AMOUNT_SIGNED, "/totalAmount", amount=_shown(_cents(amount)), currency=currency[:10])


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP, _WIDE)


def _shown(amount: Decimal) -> str:
    return f"{amount:f}"[:40]
