"""A simulated PCDF meter (Porsche DC meter): signs a whole session as one text.

Independent of the code it tests; it shares nothing with the decoder but the description of the fields.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.safe_xml import SafeValue, safe_xml
from sample_meters.signatures import encode_signature

START = datetime(2024, 9, 3, 7, 14, 55)  # noqa: DTZ001 - local time: the format knows no zone
END = START + timedelta(minutes=38, seconds=21)
ENERGY_KWH = Decimal("31.480")

Outcome = tuple[Verdict, SignatureResult]
GOOD: Outcome = ("valid", "valid")
FORGED: Outcome = ("invalid", "invalid")
UNLAWFUL: Outcome = ("invalid", "valid")
OPEN: Outcome = ("indeterminate", "valid")
UNREAD: Outcome = ("indeterminate", "unverified")


def _clock(moment: datetime) -> str:
    return moment.strftime("%y%m%d%H%M%S")


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


@dataclass
class PcdfMeter:
    """A signing meter.

    Attributes:
        key_label: Another label is another key.
        serial: HW, eleven characters.
        counter: CSC of the next session.
        fields: Values that replace the meter's own; ``None`` leaves a field out.
    """

    key_label: str = "pcdf"
    serial: str = "SAMPLE00011"
    counter: int = 118
    fields: dict[str, str | None] = field(default_factory=dict)

    format = "PCDF"

    def public_key_text(self, shape: str = "point-hex") -> str:
        """Return the public key: the point in hexadecimal, as in the record, or another shape of the field."""
        return sample_key("secp256r1", self.key_label).text(shape)

    def session(
        self,
        energy_kwh: Decimal = ENERGY_KWH,
        start: datetime = START,
        end: datetime = END,
        **fields: str | None,
    ) -> bytes:
        """Return the signed record of a session; ``fields`` as in the class."""
        values: dict[str, str | None] = {
            "ST": _clock(start),
            "CT": _clock(end),
            "CD": _duration(end - start),
            "TV": "1",
            "BV": "1",
            "CSC": str(self.counter),
            "SP": "1",
            "RV": f"{energy_kwh:08.3f}*kWh",
            "SI": f"04A1B2C3D4E580*1*tx-{self.counter:05d}",
            "CS": "5a3e91c0",
            "HW": self.serial,
            "DT": "0",
            "PK": self.public_key_text(),
        }
        self.counter += 1
        merged = values | self.fields | fields
        row = "".join(f"({name}:{value})" for name, value in merged.items() if value is not None)
        return self.sign(f"128.8.0{row}")

    def session_record(self, begin_kwh: Decimal, end_kwh: Decimal, start: datetime, end: datetime) -> bytes:
        """Return the record of a session; the format signs the energy, not the register."""
        return self.session(end_kwh - begin_kwh, start, end)

    def sign(self, text: str) -> bytes:
        """Sign a text exactly as it stands."""
        signed = text.encode()
        r, s = sample_key("secp256r1", self.key_label).sign(signed)
        return signed + f"(SG:{encode_signature(r, s, 32, 'der').hex()})".encode()


def tampered(record: bytes, old: str, new: str) -> bytes:
    """Return the record with one part of its text replaced and the signature left as it was.

    Raises:
        ValueError: ``old`` does not occur exactly once.
    """
    if record.count(old.encode()) != 1:
        raise ValueError(f"{old!r} occurs {record.count(old.encode())} times")
    return record.replace(old.encode(), new.encode())


def _case(
    name: str, content: bytes, outcome: Outcome, description: str, *, key: str | None = None
) -> SampleCase:
    suffix = ".xml" if content.startswith(b"<?xml") else ".pcdf"
    return SampleCase(f"pcdf-{name}", "PCDF", content, key, outcome[0], outcome[1], description, suffix)


def cases() -> Iterator[SampleCase]:
    """Yield all cases."""
    yield from _good()
    yield from _containers()
    yield from _forged()
    yield from _unlawful()
    yield from _open()


def _good() -> Iterator[SampleCase]:
    yield _case("session", PcdfMeter().session(), GOOD, "One session with its own key.")
    for shape in ("point-hex", "spki-hex", "pem", "raw-xy-hex"):
        key = PcdfMeter().public_key_text(shape)
        words = f"The key of the record given as {shape}."
        yield _case(f"key-{shape}", PcdfMeter().session(), GOOD, words, key=key)
    for number, name in enumerate(("rfid", "emaid", "credit-card", "remote", "nfc"), 1):
        content = PcdfMeter().session(SI=f"DE8SMP{number}*{number}*tx-{name}")
        yield _case(f"user-{name}", content, GOOD, f"User identified by {name}.")
    content = PcdfMeter().session(TV="0")
    yield _case("clock-not-set", content, GOOD, "The clock was not set: the energy stands.")
    yield _case("zero", PcdfMeter().session(Decimal(0)), GOOD, "Nothing was charged.")
    content = PcdfMeter().session(CD="000217")
    yield _case("duration-differs", content, GOOD, "Duration and times disagree, as in the field.")
    yield _case("meter-type", PcdfMeter().session(DT="99"), GOOD, "A meter type that nobody knows.")
    back = START - timedelta(minutes=20)
    content = PcdfMeter().session(CT=_clock(back), CD="004000")
    yield _case(
        "summer-time-ends",
        content,
        GOOD,
        "The local clock went back by an hour: 40 minutes, end before begin.",
    )
    meter = PcdfMeter()
    content = (
        meter.session() + b"\n" + meter.session(Decimal("12.005"), END, END + timedelta(hours=1)) + b"\n"
    )
    yield _case("two-sessions", content, GOOD, "Two sessions in one file.")


def _containers() -> Iterator[SampleCase]:
    record = PcdfMeter().session()
    yield _case("framed", b"\x02" + record + b"\x03", GOOD, "Between STX and ETX.")
    yield _case("framed-escaped", b"\\u0002" + record + b"\\u0003", GOOD, "STX and ETX written out.")
    wrapped = b"\r\n".join(record[place : place + 76] for place in range(0, len(record), 76))
    yield _case("wrapped", wrapped, GOOD, "Wrapped into lines of 76 characters.")
    yield _case("quoted", b'"' + record + b'"', GOOD, "In quotation marks.")
    quoted = json.dumps(f"\x02{record.decode()}\x03").encode()
    yield _case("json-string", quoted, GOOD, "A JSON string with its frame escaped.")
    yield _case("base64", base64.b64encode(record), GOOD, "The record in Base64.")
    value = SafeValue(record, PcdfMeter().public_key_text(), "17", format="PCDF")
    yield _case("safe-xml", safe_xml([value]), GOOD, "S.A.F.E. XML with the key.")


def _forged() -> Iterator[SampleCase]:
    record = PcdfMeter().session()
    other = PcdfMeter(counter=119).session(Decimal("4.000"), END, END + timedelta(hours=1))
    for name, old, new, words in (
        ("value", "0031.480", "0041.480", "The energy was raised by 10 kWh."),
        ("time", "(CT:240903075316)", "(CT:240903085316)", "The end was moved by an hour."),
        ("meter", "SAMPLE00011", "SAMPLE00012", "Another meter was put in."),
        ("user", "04A1B2C3D4E580", "04A1B2C3D4E581", "Another card was put in."),
        ("counter", "(CSC:118)", "(CSC:117)", "The session counter was changed."),
        ("prefix", "128.8.0(", "128.8.0\n\n((", "Brackets and line ends were added."),
    ):
        outcome = UNREAD if name == "prefix" else FORGED
        yield _case(f"forged-{name}", tampered(record, old, new), outcome, words)
    refused = PcdfMeter().session(BV="0")
    yield _case("forged-billing", tampered(refused, "(BV:0)", "(BV:1)"), FORGED, "BV was set.")
    running = PcdfMeter().session(SP="0")
    yield _case("forged-stop", tampered(running, "(SP:0)", "(SP:1)"), FORGED, "SP was set.")
    swapped = record[: record.index(b"(SG:")] + other[other.index(b"(SG:") :]
    yield _case("forged-signature-swapped", swapped, FORGED, "The signature of another session.")
    stranger = PcdfMeter("stranger").public_key_text()
    yield _case("key-swapped", record, FORGED, "The key of another meter was given.", key=stranger)
    own = PcdfMeter().public_key_text()
    yield _case("key-field-swapped", tampered(record, own, stranger), FORGED, "Another key was put in.")
    added = record + b"(RV:0131.480*kWh)"
    yield _case("forged-field-added", added, UNLAWFUL, "A second energy behind the signature.")


def _unlawful() -> Iterator[SampleCase]:
    yield _case(
        "unlawful-billing", PcdfMeter().session(BV="0"), UNLAWFUL, "The meter forbids billing (BV:0)."
    )
    value = SafeValue(PcdfMeter().session(BV="0"), PcdfMeter().public_key_text(), format="PCDF")
    yield _case("unlawful-billing-xml", safe_xml([value]), UNLAWFUL, "BV:0 in S.A.F.E. XML.")
    content = PcdfMeter().session(CT=_clock(START - timedelta(hours=2)))
    yield _case("unlawful-time", content, UNLAWFUL, "The end is two hours before the begin.")


def _open() -> Iterator[SampleCase]:
    yield _case("running", PcdfMeter().session(SP="0"), OPEN, "Made while charging (SP:0).")
    for name in ("ST", "CT", "CD", "TV", "BV", "CSC", "SP", "RV", "SI", "CS", "HW", "DT"):
        content = PcdfMeter(fields={name: None}).session()
        outcome = UNLAWFUL if name == "RV" else OPEN
        yield _case(f"without-{name.lower()}", content, outcome, f"The mandatory field {name} is missing.")
    record = PcdfMeter().session(PK=None)
    yield _case("without-pk", record, OPEN, "No key in the record.", key=PcdfMeter().public_key_text())
    doubled = PcdfMeter().session(SI="x)(RV:0000.001*kWh)(SI:x*1*tx")
    yield _case("injected", doubled, OPEN, "A user id that brings brackets: RV and SI twice, signed.")
    for name, old, new in (
        ("RV", "RV", "31.480*kWh"),
        ("unit", "RV", "0031.480*kvarh"),
        ("flag", "BV", "2"),
        ("start", "ST", "240230070000"),
        ("session", "SI", "DE*8SM*C1*2*tx"),
    ):
        content = PcdfMeter(fields={old: new}).session()
        yield _case(f"malformed-{name.lower()}", content, OPEN, f"{old} cannot be read: {new}.")
    whole = PcdfMeter().session()
    yield _case("unsigned", whole[: whole.index(b"(SG:")], UNREAD, "Without a signature.")
    yield _case("cut-off", whole[:200], UNREAD, "Cut off in a field.")
    yield _case("signature-not-hex", whole[:-3] + b"zz)", UNREAD, "A signature that is not hexadecimal.")
