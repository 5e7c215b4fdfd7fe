"""A tariff made ready for pricing: read once, used for any number of sessions.

Text becomes numbers (times of day as minutes, dates as day numbers), and the elements are turned around into
one list of candidates per dimension, because the active component is looked up for each dimension on its own
(2.2.1 mod_tariffs, TariffElement).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, DecimalException, localcontext

from ocpi.findings import Finding, problem, warning
from ocpi.objects.tariff import (
    PriceComponent,
    ReservationRestrictionType,
    Tariff,
    TariffDimensionType,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
)
from ocpi.tariffs.clock_index import ClockIndex, clock_index
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.errors import NumberOutOfRangeError, TariffUnusableError
from ocpi.tariffs.exact import EXACT, MAX_EXPONENT, SECONDS_PER_HOUR
from ocpi.tariffs.extensions import ComponentRounding, read_rounding
from ocpi.tariffs.restrictions import CompiledRestrictions, clock_edges, compile_restrictions
from ocpi.types import Price

MAX_ELEMENTS = 5000
"""Largest tariff accepted. Prices per quarter of an hour for a week are 672 elements; matching time grows
with elements times periods."""

_RESERVATION_DIMENSIONS = frozenset({TariffDimensionType.FLAT, TariffDimensionType.TIME})
_TIMED = frozenset({TariffDimensionType.TIME, TariffDimensionType.PARKING_TIME})


@dataclass(frozen=True, slots=True)
class CompiledComponent:
    """A price component with its place in the tariff.

    Attributes:
        element, component: Indices in the tariff.
        dimension: What it prices.
        price: Per kWh, per hour or once; without VAT unless ``tax_included``.
        vat_percent: ``None`` = no VAT applies or, with ``tax_included``, its rate is unknown.
        vat_factor: ``1 + vat/100``; 1 where ``vat_percent`` is ``None``.
        step_size: In Wh or s; 0 = no rounding.
        restrictions: ``None`` = always applies.
        tax_included: ``price`` includes the taxes (2.3.0).
        price_3600: 3600 times the price per unit in which quantities are counted: kWh, seconds, sessions.
        rounding: Rounding that the component brings along; ``None`` for nearly all.
    """

    element: int
    component: int
    dimension: TariffDimensionType
    price: Decimal
    vat_percent: Decimal | None
    vat_factor: Decimal
    step_size: int
    restrictions: CompiledRestrictions | None
    tax_included: bool = False
    price_3600: Decimal = Decimal(0)
    rounding: ComponentRounding | None = None


Candidates = Mapping[TariffDimensionType, tuple[CompiledComponent, ...]]
"""Per dimension, in tariff order: the first whose restrictions hold is active."""


@dataclass(frozen=True, slots=True)
class CompiledTariff:
    """A tariff ready for pricing.

    Attributes:
        tariff_id: As written.
        key: ``tariff_id`` for comparison: CiString, without regard to case.
        currency: ISO 4217.
        session: Candidates for charging and parking (elements without ``reservation``).
        reservation: Candidates for a reservation.
        reservation_expires: Candidates that replace those of ``reservation`` when it expired.
        session_clock: The candidates of ``session`` by minute of the day, for dimensions with many.
        has_vat: Some component has VAT, or prices include it; else amounts have no value including VAT.
        single_vat: The rate that all components share; ``None`` if they differ or one has none.
        min_price, max_price: Limits of the session total.
        valid_from, valid_until: Validity, the end exclusive.
        clock_edges: Local minute of the day -> restrictions that may change then; at 0 also those on days.
        clock_minutes: Keys of ``clock_edges`` in order.
        kwh_edges: Consumed energy at which a restriction changes, in order.
        duration_edges_s: Elapsed session seconds at which a restriction changes, in order.
        component_count: Number of components.
        findings: What is wrong with the tariff itself.
        has_rounding: Some component brings its own rounding along.
        moves: A price may change while a period lasts: with the clock, the energy or the duration.
        plain: Neither limits nor rounding of its own: the total is the sum of the lines.
    """

    tariff_id: str
    key: str
    currency: str
    session: Candidates
    reservation: Candidates
    reservation_expires: Candidates
    has_vat: bool
    single_vat: Decimal | None
    min_price: Price | None
    max_price: Price | None
    valid_from: datetime | None
    valid_until: datetime | None
    clock_edges: Mapping[int, tuple[CompiledRestrictions, ...]]
    clock_minutes: tuple[int, ...]
    kwh_edges: tuple[Decimal, ...]
    duration_edges_s: tuple[int, ...]
    component_count: int
    findings: tuple[Finding, ...]
    session_clock: Mapping[TariffDimensionType, ClockIndex] = field(default_factory=dict)
    has_rounding: bool = False
    moves: bool = True
    plain: bool = False


def compile_tariff(tariff: Tariff) -> CompiledTariff:
    """Make a tariff ready for pricing.

    An element with a restriction that is unknown (``dayOfWeek``) or unreadable (30 February) is never used:
    it is certainly not unconditional, so a price from it would be a guess (tandemdrive/ocpi-tariffs#80).
    That is a finding.

    Args:
        tariff: Canonical; ``tax_included`` says what its prices are (``None``: without VAT, as in 2.2.1).

    Raises:
        TariffUnusableError: No elements, more than :data:`MAX_ELEMENTS`, or a number that is none.
        NumberOutOfRangeError: A number with more digits than can be computed with.
    """
    if not tariff.elements:
        raise TariffUnusableError("no_elements", tariff.id)
    if len(tariff.elements) > MAX_ELEMENTS:
        raise TariffUnusableError("too_many_elements", f"{len(tariff.elements)}, at most {MAX_ELEMENTS}")
    try:
        with localcontext(EXACT):
            return _Compiler(tariff).compile()
    except DecimalException as error:
        raise NumberOutOfRangeError("number_out_of_range", f"{tariff.id}: {type(error).__name__}") from error


class _Compiler:
    """Collects while walking the elements once."""

    def __init__(self, tariff: Tariff) -> None:
        self.tariff = tariff
        self.findings: list[Finding] = []
        self.lists: dict[
            ReservationRestrictionType | None, dict[TariffDimensionType, list[CompiledComponent]]
        ] = {None: {}, **{kind: {} for kind in ReservationRestrictionType}}
        self.restrictions: list[CompiledRestrictions] = []
        self.rates: set[Decimal | None] = set()
        self.component_count = 0
        self.tax_included = tariff.tax_included is TaxIncluded.YES
        self.tax_applies = tariff.tax_included is not TaxIncluded.NOT_APPLICABLE
        self.has_rounding = False

    def compile(self) -> CompiledTariff:
        tariff = self.tariff
        for limit in (tariff.min_price, tariff.max_price):
            if limit is not None:
                self.check_numbers("price limit", limit.excl_vat, limit.incl_vat)
        for index, element in enumerate(tariff.elements):
            self.add_element(index, element)
        edges = clock_edges(self.restrictions)
        session = _frozen(self.lists[None])
        return CompiledTariff(
            tariff_id=tariff.id,
            key=tariff.id.lower(),
            currency=tariff.currency,
            session=session,
            session_clock={
                dimension: clock
                for dimension, candidates in session.items()
                if (clock := clock_index(candidates, edges)) is not None
            },
            has_rounding=self.has_rounding,
            moves=any(one.on_clock or one.on_use for one in self.restrictions),
            plain=not (tariff.min_price or tariff.max_price or self.has_rounding),
            reservation=_frozen(self.lists[ReservationRestrictionType.RESERVATION]),
            reservation_expires=_frozen(self.lists[ReservationRestrictionType.RESERVATION_EXPIRES]),
            has_vat=self.tax_included or any(rate is not None for rate in self.rates),
            single_vat=next(iter(self.rates)) if len(self.rates) == 1 else None,
            min_price=tariff.min_price,
            max_price=tariff.max_price,
            valid_from=tariff.start_date_time,
            valid_until=tariff.end_date_time,
            clock_edges=edges,
            clock_minutes=tuple(sorted(edges)),
            kwh_edges=_edges(value for r in self.restrictions for value in (r.min_kwh, r.max_kwh)),
            duration_edges_s=tuple(
                int(edge) // 1_000_000
                for edge in _edges(
                    None if value is None else Decimal(value)
                    for r in self.restrictions
                    for value in (r.min_duration_us, r.max_duration_us)
                )
            ),
            component_count=self.component_count,
            findings=tuple(self.findings),
        )

    def add_element(self, index: int, element: TariffElement) -> None:
        usable = True
        restrictions: CompiledRestrictions | None = None
        kind: ReservationRestrictionType | None = None
        if element.restrictions is not None:
            kind = element.restrictions.reservation
            usable, restrictions = self.read_restrictions(index, element.restrictions)
            if usable and restrictions is not None:
                self.restrictions.append(restrictions)
        seen: set[TariffDimensionType] = set()
        for number, component in enumerate(element.price_components):
            self.component_count += 1
            self.check_numbers(f"element {index}", component.price, component.vat)
            compiled = self.read_component(index, number, component, restrictions)
            place = f"/elements/{index}/price_components/{number}"
            if component.type in seen:
                self.say_component(TariffCode.DUPLICATE_COMPONENT, place, component)
            elif kind is not None and component.type not in _RESERVATION_DIMENSIONS:
                # mod_tariffs, TariffRestrictions.reservation: only FLAT and TIME are allowed
                self.say_component(TariffCode.RESERVATION_DIMENSION, place, component)
            elif usable:
                self.lists[kind].setdefault(component.type, []).append(compiled)
            seen.add(component.type)

    def read_component(
        self, element: int, number: int, component: PriceComponent, restrictions: CompiledRestrictions | None
    ) -> CompiledComponent:
        step_size = component.step_size
        if step_size < 0:
            self.findings.append(
                problem(
                    TariffCode.INVALID_STEP_SIZE,
                    f"/elements/{element}/price_components/{number}/step_size",
                    tariff_id=self.tariff.id,
                    element=element,
                    step_size=step_size,
                )
            )
            step_size = 0
        vat = component.vat if self.tax_applies else None
        self.rates.add(vat)
        rounding, notes = read_rounding(component, f"/elements/{element}/price_components/{number}")
        self.has_rounding |= rounding is not None
        for code, place, params in notes:
            self.findings.append(warning(code, place, tariff_id=self.tariff.id, **params))
        timed = component.type in _TIMED
        return CompiledComponent(
            element=element,
            component=number,
            dimension=component.type,
            price=component.price,
            vat_percent=vat,
            vat_factor=Decimal(1) if vat is None else 1 + vat / 100,
            step_size=step_size,
            restrictions=restrictions,
            tax_included=self.tax_included,
            price_3600=component.price if timed else component.price * SECONDS_PER_HOUR,
            rounding=rounding,
        )

    def read_restrictions(
        self, index: int, source: TariffRestrictions
    ) -> tuple[bool, CompiledRestrictions | None]:
        """Return whether the element can be used, and its restrictions if it has any."""
        usable = True
        for key, value in (source.model_extra or {}).items():
            if value is not None:  # JSON null means absent
                usable = False
                self.say_restriction(TariffCode.UNKNOWN_RESTRICTION, index, key, value)
        days: list[int | None] = []
        for key, text in (("start_date", source.start_date), ("end_date", source.end_date)):
            try:
                days.append(None if text is None else date.fromisoformat(text).toordinal())
            except ValueError:  # the pattern lets 30 February pass
                days.append(None)
                usable = False
                self.say_restriction(TariffCode.UNREADABLE_RESTRICTION, index, key, text)
        self.check_numbers(
            f"element {index} restrictions",
            *(source.min_kwh, source.max_kwh, source.min_current, source.max_current),
            *(source.min_power, source.max_power),
        )
        compiled = compile_restrictions(source, days[0], days[1])
        restricted = compiled.on_clock or compiled.on_use or compiled.on_flow
        return usable, compiled if restricted else None

    def say_component(self, code: TariffCode, place: str, component: PriceComponent) -> None:
        self.findings.append(warning(code, place, tariff_id=self.tariff.id, dimension=str(component.type)))

    def say_restriction(self, code: TariffCode, index: int, key: str, value: object) -> None:
        self.findings.append(
            problem(
                code,
                f"/elements/{index}/restrictions/{key}",
                tariff_id=self.tariff.id,
                element=index,
                restriction=key,
                value=str(value)[:100],
            )
        )

    def check_numbers(self, place: str, *numbers: Decimal | None) -> None:
        for number in numbers:
            if number is None:
                continue
            if not isinstance(number, Decimal) or not number.is_finite():
                raise TariffUnusableError("not_a_number", f"{self.tariff.id}: {place}")
            if number.adjusted() > MAX_EXPONENT:
                raise NumberOutOfRangeError("number_out_of_range", f"{self.tariff.id}: {place}")


def _edges(values: Iterable[Decimal | None]) -> tuple[Decimal, ...]:
    return tuple(sorted({value for value in values if value is not None and value > 0}))


def _frozen(lists: Mapping[TariffDimensionType, list[CompiledComponent]]) -> Candidates:
    return {dimension: tuple(items) for dimension, items in lists.items()}
