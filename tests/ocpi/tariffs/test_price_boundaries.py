"""Instants at which restrictions change, also where the clocks are changed."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.objects.tariff import Tariff
from ocpi.tariffs import (
    CompiledTariff,
    compile_tariff,
    duration_boundaries_s,
    energy_boundaries_kwh,
    price_boundaries,
)
from ocpi.tariffs.errors import SessionUnusableError, TariffError
from ocpi.tariffs.matching import clock_holds

BERLIN = "Europe/Berlin"


def compiled(*restrictions: dict[str, Any]) -> CompiledTariff:
    component = {"type": "ENERGY", "price": 1, "step_size": 1}
    return compile_tariff(
        Tariff.model_validate(
            {
                "country_code": "DE",
                "party_id": "ABC",
                "id": "T",
                "currency": "EUR",
                "last_updated": "2024-01-01T00:00:00Z",
                "elements": [{"price_components": [component], "restrictions": r} for r in restrictions],
            }
        )
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def found(
    tariff: CompiledTariff, start: str, end: str, zone: str = BERLIN, session_start: str | None = None
) -> list[str]:
    origin = None if session_start is None else at(session_start)
    result = price_boundaries(tariff, at(start), at(end), zone, session_start=origin)
    return [moment.strftime("%m-%dT%H:%M:%S") for moment in result]


@pytest.mark.parametrize(
    ("restrictions", "start", "end", "expected"),
    [
        # a window, both edges; in Berlin in January 09:00 is 08:00Z
        (
            [{"start_time": "09:00", "end_time": "17:00"}],
            "2024-01-16T00:00",
            "2024-01-17T00:00",
            ["01-16T08:00:00", "01-16T16:00:00"],
        ),
        # strictly inside
        ([{"start_time": "09:00", "end_time": "17:00"}], "2024-01-16T08:00", "2024-01-16T16:00", []),
        # midnight as an end
        ([{"start_time": "09:00"}], "2024-01-16T09:00", "2024-01-17T00:00", ["01-16T23:00:00"]),
        # the whole day has no edges
        ([{"start_time": "09:00", "end_time": "09:00"}], "2024-01-16T00:00", "2024-01-20T00:00", []),
        # weekdays: only where they change, not every midnight (Friday 19 to Saturday 20 January)
        (
            [{"day_of_week": ["SATURDAY", "SUNDAY"]}],
            "2024-01-16T00:00",
            "2024-01-23T00:00",
            ["01-19T23:00:00", "01-21T23:00:00"],
        ),
        # a window on one weekday only
        (
            [{"day_of_week": ["WEDNESDAY"], "start_time": "22:00", "end_time": "02:00"}],
            "2024-01-16T00:00",
            "2024-01-19T00:00",
            ["01-16T23:00:00", "01-17T01:00:00", "01-17T21:00:00", "01-17T23:00:00"],
        ),
        # dates, the end exclusive
        (
            [{"start_date": "2024-03-01", "end_date": "2024-03-03"}],
            "2024-02-25T00:00",
            "2024-03-10T00:00",
            ["02-29T23:00:00", "03-02T23:00:00"],
        ),
        # a window outside its dates does not change anything
        (
            [{"start_time": "09:00", "end_time": "17:00", "end_date": "2024-01-01"}],
            "2024-01-16T00:00",
            "2024-01-17T00:00",
            [],
        ),
        # durations count from the start
        (
            [{"min_duration": 1800, "max_duration": 7200}],
            "2024-01-16T08:00",
            "2024-01-16T10:00",
            ["01-16T08:30:00"],
        ),
        # the clocks go forward at 01:00Z: 02:30 is in the gap and happens at its end
        ([{"start_time": "02:30"}], "2024-03-31T00:00", "2024-03-31T03:00", ["03-31T01:00:00"]),
        # 02:00 does not happen either, 03:00 is at the same instant
        (
            [{"start_time": "02:00", "end_time": "03:00"}],
            "2024-03-30T23:30",
            "2024-03-31T03:00",
            [],
        ),
        (
            [{"start_time": "01:00", "end_time": "02:00"}],
            "2024-03-31T00:10",
            "2024-03-31T03:00",
            ["03-31T01:00:00"],
        ),
        # the clocks go back at 01:00Z: 02:30 happens twice, and the change undoes it in between
        (
            [{"start_time": "02:30"}],
            "2024-10-27T00:00",
            "2024-10-27T03:00",
            ["10-27T00:30:00", "10-27T01:00:00", "10-27T01:30:00"],
        ),
        # until 03:00: it never comes before the second 03:00
        ([{"end_time": "03:00"}], "2024-10-26T23:30", "2024-10-27T03:00", ["10-27T02:00:00"]),
        # from 02:00 until 03:00 through both hours without an interruption
        (
            [{"start_time": "02:00", "end_time": "03:00"}],
            "2024-10-26T23:30",
            "2024-10-27T03:00",
            ["10-27T00:00:00", "10-27T02:00:00"],
        ),
    ],
)
def test_clock(restrictions: list[dict[str, Any]], start: str, end: str, expected: list[str]) -> None:
    assert found(compiled(*restrictions), start, end) == expected


def test_zones_with_odd_offsets() -> None:
    window = compiled({"start_time": "09:00", "end_time": "10:00"})
    assert found(window, "2024-01-16T00:00", "2024-01-17T00:00", "Asia/Kathmandu") == [
        "01-16T03:15:00",
        "01-16T04:15:00",
    ]
    # Lord Howe changes by half an hour: on 7 April 2024 at 15:00Z (6 April) 02:00 becomes 01:30
    howe = compiled({"start_time": "01:45"})
    assert found(howe, "2024-04-06T14:00", "2024-04-06T17:00", "Australia/Lord_Howe") == [
        "04-06T14:45:00",
        "04-06T15:00:00",
        "04-06T15:15:00",
    ]


def test_durations_count_from_session_start() -> None:
    tariff = compiled({"min_duration": 1800}, {"max_duration": 3600})
    assert found(tariff, "2024-01-16T08:45", "2024-01-16T10:00", session_start="2024-01-16T08:00") == [
        "01-16T09:00:00"
    ]


def test_absurd_duration_is_no_boundary() -> None:
    assert found(compiled({"min_duration": 10**60}), "2024-01-16T08:45", "2024-01-16T10:00") == []


def test_input_in_any_offset_output_in_utc() -> None:
    tariff = compiled({"start_time": "09:00", "end_time": "17:00"})
    offset = timezone(timedelta(hours=5))
    start = at("2024-01-16T00:00").astimezone(offset)
    result = price_boundaries(tariff, start, start + timedelta(days=1), ZoneInfo(BERLIN))
    assert [moment.tzinfo for moment in result] == [UTC, UTC]
    assert result[0] == at("2024-01-16T08:00")


def test_sub_second_starts() -> None:
    tariff = compiled({"start_time": "09:00"})
    start = datetime(2024, 1, 16, 7, 59, 59, 999_999, tzinfo=UTC)
    assert price_boundaries(tariff, start, start + timedelta(seconds=1), BERLIN) == (at("2024-01-16T08:00"),)


def test_energy_and_duration_edges() -> None:
    tariff = compiled(
        {"min_kwh": Decimal("10.5"), "max_kwh": 20, "min_duration": 60},
        {"min_kwh": 0, "max_kwh": Decimal("10.50"), "max_duration": 60},
        {"min_kwh": 5, "dayOfWeek": ["MONDAY"]},
    )
    assert energy_boundaries_kwh(tariff) == (Decimal("10.5"), Decimal(20))
    assert duration_boundaries_s(tariff) == (60,)


@pytest.mark.parametrize(
    ("start", "end", "zone", "reason"),
    [
        (datetime(2024, 1, 1), at("2024-01-02T00:00"), BERLIN, "naive_datetime"),  # noqa: DTZ001
        (at("2024-01-01T00:00"), at("2026-01-02T00:00"), BERLIN, "too_long"),
        (datetime(1, 1, 1, tzinfo=UTC), at("2024-01-02T00:00"), BERLIN, "year_out_of_range"),
        (datetime(9999, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC), BERLIN, "year_out_of_range"),
        (at("2024-01-01T00:00"), at("2024-01-02T00:00"), "", "unknown_time_zone"),
        (at("2024-01-01T00:00"), at("2024-01-02T00:00"), "Europe", "unknown_time_zone"),
        (at("2024-01-01T00:00"), at("2024-01-02T00:00"), "/etc/passwd", "unknown_time_zone"),
        (at("2024-01-01T00:00"), at("2024-01-02T00:00"), "Eur\0pe", "unknown_time_zone"),
        (at("2024-01-01T00:00"), at("2024-01-02T00:00"), "Ä" * 300, "unknown_time_zone"),
        (at("2024-01-01T00:00"), at("2024-01-02T00:00"), "\udc80", "unknown_time_zone"),
    ],
)
def test_refusals(start: datetime, end: datetime, zone: str, reason: str) -> None:
    with pytest.raises(TariffError) as caught:
        price_boundaries(compiled({"start_time": "09:00"}), start, end, zone)
    assert caught.value.reason == reason
    assert isinstance(caught.value, ValueError)


def test_end_before_start_has_no_boundaries() -> None:
    assert found(compiled({"start_time": "09:00"}), "2024-01-17T00:00", "2024-01-16T00:00") == []


def test_naive_session_start() -> None:
    with pytest.raises(SessionUnusableError):
        price_boundaries(
            compiled({"start_time": "09:00"}),
            at("2024-01-16T00:00"),
            at("2024-01-17T00:00"),
            BERLIN,
            session_start=datetime(2024, 1, 16),  # noqa: DTZ001
        )


WINDOWS = st.builds(
    lambda first, last: {"start_time": first, "end_time": last},
    *[st.builds(lambda h, m: f"{h:02d}:{m:02d}", st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))] * 2,
)
STARTS = st.sampled_from(
    [at("2024-03-30T20:00"), at("2024-10-26T20:00"), at("2024-07-01T03:00"), at("2024-12-30T22:00")]
)


@given(
    windows=st.lists(WINDOWS, min_size=1, max_size=3),
    start=STARTS,
    zone=st.sampled_from([BERLIN, "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "UTC"]),
)
def test_boundaries_are_exactly_the_changes(
    windows: list[dict[str, str]], start: datetime, zone: str
) -> None:
    """Against brute force: the restrictions are evaluated at every minute of 30 hours."""
    tariff = compiled(*windows)
    info = ZoneInfo(zone)

    def pattern(moment: datetime) -> list[bool]:
        wall = moment.astimezone(info)
        return [
            clock_holds(item, wall.hour * 60 + wall.minute, wall.weekday(), wall.toordinal())
            for items in tariff.clock_edges.values()
            for item in items
        ]

    minutes = [start + timedelta(minutes=number) for number in range(30 * 60 + 1)]
    patterns = [pattern(moment) for moment in minutes]
    changes = [
        moment
        for moment, before, now in zip(minutes[1:-1], patterns, patterns[1:], strict=False)
        if before != now
    ]
    assert list(price_boundaries(tariff, start, minutes[-1], zone)) == changes
