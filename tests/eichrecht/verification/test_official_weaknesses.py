"""Where the official S.A.F.E. program 1.4.1 is wrong, profile strict is right: one test per row of docs/decisions.md.

The rows are numbered like facts/meter/safe_weaknesses.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from eichrecht import locales
from eichrecht.cli import main
from eichrecht.evidence import DocumentVerdict, Finding, Severity, TransactionVerdict, Verdict
from eichrecht.rules.profiles import Profile
from eichrecht.verification.report import results_as_json
from sample_meters.cases import SampleCase, all_cases
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.eichrecht.verification.verification_support import (
    BEGIN_KWH,
    END,
    END_KWH,
    START,
    codes,
    session,
    supplied,
    verify,
)

DECISIONS = (Path(__file__).resolve().parents[3] / "docs" / "decisions.md").read_text("utf-8")
CASES = {case.name: case for case in all_cases()}
METER = OcmfMeter("secp256r1")
KEY = METER.public_key_text()


def of_case(name: str, profile: Profile = Profile.STRICT) -> DocumentVerdict:
    case: SampleCase = CASES[name]
    return verify(
        case.content, *([supplied(case.public_key_text)] if case.public_key_text else []), profile=profile
    )


def strict(content: bytes) -> DocumentVerdict:
    return verify(content, supplied(KEY))


def transaction(verdict: DocumentVerdict) -> TransactionVerdict:
    (found,) = verdict.transactions
    return found


def all_codes(verdict: DocumentVerdict) -> set[str]:
    found = {str(f.code) for f in verdict.findings} | {
        str(f.code) for t in verdict.transactions for f in t.findings
    }
    return found.union(*(codes(record) for record in verdict.records))


def w1_energy_is_not_mixed_with_other_units() -> None:
    meter = replace(METER)
    seconds = {"register": "01-00:00.08.06*FF", "unit": "s"}
    content = meter.record(
        [
            meter.reading(Decimal("3.988"), START, "B"),
            meter.reading(Decimal("0"), START, "B", **seconds),
            meter.reading(Decimal("3.988"), END, "E"),
            meter.reading(Decimal("19"), END, "E", **seconds),
        ]
    )
    assert transaction(strict(content)).energy_kwh == 0


def w2_values_need_no_format_attribute() -> None:
    meter = replace(METER)
    begin, end = meter.begin_record(BEGIN_KWH, START), meter.end_record(END_KWH, END)
    values = [
        SafeValue(begin, KEY, "7", "Transaction.Begin", format=None),
        SafeValue(end, KEY, "7", format=None),
    ]
    assert strict(safe_xml(values)).verdict is Verdict.VALID


def w3_a_forged_record_is_invalid_and_not_a_crash() -> None:
    verdict = strict(session(replace(METER)).replace(b"2965.100", b"2985.100"))
    assert (verdict.verdict, verdict.records[0].signature.reason) == (Verdict.INVALID, "mismatch")


def w4_exit_status_and_output_can_be_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good, bad = session(replace(METER)), session(replace(METER)).replace(b"2965.100", b"2985.100")
    for content, status in ((good, 0), (bad, 1), (good[:300], 2)):
        path = tmp_path / "record"
        path.write_bytes(content)
        with pytest.raises(SystemExit) as ended:
            main(["verify", str(path), "--key", KEY, "--json"])
        assert ended.value.code == status
        assert json.loads(capsys.readouterr().out)["results"]


def w5_every_record_of_a_file_has_its_result() -> None:
    meter = replace(METER)
    values = [SafeValue(session(meter), KEY, str(number)) for number in range(5)]
    verdict = strict(safe_xml(values))
    assert [len(verdict.records), len(verdict.transactions)] == [5, 5]


def w6_units_and_registers_are_inherited_and_compared() -> None:
    meter = replace(METER, unit="Wh")
    first = meter.reading(Decimal("1"), START, "B")
    last = meter.reading(Decimal("2"), END, "E", unit=None, register=None)
    assert transaction(strict(meter.record([first, last]))).energy_kwh == 1
    meter = replace(METER)
    content = meter.record(
        [meter.reading(Decimal("5"), START, "B"), meter.reading(Decimal("6"), END, "E", unit="Wh")]
    )
    assert "value_decreases" in all_codes(strict(content))
    fiscal = strict(replace(METER).record([METER.reading(Decimal("5"), START, "B", status="T")], "F"))
    assert "fiscal_record" in all_codes(fiscal)


def w7_versions_gaps_pipes_offsets_and_keys_are_read() -> None:
    for meter in (
        replace(METER, version="1.4"),
        replace(METER, head={"PG": None}),
        replace(METER, head={"TT": "a|b"}),
    ):
        assert strict(session(meter)).verdict is Verdict.VALID
    for shape in ("pem", "point-hex", "raw-xy-hex", "compressed-hex"):
        assert (
            verify(session(replace(METER)), supplied(METER.public_key_text(shape))).verdict is Verdict.VALID
        )
    assert of_case("ocmf-time-dot-and-colon").verdict is Verdict.VALID
    meter = replace(METER)
    none = meter.record(
        [meter.reading(Decimal("5"), START, "B", value=None), meter.reading(Decimal("6"), END, "E")]
    )
    assert "value_missing" in all_codes(strict(none))


def w8_texts_say_what_failed() -> None:
    sentence = locales.sentence(
        Finding("identification_level_error", Severity.ERROR, "", {"level": "MISMATCH"}), "en"
    )
    assert "customer" in sentence
    assert "clock" not in sentence
    assert "energy" in locales.sentence(Finding("energy_error_flag", Severity.ERROR), "en")


def w9_event_counters_are_compared_with_the_end() -> None:
    assert "event_counter_differs" in all_codes(of_case("mennekes-unlawful-counter-differs"))
    assert of_case("edl40-p-total-register").verdict is Verdict.VALID


def w10_valid_records_of_the_field_are_valid() -> None:
    for name in (
        "ocmf-signature-der-unpadded",
        "ocmf-signature-raw",
        "edl40-p-wide-pair",
        "ocmf-key-raw-xy-hex",
    ):
        assert of_case(name).verdict is Verdict.VALID, name
    assert of_case("ocmf-signature-der-unpadded", Profile.SAFE_1_4_1).verdict is Verdict.INDETERMINATE
    assert strict(session(replace(METER, register="01-00:01.08.00*198"))).verdict is Verdict.VALID


def w11_every_format_has_its_plausibility() -> None:
    assert "value_decreases" in all_codes(of_case("isa-edl40-p-unlawful-value-back"))
    assert of_case("pcdf-unlawful-time").verdict is Verdict.INVALID
    assert of_case("pcdf-unlawful-billing-xml").verdict is Verdict.INVALID
    assert "meter_differs" in all_codes(of_case("ocmf-unlawful-other-meter-at-end"))
    assert of_case("pcdf-session").verdict is Verdict.VALID


def w12_signature_and_law_are_told_apart() -> None:
    verdict = of_case("ocmf-unlawful-energy-flag")
    assert (verdict.verdict, verdict.records[0].signature.status) == (Verdict.INVALID, "valid")


def w13_half_a_session_is_called_incomplete() -> None:
    for name in ("ocmf-begin-only", "edl40-p-begin", "isa-edl40-p-begin", "alfen-begin"):
        verdict = of_case(name)
        assert transaction(verdict).verdict is Verdict.INDETERMINATE
        assert not transaction(verdict).billable.energy
        said = [f for f in transaction(verdict).findings if f.code in ("end_missing", "one_reading_only")]
        assert said, name
        for language, word in (("en", "incomplete"), ("de", "unvollständig")):
            assert word in locales.sentence(said[0], language).lower()


def w14_curve_and_hash_are_compared_with_the_label() -> None:
    other_hash = strict(session(replace(METER, algorithm_text="ECDSA-secp256r1-SHA512")))
    assert (other_hash.verdict, "hash_label_mismatch" in all_codes(other_hash)) == (Verdict.INVALID, True)
    other_curve = strict(session(replace(METER, algorithm_text="ECDSA-secp256k1-SHA256")))
    assert other_curve.records[0].signature.status == "unverified"
    umlaut = session(replace(METER, head={"TT": "Größe"}))
    assert strict(umlaut).verdict is Verdict.VALID


def w16_json_for_many_files_at_once() -> None:
    verdicts = [strict(session(replace(METER))), of_case("pcdf-session")]
    report = results_as_json(verdicts, "de")
    assert [one["verdict"] for one in report["results"]] == ["valid", "valid"]


def w17_namespaces_and_exact_decimals() -> None:
    content = safe_xml([SafeValue(session(replace(METER)), KEY, "7")], "http://example.org/any")
    verdict = strict(content)
    assert verdict.verdict is Verdict.VALID
    meter = replace(METER)
    tenth = meter.session_record(Decimal("0.1"), Decimal("0.5234"), START, END)
    assert results_as_json([strict(tenth)])["results"][0]["transactions"][0]["energy_kwh"] == "0.4234"


def w18_the_place_of_a_failure_is_named() -> None:
    (record,) = of_case("ocmf-duplicate-key").records
    assert any(finding.code == "duplicate_key" and finding.where for finding in record.findings)
    (unreadable,) = of_case("ocmf-cut-off").records
    assert not {"no_key"} & codes(unreadable)


def w19_any_transaction_id_is_a_name() -> None:
    values = [SafeValue(session(replace(METER)), KEY, "no number 99999999999999999999")]
    assert transaction(strict(safe_xml(values))).id == "no number 99999999999999999999"


ROWS: dict[str, Callable[..., None]] = {
    name.partition("_")[0].upper(): function
    for name, function in list(globals().items())
    if re.match(r"w[0-9]+_", name)
}


@pytest.mark.parametrize("row", ROWS)
def test_row(row: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if row == "W4":
        ROWS[row](capsys, tmp_path)
    else:
        ROWS[row]()


def test_the_table_of_decisions_lists_every_weakness() -> None:
    listed = re.findall(r"^\| (W[0-9]+) \|", DECISIONS, re.MULTILINE)
    assert listed == [f"W{number}" for number in range(1, 20)]
    assert {"W15"} == set(listed) - ROWS.keys(), "what is no behaviour of a verdict: how it is installed"
