"""Reading of single rules: numbers, times, locations, clock changes, and which way a segment is read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.edifact import _mscons_plain
from eichrecht.edifact._mscons_profile import STATUSES
from eichrecht.edifact.coverage import Coverage
from eichrecht.edifact.locations import market_check_digit, read_location
from eichrecht.edifact.metering import LocationKind, MeasureKind, Obis, read_number, read_obis
from eichrecht.edifact.moments import read_moment
from tests.eichrecht.edifact.edifact_support import (
    MALO,
    MELO,
    encoded,
    energy,
    interchange,
    message,
    mscons_codes,
    profile,
    profile_values,
    read_messages,
    reading,
    utc,
)

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "marks", "value"),
    [
        ("0", ".", "0"),
        ("1259.881", ".", "1259.881"),
        ("-1.50", ".", "-1.50"),
        (".5", ".", "0.5"),
        ("0001", ".", "1"),
        ("4250,465", ",", "4250.465"),
        ("4250,465", ".", None),
        ("4250.465", ",", None),
        ("1.5", ".,", "1.5"),
        ("1,5", ".,", "1.5"),
        ("1,234.5", ".,", None),
        ("9" * 35, ".", "9" * 35),
        ("9" * 36, ".", None),
        ("-." + "9" * 35, ".", "-0." + "9" * 35),
        *(
            (bad, ".", None)
            for bad in ("", "2.", "+1", "1e3", " 1", "1 ", "NaN", "Infinity", "--1", "１", "1_0", "-")
        ),
    ],
)
def test_numbers(text: str, marks: str, value: str | None) -> None:
    read = read_number(text, marks)
    assert read == (None if value is None else Decimal(value))
    if read is not None:
        assert str(read).lstrip("-").strip("0").replace(".", "") == text.lstrip("-").replace(",", ".").strip(
            "0"
        ).replace(".", "")


@pytest.mark.parametrize(
    ("text", "form", "time", "code"),
    [
        ("202603141231+00", "303", datetime(2026, 3, 14, 12, 31, tzinfo=UTC), None),
        ("202603141231+01", "303", datetime(2026, 3, 14, 11, 31, tzinfo=UTC), "mscons_time_not_utc"),
        ("202603141231-02", "303", datetime(2026, 3, 14, 14, 31, tzinfo=UTC), "mscons_time_not_utc"),
        ("20260314123159+00", "304", datetime(2026, 3, 14, 12, 31, 59, tzinfo=UTC), None),
        ("202603141231", "303", None, "mscons_time_unreadable"),
        ("202603141231 00", "303", None, "mscons_time_unreadable"),
        ("202602301231+00", "303", None, "mscons_time_unreadable"),
        ("202603142400+00", "303", None, "mscons_time_unreadable"),
        ("202603141231+15", "303", None, "mscons_time_unreadable"),
        ("000101010000+01", "303", None, "mscons_time_unreadable"),
        ("202603141231", "203", None, "mscons_time_without_offset"),
        ("20260314123100", "204", None, "mscons_time_without_offset"),
        ("20260314", "101", None, "mscons_time_format_unsupported"),
        ("202603", "610", None, None),
        ("202613", "610", None, "mscons_time_unreadable"),
        ("２０２６03141231+00", "303", None, "mscons_time_unreadable"),
    ],
)
def test_times(text: str, form: str, time: datetime | None, code: str | None) -> None:
    read, day, said = read_moment(text, form)
    assert (read, day, said) == (time, None, code)


def test_a_day_gets_no_time_of_day() -> None:
    assert read_moment("20260314", "102") == (None, date(2026, 3, 14), None)
    assert read_moment("20260230", "102") == (None, None, "mscons_time_unreadable")
    body = reading("QTY+220:1259.881", "DTM+9:20260314:102", "DTM+7:202603142300?+00:303")
    (one,) = read_messages(interchange(message(*body)))
    moment = one.series[0].quantities[0].moment("9")
    assert moment is not None
    assert (moment.day, moment.time) == (date(2026, 3, 14), None)
    assert one.findings == ()


@pytest.mark.parametrize(
    ("identification", "kind", "valid"),
    [
        (MALO, LocationKind.MARKET, True),
        ("51238696780", LocationKind.MARKET, False),
        ("01238696781", LocationKind.UNKNOWN, None),
        (MELO, LocationKind.METERING, None),
        (MELO.lower(), LocationKind.UNKNOWN, None),
        (MELO[:-1], LocationKind.UNKNOWN, None),
        ("AT" + MELO[2:], LocationKind.UNKNOWN, None),
        ("E1234567890", LocationKind.NETWORK, None),
        ("11XVER-1234567-X", LocationKind.AREA, None),
        ("", LocationKind.NONE, None),
    ],
)
def test_locations(identification: str, kind: LocationKind, valid: bool | None) -> None:
    location = read_location("172", identification)
    assert (location.kind, location.check_digit_valid) == (kind, valid)


@given(st.from_regex(r"[1-9][0-9]{9}", fullmatch=True), st.integers(0, 9), st.integers(1, 9))
def test_every_wrong_digit_of_a_market_location_is_caught(digits: str, place: int, other: int) -> None:
    """Doubling without cross sum misses digits at even places that differ by five: exactly those, no others."""
    whole = digits + str(market_check_digit(digits))
    assert read_location("172", whole).check_digit_valid
    changed_digit = str((int(digits[place]) + other) % 10)
    changed = digits[:place] + changed_digit + digits[place + 1 :]
    valid = market_check_digit(changed) == int(whole[-1])
    assert valid == (place % 2 == 1 and other == 5)


def test_obis() -> None:
    assert read_obis("1-0:1.8.0") == Obis(0, 1, 8, 0)
    assert read_obis("1-65:2.29.63") == Obis(65, 2, 29, 63)
    for text in (
        "1-0:1.8.0*255",
        "01-00:1.8.0",
        "7-0:3.0.0",
        "1-0:1.8",
        "1-0:B2.08.00*FF",
        "1-0:1.8.0 ",
        "",
        "1-0:1.8.٣",
    ):
        assert read_obis(text) is None, text
    units = {}
    for text in [
        "1-0:1.8.0",
        "1-0:2.9.0",
        "1-0:1.29.0",
        "1-0:1.6.0",
        "1-0:3.8.0",
        "1-0:5.29.0",
        "1-0:1.7.0",
        "1-0:9.8.0",
    ]:
        one = read_obis(text)
        assert one is not None
        units[text] = (one.unit, one.kind)
    assert units == {
        "1-0:1.8.0": ("kWh", MeasureKind.REGISTER),
        "1-0:2.9.0": ("kWh", MeasureKind.ADVANCE),
        "1-0:1.29.0": ("kWh", MeasureKind.INTERVAL),
        "1-0:1.6.0": ("kW", MeasureKind.MAXIMUM),
        "1-0:3.8.0": ("kvarh", MeasureKind.REGISTER),
        "1-0:5.29.0": ("kvarh", MeasureKind.INTERVAL),
        "1-0:1.7.0": (None, MeasureKind.OTHER),
        "1-0:9.8.0": (None, MeasureKind.REGISTER),
    }


@pytest.mark.parametrize(
    ("day", "count"), [("2026-03-28", 96), ("2026-03-29", 92), ("2026-10-24", 96), ("2026-10-25", 100)]
)
def test_days_with_a_clock_change(day: str, count: int) -> None:
    """Midnight to midnight of German legal time, in UTC as the market writes it."""
    begin = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    end = (begin + timedelta(days=1)).astimezone(UTC)
    begin = begin.astimezone(UTC)
    assert (end - begin) // timedelta(minutes=15) == count
    late = "DTM+137:202611010800?+00:303"
    for given_count in (92, 96, 100):
        body = profile(begin, end, profile_values(begin, given_count))
        text = interchange(message(*body), application="TL").replace("DTM+137:202603150800?+00:303", late)
        (one,) = read_messages(text)
        found = {finding.code for finding in one.findings}
        if given_count == count:
            assert found == set()
            assert one.series[0].total_kwh() == count * Decimal("0.250")
        else:
            assert "mscons_interval_count" in found
            assert not one.usable


@pytest.mark.parametrize("status", sorted(STATUSES | {"XXX", "", "22O"}))
def test_only_true_values_are_billable(status: str) -> None:
    body = energy(f"QTY+{status}:25.314", "DTM+163:202603141000?+00:303", "DTM+164:202603141230?+00:303")
    (one,) = read_messages(interchange(message(*body), application="EM"))
    assert one.billable(one.series[0].quantities[0]) is (status == "220")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("++VL'", "++VL++++1'"),
        lambda text: text.replace("+DOC1+9'", "+DOC1+1'"),
        lambda text: text.replace("UNT+16", "UNT+17"),
        lambda text: text.replace("UNZ+1", "UNZ+2"),
        lambda text: text + "x",
        lambda text: text.replace("MSCONS:D", "INVOIC:D"),
        lambda text: text.replace("1259.881", "1259,881"),
    ],
)  # fmt: skip
def test_nothing_is_billable_from_an_unsound_message(change: object) -> None:
    good = interchange(message(*reading()))
    (one,) = read_messages(good)
    assert one.billable(one.series[0].quantities[0])
    assert callable(change)
    assert change(good) != good
    for bad in read_messages(change(good)):
        assert not any(bad.billable(quantity) for series in bad.series for quantity in series.quantities)


def test_cancellation_voids_the_document_in_the_same_file() -> None:
    cancels = [
        "BGM+7+STO1+1", "DTM+137:202603150800?+00:303", "RFF+ACW:DOC1", "RFF+Z13:13006",
        "NAD+MS+9900000000001::293", "NAD+MR+9900000000002::293", "UNS+D", "NAD+DP", "LOC+172",
    ]  # fmt: skip
    first = interchange(message(*reading()))
    other = interchange(message(*cancels), application="EM", reference="R2")
    voided, cancellation = read_messages(first + other)
    assert [finding.code for finding in voided.findings] == ["mscons_document_cancelled"]
    assert not voided.usable
    assert cancellation.cancels == "DOC1"
    assert cancellation.findings == ()
    # Somebody else's cancellation does nothing.
    stranger = other.replace("9900000000001", "9900000000009")
    untouched, _ = read_messages(first + stranger)
    assert untouched.usable


def test_values_of_the_general_form() -> None:
    """Comma as decimal mark, other service characters, and a repeated line each take the general way."""
    plain = interchange(message(*reading()))
    comma = plain.replace("UNA:+.? '", "UNA:+,? '").replace("1259.881", "1259,881")
    other = plain.replace("?+", "\0").replace(":", "|").replace("+", "!").replace("\0", "+")
    other = other.replace("?|", ":").replace("UNA|!.? '", "UNA|!.? '")
    for text in (comma, other):
        (one,) = read_messages(text)
        assert one.findings == ()
        assert one.series[0].obis == Obis(0, 1, 8, 0)
        assert one.series[0].quantities[0].value == Decimal("1259.881")
        assert one.series[0].quantities[0].time("9") == utc("202603141230")


PIECES = st.sampled_from(
    [
        "QTY+220:1.5", "QTY+220:1.5:KWH", "QTY+67:2", "QTY+Z18:0.000", "QTY+220:01", "QTY+220:-1", "QTY+220:1,5",
        "QTY+220:1.", "QTY+999:1", "QTY+220:1:kWh", "QTY+220:1:KWT", "QTY+220", "QTY+220:1+X", "QTY+220:?1",
        "QTY+220:123456789012345678901.5", "QTY+220:1.1234567890123456", "QTY+220:1.5:KWH:X",
        "DTM+163:202603141000?+00:303", "DTM+164:202603141015?+00:303", "DTM+163:202603141015?+00:303",
        "DTM+163:202602301000?+00:303", "DTM+164:202603141015?+01:303", "DTM+9:202603141000?+00:303",
        "DTM+163:20260314:102", "DTM+163:202603141000?+00:303:X", "STS+Z32++Z92", "FTX+AAI", "LIN+2",
        "PIA+5+1-0?:1.9.0:SRW", "LOC+172", "NAD+DP", "DTM+163:202603141000+00:303",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12))
@settings(max_examples=300)
def test_quick_and_general_way_read_the_same(pieces: list[str]) -> None:
    text = interchange(message(*energy(*pieces)), application="EM")
    quick = read_messages(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eichrecht.edifact._mscons_reader.plain_quantity", lambda *_: None)
        patch.setattr("eichrecht.edifact._mscons_reader.plain_period", lambda *_: None)
        general = read_messages(text)
    assert [one.series for one in quick] == [one.series for one in general]
    assert [one.findings for one in quick] == [one.findings for one in general]


def test_the_quick_way_is_taken() -> None:
    data = b"QTY+220:2.750'DTM+163:202603141000?+00:303'DTM+164:202603141015?+00:303'"
    assert _mscons_plain.plain_quantity(data, 0, 14) == ("220", "2.750", "")
    assert _mscons_plain.plain_period(data, 14, 43) == (True, utc("202603141000"))
    assert _mscons_plain.plain_period(data, 43, 72) == (False, utc("202603141015"))


def test_a_quantity_owns_its_segments() -> None:
    body = energy(
        "QTY+67:1",
        "DTM+163:202603141000?+00:303",
        "DTM+164:202603141230?+00:303",
        "STS+Z32++Z92",
        "QTY+220:2",
    )
    text = interchange(message(*body), application="EM")
    (one,) = read_messages(text)
    first, second = one.series[0].quantities
    tags = [[one.message.segments.at(n).tag for n in range(q.number, q.stop)] for q in (first, second)]
    assert tags == [["QTY", "DTM", "DTM", "STS"], ["QTY"]]
    data = encoded(text)
    assert data[slice(*one.sources(one.series[0], second)[-1])] == b"QTY+220:2'"


def test_two_lines_two_locations() -> None:
    body = [
        *energy(),
        "LIN+2", "PIA+5+1-0?:2.9.0:SRW", "QTY+220:7", "DTM+163:202603141000?+00:303", "DTM+164:202603141230?+00:303",
        "NAD+DP", f"LOC+172+{MELO}", "RFF+MG:OTHER",
        "LIN+1", "PIA+5+1-0?:1.9.0:SRW", "QTY+220:9", "DTM+163:202603141000?+00:303", "DTM+164:202603141230?+00:303",
    ]  # fmt: skip
    (one,) = read_messages(interchange(message(*body), application="EM"))
    assert one.findings == ()
    shown = [(s.location and s.location.identification, s.device, s.line, s.product) for s in one.series]
    assert shown == [
        (MALO, None, "1", "1-0:1.9.0"),
        (MALO, None, "2", "1-0:2.9.0"),
        (MELO, "OTHER", "1", "1-0:1.9.0"),
    ]
    first, second, third = ({s.index for s in map(one.message.segments.at, x.context)} for x in one.series)
    assert len(first & second) == 2  # NAD and LOC
    assert not third & (first | second)


def test_device_and_period_belong_to_one_location_only() -> None:
    """A meter number must not pass to the next location, which names none."""
    body = [
        *reading(),
        *("NAD+DP", f"LOC+172+{MELO[:-1]}2", "LIN+1", "PIA+5+1-0?:1.8.0:SRW"),
        *("QTY+220:5", "DTM+7:202603142300?+00:303"),
    ]
    text = interchange(message(*body))
    (one,) = read_messages(text)
    assert [series.device for series in one.series] == ["1EMH0012345678", None]
    assert mscons_codes(text) == ["mscons_device_missing"]
    begin = utc("202603141000")
    load = profile(begin, begin + timedelta(hours=1), profile_values(begin, 4))
    second = [segment for segment in load[8:] if not segment.startswith(("DTM+16", "QTY"))]
    (one,) = read_messages(interchange(message(*load, f"LOC+172+{MALO}", *second[0:]), application="TL"))
    assert [series.begin for series in one.series] == [begin, None]


def test_session_readings_in_either_order() -> None:
    pair = [
        "QTY+220:20.5:KWH",
        "DTM+9:202603141230?+00:303",
        "QTY+220:10.25:KWH",
        "DTM+9:202603141000?+00:303",
    ]
    body = energy(*pair, location=(f"LOC+172+{MELO}", "RFF+MG:M1"))
    text = interchange(message(*body), application="EM").replace("1.9.0", "1.8.0")
    (one,) = read_messages(text)
    assert one.session is not None
    assert (one.session.begin.text, one.session.end.text) == ("10.25", "20.5")
    assert one.session.energy_kwh == Decimal("10.25")
    assert mscons_codes(text) == ["mscons_session_profile"]
    backwards = text.replace("20.5:KWH", "2.5:KWH")
    assert sorted(mscons_codes(backwards)) == ["mscons_register_runs_back", "mscons_session_profile"]
    assert not read_messages(backwards)[0].usable
    # A third reading, or another unit, and it is a faulty 13019.
    for other in (text.replace("KWH", "KWT"), text.replace("UNT+17", "QTY+220:30:KWH'UNT+18")):
        assert read_messages(other)[0].session is None
        assert "mscons_measure_unexpected" in mscons_codes(other)


def test_energies_of_many_digits_are_exact() -> None:
    large, small = f"{'9' * 20}.{'1' * 15}", f"0.{'0' * 33}1"
    pair = [
        *(f"QTY+220:{large}:KWH", "DTM+9:202603141230?+00:303"),
        *(f"QTY+220:{small}:KWH", "DTM+9:202603141000?+00:303"),
    ]
    body = energy(*pair, location=(f"LOC+172+{MELO}", "RFF+MG:M1"))
    (one,) = read_messages(interchange(message(*body), application="EM").replace("1.9.0", "1.8.0"))
    assert one.session is not None
    assert str(one.session.energy_kwh) == "9" * 20 + "." + "1" * 14 + "0" + "9" * 19


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6),
    st.integers(0, 30),
    st.integers(1, 5),
)
def test_coverage(spans: list[tuple[int, int]], start: int, length: int) -> None:
    octets = {octet for a, b in spans for octet in range(a, b)}
    assert Coverage(spans).includes((start, start + length)) == (set(range(start, start + length)) <= octets)
    merged = Coverage(spans).spans
    assert {octet for a, b in merged for octet in range(a, b)} == octets
    assert all(first[1] < second[0] for first, second in pairwise(merged))


def test_sources_are_header_location_and_the_value_itself() -> None:
    text = interchange(message(*reading()))
    (one,) = read_messages(text)
    series = one.series[0]
    places = one.sources(series, series.quantities[0])
    data = encoded(text)
    written = "".join(data[a:b].decode() for a, b in places)
    assert written == "'".join(reading()) + "'"
    whole = [(data.index(b"BGM"), data.index(b"UNT"))]
    assert one.is_covered(series, series.quantities[0], Coverage(whole))
    for start, end in places:
        holes = [(0, start), (start + 1, len(data))], [(0, end - 1), (end, len(data))]
        assert not any(one.is_covered(series, series.quantities[0], Coverage(hole)) for hole in holes)


def test_total_needs_true_values_throughout() -> None:
    hour = (utc("202603141000"), utc("202603141100"))
    values = profile_values(hour[0], 4, value="0.2505")
    text = interchange(message(*profile(*hour, values)), application="TL")
    assert read_messages(text)[0].series[0].total_kwh() == Decimal("1.0020")
    assert read_messages(text.replace("QTY+220", "QTY+67", 1))[0].series[0].total_kwh() is None
    assert read_messages(text.replace("0.2505", "0.2505:KWT", 1))[0].series[0].total_kwh() is None
    assert read_messages(interchange(message(*reading())))[0].series[0].total_kwh() is None


def test_period_of_no_whole_quarter_hours() -> None:
    begin = utc("202603141000")
    body = profile(begin, begin + timedelta(minutes=65), profile_values(begin, 4))
    assert mscons_codes(interchange(message(*body), application="TL")) == ["mscons_interval_count"]


def test_a_value_may_end_when_the_message_is_made() -> None:
    text = interchange(message(*energy()), application="EM").replace("164:202603141230", "164:202603150800")
    assert mscons_codes(text) == []
    assert mscons_codes(text.replace("164:202603150800", "164:202603150801")) == ["mscons_time_after_message"]


def test_damaged_cancellation_still_voids() -> None:
    """What may have been withdrawn is not billed."""
    first = interchange(message(*reading()))
    cancels = message(
        *("BGM+7+STO1+1", "DTM+137:202603150800?+00:303", "RFF+ACW:DOC1", "RFF+Z13:13006"),
        *("NAD+MS+9900000000001::293", "NAD+MR+9900000000002::293", "UNS+D", "NAD+DP", "LOC+172"),
    )
    other = interchange(cancels, application="EM", reference="R2").replace("UNZ+1", "UNZ+2")
    voided, cancellation = read_messages(first + other)
    assert not cancellation.envelope_sound
    assert not voided.usable
