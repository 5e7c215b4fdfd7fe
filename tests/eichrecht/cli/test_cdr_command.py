"""``eichrecht cdr price`` and ``cdr check``: the JSON contract, exit statuses, bad input; and the store's commands."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli.app import main
from ocpi.cdrs.totals import CdrHeader, build_cdr
from ocpi.objects.cdr import AuthMethod, Cdr, CdrLocation, CdrToken
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import PeriodState, PricedSessionInput, SessionPeriod
from ocpi.tariffs.compiled import compile_tariff
from ocpi.tariffs.engine import price
from ocpi.transport import json
from ocpi.versions import V2_2_1
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.billing.billing_support import bill, record
from tests.eichrecht.service.service_support import facts, running

ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT.parent / "shared" / "vectors" / "ocpi" / "pricing_vectors.json"
KEY = OcmfMeter("secp256r1").public_key_text()


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def value(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return call


def made_cdr(tmp_path: Path, **changes: Any) -> Path:
    billed = bill()
    assert billed.cdr is not None
    value = json.loads(json.dumps(V2_2_1.dump(billed.cdr)))
    path = tmp_path / "cdr.json"
    path.write_bytes(json.dumps(value | changes))
    return path


def test_price_answers_with_the_contract(tmp_path: Path, run: Any) -> None:
    done = run("cdr", "price", made_cdr(tmp_path), "--time-zone", "Europe/Berlin", "--json")
    assert done.status == 0, done.out
    assert done.value["total_cost"] == {"excl_vat": "5.00", "incl_vat": "5.95"}
    assert done.value["total_energy_cost"] == {"excl_vat": "5.00", "incl_vat": "5.95"}
    assert done.value["total_time_cost"] is None
    assert done.value["differences"] == []
    (line,) = done.value["lines"]
    assert (line["dimension"], line["price"]) == ("ENERGY", "0.50")
    human = run("cdr", "price", tmp_path / "cdr.json")
    assert human.status == 0
    assert "5.95" in human.out


def test_price_names_the_difference(tmp_path: Path, run: Any) -> None:
    path = made_cdr(tmp_path, total_cost={"excl_vat": Decimal("6.00"), "incl_vat": Decimal("5.95")})
    done = run("cdr", "price", path, "--json")
    assert done.status == 1
    (difference,) = done.value["differences"]
    assert {name: difference[name] for name in ("field", "claimed", "computed", "difference")} == {
        "field": "total_cost.excl_vat",
        "claimed": "6.00",
        "computed": "5.00",
        "difference": "1.00",
    }
    assert "total_cost.excl_vat" in run("cdr", "price", path).out


def test_price_by_another_tariff(tmp_path: Path, run: Any) -> None:
    path = made_cdr(tmp_path)
    value = json.loads(path.read_bytes())["tariffs"][0]
    value["elements"][0]["price_components"][0]["price"] = Decimal("0.60")
    other = tmp_path / "tariff.json"
    other.write_bytes(json.dumps(value))
    done = run("cdr", "price", path, "--tariff", other, "--json")
    assert done.status == 1
    assert done.value["total_cost"]["excl_vat"] == "6.00"


def test_a_cdr_without_a_tariff_cannot_be_priced(tmp_path: Path, run: Any) -> None:
    done = run("cdr", "price", made_cdr(tmp_path, tariffs=[]), "--json")
    assert done.status == 2
    assert done.value["total_cost"] is None
    assert "cdr_unpriceable" in [item["code"] for item in done.value["findings"]]


def test_an_envelope_is_taken_off_and_standard_input_is_read(tmp_path: Path) -> None:
    body = made_cdr(tmp_path).read_bytes()
    envelope = b'{"status_code": 1000, "timestamp": "2026-03-02T18:00:00Z", "data": %s}' % body
    for command in (["price", "-"], ["check", "-", "--key", KEY]):
        done = subprocess.run(
            [sys.executable, "-m", "eichrecht", "cdr", *command, "--json"],
            input=envelope,
            capture_output=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


BAD = [
    ("missing.json", None, (), "missing.json"),
    ("bad.json", b"{", (), "no usable JSON"),
    ("bad.json", b"\xff", (), "no usable JSON"),
    ("bad.json", b"", (), "no usable JSON"),
    ("bad.json", b"[" * 1000, (), "no usable JSON"),
    ("bad.json", b"{}", (), "no OCPI 2.2.1 Cdr"),
    ("bad.json", b"[]", (), "no OCPI 2.2.1 Cdr"),
    ("bad.json", b'"text"', (), "no OCPI 2.2.1 Cdr"),
    ("good", None, ("--time-zone", "Europe/Atlantis"), "IANA"),
    ("good", None, ("--time-zone", "../../etc/passwd"), "IANA"),
    ("good", None, ("--language", "fr"), "--language"),
    ("good", None, ("--tariff", "missing.json"), "missing.json"),
]


@pytest.mark.parametrize("command", ["price", "check"])
@pytest.mark.parametrize(("name", "content", "options", "words"), BAD)
def test_bad_input_is_a_sentence_and_status_64(
    tmp_path: Path,
    run: Any,
    command: str,
    name: str,
    content: bytes | None,
    options: tuple[str, ...],
    words: str,
) -> None:
    path = made_cdr(tmp_path) if name == "good" else tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = run("cdr", command, path, *options)
    assert done.status == 64
    assert words in done.err
    assert done.out == ""


def test_a_tariff_without_elements_is_named(tmp_path: Path, run: Any) -> None:
    path = made_cdr(tmp_path)
    value = json.loads(path.read_bytes())["tariffs"][0] | {"elements": []}
    (tmp_path / "tariff.json").write_bytes(json.dumps(value))
    done = run("cdr", "price", path, "--tariff", tmp_path / "tariff.json")
    assert done.status == 64
    assert "elements" in done.err
    inside = made_cdr(tmp_path, tariffs=[value])
    assert run("cdr", "price", inside).status == 64


def test_check_finds_nothing_against_a_cdr_of_our_own(tmp_path: Path, run: Any) -> None:
    path = made_cdr(tmp_path)
    done = run("cdr", "check", path, "--key", KEY, "--json")
    assert done.status == 0, done.out
    assert (done.value["id"], done.value["verdict"], done.value["differences"]) == ("S1", "valid", [])
    (session,) = done.value["verification"]["transactions"]
    assert session["energy_kwh"] == "10.000" == str(json.loads(path.read_bytes())["total_energy"])
    from hashlib import sha256

    assert done.value["verification"]["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert "S1" in run("cdr", "check", path, "--key", KEY).out


def test_check_compares_what_is_billed_with_what_is_signed(tmp_path: Path, run: Any) -> None:
    value = json.loads(made_cdr(tmp_path).read_bytes())
    value["total_energy"] = Decimal("11.000")
    value["charging_periods"][0]["dimensions"][0]["volume"] = Decimal("11.000")
    value["total_cost"] = value["total_energy_cost"] = {
        "excl_vat": Decimal("5.50"),
        "incl_vat": Decimal("6.545"),
    }
    done = run("cdr", "check", made_cdr(tmp_path, **value), "--key", KEY, "--json")
    assert done.status == 1
    assert done.value["verdict"] == "invalid"
    assert done.value["verification"]["records"][0]["signature"]["status"] == "valid"
    (difference,) = done.value["differences"]
    assert (difference["claimed"], difference["computed"]) == ("11.000", "10.000")


def test_check_finds_a_changed_record_and_a_wrong_key(tmp_path: Path, run: Any) -> None:
    path = made_cdr(tmp_path)
    other = OcmfMeter("secp256r1", key_label="another").public_key_text()
    assert run("cdr", "check", path, "--key", other, "--json").value["verdict"] == "invalid"
    value = json.loads(path.read_bytes())["signed_data"]
    for signed in value["signed_values"]:
        import base64

        forged = record("11.000").split(b"|")[1].join([b"OCMF|", b"|" + record().split(b"|")[2]])
        signed["plain_data"] = forged.decode()
        signed["signed_data"] = base64.b64encode(forged).decode()
    done = run("cdr", "check", made_cdr(tmp_path, signed_data=value), "--key", KEY, "--json")
    assert (done.status, done.value["verification"]["records"][0]["signature"]["status"]) == (1, "invalid")


def test_check_without_signed_data_cannot_decide(tmp_path: Path, run: Any) -> None:
    done = run("cdr", "check", made_cdr(tmp_path, signed_data=None), "--json")
    assert (done.status, done.value["verdict"], done.value["verification"]) == (2, "indeterminate", None)


def _vectors() -> list[Any]:
    if not VECTORS.is_file():
        return []
    every = json.loads(VECTORS.read_bytes())["vectors"]
    wanted = [v for v in every if v["version"] == "2.2.1" and v["status"] in {"ok", "derived"}]
    return [vector for vector in wanted if not vector["session"]["reservation_expired"]]


def _vector_cdr(vector: Any) -> Cdr:
    tariff = V2_2_1.load(Tariff, vector["tariff"])
    zone = vector["session"]["timezone"]
    periods = tuple(
        SessionPeriod(
            PeriodState(item["state"]),
            _moment(item["start"]),
            _moment(item["end"]),
            Decimal(item.get("energy_kwh") or 0),
            min_power_kw=_number(item.get("power_kw")),
            max_power_kw=_number(item.get("power_kw")),
            min_current_a=_number(item.get("current_a")),
            max_current_a=_number(item.get("current_a")),
            tariff_id=tariff.id,
        )
        for item in vector["session"]["periods"]
    )
    session = PricedSessionInput(periods)
    header = CdrHeader(
        country_code="DE",
        party_id="CPO",
        id="V1",
        token=CdrToken.model_validate(facts()["cdr_token"]),
        location=CdrLocation.model_validate(facts()["cdr_location"]),
        auth_method=AuthMethod.WHITELIST,
        currency=tariff.currency,
        last_updated=periods[-1].end + timedelta(seconds=1),
        session_id="V1",
    )
    return build_cdr(header, session, [tariff], price(session, [compile_tariff(tariff)], zone))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


@pytest.mark.skipif(not VECTORS.is_file(), reason="../shared/vectors is absent")
@pytest.mark.parametrize("vector", _vectors(), ids=lambda vector: vector["id"])
def test_the_command_prices_the_vectors(tmp_path: Path, run: Any, vector: Any) -> None:
    path = tmp_path / "cdr.json"
    path.write_bytes(json.dumps(V2_2_1.dump(_vector_cdr(vector))))
    done = run("cdr", "price", path, "--time-zone", vector["session"]["timezone"], "--json")
    assert done.status == 0, done.out
    expected = vector["expected"]["total_cost"]
    assert _cents(done.value["total_cost"]["excl_vat"]) == _cents(expected["excl"])
    if expected.get("incl") is not None:
        assert _cents(done.value["total_cost"]["incl_vat"]) == _cents(expected["incl"])
    assert done.value["differences"] == []


def _cents(value: str) -> Decimal:
    return Decimal(value).quantize(Decimal("0.001"))


def fill(folder: Path) -> str:
    """A database with a held CDR S1 and a ready one S2."""

    async def work() -> None:
        async with running(folder) as operator:
            held = await operator.take(claimed_energy_kwh=Decimal(11))
            assert held["outcome"] == "held"
            other = OcmfMeter("secp256r1", page=7)
            start = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)
            content = other.session_record(Decimal(1), Decimal(2), start, start + timedelta(hours=1))
            assert (await operator.take(content, session_id="S2"))["outcome"] == "ready"

    asyncio.run(work())
    return str(folder / "service.sqlite")


def test_stored_cdrs_are_listed_and_decided_upon(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EICHRECHT_DATABASE", fill(tmp_path))
    listed = run("cdr", "list")
    assert listed.status == 0
    lines = {line.split()[0]: line for line in listed.out.splitlines()[1:]}
    assert set(lines) == {"S1", "S2"}
    assert "held" in lines["S1"]
    assert "claimed_energy_differs" in lines["S1"]
    assert "5.95 EUR" in lines["S1"]
    assert "pending" in lines["S2"]
    assert "S1" not in run("cdr", "list", "--state", "ready").out
    assert run("cdr", "list", "--state", "lost").status == 64

    decision = ("--by", "M. Muster", "--reason", "told wrongly")
    refused = run("cdr", "release", "S1", "--accept", "other_code", *decision)
    assert refused.status == 64
    assert "claimed_energy_differs" in refused.err
    done = run("cdr", "release", "S1", "--accept", "claimed_energy_differs", *decision)
    assert (done.status, done.out.split()) == (0, ["S1", "ready"])
    assert run("cdr", "discard", "S1").status == 64
    assert run("cdr", "release", "NONE", "--accept", "x", *decision).status == 64
    assert run("cdr", "credit", "NONE").status == 64


def test_a_held_cdr_is_discarded_and_cannot_be_credited(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EICHRECHT_DATABASE", fill(tmp_path))
    assert run("cdr", "credit", "S1").status == 64
    done = run("cdr", "discard", "S1")
    assert (done.status, done.out.split()) == (0, ["S1", "discarded"])
    wrong = tmp_path / "facts.json"
    wrong.write_bytes(b"{}")
    unusable = run("cdr", "credit", "S2", "--corrected", wrong)
    assert unusable.status == 64
    assert "no usable session facts" in unusable.err
