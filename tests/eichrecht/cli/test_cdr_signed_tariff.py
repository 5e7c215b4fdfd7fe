"""``eichrecht cdr check`` compares the CDR's tariff with the one that the meter signed; ``verify`` shows it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli.app import main
from ocpi.transport import json
from ocpi.versions import V2_2_1
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.billing.billing_support import MINUTE, START, bill, component, element, tariff


def signed(text: str) -> bytes:
    meter = OcmfMeter("secp256r1", head={"TT": text})
    return meter.session_record(Decimal("100.000"), Decimal("110.000"), START, START + 120 * MINUTE)


def ran(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "status", "verdict"), [("002;EUR;0;50;0", 0, "valid"), ("002;EUR;0;49;0", 1, "invalid")]
)
def test_check(
    text: str, status: int, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    billed = bill(
        signed(text), tariff(element(component("ENERGY", "0.50"))), {"allow_other_tariff_text": True}
    )
    assert billed.cdr is not None
    path = tmp_path / "cdr.json"
    path.write_bytes(json.dumps(V2_2_1.dump(billed.cdr)))
    done, out = ran(capsys, "cdr", "check", path, "--json", "--key", OcmfMeter("secp256r1").public_key_text())
    value: Any = json.loads(out.encode())
    assert (done, value["verdict"]) == (status, verdict)
    differing = [item for item in value["findings"] if item["code"] == "signed_tariff_differs"]
    assert len(differing) == (0 if status == 0 else 1)
    if differing:
        assert "49" in differing[0]["message"]


def test_verify_shows_the_tariff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "session.ocmf"
    path.write_bytes(signed("001;EUR;0;35;5;30"))
    status, out = ran(capsys, "verify", path, "--key", OcmfMeter("secp256r1").public_key_text())
    assert status == 0
    assert "35 ct/kWh" in out
    assert "from minute 30 on a blocking fee of 5 ct/min" in out


def test_markup_in_a_tariff_text_is_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "session.ocmf"
    path.write_bytes(signed("[red]<script>alert(1)</script>[/red]"))
    _, out = ran(capsys, "verify", path, "--key", OcmfMeter("secp256r1").public_key_text())
    assert "[red]<script>alert(1)</script>[/red]" in out
