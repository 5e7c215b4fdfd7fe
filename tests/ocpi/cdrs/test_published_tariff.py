"""The tariff in a CDR against the published one: every differing place, no false ones, the right version."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ocpi.cdrs.published import MAX_PLACES, tariffs_in_force
from ocpi.cdrs.reconcile import Group, Rule, reconcile
from ocpi.objects.tariff import Tariff
from ocpi.versions import V2_1_1, read_any
from tests.ocpi.cdrs.cdr_samples import START, altered, component, context, make_cdr, tariff

CDR = make_cdr()


def checked(published: Tariff, **more: Any) -> Any:
    return reconcile(more.pop("cdr", CDR), context(tariffs=(published,), **more)).check(Rule.TARIFF_IDS)


def elements(energy: str = "0.40", **restrictions: Any) -> list[dict[str, Any]]:
    parts = [component("FLAT", "0.50"), component("ENERGY", energy), component("PARKING_TIME", "6.00")]
    made: dict[str, Any] = {"price_components": parts}
    return [{**made, "restrictions": restrictions} if restrictions else made]


def test_the_published_tariff_itself_agrees() -> None:
    result = checked(tariff())
    assert (result.differences, result.findings) == ((), ())
    assert result.group is Group.COST


@pytest.mark.parametrize(
    ("published", "places"),
    [
        (tariff(elements("0.39")), {"/tariffs/0/elements/0/price_components/1/price"}),
        (tariff(elements(max_kwh=Decimal(20))), {"/tariffs/0/elements/0/restrictions"}),
        (tariff(max_price={"excl_vat": Decimal(9)}), {"/tariffs/0/max_price"}),
        (tariff([*elements(), *elements()]), {"/tariffs/0/elements/1"}),
        (tariff(currency="CHF"), {"/tariffs/0/currency"}),
    ],
)
def test_every_differing_place_is_named(published: Tariff, places: set[str]) -> None:
    result = checked(published)
    assert "cdr_tariff_differs_from_snapshot" in {finding.code for finding in result.findings}
    named = {item.field for item in result.differences}
    named |= {item.where for item in result.findings if item.code == "cdr_tariff_place_differs"}
    assert named == places


def test_prices_with_taxes_are_compared_as_the_version_can_say_them() -> None:
    gross = tariff(elements("0.4760"), tax_included="YES")
    said = checked(gross, version="2.3.0").findings
    assert "/tariffs/0/tax_included" in {finding.where for finding in said}
    # 0.476 / 1.19 = 0.40, but 0.50 and 6.00 are not the net amounts of these gross ones
    fields = {item.field for item in checked(gross).differences}
    assert fields == {f"/tariffs/0/elements/0/price_components/{index}/price" for index in (0, 2)}
    third = [{"price_components": [component("ENERGY", price)]} for price in ("0.39", "0.3277310924")]
    assert not checked(
        tariff(third[:1], tax_included="YES"), cdr=make_cdr(tariffs=[tariff(third[1:])])
    ).findings


def test_a_price_is_a_difference_with_both_numbers() -> None:
    (difference,) = checked(tariff(elements("0.39"))).differences
    values = (difference.claimed, difference.computed, difference.difference, difference.tolerance)
    assert values == (Decimal("0.40"), Decimal("0.39"), Decimal("0.01"), 0)
    assert difference.rule == "tariff_ids"


@pytest.mark.parametrize(
    "published",
    [
        tariff(tariff_alt_text=[{"language": "de", "text": "teuer"}]),
        tariff(last_updated="2025-02-01T00:00:00Z"),
        tariff(elements("0.4000")),
        tariff(tax_included="NO"),
        tariff([{**elements()[0], "restrictions": {}}]),
    ],
)
def test_what_decides_about_no_price_is_not_compared(published: Tariff) -> None:
    result = checked(published)
    assert (result.differences, result.findings) == ((), ())


def test_the_order_of_days_means_nothing() -> None:
    both = [tariff(elements(day_of_week=days)) for days in (["MONDAY", "TUESDAY"], ["TUESDAY", "MONDAY"])]
    assert checked(both[0], cdr=make_cdr(tariffs=[both[1]])).findings == ()


def test_a_carried_tariff_that_was_not_published() -> None:
    result = checked(tariff(id="OTHER"))
    assert "cdr_tariff_not_published" in {finding.code for finding in result.findings}


def test_a_published_tariff_must_be_in_force() -> None:
    late = checked(tariff(start_date_time="2026-01-01T00:00:00Z"))
    gone = checked(tariff(end_date_time="2025-03-10T11:00:00Z"))
    for result in (late, gone):
        assert [finding.code for finding in result.findings] == ["cdr_tariff_not_in_force"]


def test_what_2_1_1_cannot_say_is_not_missing() -> None:
    # no VAT, no max_price and no reservation in 2.1.1
    reservation = {
        "price_components": [component("FLAT", "3")],
        "restrictions": {"reservation": "RESERVATION"},
    }
    full = tariff([reservation, *elements()], max_price={"excl_vat": Decimal(900)})
    written = V2_1_1.write(full).data
    assert written is not None
    carried = read_any(Tariff, written).model
    cdr = altered(CDR, tariffs=(carried,))
    assert not checked(full, cdr=cdr, version="2.1.1").findings
    assert checked(full, cdr=cdr).findings
    dearer = altered(CDR, tariffs=(read_any(Tariff, V2_1_1.write(tariff(elements("0.50"))).data).model,))
    (difference,) = checked(tariff(), cdr=dearer, version="2.1.1").differences
    assert (difference.claimed, difference.computed) == (Decimal("0.50"), Decimal("0.40"))


def test_ten_thousand_differing_places_make_a_short_report() -> None:
    many = tariff([elements("0.30")[0] for _ in range(2000)])
    result = checked(many)
    assert len(result.differences) + len(result.findings) <= MAX_PLACES + 2


def test_the_version_at_session_start_governs() -> None:
    versions = [
        tariff(elements(price), last_updated=moment)
        for price, moment in (
            ("0.60", "2025-12-01T00:00:00Z"),
            ("0.30", "2024-01-01T00:00:00Z"),
            ("0.40", "2025-03-01T00:00:00Z"),
        )
    ]
    (chosen,) = tariffs_in_force(versions, CDR)
    assert chosen.last_updated == datetime(2025, 3, 1, tzinfo=UTC) < START
    assert tariffs_in_force(versions[:1], CDR) == (versions[0],)  # only a later one is known
    assert tariffs_in_force([tariff(id="A"), tariff(), tariff(id="B")], CDR) == (tariff(),)
    assert tariffs_in_force([tariff(id="A")], CDR) == (tariff(id="A"),)  # whoever gives one means it
