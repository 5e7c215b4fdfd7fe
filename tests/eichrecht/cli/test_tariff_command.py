"""``eichrecht tariff explain``, ``lint`` and ``simulate``: output, JSON, drawing, exit statuses, bad input."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli.app import main
from ocpi.transport import json

D = Decimal
SVG = "{http://www.w3.org/2000/svg}"


def part(kind: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "price": D(amount), "vat": 19, "step_size": 1, **more}


TARIFF: dict[str, Any] = {
    "country_code": "DE",
    "party_id": "ABC",
    "id": "T<1>",
    "currency": "EUR",
    "last_updated": "2024-01-01T00:00:00Z",
    "elements": [
        {
            "price_components": [part("ENERGY", "0.4")],
            "restrictions": {"start_time": "18:00", "end_time": "08:00"},
        },
        {"price_components": [part("ENERGY", "0.5"), part("FLAT", "1")]},
        {"price_components": [part("PARKING_TIME", "6")], "restrictions": {"min_duration": 14_400}},
    ],
}


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def value(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    def call(command: str, *arguments: object, **changes: Any) -> Ran:
        path = tmp_path / "tariff.json"
        value = {key: item for key, item in (TARIFF | changes).items() if item is not ...}
        path.write_bytes(json.dumps(value))
        with pytest.raises(SystemExit) as ended:
            main(["tariff", command, str(path), *map(str, arguments)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return call


SESSION = ("--start", "2024-05-01T16:30", "--power", "11", "--duration", "3h", "--parked", "2h")


def test_put_is_still_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tariff", "put", "--help"])
    assert not ended.value.code
    assert "Store a tariff version" in capsys.readouterr().out


def test_explain_for_people_and_programs(run: Any) -> None:
    shown = run("explain", "--language", "de")
    assert shown.status == 0
    assert "Von 18:00 bis 08:00 Uhr kostet eine kWh 0,476 EUR inkl. 19 % MwSt." in shown.out
    value = run("explain", "--json").value
    assert [topic["topic"] for topic in value["topics"]] == ["start_fee", "energy", "parking_time"]
    stretch = value["topics"][1]["sections"][0]["plans"][0]["stretches"][0]
    assert (stretch["end_minute"], stretch["price"]["gross"], stretch["price"]["components"]) == (
        *(480, "0.476"),
        [[0, 0]],
    )
    assert value["version"] == "2.2.1"
    assert value["text"][1]["lines"][0].startswith("From 18:00 to 08:00 a kWh costs")


def test_explain_reads_the_other_versions(run: Any) -> None:
    assert run("explain", "--json", tax_included="YES").value["version"] == "2.3.0"
    elements = [{"price_components": [{"type": "ENERGY", "price": D("0.4"), "step_size": 1}]}]
    old = run("explain", "--json", country_code=..., party_id=..., elements=elements).value
    assert (old["version"], old["text"][0]["lines"][0]) == ("2.1.1", "A kWh costs 0.40 EUR (no VAT named).")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"country_code": "AT"}, 0, "no_fallback_price"),
        ({"currency": "EUX"}, 2, "currency_unknown"),
        ({"max_price": {"excl_vat": 1}, "min_price": {"excl_vat": 2}}, 1, "price_limits_cross"),
    ],
)
def test_lint_statuses(run: Any, changes: dict[str, Any], status: int, code: str) -> None:
    ran = run("lint", "--json", "--no-germany", **changes)
    assert ran.status == status
    found = {item["code"]: item for item in ran.value["findings"]}
    assert found[code]["where"].startswith("/")
    assert found[code]["message"] != code
    shown = run("lint", "--no-germany", "--language", "de", **changes)
    assert (shown.status, f"[{code}]" in shown.out) == (status, True)


def test_lint_of_a_sound_tariff(run: Any) -> None:
    ran = run("lint", elements=[{"price_components": [part("ENERGY", "0.5")]}])
    assert (ran.status, ran.out.strip()) == (0, "Nothing to complain about.")


def test_simulate_as_json(run: Any) -> None:
    value = run("simulate", *SESSION, "--json").value
    # 1.00 + 16.5 x 0.50 + 16.5 x 0.40 + 1 h x 6.00 = 21.85; x 1.19 = 26.0015
    assert (value["total_cost"]["excl_vat"], value["total_cost"]["incl_vat"]) == ("21.85", "26.0015")
    assert [(step["state"], step["energy_kwh"]) for step in value["steps"]] == [
        ("CHARGING", "16.500"),
        ("CHARGING", "16.500"),
        ("PARKING", "0"),
        ("PARKING", "0"),
    ]
    assert [step["lines"] for step in value["steps"]] == [[1], [2], [], [3]]
    line = value["lines"][3]
    assert {
        key: line[key] for key in ("element", "component", "dimension", "billed_s", "price", "step_size")
    } == {
        "element": 2,
        "component": 0,
        "dimension": "PARKING_TIME",
        "billed_s": "3600",
        "price": "6",
        "step_size": 1,
    }
    assert line["cost"]["incl_vat"] == "7.14"


def test_simulate_on_a_terminal(run: Any) -> None:
    ran = run("simulate", *SESSION, "--language", "de")
    assert "Beispiel: 33 kWh in 5 Stunden, 26,00 € inkl. MwSt." in ran.out
    assert "18:00 bis 19:30: Laden, 16,5 kWh, 0,476 EUR je kWh." in ran.out
    assert "19:30 bis 20:30: Stehen, 0 kWh, kostenlos." in ran.out
    row = next(line for line in ran.out.splitlines() if "20:30:00–21:30:00" in line)
    assert row.split()[-2:] == ["6,00", "7,14"]


def test_drawing_is_sound_and_says_the_same_in_words(run: Any, tmp_path: Path) -> None:
    target = tmp_path / "session.svg"
    ran = run("simulate", *SESSION, "--svg", target, "--json")
    root = ET.fromstring(target.read_bytes())
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert [title.text, description.text] == [ran.value["text"][0], " ".join(ran.value["text"][1:])]
    points = [tuple(map(int, pair.split(","))) for pair in root.find(f"{SVG}polyline").get("points").split()]  # type: ignore[union-attr]
    # time goes right, cost goes up (y down); the last point is the top of the panel: the whole cost
    assert points == sorted(points, key=lambda point: (point[0], -point[1]))
    assert (points[0], points[-1]) == ((70, 430), (890, 270))
    bands = [r for r in root.findall(f"{SVG}rect") if r.get("stroke") == "#fff"]
    assert [(int(r.get("x") or 0), int(r.get("height") or 0)) for r in bands] == [
        *((70, 160), (316, 160), (562, 14), (726, 14))
    ]
    texts = [node.text for node in root.findall(f"{SVG}text")]
    assert {"17:00", "18:00", "21:00"} <= set(texts)


def test_drawing_escapes_and_stays_short(run: Any, tmp_path: Path) -> None:
    target = tmp_path / "session.svg"
    windows = [
        {
            "price_components": [part("ENERGY", f"0.{30 + n}")],
            "restrictions": {"start_time": f"{n:02}:00", "end_time": f"{(n + 1) % 24:02}:00"},
        }
        for n in range(24)
    ]
    many = ("--start", "2024-05-01T00:00", "--power", "1", "--duration", "72h")
    run("simulate", *many, "--svg", target, elements=windows, currency="<&\ufffe")
    root = ET.fromstring(target.read_bytes())
    texts = [node.text or "" for node in root.findall(f"{SVG}text")]
    assert sum(text.startswith(("1. ", "39. ", "40. ")) for text in texts) == 2
    assert "… +33" in texts
    assert "cost in <&\ufffd" in texts


def test_session_over_the_clock_change(run: Any) -> None:
    """In the night of 31 March, 01:00 and three hours are 05:00."""
    ran = run("simulate", "--start", "2024-03-31T01:00", "--power", "11", "--duration", "3h", "--json")
    assert (ran.value["steps"][-1]["end"]) == "2024-03-31T03:00:00+00:00"
    assert ran.value["text"][1].startswith("01:00 CET to 05:00 CEST")
    gap = run("simulate", "--start", "2024-03-31T02:30", "--power", "11", "--duration", "3h")
    assert (gap.status, "does not exist" in gap.err) == (64, True)


def test_day_is_told_where_there_are_several(run: Any) -> None:
    arguments = ("--start", "2024-05-01T17:00", "--power", "1", "--duration", "24h", "--language", "de")
    text = run("simulate", *arguments, "--json").value["text"]
    assert text[1].startswith("1. Mai 17:00 bis 1. Mai 18:00: Laden, 1 kWh")


@pytest.mark.parametrize("duration", ["3h", "180m", "180min", "10800s", "3:00", "2h60m"], ids=str)
def test_durations_are_read(run: Any, duration: str) -> None:
    ran = run("simulate", "--start", "2024-05-01T10:00", "--power", "11", "--duration", duration, "--json")
    assert ran.value["steps"][-1]["total_kwh"] == "33.000"


def test_energy_ends_charging(run: Any) -> None:
    ran = run("simulate", "--start", "2024-05-01T10:00+02:00", "--power", "11", "--energy", "5,5", "--json")
    assert ran.value["steps"][-1]["end"] == "2024-05-01T08:30:00+00:00"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--start", "x", "--power", "11", "--duration", "3h"),
        ("--start", "2024-05-01T10:00", "--power", "x", "--duration", "3h"),
        ("--start", "2024-05-01T10:00", "--power", "NaN", "--duration", "3h"),
        ("--start", "2024-05-01T10:00", "--power", "1e9", "--duration", "3h"),
        ("--start", "2024-05-01T10:00", "--power", "11", "--duration", "soon"),
        ("--start", "2024-05-01T10:00", "--power", "11", "--duration", ""),
        ("--start", "2024-05-01T10:00", "--power", "11", "--duration", "99999h"),
        ("--start", "2024-05-01T10:00", "--power", "11"),
        ("--start", "0001-01-01T00:00", "--power", "11", "--duration", "3h"),
        ("--start", "2024-05-01T10:00", "--power", "11", "--duration", "3h", "--time-zone", "Mars/Base"),
        ("--start", "2024-05-01T10:00", "--power", "11", "--duration", "3h", "--policy", "none"),
        ("--start", "2024-05-01T10:00", "--power", "11", "--duration", "3h", "--language", "fr"),
        ("--start", "2024-05-01T10:00", "--power", "11", "--duration", "3h", "--svg", "/nowhere/at/all.svg"),
    ],
)
def test_bad_arguments_end_with_usage(run: Any, arguments: tuple[str, ...]) -> None:
    assert run("simulate", *arguments).status == 64


@pytest.mark.parametrize("command", ["explain", "lint"])
def test_no_tariff_ends_with_usage(run: Any, command: str) -> None:
    assert run(command, elements=[]).status == 64
    assert run(command, elements="x").status == 64


def test_absurd_numbers_are_shown_like_others(run: Any, tmp_path: Path) -> None:
    elements = [{"price_components": [part("ENERGY", "4E+60"), part("FLAT", "0." + "1" * 60)]}]
    assert (
        "4" + ",000" * 20
        in run("explain", elements=[{"price_components": [part("ENERGY", "4E+60", vat=0)]}]).out
    )
    for more in ((), ("--json",)):
        assert run("simulate", *SESSION, "--svg", tmp_path / "x.svg", *more, elements=elements).status == 0
    assert run("lint", elements=elements).status == 2


def test_repeated_hour_is_told_apart(run: Any) -> None:
    """02:30 to 02:30 is an hour in that night; drawing and terminal say which is which."""
    night = ("--start", "2024-10-27T02:30", "--power", "11", "--duration", "1h")
    assert run("simulate", *night, "--json").value["text"][1].startswith("02:30 CEST to 02:30 CET")
    assert "02:30:00 CEST–02:30:00 CET" in run("simulate", *night).out


def test_simulation_names_the_policy(run: Any) -> None:
    session = ("--start", "2024-05-01T18:00", "--power", "11", "--duration", "1h", "--policy", "cents")
    value = run("simulate", *session, "--json").value
    assert (value["policy"], value["policy_settings"]["rounding_scope"]) == ("cents", "part")
    assert "“cents” (currency_digits=true, rounding_scope=part)" in run("simulate", *session).out


def test_a_policy_that_refuses_says_why(run: Any, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"name": "strict", "based_on": "german-calibration-law", "law": "refused"}')
    by_time = [{"price_components": [{"type": "TIME", "price": 6, "step_size": 60}]}]
    session = ("--start", "2024-05-01T18:00", "--power", "11", "--duration", "1h", "--policy", rules)
    ran = run("simulate", *session, elements=by_time)
    assert (ran.status, "law_time_only" in ran.out, "Traceback" in ran.err) == (2, True, False)
    value = run("simulate", *session, "--json", elements=by_time)
    assert (value.status, value.value["total_cost"], value.value["policy"]) == (2, None, "strict")
    assert {item["code"] for item in value.value["findings"]} == {"law_time_only", "law_time_uncertified"}
