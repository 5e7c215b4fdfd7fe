"""OCMF cases that must not pass: forgeries, genuine records of unlawful sessions, and unreadable ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from sample_meters._ocmf_good import BEGIN_KWH, END, END_KWH, START, pair, session
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.ocmf import OcmfMeter, SampleReading, tampered, with_signature_of

Outcome = tuple[Verdict, SignatureResult]


def _case(name: str, content: bytes, key: str | None, outcome: Outcome, description: str) -> SampleCase:
    suffix = ".xml" if content.startswith(b"<?xml") else ".ocmf"
    return SampleCase(f"ocmf-{name}", "OCMF", content, key, outcome[0], outcome[1], description, suffix)


def cases() -> Iterator[SampleCase]:
    """Yield all cases that must not pass."""
    yield from _forged()
    yield from _unlawful()
    yield from _unlawful_pairs()
    yield from _undecidable()


def _forged() -> Iterator[SampleCase]:
    meter = OcmfMeter("secp256r1")
    key = meter.public_key_text()
    forged: Outcome = ("invalid", "invalid")
    record, other = session(meter), meter.session_record(END_KWH, END_KWH + 3, END, END + timedelta(hours=1))
    for name, old, new, words in (
        ("value", "2965.100", "2985.100", "The end value was raised by 20 kWh."),
        ("value-digits", "2965.100", "2965.1000", "A digit was appended: the same number, other bytes."),
        ("time", "T19:34:40", "T20:34:40", "The end was moved by an hour."),
        ("clock-status", '+0100 S","TX":"E"', '+0100 R","TX":"E"', "The clock status was changed."),
        ("identification", "1F2D3A4F5506C7", "1F2D3A4F5506C8", "Another card was put in."),
        ("meter", 'SAMPLE0001","MF"', 'SAMPLE0002","MF"', "Another meter was put in."),
        ("pagination", '"PG":"T1"', '"PG":"T7"', "The record number was changed."),
        ("blank", '"FV":"1.4"', '"FV": "1.4"', "A blank was added: reformatted in transit."),
    ):
        yield _case(f"forged-{name}", tampered(record, old, new), key, forged, words)
    words = "The signature of another record of the same meter."
    yield _case("forged-signature-swapped", with_signature_of(record, other), key, forged, words)
    stranger = OcmfMeter("secp256r1", key_label="stranger").public_key_text()
    yield _case("key-swapped", record, stranger, forged, "The key of another meter.")
    content = tampered(pair(OcmfMeter("secp256r1")), "2965.100", "2999.100")
    words = "The end record of a transaction was changed."
    yield _case("forged-pair", content, None, forged, words)


def _unlawful() -> Iterator[SampleCase]:
    meter = OcmfMeter("secp256r1")
    key = meter.public_key_text()

    def begin(**more: object) -> SampleReading:
        return meter.reading(BEGIN_KWH, START, "B", **more)

    def end(**more: object) -> SampleReading:
        return meter.reading(END_KWH, END, "E", **more)

    middle = START + timedelta(minutes=30)
    for name, readings, words in (
        ("value-decreases", [begin(), end(value=Decimal("2930.000"))], "The register ran backwards."),
        ("time-decreases", [begin(), end(moment=START - timedelta(hours=1))], "The end is before the begin."),
        ("meter-timeout", [begin(status="T"), end(status="G")], "Meter status T (timeout) at the begin."),
        ("meter-substitute", [begin(), end(status="S")], "A substitute value at the end."),
        ("energy-flag", [begin(), end(error_flags="E")], "Error flag E: the energy is unusable."),
        (
            "clock-relative-lost",
            [begin(clock="R"), end(clock="I")],
            "Relative clock at the begin, not at the end.",
        ),
        (
            "exception-between",
            [begin(), meter.reading(BEGIN_KWH + 1, middle, "X", error_flags="E"), end(error_flags="")],
            "An exception (TX X) during the session.",
        ),
        (
            "units-differ",
            [begin(value=Decimal(5)), end(value=Decimal(6), unit="Wh")],
            "From 5 kWh to 6 Wh: decreasing once the units are converted.",
        ),
    ):
        yield _case(f"unlawful-{name}", meter.record(readings), key, ("invalid", "valid"), words)
    for level in ("MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"):
        content = session(OcmfMeter("secp256r1", head={"IL": level}))
        words = f"The user assignment failed (IL {level})."
        yield _case(f"unlawful-level-{level.lower()}", content, key, ("invalid", "valid"), words)


def _unlawful_pairs() -> Iterator[SampleCase]:
    outcome: Outcome = ("invalid", "valid")
    content = pair(OcmfMeter("secp256r1"), OcmfMeter("secp256r1", "SAMPLE0002", page=2))
    words = "Begin and end come from different meters."
    yield _case("unlawful-other-meter-at-end", content, None, outcome, words)
    content = pair(OcmfMeter("secp256r1"), OcmfMeter("secp256r1", page=2, head={"ID": "AABBCCDDEEFF00"}))
    words = "Begin and end name different cards."
    yield _case("unlawful-other-card-at-end", content, None, outcome, words)
    content = pair(OcmfMeter("secp256r1", page=9), OcmfMeter("secp256r1", page=4))
    words = "The end record has a lower number than the begin record."
    yield _case("unlawful-pagination-backwards", content, None, outcome, words)
    content = pair(OcmfMeter("secp256r1"), end_kwh=Decimal("2900.000"))
    words = "The register ran backwards between two records."
    yield _case("unlawful-pair-decreases", content, None, outcome, words)


def _undecidable() -> Iterator[SampleCase]:
    unread: Outcome = ("indeterminate", "unverified")
    ambiguous: Outcome = ("indeterminate", "valid")
    meter = OcmfMeter("secp256r1")
    key, record = meter.public_key_text(), session(meter)
    yield _case("no-key", record, None, unread, "A genuine record without any key.")
    meter = OcmfMeter("secp256r1")
    payload = meter.payload([meter.reading(BEGIN_KWH, START, "B"), meter.reading(END_KWH, END, "E")])
    doubled = meter.sign(payload.replace('"RV":2965.100', '"RV":2965.100,"RV":2999.100'))
    yield _case("duplicate-key", doubled, key, ambiguous, "RV twice, signed: programs read different values.")
    infinite = meter.sign(payload.replace("2965.100", "Infinity"))
    yield _case("value-infinity", infinite, key, ambiguous, "Infinity instead of a number, signed.")
    endless = meter.sign(payload.replace("2965.100", "1e400"))
    yield _case("value-1e400", endless, key, ambiguous, "An impossible exponent, signed.")
    yield _case("header-blank", record.replace(b"OCMF|", b"OCMF |"), key, ambiguous, "A blank in the header.")
    bare = record[: record.rindex(b"|")]
    yield _case("signature-missing", bare + b'|{"SA":"ECDSA-secp256r1-SHA256"}', key, unread, "No SD.")
    broken = bare + b'|{"SD":"nothing hexadecimal"}'
    yield _case("signature-not-hex", broken, key, unread, "SD is not hexadecimal.")
    strange = OcmfMeter("secp256r1", algorithm_text="ECDSA-secp999z9-SHA256")
    yield _case("algorithm-unknown", session(strange), key, unread, "A curve that does not exist.")
    yield _case("cut-off", record[:400], key, unread, "Cut off in the middle of the payload.")
    yield _case("signature-section-missing", bare, key, unread, "Nothing behind the payload.")
    wrapped = record.replace(b'"SD":"', b'"SD":"\n')
    yield _case(
        "line-break-in-signature", wrapped, key, unread, "A line break inside a JSON string (copied text)."
    )
