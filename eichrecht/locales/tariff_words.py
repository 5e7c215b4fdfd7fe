"""What a tariff costs and when, in sentences for people, made from :mod:`ocpi.tariffs.explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import TypeVar
from zoneinfo import ZoneInfo

from babel.dates import format_date

from eichrecht import locales
from ocpi.tariffs.explain import (
    WEEK,
    Condition,
    DayPlan,
    Explanation,
    Section,
    Stretch,
    Tax,
    Topic,
    TopicPrices,
    UnitPrice,
)
from ocpi.tariffs.restrictions import MINUTES_PER_DAY
from ocpi.types import Price

MAX_SENTENCES = 6
"""A day with more prices is told as a table with its lowest and highest price: nobody remembers more."""

MAX_COMPARED = 100
"""Later sections say "otherwise" without being compared with all before them, which is never wrong."""

MAX_DECIMALS = 4
"""Amounts are shown with all their decimals up to here, where OCPI itself stops; beyond, with "about"."""

_MIN_DECIMALS = 2
WIDE = Context(prec=1100)
"""Amounts of absurd tariffs have up to 1000 digits; they are shown like others, and never rounded by chance."""
_MINUTES_PER_HOUR = 60
_TIMED = frozenset({Topic.CHARGING_TIME, Topic.PARKING_TIME, Topic.RESERVATION_TIME, Topic.EXPIRED_TIME})
_FEES = frozenset({Topic.START_FEE, Topic.RESERVATION_FEE, Topic.EXPIRED_FEE})
_USUAL = (Topic.ENERGY, Topic.CHARGING_TIME, Topic.PARKING_TIME)
_RUN = 3  # shorter runs of weekdays are listed

N = TypeVar("N", date, Decimal, int)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A heading and the sentences under it."""

    heading: str
    lines: tuple[str, ...]


def paragraphs(
    explanation: Explanation, language: str, time_zone: ZoneInfo | None = None
) -> tuple[Paragraph, ...]:
    """Return what a tariff costs and when, topic by topic.

    Args:
        explanation: See :func:`ocpi.tariffs.explain.explain`.
        language: ``de`` or ``en``.
        time_zone: For the validity, which is in UTC; ``None`` = UTC.
    """
    with localcontext(WIDE):
        return tuple(_Words(explanation, language, time_zone).paragraphs())


def amount(value: Decimal, currency: str, language: str) -> str:
    """Write an amount of money with all its decimals, at least two; beyond :data:`MAX_DECIMALS` with "about"."""
    rounded = value.quantize(Decimal(1).scaleb(-MAX_DECIMALS), ROUND_HALF_UP, WIDE)
    shown = rounded
    for decimals in range(_MIN_DECIMALS, MAX_DECIMALS):
        shorter = rounded.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, WIDE)
        if shorter == rounded:
            shown = shorter
            break
    with localcontext(WIDE):
        text = f"{locales.number(shown, language)} {currency}"
    return text if rounded == value else _text("about", language, amount=text)


def clock(minute: int) -> str:
    """Write a minute of the day; 1440 is 24:00."""
    return f"{minute // _MINUTES_PER_HOUR:02}:{minute % _MINUTES_PER_HOUR:02}"


def duration(seconds: int, language: str) -> str:
    """Write a duration in the largest units that give whole numbers."""
    parts: list[str] = []
    for name, size in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
        count, seconds = divmod(seconds, size)
        if count or (name == "seconds" and not parts):
            parts.append(_text(name if count != 1 else f"{name}_one", language, count=count))
    return _listed(parts, language)


def _text(key: str, language: str, **params: object) -> str:
    return locales.text("tariff", key, language, **params)


def _listed(parts: Sequence[str], language: str) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {_text('list_and', language)} {parts[-1]}"


def plain_number(value: Decimal, language: str) -> str:
    """Write a number without needless zeros."""
    whole = value == value.to_integral_value()
    return locales.number(
        value.quantize(Decimal(1), context=WIDE) if whole else value.normalize(WIDE), language
    )


class _Words:
    """Writes one explanation in one language."""

    def __init__(self, explanation: Explanation, language: str, time_zone: ZoneInfo | None) -> None:
        self.explanation = explanation
        self.language = language
        self.zone = time_zone
        self.by_minute = True  # prices of the present topic are told per minute

    def text(self, key: str, **params: object) -> str:
        return _text(key, self.language, **params)

    def paragraphs(self) -> Iterator[Paragraph]:
        for prices in self.explanation.topics:
            yield Paragraph(self.text(f"heading_{prices.topic}"), tuple(self.topic(prices)))
        whole = tuple(self.whole())
        if whole:
            yield Paragraph(self.text("heading_whole"), whole)

    # ---- one topic

    def topic(self, prices: TopicPrices) -> Iterator[str]:
        self.by_minute = all(_per_minute(self.worth(price)) is not None for price in _prices(prices))
        for number, section in enumerate(prices.sections):
            before = prices.sections[:number]
            otherwise = number > MAX_COMPARED or any(
                not one.condition.excludes(section.condition) for one in before
            )
            for plan in section.plans:
                yield from self.plan(prices.topic, section, plan, otherwise=otherwise)
        if prices.gap:
            yield self.text("gap")
        yield from self.remarks(prices)

    def plan(self, topic: Topic, section: Section, plan: DayPlan, *, otherwise: bool) -> Iterator[str]:
        """Write the prices of some weekdays, those of the same price together."""
        by_terms: dict[tuple[object, ...], list[Stretch]] = {}
        for stretch in plan.stretches:
            if stretch.price is not None:
                by_terms.setdefault(_shown(stretch.price), []).append(stretch)
        prefix = [self.text("otherwise")] if otherwise else []
        conditions = list(self.conditions(section.condition))
        days = [] if plan.weekdays == WEEK else [self.days(plan.weekdays)]
        if len(by_terms) > MAX_SENTENCES:
            yield from self.table(topic, plan, prefix, conditions, days)
            return
        for stretches in by_terms.values():
            price = stretches[0].price
            if price is None:
                continue  # they were grouped by their price
            windows = self.windows(stretches, every_day=plan.weekdays == WEEK)
            week = [" ".join([*days, windows]).strip()] if days or windows else []
            yield self.costs(topic, price, self.when([*prefix, *week, *conditions]))

    def table(
        self, topic: Topic, plan: DayPlan, prefix: list[str], conditions: list[str], days: list[str]
    ) -> Iterator[str]:
        priced = [(one, one.price) for one in plan.stretches if one.price is not None]
        lowest = min(priced, key=lambda pair: self.worth(pair[1]))[1]
        highest = max(priced, key=lambda pair: self.worth(pair[1]))[1]
        cheapest = [one for one, price in priced if self.worth(price) == self.worth(lowest)]
        unit = "per_hour" if topic in _TIMED else "per_session" if topic in _FEES else "per_energy"
        when = self.when([*prefix, *days, *conditions])
        sentence = self.text(
            "timetable",
            when=when,
            low=self.price(lowest),
            high=self.price(highest),
            unit=self.text(unit),
            cheapest=self.windows(cheapest, every_day=plan.weekdays == WEEK),
        )
        yield _sentence(sentence)
        for stretch in plan.stretches:
            price = self.text("timetable_unpriced") if stretch.price is None else self.price(stretch.price)
            yield self.text(
                "timetable_line",
                first=clock(stretch.start_minute),
                last=clock(stretch.end_minute),
                price=price,
            )

    def costs(self, topic: Topic, price: UnitPrice, when: str) -> str:
        hourly = topic in _TIMED
        divided = _per_minute(self.worth(price)) if hourly and self.by_minute else None
        unit = self.text("a_minute" if divided is not None else "an_hour")
        shown = self.price(price, divided)
        key = topic.value if when else f"{topic.value}_always"
        return _sentence(self.text(key, when=when, unit=unit, price=shown))

    def remarks(self, prices: TopicPrices) -> Iterator[str]:
        used = _prices(prices)
        if prices.topic in _FEES:
            if len({_shown(price) for price in used}) > 1:
                yield self.text("first_fee_only")
        else:
            steps = {max(1, price.step_size) for price in used}
            step = max(steps)
            if len(steps) > 1:
                yield self.text("steps_differ")
            elif step > 1 and prices.topic is Topic.ENERGY:
                yield self.text("steps_energy", step=plain_number(Decimal(step), self.language))
            elif step > 1:
                yield self.text("steps_time", step=duration(step, self.language))
        if any(price.own_rounding for price in used):
            yield self.text("own_rounding")

    # ---- prices

    def worth(self, price: UnitPrice) -> Decimal:
        """Return the price that a driver pays, as far as it is known."""
        return price.price if price.gross is None else price.gross

    def price(self, price: UnitPrice, value: Decimal | None = None) -> str:
        """Write a price with its taxes; ``value`` instead of it if it was divided."""
        worth = self.worth(price) if value is None else value
        if not worth:
            return self.text("nothing")
        shown = amount(worth, self.explanation.currency, self.language)
        tax = self.explanation.tax
        if price.vat_percent is not None and tax is not Tax.NOT_APPLICABLE:
            return self.text(
                "amount_with_vat", amount=shown, percent=plain_number(price.vat_percent, self.language)
            )
        if tax is Tax.RATES:
            return self.text("amount_without_vat", amount=shown)
        return self.text(f"amount_{tax.value}", amount=shown)

    # ---- when

    def when(self, parts: Sequence[str]) -> str:
        """Join conditions to what stands before the verb; English sets a comma behind "otherwise" and conditions."""
        if not parts:
            return ""
        joined = ", ".join(parts)
        if self.language == "de":
            joined = joined.replace(f"{self.text('otherwise')}, ", f"{self.text('otherwise')} ", 1)
            return joined + " "
        return joined + (" " if len(parts) == 1 and parts[0] != self.text("otherwise") else ", ")

    def windows(self, stretches: Sequence[Stretch], *, every_day: bool) -> str:
        spans = [(one.start_minute, one.end_minute) for one in stretches]
        joined: list[tuple[int, int]] = []
        for first, last in spans:
            if joined and joined[-1][1] == first:
                joined[-1] = (joined[-1][0], last)
            else:
                joined.append((first, last))
        if joined == [(0, MINUTES_PER_DAY)]:
            return ""
        if every_day and len(joined) > 1 and joined[0][0] == 0 and joined[-1][1] == MINUTES_PER_DAY:
            joined = [*joined[1:-1], (joined[-1][0], joined[0][1])]  # through the night
        return _listed(
            [self.text("window", first=clock(first), last=clock(last)) for first, last in joined],
            self.language,
        )

    def days(self, weekdays: Sequence[int]) -> str:
        runs: list[list[int]] = []
        for day in weekdays:
            if runs and runs[-1][-1] == day - 1:
                runs[-1].append(day)
            else:
                runs.append([day])
        parts: list[str] = []
        for run in runs:
            if len(run) >= _RUN:
                first, last = (self.text(f"day_{day}") for day in (run[0], run[-1]))
                parts.append(self.text("day_run", first=first, last=last))
            else:
                parts.extend(self.text(f"day_{day}") for day in run)
        return _listed(parts, self.language)

    def conditions(self, of: Condition) -> Iterator[str]:
        yield from self.dates(of.first_day, of.end_day)
        yield from self.span("kwh", of.min_kwh, of.max_kwh)
        low, high = of.min_duration_s, of.max_duration_s
        low_text = None if low is None or low <= 0 else duration(low, self.language)
        high_text = None if high is None else duration(max(0, high), self.language)
        yield from self.limits("duration", low_text, high_text)
        yield from self.span("power", of.min_power_kw, of.max_power_kw)
        yield from self.span("current", of.min_current_a, of.max_current_a)

    def span(self, name: str, low: Decimal | None, high: Decimal | None) -> Iterator[str]:
        low_text = None if low is None else plain_number(low, self.language)
        if name == "kwh" and low is not None and low <= 0:
            low_text = None  # it restricts nothing
        yield from self.limits(name, low_text, None if high is None else plain_number(high, self.language))

    def limits(self, name: str, low: str | None, high: str | None) -> Iterator[str]:
        if low is not None and high is not None:
            yield self.text(f"{name}_both", low=low, high=high)
        elif low is not None:
            yield self.text(f"{name}_min", low=low)
        elif high is not None:
            yield self.text(f"{name}_max", high=high)

    def dates(self, first: date | None, end: date | None) -> Iterator[str]:
        """Write dates with the last day included, as people say it."""
        last = None if end is None else end - timedelta(days=1)
        first_text = None if first is None else format_date(first, "long", locale=self.language)
        last_text = None if last is None else format_date(last, "long", locale=self.language)
        if first is not None and last is not None:
            yield self.text("dates_one" if first == last else "dates_both", first=first_text, last=last_text)
        elif first is not None:
            yield self.text("dates_first", first=first_text)
        elif last is not None:
            yield self.text("dates_last", last=last_text)

    # ---- the whole tariff

    def whole(self) -> Iterator[str]:
        explanation = self.explanation
        named = {prices.topic for prices in explanation.topics}
        free = [self.text(f"heading_{topic}") for topic in _USUAL if topic not in named]
        if free:
            yield self.text("free", topics=", ".join(free))
        for key, limit in (("at_least", explanation.min_price), ("at_most", explanation.max_price)):
            if limit is not None:
                yield _sentence(self.text(key, price=self.limit(limit)))
        for key, moment in (("valid_from", explanation.valid_from), ("valid_until", explanation.valid_until)):
            if moment is not None:
                yield self.text(key, moment=self.moment(moment))

    def limit(self, limit: Price) -> str:
        currency = self.explanation.currency
        excl = amount(limit.excl_vat, currency, self.language)
        if limit.incl_vat is None:
            return self.text("limit_excl", excl=excl)
        return self.text("limit_both", excl=excl, incl=amount(limit.incl_vat, currency, self.language))

    def moment(self, moment: datetime) -> str:
        try:
            return locales.moment(moment.astimezone(self.zone or UTC), self.language)
        except OverflowError:  # the end of the calendar
            return locales.moment(moment, self.language)


def _prices(prices: TopicPrices) -> list[UnitPrice]:
    return [
        stretch.price
        for section in prices.sections
        for plan in section.plans
        for stretch in plan.stretches
        if stretch.price is not None
    ]


def _shown(price: UnitPrice) -> tuple[object, ...]:
    """Return what sentences tell of a price: what differs in nothing else is told once."""
    return price.price, price.gross, price.vat_percent


def _per_minute(hourly: Decimal) -> Decimal | None:
    """Return an hourly price per minute if that has few decimals; else it is told per hour."""
    divided = WIDE.divide(hourly, Decimal(_MINUTES_PER_HOUR))
    return divided if divided == divided.quantize(Decimal("0.0001"), context=WIDE) else None


def _sentence(text: str) -> str:
    """Begin with a capital letter and end with a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def as_lines(written: Iterable[Paragraph]) -> Iterator[str]:
    """Yield all lines, each paragraph under its heading."""
    for paragraph in written:
        yield paragraph.heading
        for line in paragraph.lines:
            yield f"  {line}"
