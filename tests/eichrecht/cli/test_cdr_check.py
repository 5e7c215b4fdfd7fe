"""``eichrecht cdr check`` over many CDRs: lists, lines, directories, stdin; outcomes; what is billed twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli import cdr_inputs
from eichrecht.cli.app import main
from ocpi.cdrs.credit import corrected_cdr, credit_cdr
from ocpi.objects.cdr import Cdr
from ocpi.transport import json
from ocpi.versions import V2_1_1, V2_2_1, V2_3_0
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.billing.billing_support import MINUTE, bill
from tests.eichrecht.service.service_support import TARIFF, running
from tests.ocpi.cdrs import cdr_samples

ROOT = Path(__file__).resolve().parents[3]
KEY = OcmfMeter("secp256r1").public_key_text()
AGREES, WRONG, UNDECIDED, COST = 0, 1, 2, 3


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def value(self) -> Any:
        return json.loads(self.out)

    @property
    def outcomes(self) -> list[str]:
        return [item["outcome"] for item in self.value["results"]]

    @property
    def duplicates(self) -> list[str]:
        return [item["code"] for item in self.value["duplicates"]]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object, as_json: bool = True) -> Ran:
        options = ["--key", KEY, *(["--json"] if as_json else [])]
        with pytest.raises(SystemExit) as ended:
            main(["cdr", "check", *(str(argument) for argument in arguments), *options])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return call


def own() -> Cdr:
    cdr = bill().cdr
    assert cdr is not None
    return cdr


def plain(cdr: Cdr, **changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(V2_2_1.dump(cdr)))
    return {key: item for key, item in (value | changes).items() if item is not None}


def unsigned(number: int, **changes: Any) -> dict[str, Any]:
    """A CDR of another session at another EVSE, without signed data; nothing is wrong with it."""
    header = cdr_samples.HEADER.location.model_copy(update={"evse_uid": f"E{number}"})
    cdr = cdr_samples.make_cdr(id=f"U{number}", session_id=f"U{number}", location=header)
    return plain(cdr, **changes)


def dearer(value: dict[str, Any]) -> dict[str, Any]:
    """The same CDR with five cents more in total and in a part: right in itself, but not by its tariff."""
    changed = dict(value)
    for name in ("total_cost", "total_fixed_cost" if "total_fixed_cost" in value else "total_energy_cost"):
        cost = dict(value[name])
        changed[name] = {side: Decimal(amount) + Decimal("0.05") for side, amount in cost.items()}
    return changed


def write(path: Path, value: Any) -> Path:
    path.write_bytes(json.dumps(value))
    return path


def test_contradiction_and_cost_are_kept_apart(tmp_path: Path, check: Any) -> None:
    good = plain(own())
    cost = check(write(tmp_path / "cost.json", dearer(good)))
    assert (cost.status, cost.value["outcome"], cost.value["verdict"]) == (COST, "cost_differs", "invalid")
    assert cost.value["groups"] == {
        "self_consistency": "passed",
        "cost": "failed",
        "facts": "unchecked",
        "signature": "valid",
    }
    (first, *_) = cost.value["differences"]
    assert {key: first[key] for key in ("field", "difference", "tolerance", "rule", "group")} == {
        "field": "total_cost.excl_vat",
        "difference": "0.05",
        "tolerance": "0.005",
        "rule": "computed_cost",
        "group": "cost",
    }
    inside = check(write(tmp_path / "self.json", good | {"total_time": Decimal(9)}))
    assert (inside.status, inside.value["outcome"]) == (WRONG, "wrong")
    assert inside.value["groups"]["self_consistency"] == "failed"
    assert inside.value["groups"]["cost"] == "passed"


def test_signed_times_are_compared_in_seconds(tmp_path: Path, check: Any) -> None:
    value = plain(own())
    later = own().start_date_time - timedelta(seconds=90)
    value["start_date_time"] = later.strftime("%Y-%m-%dT%H:%M:%SZ")
    done = check(write(tmp_path / "cdr.json", value))
    (difference,) = [item for item in done.value["differences"] if item["field"] == "start_date_time"]
    assert (difference["difference"], difference["tolerance"]) == ("-90", "1")
    assert (difference["severity"], difference["code"]) == ("warning", "cdr_signed_start_differs")


def test_another_meter_than_the_one_that_signed(tmp_path: Path, check: Any) -> None:
    done = check(write(tmp_path / "cdr.json", plain(own(), meter_id="OTHER")))
    assert "cdr_meter_id_differs" in {item["code"] for item in done.value["findings"]}
    assert "cdr_meter_id_differs" not in check(write(tmp_path / "cdr.json", plain(own()))).out


def test_a_field_that_breaks_the_specification_is_a_result_not_a_usage_error(
    tmp_path: Path, check: Any
) -> None:
    done = check(write(tmp_path / "cdr.json", plain(own(), currency="EURO", total_energy="x")))
    assert (done.status, done.value["outcome"]) == (WRONG, "wrong")
    places = {item["where"] for item in done.value["findings"] if item["code"] == "cdr_field_invalid"}
    assert places == {"/currency", "/total_energy"}
    assert done.value["groups"]["self_consistency"] == "failed"


MANY = [unsigned(1), dearer(unsigned(2)), unsigned(3, total_time=Decimal(7)), {"id": "no CDR"}]
EXPECTED = ["undecided", "cost_differs", "wrong", "undecided"]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(MANY),
        json.dumps({"status_code": 1000, "timestamp": "2026-03-02T18:00:00Z", "data": MANY}),
        b"\n".join(json.dumps(item) for item in MANY) + b"\n\n",
    ],
    ids=["list", "envelope", "lines"],
)
def test_lists_of_all_kinds(tmp_path: Path, check: Any, content: bytes) -> None:
    path = tmp_path / "cdrs.json"
    path.write_bytes(content)
    done = check(path)
    assert (done.status, done.outcomes, done.duplicates) == (WRONG, EXPECTED, [])
    assert done.value["counts"] == {"agrees": 0, "wrong": 1, "cost_differs": 1, "undecided": 2}
    assert [item["id"] for item in done.value["results"]] == ["U1", "U2", "U3", None]
    assert len({item["where"] for item in done.value["results"]}) == len(MANY)
    piped = subprocess.run(
        [sys.executable, "-m", "eichrecht", "cdr", "check", "-", "--json", "--allow-unsigned"],
        input=content,
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    results = json.loads(piped.stdout)["results"]
    assert piped.returncode == WRONG
    assert [item["outcome"] for item in results] == ["agrees", *EXPECTED[1:]]


def test_a_directory_is_read_in_order_and_only_json(tmp_path: Path, check: Any) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    write(folder / "b.json", unsigned(2))
    write(folder / "a.json", [unsigned(1), unsigned(4)])
    write(folder / "sub" / "c.JSON", unsigned(3))
    (folder / "d.jsonl").write_bytes(json.dumps(unsigned(5)) + b"\n{broken\n" + json.dumps(unsigned(6)))
    (folder / "notes.txt").write_text("no CDR")
    (folder / "empty.json").write_text("")
    done = check(folder, "--allow-unsigned")
    ids = [item["id"] for item in done.value["results"]]
    assert ids == ["U1", "U4", "U2", "U5", None, "U6", None, "U3"]
    assert done.status == UNDECIDED
    unreadable = [item for item in done.value["results"] if item["id"] is None]
    assert [item["findings"][0]["code"] for item in unreadable] == ["cdr_file_unreadable"] * 2
    assert unreadable[0]["where"] == "line 2"


@pytest.mark.parametrize(
    "outcomes", [["agrees"], ["agrees", "undecided"], ["cost", "undecided"], ["cost", "wrong"]]
)
def test_the_exit_status_of_many_is_that_of_the_worst(
    tmp_path: Path, check: Any, outcomes: list[str]
) -> None:
    made = {
        "agrees": unsigned(1),
        "cost": dearer(unsigned(2)),
        "wrong": unsigned(3, total_time=Decimal(7)),
        "undecided": {"id": "no CDR"},
    }
    path = write(tmp_path / "cdrs.json", [made[name] for name in outcomes])
    order = {"agrees": AGREES, "undecided": UNDECIDED, "cost": COST, "wrong": WRONG}
    worst = max(outcomes, key=list(order).index)
    assert check(path, "--allow-unsigned").status == order[worst]


def test_what_is_billed_twice_is_found_across_files(tmp_path: Path, check: Any) -> None:
    first = write(tmp_path / "1.json", plain(own()))
    again = write(tmp_path / "2.json", plain(own(), id="S1-again", session_id="S1-again"))
    copy = write(tmp_path / "3.json", plain(own()))
    done = check(first, again)
    assert (done.status, done.outcomes) == (WRONG, ["agrees", "agrees"])
    (duplicate,) = done.value["duplicates"]
    assert (duplicate["code"], duplicate["severity"]) == ("cdr_duplicate_signed_record", "error")
    assert [cdr["id"] for cdr in duplicate["cdrs"]] == ["S1", "S1-again"]
    copies = check(first, copy)
    assert (copies.status, copies.duplicates) == (AGREES, ["cdr_duplicate_copy"])


def test_the_same_energy_in_other_records(tmp_path: Path, check: Any) -> None:
    later = bill(
        OcmfMeter("secp256r1", page=9).session_record(
            Decimal("109.000"), Decimal("112.000"), own().end_date_time, own().end_date_time + 60 * MINUTE
        )
    )
    assert later.cdr is not None
    second = plain(later.cdr, id="S2", session_id="S2")
    done = check(write(tmp_path / "cdrs.json", [plain(own()), second]))
    assert done.duplicates == ["cdr_duplicate_energy"]
    assert "1.000 kWh" in done.value["duplicates"][0]["message"]


@pytest.mark.parametrize("original_first", [True, False])
def test_a_credit_is_checked_against_its_original_wherever_that_stands(
    tmp_path: Path, check: Any, original_first: bool
) -> None:
    original = own()
    credit = credit_cdr(original, original.last_updated + MINUTE)
    again = corrected_cdr(original, "S1-2", original.last_updated + MINUTE, {"remark": "corrected"})
    values = [plain(item) for item in (original, credit, again)]
    good = check(write(tmp_path / "cdrs.json", values if original_first else values[::-1]))
    assert (good.status, good.duplicates) == (AGREES, []), good.out
    values[1]["remark"] = "changed"
    values[1]["total_cost"]["excl_vat"] += Decimal("0.01")
    bad = check(write(tmp_path / "cdrs.json", values if original_first else values[::-1]))
    assert bad.status == WRONG
    codes = {item["code"] for result in bad.value["results"] for item in result["findings"]}
    assert {"cdr_credit_field_changed", "cdr_credit_amount_differs"} <= codes
    alone = check(write(tmp_path / "credit.json", plain(credit)))
    assert "cdr_unchecked_credited_cdr_not_given" in {item["code"] for item in alone.value["findings"]}


def test_published_tariffs_several_and_in_other_versions(tmp_path: Path, check: Any) -> None:
    value = plain(own())
    published = value["tariffs"][0]
    others = [published | {"id": f"OTHER{number}"} for number in range(3)]
    same = check(
        write(tmp_path / "c.json", value), "--tariff", write(tmp_path / "t.json", [*others, published])
    )
    assert same.status == AGREES, same.out
    component = published["elements"][0]["price_components"][0]
    component["price"] = Decimal(component["price"]) - Decimal("0.10")
    other = check(tmp_path / "c.json", "--tariff", write(tmp_path / "t.json", published))
    assert other.status == COST
    fields = {item["field"]: item for item in other.value["differences"]}
    assert fields["tariffs.0.elements.0.price_components.0.price"]["code"] == "cdr_tariff_number_differs"


def test_all_three_versions(tmp_path: Path, check: Any) -> None:
    cdr = own()
    for wire in (V2_1_1, V2_2_1, V2_3_0):
        data = wire.write(cdr).data
        assert data is not None
        done = check(write(tmp_path / "cdr.json", data))
        assert done.value["version"] == wire.number
        assert done.value["differences"] == []
        assert done.status == (UNDECIDED if wire is V2_1_1 else AGREES), done.out
    data = json.loads(json.dumps(V2_3_0.write(cdr).data))
    data["total_cost"]["before_taxes"] += Decimal(1)
    wrong = check(write(tmp_path / "cdr.json", data))
    assert "total_cost.before_taxes" in {item["field"] for item in wrong.value["differences"]}


def test_people_read_it_in_their_language(tmp_path: Path, check: Any) -> None:
    path = write(tmp_path / "cdrs.json", [dearer(plain(own())), unsigned(1, id="[red]U1\x1b[2J[/red]")])
    german = check(path, "--language", "de", as_json=False)
    english = check(path, "--language", "en", as_json=False)
    assert "angegeben" in german.out
    assert "2 CDRs: 0 ohne Einwand, 0 widersprüchlich" not in english.out
    assert "claimed" in english.out
    assert "total_cost.excl_vat" in german.out
    assert "Kosten: falsch" in german.out
    for done in (german, english):
        assert "\x1b[2J" not in done.out
        assert done.out.count("\n") < 60


def test_errors_of_keys_come_in_the_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "cdr.json", plain(own()))
    said = []
    for language in ("de", "en"):
        with pytest.raises(SystemExit) as ended:
            main(["cdr", "check", str(path), "--key", "zz", "--language", language])
        assert ended.value.code == 64
        said.append(capsys.readouterr().err)
    assert said[0] != said[1]


@pytest.mark.parametrize("command", ["price", "check"])
def test_json_is_utf_8_whatever_the_terminal_speaks(tmp_path: Path, command: str) -> None:
    path = write(tmp_path / "cdr.json", plain(own(), total_energy_cost=None))
    done = subprocess.run(
        [sys.executable, "-m", "eichrecht", "cdr", command, str(path), "--json", "--language", "de"],
        capture_output=True,
        cwd=ROOT,
        check=False,
        env={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0", "PATH": "", "LC_ALL": "C"},
    )
    assert set("äöü") & set(done.stdout.decode("utf-8")), done.stderr
    assert json.loads(done.stdout)["id"] == "S1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-", "-"], "only once"),
        (["missing"], "missing"),
        (["good", "--policy", "nobody.json"], "nobody.json"),
        (["good", "--tariff", "good", "--stored-tariffs"], "exclude"),
        (["empty-folder"], "no CDRs"),
        (["empty.jsonl"], "holds none"),
    ],
)
def test_usage_errors(
    tmp_path: Path, check: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "good", plain(own()))
    (tmp_path / "empty-folder").mkdir()
    (tmp_path / "empty.jsonl").touch()
    done = check(*arguments)
    assert (done.status, done.out) == (64, "")
    assert words in done.err


def test_limits_are_said(tmp_path: Path, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdr_inputs, "MAX_LINE_BYTES", 100)
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"id": 1}\n' + json.dumps(unsigned(1)))
    done = check(path)
    assert [item["findings"][0]["code"] for item in done.value["results"]] == [
        "cdr_unreadable",
        "cdr_file_unreadable",
    ]
    monkeypatch.setattr("eichrecht.cli.cdr_check.MAX_CDRS", 1)
    assert "more than 1 CDRs" in check(write(tmp_path / "two.json", [unsigned(1), unsigned(2)])).err


def test_stored_tariffs(tmp_path: Path, check: Any) -> None:
    async def stored() -> dict[str, Any]:
        async with running(tmp_path) as operator:
            await operator.take()
            changed = json.loads(json.dumps(TARIFF)) | {"last_updated": "2026-06-01T00:00:00Z"}
            changed["elements"][0]["price_components"][0]["price"] = Decimal("0.90")
            await operator.ok("PUT", "/tariffs", changed)
            async with operator.service.database.reading() as tx:
                body = (await tx.cdrs.get("DE", "CPO", "S1")).body
        value: dict[str, Any] = json.loads(body)
        return value

    value = asyncio.run(stored())
    options = ["--stored-tariffs", "--database", str(tmp_path / "service.sqlite")]
    good = check(write(tmp_path / "cdr.json", value), *options)
    assert good.status == AGREES, good.out  # by the version at session start, not by the one of June
    value["tariffs"][0]["elements"][0]["price_components"][0]["price"] = Decimal("0.51")
    done = check(write(tmp_path / "cdr.json", value), *options)
    assert done.status == COST
    assert "cdr_tariff_differs_from_snapshot" in {item["code"] for item in done.value["findings"]}
    value["tariffs"][0]["id"] = value["charging_periods"][0]["tariff_id"] = "UNKNOWN"
    lost = check(write(tmp_path / "cdr.json", value), *options)
    assert "cdr_tariff_not_stored" in {item["code"] for item in lost.value["findings"]}
