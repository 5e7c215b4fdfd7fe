"""A second opinion on prices: minute by minute, in fractions, straight from the text of the specification.

It shares nothing with the engine, knows no shortcut, and asks every restriction at every minute. Everything in a
:class:`Session` happens at whole minutes, so nothing can change between two looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")

Json = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """Reserved, charged and parked minutes one after the other, with 0.06 kWh a minute (3.6 kW)."""

    start: datetime
    reserved: int
    charged: int
    parked: int
    expired: bool
    current: Fraction | None

    KWH_PER_MINUTE = Fraction(6, 100)
    POWER = Fraction(36, 10)


@dataclass
class Billed:
    """One component's quantity without interruption, in Wh or seconds."""

    dimension: str
    component: Json
    quantity: Fraction


@dataclass
class Look:
    """What a restriction can see at one minute."""

    wall: datetime
    kwh: Fraction = Fraction(0)
    elapsed_s: int = 0
    power: Fraction | None = None
    current: Fraction | None = None


def minute_of(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def in_window(limits: Json, wall: datetime) -> bool:
    start, end = minute_of(limits.get("start_time") or "00:00"), minute_of(limits.get("end_time") or "00:00")
    now = wall.hour * 60 + wall.minute
    if start == end:
        return True
    return start <= now < (end or 1440) if start < (end or 1440) else now >= start or now < end


def holds(limits: Json, look: Look) -> bool:
    day = look.wall.date()
    if not in_window(limits, look.wall):
        return False
    if limits.get("day_of_week") and DAYS[day.weekday()] not in limits["day_of_week"]:
        return False
    if "start_date" in limits and day < date.fromisoformat(limits["start_date"]):
        return False
    if "end_date" in limits and day >= date.fromisoformat(limits["end_date"]):
        return False
    measured = {"kwh": look.kwh, "duration": look.elapsed_s, "power": look.power, "current": look.current}
    for name, value in measured.items():
        low, high = limits.get(f"min_{name}"), limits.get(f"max_{name}")
        if (low is not None or high is not None) and value is None:
            return False
        if low is not None and value is not None and value < Fraction(low):
            return False
        if high is not None and value is not None and value >= Fraction(high):
            return False
    return True


def active(elements: list[Json], dimension: str, kind: str | None, look: Look) -> Json | None:
    for element in elements:
        limits = element.get("restrictions") or {}
        if limits.get("reservation") != kind:
            continue
        for component in element["price_components"]:
            if component["type"] == dimension and holds(limits, look):
                found: Json = component
                return found
    return None


@dataclass
class Bill:
    """Collects, and rounds up once per group."""

    energy: list[Billed] = field(default_factory=list)
    time: list[Billed] = field(default_factory=list)
    reserved: list[Billed] = field(default_factory=list)
    fees: list[Json] = field(default_factory=list)

    @staticmethod
    def add(group: list[Billed], dimension: str, component: Json | None, quantity: Fraction) -> None:
        if component is None:
            return
        if group and group[-1].component is component:
            group[-1].quantity += quantity
        else:
            group.append(Billed(dimension, component, quantity))

    def items(self) -> Iterator[tuple[Json, Fraction]]:
        """Yield component and quantity in its unit: kWh, h or once."""
        for group, unit in ((self.energy, 1000), (self.time, 3600), (self.reserved, 3600)):
            if group:
                last = group[-1]
                step = last.component["step_size"]
                whole = sum((one.quantity for one in group if one.dimension == last.dimension), Fraction(0))
                if step and whole % step:
                    last.quantity += step - whole % step
            for one in group:
                yield one.component, one.quantity / unit
        for fee in self.fees:
            yield fee, Fraction(1)


def billed(elements: list[Json], session: Session, zone: ZoneInfo) -> Bill:
    bill = Bill()
    now = session.start.astimezone(UTC)
    kinds = ("RESERVATION_EXPIRES", "RESERVATION") if session.expired else ("RESERVATION",)
    fee = None
    for _ in range(session.reserved):
        look = Look(now.astimezone(zone))
        for kind in reversed(kinds):  # the first kind of the list wins
            fee_now = active(elements, "FLAT", kind, look)
            time_now = active(elements, "TIME", kind, look)
            if kind == kinds[-1]:
                chosen_fee, chosen_time = fee_now, time_now
            else:
                chosen_fee, chosen_time = fee_now or chosen_fee, time_now or chosen_time
        fee = fee or chosen_fee
        Bill.add(bill.reserved, "TIME", chosen_time, Fraction(60))
        now += MINUTE
    bill.fees += [fee] if fee else []
    if session.expired:
        return bill
    fee = None
    for minute in range(session.charged + session.parked):
        charging = minute < session.charged
        look = Look(
            now.astimezone(zone),
            min(minute, session.charged) * Session.KWH_PER_MINUTE,
            minute * 60,
            Session.POWER if charging else Fraction(0),
            session.current if charging else Fraction(0),
        )
        fee = fee or active(elements, "FLAT", None, look)
        if charging:
            Bill.add(bill.energy, "ENERGY", active(elements, "ENERGY", None, look), Fraction(60))
        dimension = "TIME" if charging else "PARKING_TIME"
        Bill.add(bill.time, dimension, active(elements, dimension, None, look), Fraction(60))
        now += MINUTE
    bill.fees += [fee] if fee else []
    return bill


def total(tariff: Json, session: Session, zone: ZoneInfo) -> tuple[Fraction, Fraction | None]:
    """Return the cost without and with taxes, prices being without; limits carry both amounts."""
    net = gross = Fraction(0)
    for component, quantity in billed(tariff["elements"], session, zone).items():
        cost = Fraction(component["price"]) * quantity
        net += cost
        gross += cost * (1 + Fraction(component.get("vat") or 0) / 100)
    taxed = any(part.get("vat") is not None for one in tariff["elements"] for part in one["price_components"])
    for name, choose in (("min_price", max), ("max_price", min)):
        if name in tariff:
            net = choose(net, Fraction(tariff[name]["excl_vat"]))
            gross = choose(gross, Fraction(tariff[name]["incl_vat"]))
    return net, gross if taxed else None
