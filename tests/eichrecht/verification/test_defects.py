"""A defect in the program costs one document its verdict, and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eichrecht.cli import main
from eichrecht.evidence import Document, DocumentVerdict
from eichrecht.verification import Verifier
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.verification.verification_support import session

METER = OcmfMeter("secp256r1", "M1")


def test_other_documents_keep_their_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "a.ocmf").write_bytes(session(METER))
    (tmp_path / "b.ocmf").write_bytes(session(METER) + b"\n")
    (tmp_path / "key.txt").write_text(METER.public_key_text())
    verify = Verifier.verify

    def broken(self: Verifier, document: Document, *beside: object) -> DocumentVerdict:
        if document.source.endswith("a.ocmf"):
            raise KeyError("not found")
        return verify(self, document, *beside)  # type: ignore[arg-type]

    monkeypatch.setattr(Verifier, "verify", broken)
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path), "--json"])
    captured = capfdbinary.readouterr()
    first, second = json.loads(captured.out)["results"]
    assert (ended.value.code, first["verdict"], second["verdict"]) == (2, "indeterminate", "valid")
    (finding,) = first["findings"]
    assert finding["code"] == "defect"
    assert finding["params"] == {"error": "KeyError", "place": finding["params"]["place"]}
    assert finding["params"]["place"].startswith("test_defects.py:")
    assert b"Traceback" not in captured.err
