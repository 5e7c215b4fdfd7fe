"""Tariffs and CDRs of OCPI 2.1.1 in the canonical model and back, and what holds whatever the version."""

from __future__ import annotations

import copy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.cdrs.credit import credit_cdr
from ocpi.errors import InvalidObject, NotExpressible
from ocpi.findings import Severity
from ocpi.objects.cdr import Cdr
from ocpi.objects.session import Session
from ocpi.objects.tariff import Tariff, TaxIncluded
from ocpi.objects.token import Token
from ocpi.tariffs import compile_tariff, price, session_from_cdr
from ocpi.transport.json import loads
from ocpi.versions import V2_1_1, V2_2_1, V2_3_0, WRITTEN, detect_version, read_any
from ocpi.versions.v2_1_1 import V211
from tests.ocpi.cdrs.cdr_samples import component, make_cdr, tariff
from tests.ocpi.versions.version_conversion_support import codes, element, over_the_wire, restrictions

EXAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "ocpi" / "examples-2.3.0"


# ---- 2.1.1


def test_tariff_in_2_1_1() -> None:
    source = tariff(
        [
            element(component("ENERGY", "0.30"), max_current=32),
            element(component("TIME", "5.00"), reservation="RESERVATION"),
            element(component("ENERGY", "0.50"), min_power=11, day_of_week=["SUNDAY"]),
        ],
        type="REGULAR",
        min_price={"excl_vat": 1},
        start_date_time="2025-01-01T00:00:00Z",
    )
    written = V2_1_1.write(source)
    assert codes(written.findings) == [
        ("element_removed", "error", "/elements/0"),
        ("element_removed", "warning", "/elements/1"),
        ("vat_lost", "warning", "/elements/2/price_components/0/vat"),
        ("limit_lost", "error", "/min_price"),
        ("field_not_expressible", "note", "/type"),
        ("field_not_expressible", "warning", "/start_date_time"),
        ("field_not_expressible", "note", "/country_code"),
        ("field_not_expressible", "note", "/party_id"),
    ]
    assert not written.faithful
    assert over_the_wire(written.data) == {
        "id": "T1",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [{"type": "ENERGY", "price": Decimal("0.50"), "step_size": 1}],
                "restrictions": {"min_power": 11, "day_of_week": ["SUNDAY"]},
            }
        ],
        "last_updated": "2025-01-01T00:00:00Z",
    }
    with pytest.raises(NotExpressible) as caught:
        V2_1_1.dump(source)
    assert str(caught.value) == "Tariff cannot be written in OCPI 2.1.1: element_removed, limit_lost"


def test_an_element_is_never_made_unconditional() -> None:
    source = tariff([element(component("ENERGY", "0.10"), min_current=16)])
    written = V2_1_1.write(source)
    assert written.data is None
    assert codes(written.findings) == [
        ("element_removed", "error", "/elements/0"),
        ("no_element_left", "error", "/elements"),
    ]


def test_unknown_restrictions_stay_unknown() -> None:
    """``dayOfWeek`` is no restriction of any version; without it the element would always apply."""
    source = tariff([element(component("ENERGY", "0.10"), dayOfWeek=["SUNDAY"])])
    for wire in WRITTEN:
        data = wire.write(source).data
        assert data is not None
        assert data["elements"][0]["restrictions"] == {"dayOfWeek": ["SUNDAY"]}
        read = wire.load(Tariff, data)
        assert [finding.code for finding in compile_tariff(read).findings] == ["unknown_restriction"]


def test_tariff_of_2_1_1_has_no_owner() -> None:
    data = {
        key: item for key, item in V2_2_1.dump(tariff()).items() if key not in {"country_code", "party_id"}
    }
    read = V2_1_1.read(Tariff, data)
    assert (read.model.country_code, read.model.party_id) == ("ZZ", "ZZZ")
    assert codes(read.findings) == [("owner_unknown", "note", "")]
    owned = V211(("NL", "CPO")).read(Tariff, data)
    assert (owned.model.country_code, owned.model.party_id, owned.findings) == ("NL", "CPO", ())


def cdr_211() -> dict[str, Any]:
    """A CDR as 2.1.1 has it, written by hand from the object definitions."""
    connector = {
        "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE",
        "voltage": 230, "amperage": 32, "last_updated": "2024-01-01T00:00:00Z",
    }  # fmt: skip
    evse = {
        "uid": "E1", "evse_id": "NL*CPO*E1", "status": "AVAILABLE", "connectors": [connector],
        "last_updated": "2024-01-01T00:00:00Z",
    }  # fmt: skip
    return {
        "id": "C1",
        "start_date_time": "2024-01-16T09:00:00Z",
        "stop_date_time": "2024-01-16T11:00:00Z",
        "auth_id": "DE8ACC12E46L89",
        "auth_method": "WHITELIST",
        "location": {
            "id": "L1", "type": "ON_STREET", "name": "Somewhere", "address": "Street 1", "city": "Town",
            "postal_code": "1234", "country": "NLD",
            "coordinates": {"latitude": "51.047599", "longitude": "3.729944"},
            "evses": [evse], "time_zone": "Europe/Amsterdam", "last_updated": "2024-01-01T00:00:00Z",
        },
        "currency": "EUR",
        "tariffs": [
            {
                "id": "12",
                "currency": "EUR",
                "elements": [
                    {
                        "price_components": [
                            {"type": "FLAT", "price": 1, "step_size": 1},
                            {"type": "TIME", "price": 2, "step_size": 300},
                        ]
                    }
                ],
                "last_updated": "2024-01-01T00:00:00Z",
            }
        ],
        "charging_periods": [
            {
                "start_date_time": "2024-01-16T09:00:00Z",
                "dimensions": [{"type": "FLAT", "volume": 1}, {"type": "TIME", "volume": 2}],
            }
        ],
        "total_cost": 5,
        "total_energy": Decimal("15.342"),
        "total_time": 2,
        "last_updated": "2024-01-16T12:00:00Z",
    }  # fmt: skip


def test_cdr_of_2_1_1() -> None:
    read = read_any(Cdr, cdr_211())
    assert read.version == "2.1.1"
    assert codes(read.findings) == [
        ("owner_unknown", "note", ""),
        ("token_incomplete", "note", "/auth_id"),
        ("location_fields_left_out", "note", "/location"),
        ("flat_dimension", "note", "/charging_periods/0/dimensions"),
    ]
    cdr = read.model
    assert (cdr.cdr_token.country_code, cdr.cdr_token.party_id) == ("DE", "8AC")
    assert (cdr.cdr_token.uid, cdr.cdr_token.contract_id) == ("#NA", "DE8ACC12E46L89")
    # without it nobody can say which price held when, so it goes along to every version
    assert (cdr.cdr_location.model_extra or {}) == {"time_zone": "Europe/Amsterdam"}
    for wire in WRITTEN:
        written = wire.write(cdr).data
        assert written is not None
        assert written["location" if wire is V2_1_1 else "cdr_location"]["time_zone"] == "Europe/Amsterdam"
    assert (cdr.cdr_location.evse_id, cdr.cdr_location.connector_standard) == ("NL*CPO*E1", "IEC_62196_T2")
    session, findings = session_from_cdr(cdr)
    assert findings == ()
    compiled = [compile_tariff(one) for one in cdr.tariffs or ()]
    assert price(session, compiled, "Europe/Amsterdam").total.excl_vat == cdr.total_cost.excl_vat == 5


@pytest.mark.parametrize(
    ("evses", "ids"), [([], ("#NA", "#NA")), ("both", ("E1", "1")), ("no_connector", ("E1", "#NA"))]
)
def test_location_of_2_1_1_without_or_with_many_evses(evses: Any, ids: tuple[str, str]) -> None:
    data = cdr_211()
    given = data["location"]["evses"]
    if evses == "both":
        given.append(copy.deepcopy(given[0]) | {"uid": "E2"})
    elif evses == "no_connector":
        given[0]["connectors"] = []
    else:
        data["location"]["evses"] = evses
    read = V2_1_1.read(Cdr, data)
    assert ("location_reduced", "warning", "/location") in codes(read.findings)
    assert (read.model.cdr_location.evse_uid, read.model.cdr_location.connector_id) == ids


def test_period_of_a_fee_alone() -> None:
    data = cdr_211()
    data["charging_periods"][0]["dimensions"] = [{"type": "FLAT", "volume": 1}]
    period = V2_1_1.load(Cdr, data).charging_periods[0]
    assert [(one.type, one.volume) for one in period.dimensions] == [("ENERGY", 0)]


def test_cdr_in_2_1_1() -> None:
    cdr = make_cdr(tariffs=[tariff([element(component("ENERGY", "0.40", None))])])
    written = V2_1_1.write(cdr)
    assert written.faithful
    severities = {finding.code: finding.severity for finding in written.findings}
    assert severities["field_not_expressible"] is Severity.NOTE
    assert set(severities) == {"field_not_expressible", "value_made_up"}
    data = over_the_wire(written.data)
    assert data["total_cost"] == Decimal("9.50")
    assert data["auth_id"] == cdr.cdr_token.contract_id
    assert data["stop_date_time"] == "2025-03-10T12:20:00Z"
    assert not {"end_date_time", "cdr_token", "cdr_location", "country_code", "session_id"} & data.keys()
    assert all("tariff_id" not in period for period in data["charging_periods"])
    back = V211(("DE", "ABC")).load(Cdr, data)
    for name in (
        "id",
        "start_date_time",
        "end_date_time",
        "total_energy",
        "total_time",
        "currency",
        "last_updated",
    ):
        assert getattr(back, name) == getattr(cdr, name), name
    assert back.total_cost.excl_vat == cdr.total_cost.excl_vat
    before, after = (
        price(session_from_cdr(one)[0], [compile_tariff(t) for t in one.tariffs or ()], "Europe/Berlin")
        for one in (cdr, back)
    )
    assert before.total.excl_vat == after.total.excl_vat


def test_what_2_1_1_cannot_say_of_a_cdr() -> None:
    cdr = make_cdr()
    assert ("field_not_expressible", "warning", "/total_cost/incl_vat") in codes(V2_1_1.write(cdr).findings)
    credit = credit_cdr(cdr, cdr.last_updated)
    assert V2_1_1.write(credit).data is None
    assert codes(V2_1_1.write(credit).findings)[-1] == ("credit_not_expressible", "error", "/credit")
    data = V2_2_1.dump(cdr)
    data["tariffs"].append({**data["tariffs"][0], "id": "T2"})
    data["auth_method"] = "COMMAND"
    data["cdr_location"]["connector_standard"] = "MCS"
    data["charging_periods"][0]["dimensions"].append({"type": "MAX_POWER", "volume": 11})
    data["charging_periods"].insert(
        0,
        {
            "start_date_time": "2025-03-10T10:00:00Z",
            "dimensions": [{"type": "RESERVATION_TIME", "volume": 1}],
        },
    )
    written = V2_1_1.write(V2_2_1.load(Cdr, data))
    found = codes(written.findings)
    for expected in (
        ("tariff_of_period_lost", "error", "/charging_periods"),
        ("auth_method_written_as", "note", "/auth_method"),
        ("value_not_expressible", "warning", "/cdr_location/connector_standard"),
        ("dimension_lost", "error", "/charging_periods/0"),
        ("period_empty", "error", "/charging_periods/0"),
        ("dimension_lost", "warning", "/charging_periods/1"),
    ):
        assert expected in found
    assert written.data is not None
    assert written.data["auth_method"] == "AUTH_REQUEST"
    assert len(written.data["charging_periods"]) == len(data["charging_periods"]) - 1


def test_other_objects_are_not_2_1_1() -> None:
    with pytest.raises(InvalidObject):
        V2_1_1.load(Token, {})
    with pytest.raises(InvalidObject):
        V2_1_1.load_patch(Tariff, {})
    token = make_cdr().cdr_token
    assert V2_1_1.write(token).data is None


# ---- whatever the version


@pytest.mark.parametrize(
    ("model", "data", "number"),
    [
        (Tariff, {"tax_included": "NO"}, "2.3.0"),
        (Tariff, {"min_price": {"before_taxes": 1}}, "2.3.0"),
        (Tariff, {"country_code": "DE"}, "2.2.1"),
        (Tariff, {"id": "1"}, "2.1.1"),
        (Cdr, {"stop_date_time": "x"}, "2.1.1"),
        (Cdr, {"total_cost": {"before_taxes": 1}}, "2.3.0"),
        (Cdr, {"total_cost": {"before_taxes": 1, "excl_vat": 1}}, "2.2.1"),
        (Cdr, {}, "2.2.1"),
        (Session, {"total_cost": {"before_taxes": 1}}, "2.2.1"),
        (Cdr, None, "2.2.1"),
    ],
)
def test_version_of_a_file(model: Any, data: Any, number: str) -> None:
    assert detect_version(model, data).number == number


@pytest.mark.skipif(not EXAMPLES.exists(), reason=f"{EXAMPLES} is not there")
@pytest.mark.parametrize("name", ["cdr_example", *(f"tariff_{n}_" for n in range(1, 21))])
def test_examples_of_2_3_0(name: str) -> None:
    """Each loads, keeps every value through reading and writing, and says which version it is."""
    model = Cdr if name == "cdr_example" else Tariff
    files = sorted(EXAMPLES.glob(f"{name}*.json"))
    if name == "tariff_7_":
        assert files == []  # the specification numbers on without it
        return
    (file,) = files
    source = loads(file.read_bytes())
    read = read_any(model, source)
    assert read.version == "2.3.0"
    written = over_the_wire(V2_3_0.dump(read.model))
    if model is Cdr:  # it lacks the mandatory field
        assert codes(read.findings) == [("tax_included_missing", "warning", "/tariffs/0/tax_included")]
        assert written["tariffs"][0].pop("tax_included") == "NO"
    assert written == source


components = st.builds(
    lambda kind, value, vat: {
        "type": kind,
        "price": value,
        "step_size": 1,
        **({} if vat is None else {"vat": vat}),
    },
    st.sampled_from(["ENERGY", "TIME", "FLAT", "PARKING_TIME"]),
    st.decimals(0, 10, places=4),
    st.sampled_from([None, 0, 7, 19, Decimal("5.5")]),
)


tariffs = st.builds(
    lambda elements, kind: tariff(elements, tax_included=kind),
    st.lists(
        st.builds(
            lambda parts, limits: element(*parts, **limits),
            st.lists(components, min_size=1, max_size=3),
            restrictions,
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([None, "NO", "YES", "N/A"]),
)


@given(source=tariffs)
def test_reading_what_was_written_changes_nothing_more(source: Tariff) -> None:
    """Whatever a version can say, it says the same when it is read and written again."""
    for wire in WRITTEN:
        first = wire.write(source)
        if first.data is None:
            assert not first.faithful
            continue
        model = wire.load(Tariff, over_the_wire(first.data))
        assert over_the_wire(wire.dump(model)) == over_the_wire(first.data)
        if source.tax_included is TaxIncluded.YES and wire is not V2_3_0:
            continue  # prices were divided and may be rounded
        kept = len(model.elements)
        removed = sum(finding.code == "element_removed" for finding in first.findings)
        assert kept + removed == len(source.elements)
        if wire is V2_3_0:
            assert model.elements == source.elements
