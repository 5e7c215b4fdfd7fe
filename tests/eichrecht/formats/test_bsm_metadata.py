"""BSM_WS36A: signed metadata, the event word, finding and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht import locales
from eichrecht.evidence import Severity, Verdict
from eichrecht.formats import registry
from eichrecht.formats._bsm_codes import BsmCode, event_flags
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from eichrecht.verification import Verifier
from sample_meters._chargeit import changed, document
from sample_meters.bsm_ws36a import begin, end
from tests.eichrecht.formats.bsm_ws36a_support import FORMAT, codes, decoded

# --- metadata


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contract-id: rfid:1a2b", ("rfid", "1a2b")),
        ("contract-id: 1a2b", (None, "1a2b")),
        ("contract-id:rfid:1a2b", ("rfid", "1a2b")),
        ("contract-id: DE-ABC-C12345678-X", (None, "DE-ABC-C12345678-X")),
        ("contract-id: a:b:c", ("a", "b:c")),
        ("contract-id:", (None, None)),
        ("Contract-id: x", (None, None)),
        ("demo data 1", (None, None)),
    ],
)
def test_the_contract_is_read_from_the_metadata(text: str, expected: tuple[str | None, str | None]) -> None:
    value = begin(Meta1=text)
    value.pop("contract", None)
    identification = decoded(value).identification
    assert (identification.type, identification.data) == expected


def test_no_contract_signed_is_not_hidden() -> None:
    value = begin(Meta1="")
    assert decoded(value).identification.assigned is None
    assert decoded(value).contradictions == ()


@pytest.mark.parametrize(
    ("claimed", "signed", "good"),
    [
        ("v1.2.34", "v1.2.34", True),
        ("v1.2.34-20240101", "v1.2.34", True),
        (" v1.2.34 ", "v1.2.34", True),
        ("v1.2.345", "v1.2.34", False),
        ("v1.2.3", "v1.2.34", False),
        ("v9", "unknown", True),
    ],
)
def test_the_controller_version_warns_only(claimed: str, signed: str, good: bool) -> None:
    record = decoded(begin(Meta3=f"csc-sw-version: {signed}"), controller_version=claimed)
    assert codes(record.findings) == ([] if good else [BsmCode.CONTROLLER_DIFFERS])
    assert all(finding.severity is Severity.WARNING for finding in record.findings)


@pytest.mark.parametrize("claimed", ["DE*SMP*E0000001*1", "DESMPE00000011", "de*smp*e0000001*1 "])
def test_spellings_of_one_evse_id_are_the_same(claimed: str) -> None:
    assert decoded(begin(), evse_id=claimed).contradictions == ()


def test_two_signed_charge_points_decide_nothing() -> None:
    record = decoded(begin(Meta3="evse-id: DE*SMP*E2"), evse_id="DE*SMP*E3")
    assert record.charge_point == (None, None)
    assert codes(record.findings) == [BsmCode.TAG_REPEATED]
    same = decoded(begin(Meta3="evse-id: DE*SMP*E0000001*1"))
    assert (same.charge_point[0], same.findings) == ("DE*SMP*E0000001*1", ())


# --- the event word


def test_every_bit_of_the_event_word_is_named() -> None:
    errors = {bit for bit in range(32) if event_flags(1 << bit)[0].severity is Severity.ERROR}
    assert errors == {6, 7, 15, 16, 17, 18, 19}
    assert event_flags(0) == ()
    assert len(event_flags(2**32 - 1)) == 13
    assert all(flag.severity is not Severity.NOTE for flag in event_flags(2**32 - 1))
    (flag,) = event_flags(1 << 4)
    assert flag.code == BsmCode.EVENT_LOW_POWER_FACTOR
    assert decoded(begin(Evt=0x10)).readings[0].status_word == "00000010"


# --- finding and errors


def test_no_other_format_takes_the_record_for_its_own() -> None:
    text = document(begin())
    assert [span.format for span in registry.recognise(text)] == ["BSM_WS36A"]
    alone = Verifier().verify_record(text)
    assert (alone.format, alone.verdict) == ("BSM_WS36A", Verdict.VALID)


def test_a_record_is_found_by_its_context() -> None:
    text = document(begin())
    for before, after in ((b"", b""), (b" \r\n\t", b"\n"), (b"\xef\xbb\xbf", b"")):
        (span,) = FORMAT.find(before + text + after)
        assert (span.start, span.end) == (len(before), len(before) + len(text))
        assert (span.format, span.reason) == ("BSM_WS36A", "bsm_context")
        assert FORMAT.decode(before + text + after).raw == text


def test_slashes_may_be_escaped() -> None:
    text = document(begin()).replace(b"/", b"\\/")
    assert [span.format for span in registry.recognise(text)] == ["BSM_WS36A"]
    assert FORMAT.decode(text).signed_bytes == decoded(begin()).signed_bytes


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"@context": 1}',
        b'{"@context": "bsm-ws36a-json-v1"}',
        b'{"x": "https://www.chargeit-mobility.com/contexts/bsm-ws36a-json-v1"}',
        b'["https://www.chargeit-mobility.com/contexts/bsm-ws36a-json-v1"]',
    ],
)
def test_other_content_is_not_found(content: bytes) -> None:
    assert FORMAT.find(content) == ()
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(content)


def test_text_around_a_record_is_no_record() -> None:
    text = document(begin())
    assert FORMAT.find(text + b"x") == FORMAT.find(b"x" + text) == FORMAT.find(text + text) == ()
    with pytest.raises(FormatError):
        FORMAT.decode(text + text)


@pytest.mark.parametrize("version", ["2", "10", "x", ""])
def test_an_unknown_version_is_not_guessed(version: str) -> None:
    value = begin()
    value["@context"] = value["@context"][:-1] + version
    with pytest.raises(MalformedRecordError) as caught:
        decoded(value)
    assert caught.value.code == "bsm_context_unknown"


@pytest.mark.parametrize("host", ["www.lichtblick.de", "www.eneco.com", "www.chargeit-mobility.com"])
def test_the_three_hosts(host: str) -> None:
    value = begin()
    value["@context"] = f"https://{host}/contexts/bsm-ws36a-json-v0"
    assert decoded(value).version == "0"
    value["@context"] = f"https://{host}.example.org/contexts/bsm-ws36a-json-v0"
    with pytest.raises(MalformedRecordError):
        decoded(value)


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(LimitExceededError):
        decoded({**begin(), "operatorInfo": "x" * 300_000})
    deep = document(begin())[:-2] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert FORMAT.find(deep) == ()
    with pytest.raises(LimitExceededError):
        FORMAT.decode(deep)


@pytest.mark.parametrize(
    "entries", [None, {}, [], "x", [1], [{}], [{"measurand": {"name": 1}}], [{}] * 100_000]
)
def test_additional_values_that_are_none(entries: Any) -> None:
    value = {**begin(), "additionalValues": entries}
    with pytest.raises(FormatError):
        decoded(value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: str = "") -> list[str]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        found += [
            inner for name, child in steps for inner in paths(child, f"{path}/{name}" if path else f"{name}")
        ]
    return found


PATHS = paths(begin())


@given(st.sampled_from(PATHS), JSON_VALUES, st.booleans())
def test_nothing_but_a_format_error_is_raised(path: str, value: Any, remove: bool) -> None:
    place = "@".join(path.split("@"))
    content = changed(begin(), place, None if remove or value is None else value)
    text = json.dumps(content).encode("utf-8", "surrogatepass")
    try:
        record = decoded(text, evse_id="x", meter_id="y", controller_version="z")
        findings = [*record.findings, *record.contradictions, *FORMAT.compare([record, decoded(end())])]
    except FormatError as error:
        findings = [error.finding()]
    for finding in findings:
        assert all(locales.sentence(finding, language) for language in locales.LANGUAGES)


@given(st.binary(max_size=60), st.integers(0, 4_000))
def test_broken_bytes_raise_nothing_else(noise: bytes, place: int) -> None:
    text = document(begin())
    broken = text[:place] + noise + text[place + len(noise) :]
    assert all(span.end <= len(broken) for span in FORMAT.find(broken))
    try:
        decoded(broken)
    except FormatError:
        return


@pytest.mark.parametrize(
    "content",
    [
        b"bsm-ws36a-json-" * 100_000,
        b'{"@context":"bsm-ws36a-json-' + b"\\" * 1_000_001,
        b'{"bsm-ws36a-json-":' + b"{" * 1_000_000,
        b"{" + b'"bsm-ws36a-json-":1,' * 100_000 + b"}",
    ],
)
def test_finding_takes_linear_time(content: bytes) -> None:
    assert FORMAT.find(content) == ()
