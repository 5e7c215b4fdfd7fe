"""The comparison with other programs counts what it says it counts; Chargy is played by a package of our own."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from benchmarks import chargy
from benchmarks.chargy import Chargy, ChargyUnavailableError, handed_over, verdict_of
from benchmarks.peers import Mark, PyOcmf, main, mark
from benchmarks.vectors import SHARED, Scope, Vector, our_verdict, sample_vectors, shared_vectors
from eichrecht.evidence import Verdict
from sample_meters.cases import all_cases

VALID, INVALID, NONE = Verdict.VALID, Verdict.INVALID, Verdict.INDETERMINATE


@pytest.mark.parametrize(
    ("expected", "found", "is_marked"),
    [
        (VALID, VALID, Mark.RIGHT),
        (INVALID, INVALID, Mark.RIGHT),
        (NONE, NONE, Mark.RIGHT),
        (VALID, NONE, Mark.NO_VERDICT),
        (INVALID, NONE, Mark.NO_VERDICT),
        (VALID, INVALID, Mark.WRONG),
        (NONE, INVALID, Mark.WRONG),
        (INVALID, VALID, Mark.ACCEPTS),
        (NONE, VALID, Mark.ACCEPTS),
        (None, VALID, None),
    ],
)
def test_marks(expected: Verdict | None, found: Verdict, is_marked: Mark | None) -> None:
    assert mark(expected, found) is is_marked


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"sessions": [{"status": "ValidSignature", "values": []}]}, VALID),
        ({"sessions": [{"status": "ValidSignature"}, {"status": "InvalidSignature"}]}, INVALID),
        ({"sessions": [{"status": "ValidSignature"}, {"status": "PublicKeyNotFound"}]}, NONE),
        ({"sessions": [{"status": "AtLeastTwoMeasurementsRequired", "values": ["ValidSignature"]}]}, VALID),
        (
            {"sessions": [{"status": "AtLeastTwoMeasurementsRequired", "values": ["InvalidSignature"]}]},
            INVALID,
        ),
        ({"sessions": [{"status": "AtLeastTwoMeasurementsRequired", "values": [None]}]}, NONE),
        ({"sessions": [{"status": "AtLeastTwoMeasurementsRequired", "values": []}]}, NONE),
        ({"sessions": [{"status": "InvalidSessionFormat", "values": ["ValidSignature"]}]}, NONE),
        ({"sessions": [], "status": "ValidSignature"}, NONE),
        ({"error": "The operation is not supported"}, NONE),
    ],
)
def test_what_chargy_says_as_a_verdict(answer: dict[str, object], verdict: Verdict) -> None:
    assert verdict_of(answer)[0] is verdict


def vector(content: bytes, key: str | None, *, is_record: bool = True, name: str = "v") -> Vector:
    return Vector(name, "OCMF", content, key, VALID, Scope.RECORDS, is_record)


def given(one: Vector) -> dict[str, bytes]:
    return {file["name"]: base64.b64decode(file["data"]) for file in handed_over(one)}


def test_how_chargy_gets_keys() -> None:
    wrapped = given(vector(b"OCMF|{}|{}", "30 59"))["vector.xml"]
    assert b'<publicKey encoding="hex">30 59</publicKey>' in wrapped
    assert b'<signedData format="OCMF" encoding="plain">OCMF|{}|{}<' in wrapped
    assert b'encoding="hex">1BFF<' in given(vector(b"\x1b\xff", "MFkw/+=="))["vector.xml"]
    assert given(vector(b"OCMF|", "-----BEGIN PUBLIC KEY-----\n")).keys() == {
        "vector.ocmf",
        "vector-publicKey.pem",
    }
    assert given(vector(b"<values/>", None)) == {"vector.xml": b"<values/>"}
    assert given(vector(b"<values/>", "3059", is_record=False))["vector-publicKey.hex"] == b"3059"


# A stand-in with the interface that benchmarks/chargy_driver.mjs uses: it looks at nothing but one word.
FAKE = """
export class Chargy {
  constructor(i18n, languages, elliptic, moment, asn1, base32Decode, show) {
    if (![elliptic, moment, asn1, base32Decode, show].every(Boolean)) throw new Error("dependencies");
  }
  async DetectAndConvertContentFormat(files) {
    console.log("noise that must not reach the answers");
    const text = new TextDecoder().decode(files[0].data);
    if (text.includes("boom")) throw new Error("The operation is not supported");
    const status = text.includes("bad") ? "InvalidSignature" : "ValidSignature";
    const values = [{ result: { status } }];
    return { chargingSessions: [{ verificationResult: { status }, measurements: [{ values }] }] };
  }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as npm leaves it, with a fake of the package."""
    modules = tmp_path / "node_modules"
    package = modules / "@open-charging-cloud" / "chargy-core"
    package.mkdir(parents=True)
    (package / "index.js").write_text(FAKE)
    about = {"name": chargy.PACKAGE, "version": "9.9.9", "type": "module", "exports": {".": "./index.js"}}
    (package / "package.json").write_text(json.dumps(about))
    for name in ("elliptic", "moment", "asn1.js", "base32-decode"):
        (modules / name).mkdir()
        (modules / name / "index.js").write_text("module.exports = { loaded: true };")
    (tmp_path / "package.json").write_text("{}")
    return tmp_path


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no Node")


@needs_node
def test_chargy_is_asked_and_timed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chargy, "NODE_AT_LEAST", (12, 0))
    with Chargy(folder) as peer:
        assert peer.version == "9.9.9"
        assert peer.judge(vector(b"good", None)) == (VALID, "ValidSignature")
        assert peer.judge(vector(b"bad", None)) == (INVALID, "InvalidSignature")
        assert peer.judge(vector(b"boom", None)) == (NONE, "The operation is not supported")
        assert peer.spend([vector(b"good", None)] * 500) > 0


@needs_node
def test_an_old_node_or_a_missing_package_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chargy, "NODE_AT_LEAST", (999, 0))
    with pytest.raises(ChargyUnavailableError, match=r"is older than 999\.0"):
        Chargy(tmp_path)
    monkeypatch.setattr(chargy, "NODE_AT_LEAST", (12, 0))
    with pytest.raises(ChargyUnavailableError, match="chargy-core"):
        Chargy(tmp_path)


def test_no_node_is_said(tmp_path: Path) -> None:
    with pytest.raises(ChargyUnavailableError, match="no Node"):
        Chargy(tmp_path, node=str(tmp_path / "node"))


def test_pyocmf_is_asked_fairly() -> None:
    pytest.importorskip("pyocmf", reason="group bench is not installed")
    peer = PyOcmf()
    cases = {case.name: case for case in all_cases()}
    good = cases["ocmf-curve-secp256r1"]
    assert peer.judge(vector(good.content, good.public_key_text)) == (VALID, "")
    forged = good.content.replace(b'"ID":"1F', b'"ID":"2F')
    assert forged != good.content
    assert peer.judge(vector(forged, good.public_key_text))[0] is INVALID
    assert peer.judge(vector(good.content, None))[0] is NONE
    assert peer.judge(vector(b"\xff", good.public_key_text))[0] is NONE
    assert not peer.reads(vector(b' {"a":1}', None))


def test_this_project_is_right_on_its_sample_cases() -> None:
    chosen = sample_vectors()[::23]
    assert len(chosen) > 20
    assert [our_verdict(one) for one in chosen] == [one.expected for one in chosen]


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/vectors/meter is absent")
def test_the_shared_vectors_are_real_records_and_files() -> None:
    found = shared_vectors()
    assert len({one.name for one in found}) == len(found) >= 230
    assert not any(one.format.startswith(("LAW_", "RAW_", "UNIT_")) for one in found)
    assert {one.expected for one in found} == {VALID, INVALID, NONE, None}
    assert all(one.scope is Scope.SIGNATURE for one in found if one.name.startswith("misc-ocmf"))


def test_nothing_is_downloaded_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.peers.install", lambda folder: pytest.fail("installed unasked"))
    monkeypatch.setattr("benchmarks.peers.shared_vectors", tuple)
    monkeypatch.setattr("benchmarks.peers.sample_vectors", lambda: sample_vectors()[:3])
    assert main(["--seconds", "0", "--all"]) == 0
    shown = capsys.readouterr().out
    assert "Not run: chargy: not asked for" in shown
    assert "3 vectors of sample_meters" in shown
    assert "| this project, all formats | 3 | 3 | 0 | 0 | 0 |" in shown
