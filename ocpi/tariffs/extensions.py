"""Rounding that a price component brings along: ``price_round`` and ``step_round`` (Gireve's guide to OCPI).

Both speak of one price component and what it prices in the whole session. ``price_round`` rounds its cost,
``step_round`` its number of steps; the latter takes the place of the usual rounding up to full steps.
``exact_price_component`` false says that the component only approximates what the CPO agreed with the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from ocpi.objects.tariff import PriceComponent
from ocpi.tariffs.codes import TariffCode

_RULES = {"ROUND_UP": ROUND_CEILING, "ROUND_DOWN": ROUND_FLOOR, "ROUND_NEAR": ROUND_HALF_UP}
_GRANULARITIES = {
    "UNIT": Decimal(1),
    "TENTH": Decimal("0.1"),
    "HUNDRETH": Decimal("0.01"),  # the guide's own spelling
    "HUNDREDTH": Decimal("0.01"),
    "THOUSANDTH": Decimal("0.001"),
}
_STEP_GRANULARITIES = {"UNIT": Decimal(1)}

Remark = tuple[TariffCode, str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class ComponentRounding:
    """How one component is rounded.

    Attributes:
        price_unit: Its cost is a multiple of this amount; ``None`` = not rounded.
        price_rule: A rounding mode of :mod:`decimal`.
        step_rule: How its number of steps is rounded; ``None`` = as usual, up.
    """

    price_unit: Decimal | None
    price_rule: str
    step_rule: str | None


def read_rounding(component: PriceComponent, place: str) -> tuple[ComponentRounding | None, list[Remark]]:
    """Return the rounding of a component, if it has any, and what to say about it.

    Args:
        component: May hold anything beyond its own fields.
        place: JSON pointer of the component.

    Returns:
        ``None`` for a component without these fields, or with values that mean nothing: these are reported.
    """
    extra = component.model_extra
    if not extra:
        return None, []
    remarks: list[Remark] = []
    price = _read(extra, "price_round", _GRANULARITIES, place, remarks)
    steps = _read(extra, "step_round", _STEP_GRANULARITIES, place, remarks)
    if extra.get("exact_price_component") is False:
        remarks.append((TariffCode.COMPONENT_APPROXIMATE, place, {}))
    if price is None and steps is None:
        return None, remarks
    return (
        ComponentRounding(
            price_unit=None if price is None else price[0],
            price_rule=ROUND_HALF_UP if price is None else price[1],
            step_rule=None if steps is None else steps[1],
        ),
        remarks,
    )


def _read(
    extra: Mapping[str, Any], key: str, units: Mapping[str, Decimal], place: str, remarks: list[Remark]
) -> tuple[Decimal, str] | None:
    value = extra.get(key)
    if value is None:
        return None
    if isinstance(value, Mapping):
        unit = _known(units, value.get("round_granularity"))
        rule = _known(_RULES, value.get("round_rule"))
        if unit is not None and rule is not None:
            return unit, rule
    remarks.append((TariffCode.ROUNDING_UNREADABLE, f"{place}/{key}", {"rounding": key}))
    return None


def _known(table: Mapping[str, Any], name: Any) -> Any:
    return table.get(name) if isinstance(name, str) else None
