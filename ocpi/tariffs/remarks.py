"""What pricing has to say, each thing once however many periods it concerns."""

from __future__ import annotations

from ocpi.findings import Finding, Severity
from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.breakdown import SessionPeriod
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.matching import Doubts
from ocpi.tariffs.policy import PricingPolicy
from ocpi.types import format_datetime


class Remarks:
    """Collects findings; of those that say the same, the first period is named and the others are counted."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, ...], tuple[TariffCode, Severity, str, dict[str, str]]] = {}
        self._count: dict[tuple[str, ...], int] = {}
        self._compiled: list[Finding] = []

    def findings(self) -> tuple[Finding, ...]:
        """Return everything said, in the order in which it came up."""
        if not self._first:
            return tuple(self._compiled)
        said = [
            Finding(str(code), severity, where, {**params, "periods": str(self._count[key])})
            for key, (code, severity, where, params) in self._first.items()
        ]
        return (*self._compiled, *said)

    def add_all(self, findings: tuple[Finding, ...]) -> None:
        """Take over findings as they are."""
        self._compiled.extend(findings)

    def say(
        self, code: TariffCode, severity: Severity, index: int, period: SessionPeriod, **params: str
    ) -> None:
        """Say something of a period."""
        key = (code, *params.values())
        self._count[key] = self._count.get(key, 0) + 1
        if key not in self._first:
            params["start"] = format_datetime(period.start)
            self._first[key] = (code, severity, f"/periods/{index}", params)

    def negative_energy(self, index: int, period: SessionPeriod) -> None:
        """The period feeds energy back: mod_cdrs allows it, a tariff seldom means it."""
        self.say(TariffCode.NEGATIVE_ENERGY, Severity.WARNING, index, period)

    def without_price(
        self, index: int, period: SessionPeriod, tariff: CompiledTariff, dimension: TariffDimensionType
    ) -> None:
        """No element of the dimension matches: it costs nothing here (mod_tariffs)."""
        self.say(
            TariffCode.DIMENSION_WITHOUT_PRICE,
            Severity.NOTE,
            index,
            period,
            tariff_id=tariff.tariff_id,
            dimension=str(dimension),
        )

    def doubts(
        self,
        index: int,
        period: SessionPeriod,
        tariff: CompiledTariff,
        doubts: Doubts,
        policy: PricingPolicy,
    ) -> None:
        """A power or current restriction was decided by the policy."""
        for element, restriction in sorted(doubts.unmeasured):
            self.say(
                TariffCode.RESTRICTION_UNDECIDABLE,
                Severity.WARNING,
                index,
                period,
                tariff_id=tariff.tariff_id,
                element=str(element),
                restriction=restriction,
                decision=str(policy.missing_measurement),
            )
        for _, restriction in sorted(doubts.inside_range):
            self.spans(index, period, tariff, restriction)

    def spans(self, index: int, period: SessionPeriod, tariff: CompiledTariff, what: str) -> None:
        """A price changes inside the period, which should have been cut there."""
        self.say(
            TariffCode.PERIOD_SPANS_PRICE_CHANGE,
            Severity.WARNING,
            index,
            period,
            tariff_id=tariff.tariff_id,
            what=what,
        )

    def span_not_checked(self, index: int, period: SessionPeriod) -> None:
        """The period is too long to look for price changes inside."""
        self.say(TariffCode.SPAN_NOT_CHECKED, Severity.WARNING, index, period)
