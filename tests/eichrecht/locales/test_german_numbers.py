"""Quantities in German sentences have a decimal comma: "21.000 kWh" would be read as twenty-one thousand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eichrecht import locales
from eichrecht.billing.codes import BillingCode
from eichrecht.evidence import problem


def test_a_quantity_is_written_in_the_readers_style() -> None:
    finding = problem(
        BillingCode.CLAIMED_ENERGY_DIFFERS, "", claimed=Decimal("21.000"), signed=Decimal("20.000")
    )
    assert "21,000 kWh" in locales.sentence(finding, "de")
    assert "21.000 kWh" in locales.sentence(finding, "en")


@pytest.mark.parametrize(
    "text", ["FV 1.4 sind", "1-0:1.8.0", "01-00:01.08.00*FF", "am 02.03.2026 um", "2026-03-02T10:00:00.500Z"]
)
def test_what_is_no_quantity_stays_as_written(text: str) -> None:
    assert locales._QUANTITY.sub(r"\1,\2", text) == text
