"""A what-if session as a drawing (SVG): power and cost over local time, with the same in words for screen readers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from xml.sax.saxutils import escape

from babel.dates import format_datetime

from eichrecht import locales
from eichrecht.locales.tariff_words import WIDE, amount, duration, plain_number
from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.breakdown import Amount, Line, PeriodState
from ocpi.tariffs.exact import SECONDS_PER_HOUR, seconds
from ocpi.tariffs.simulate import Simulation, Step

_LEFT, _RIGHT, _WIDTH = 70, 890, 960
_POWER_TOP, _POWER_BASE = 70, 230
_COST_TOP, _COST_BASE = 270, 430
_HEIGHT = 520
_ROW = 22  # height of a line of the legend
MAX_LEGEND = 40
"""Steps told under the drawing; the description tells all."""

_COLOURS = {
    PeriodState.CHARGING: "#0b6e4f",
    PeriodState.PARKING: "#8a6d00",
    PeriodState.RESERVATION: "#4a5a8a",
}
"""Against white with a contrast above 4.5, and told apart by hatching and words as well."""

_TICK_STEPS_MIN = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
_MAX_TICKS = 9
_ZERO = Decimal(0)


def title(simulation: Simulation, language: str) -> str:
    """Return one sentence: energy, duration, what it costs."""
    lasted = int(seconds(simulation.steps[-1].end - simulation.steps[0].start))
    energy = plain_number(simulation.steps[-1].total_kwh, language)
    return _text(
        "session_title",
        language,
        energy=energy,
        duration=duration(lasted, language),
        total=total(simulation, language),
    )


def total(simulation: Simulation, language: str) -> str:
    """Return what the session costs, with taxes if they are known."""
    cost, currency = simulation.breakdown.total, simulation.breakdown.currency
    if cost.incl_vat is not None:
        return _text("total_with_vat", language, amount=_money(cost.incl_vat, currency, language))
    return _text("total_plain", language, amount=_money(cost.excl_vat or _ZERO, currency, language))


def described(simulation: Simulation, language: str) -> tuple[str, ...]:
    """Return the session in words, one sentence per step: the text alternative of the drawing."""
    found = []
    for step in simulation.steps:
        prices = [unit_price(line, simulation.breakdown.currency, language) for line in step.lines]
        found.append(
            _text(
                "step_text",
                language,
                first=_clock(step.start, simulation, language),
                last=_clock(step.end, simulation, language),
                state=_text(f"state_{step.state}", language),
                energy=plain_number(step.energy_kwh, language),
                prices=", ".join(prices) or _text("step_free", language),
            )
        )
    return tuple(found)


def unit_price(line: Line, currency: str, language: str) -> str:
    """Return the price of a line as the driver pays it, per kWh, per hour or once."""
    factor = Decimal(1)
    if not line.tax_included and line.vat_percent is not None:
        factor += line.vat_percent / 100
    unit = {"kWh": "per_energy", "h": "per_hour"}.get(line.unit, "per_session")
    return f"{amount(line.price * factor, currency, language)} {_text(unit, language)}"


def draw(simulation: Simulation, language: str) -> str:
    """Return the drawing as a standalone SVG document.

    The upper panel shows power by state, the lower one the cost as it grows, before step_size and price limits;
    the title names what is billed in the end.

    Args:
        simulation: With at least one step.
        language: ``de`` or ``en``.
    """
    with localcontext(WIDE):
        return "\n".join(_Drawing(simulation, language).lines()) + "\n"


def _text(key: str, language: str, **params: object) -> str:
    return locales.text("tariff", key, language, **params)


def _money(value: Decimal, currency: str, language: str) -> str:
    # a no-break space is no printable character to a terminal
    return locales.money(value, currency, language).replace("\N{NO-BREAK SPACE}", " ")


def _clock(moment: datetime, simulation: Simulation, language: str) -> str:
    """Write a local time, with its day if the session lasts over several."""
    zone = simulation.time_zone
    days = {at.astimezone(zone).date() for at in (simulation.steps[0].start, simulation.steps[-1].end)}
    pattern = "HH:mm" if len(days) == 1 else "d. MMM HH:mm" if language == "de" else "d MMM HH:mm"
    shown = format_datetime(moment.astimezone(zone).replace(tzinfo=None), pattern, locale=language)
    return f"{shown}{zone_mark(moment, simulation)}"


def zone_mark(moment: datetime, simulation: Simulation) -> str:
    """Return the name of the offset (`` CEST``) if the clocks change in the session, else nothing.

    Without it a session from the first to the second 02:52 seems to last no time.
    """
    ends = (simulation.steps[0].start, simulation.steps[-1].end)
    offsets = {at.astimezone(simulation.time_zone).utcoffset() for at in ends}
    return "" if len(offsets) == 1 else f" {moment.astimezone(simulation.time_zone):%Z}"


def _markup(text: str) -> str:
    """Escape a text for XML; what no XML may hold is replaced."""
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text))


def _known(cost: Amount) -> Decimal:
    return cost.incl_vat if cost.incl_vat is not None else cost.excl_vat or _ZERO


class _Drawing:
    """Places one simulation on the canvas; coordinates are whole pixels."""

    def __init__(self, simulation: Simulation, language: str) -> None:
        self.simulation, self.language = simulation, language
        self.steps = simulation.steps
        self.start, self.end = self.steps[0].start, self.steps[-1].end
        self.height = _HEIGHT + _ROW * min(len(self.steps), MAX_LEGEND)
        self.costs = tuple(self.grown())
        self.most_kw = max(*(step.power_kw for step in self.steps), Decimal(1))
        self.most_cost = max(*(abs(cost) for _, cost in self.costs), Decimal("0.01"))

    def grown(self) -> Iterator[tuple[datetime, Decimal]]:
        """Yield the cost at each end of a step: fees at once, the rest with the measured quantity."""
        fees = [one for one in self.simulation.breakdown.lines if one.dimension is TariffDimensionType.FLAT]
        cost = _ZERO
        yield self.start, cost
        for step in self.steps:
            due = sum((_known(fee.cost) for fee in fees if step.start <= fee.start < step.end), _ZERO)
            fees = [fee for fee in fees if not step.start <= fee.start < step.end]
            if due:
                cost += due
                yield step.start, cost
            cost += sum((_share(line, step) for line in step.lines), _ZERO)
            yield step.end, cost

    def x(self, moment: datetime) -> int:
        whole = max(seconds(self.end - self.start), Decimal(1))
        return _LEFT + _whole(seconds(moment - self.start) * (_RIGHT - _LEFT) / whole)

    def lines(self) -> Iterator[str]:
        heading = _markup(title(self.simulation, self.language))
        words = _markup(" ".join(described(self.simulation, self.language)))
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {self.height}" role="img"'
            f' lang="{self.language}" aria-labelledby="title desc" font-family="sans-serif" font-size="14">'
        )
        yield f'<title id="title">{heading}</title>'
        yield f'<desc id="desc">{words}</desc>'
        yield f'<rect width="{_WIDTH}" height="{self.height}" fill="#fff"/>'
        yield f'<text x="{_LEFT}" y="30" font-size="18" font-weight="bold">{heading}</text>'
        yield (
            '<defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse"'
            ' patternTransform="rotate(45)"><line y2="8" stroke="#fff" stroke-width="4"/></pattern></defs>'
        )
        yield from self.power()
        yield from self.cost()
        yield from self.ticks()
        yield from self.legend()
        yield "</svg>"

    def power(self) -> Iterator[str]:
        yield f'<text x="{_LEFT}" y="{_POWER_TOP - 22}">{self.word("power_axis")}</text>'
        yield from self.scale(_POWER_TOP, _POWER_BASE, self.most_kw)
        for number, step in enumerate(self.steps, 1):
            left, right = self.x(step.start), self.x(step.end)
            height = _whole(step.power_kw * (_POWER_BASE - _POWER_TOP) / self.most_kw)
            height = max(height, 14)  # a band that shows the state where nothing flows
            box = f'x="{left}" y="{_POWER_BASE - height}" width="{max(1, right - left)}" height="{height}"'
            yield f'<rect {box} fill="{_COLOURS[step.state]}" stroke="#fff"/>'
            if step.state is not PeriodState.CHARGING:
                yield f'<rect {box} fill="url(#hatch)"/>'
            if right - left >= 16:
                yield (
                    f'<text x="{(left + right) // 2}" y="{_POWER_BASE - height - 4}" text-anchor="middle"'
                    f' font-size="12">{number}</text>'
                )

    def cost(self) -> Iterator[str]:
        label = _markup(self.word("cost_axis", currency=self.simulation.breakdown.currency))
        yield f'<text x="{_LEFT}" y="{_COST_TOP - 12}">{label}</text>'
        yield from self.scale(_COST_TOP, _COST_BASE, self.most_cost)
        span = _COST_BASE - _COST_TOP
        points = " ".join(
            f"{self.x(moment)},{_COST_BASE - _whole(max(cost, _ZERO) * span / self.most_cost)}"
            for moment, cost in self.costs
        )
        yield f'<polyline points="{points}" fill="none" stroke="#b00020" stroke-width="3"/>'

    def scale(self, top: int, base: int, most: Decimal) -> Iterator[str]:
        yield f'<path d="M{_LEFT} {base}H{_RIGHT}M{_LEFT} {top}H{_RIGHT}" stroke="#767676" fill="none"/>'
        places = _ZERO if most == most.to_integral_value() else Decimal("0.01")
        shown = locales.number(most.quantize(places or Decimal(1), ROUND_HALF_UP), self.language)
        yield f'<text x="{_LEFT - 8}" y="{top + 5}" text-anchor="end">{shown}</text>'
        yield f'<text x="{_LEFT - 8}" y="{base + 5}" text-anchor="end">0</text>'

    def ticks(self) -> Iterator[str]:
        """Mark round local times; across a change of the clocks they stay where they happen."""
        span_min = int(seconds(self.end - self.start)) // 60
        step = next((one for one in _TICK_STEPS_MIN if span_min <= one * _MAX_TICKS), None)
        if step is None:
            step = -(-span_min // _MAX_TICKS // 1440) * 1440 + 1440
        zone = self.simulation.time_zone
        local = self.start.astimezone(zone)
        into_min = (local.hour * 60 + local.minute) % min(step, 1440)
        moment = self.start - timedelta(
            minutes=into_min, seconds=local.second, microseconds=local.microsecond
        )
        while moment <= self.end:
            if moment >= self.start:
                x, wall = self.x(moment), moment.astimezone(zone)
                shown = wall.strftime("%d.%m." if step >= 1440 else "%H:%M")
                yield f'<path d="M{x} {_POWER_BASE}v6M{x} {_COST_BASE}v6" stroke="#333"/>'
                yield f'<text x="{x}" y="{_COST_BASE + 22}" text-anchor="middle">{shown}</text>'
            moment += timedelta(minutes=step)

    def legend(self) -> Iterator[str]:
        texts = described(self.simulation, self.language)
        for number, (step, text) in enumerate(zip(self.steps, texts, strict=True)):
            y = _HEIGHT - 30 + _ROW * number
            if number == MAX_LEGEND - 1 and len(texts) > MAX_LEGEND:
                yield f'<text x="{_LEFT}" y="{y}">… +{len(texts) - number}</text>'
                return
            box = f'x="{_LEFT - 24}" y="{y - 12}" width="14" height="14"'
            yield f'<rect {box} fill="{_COLOURS[step.state]}"/>'
            if step.state is not PeriodState.CHARGING:
                yield f'<rect {box} fill="url(#hatch)"/>'
            yield f'<text x="{_LEFT}" y="{y}">{number + 1}. {_markup(text)}</text>'

    def word(self, key: str, **params: object) -> str:
        return _text(key, self.language, **params)


def _share(line: Line, step: Step) -> Decimal:
    """Return what a step costs by a line, as measured."""
    if line.dimension is TariffDimensionType.ENERGY:
        quantity = step.energy_kwh
    else:
        quantity = seconds(step.end - step.start) / SECONDS_PER_HOUR
    factor = Decimal(1)
    if not line.tax_included and line.vat_percent is not None and line.cost.incl_vat is not None:
        factor += line.vat_percent / 100
    return quantity * line.price * factor


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))
