"""What the lints look at: the tariff as written, as the engine understands it, and what can be active."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ocpi.findings import Severity
from ocpi.objects.tariff import PriceComponent, Tariff, TariffDimensionType, TariffElement, TariffRestrictions
from ocpi.tariffs._reach import Reach
from ocpi.tariffs.compiled import CompiledTariff


@dataclass(frozen=True, slots=True)
class LintOptions:
    """What the reader of a lint knows beside the tariff.

    Attributes:
        time_zone: Zone of the locations; ``None`` = unknown, clock changes are then those of the European Union.
        now: Tariffs that ended before are reported; ``None`` = not asked.
        germany: Apply the lints for Germany; ``None`` = if the tariff's country is Germany.
    """

    time_zone: ZoneInfo | None = None
    now: datetime | None = None
    germany: bool | None = None


@dataclass(frozen=True, slots=True)
class Linted:
    """A tariff with everything the lints need.

    Attributes:
        tariff: As written.
        compiled: As the engine uses it.
        reach: What can be active.
        options: See :class:`LintOptions`.
    """

    tariff: Tariff
    compiled: CompiledTariff
    reach: Reach
    options: LintOptions

    def components(self) -> Iterator[tuple[str, PriceComponent, TariffElement]]:
        """Yield each component with its JSON pointer and its element."""
        for index, element in enumerate(self.tariff.elements):
            for number, component in enumerate(element.price_components):
                yield f"/elements/{index}/price_components/{number}", component, element

    def restricted(self) -> Iterator[tuple[str, TariffRestrictions, TariffElement]]:
        """Yield each element that has restrictions, with their JSON pointer."""
        for index, element in enumerate(self.tariff.elements):
            if element.restrictions is not None:
                yield f"/elements/{index}/restrictions", element.restrictions, element

    def has_price(self, dimension: TariffDimensionType) -> bool:
        """Return whether a component of a session that can be active has a price above 0."""
        candidates = self.compiled.session.get(dimension, ())
        return any(item.price > 0 and self.reach.reachable(item) for item in candidates)


WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
"""Order of severities, the heaviest first."""
