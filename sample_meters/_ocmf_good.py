"""OCMF cases that must pass: the specification's forms, and deviations that leave no doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import get_args

from sample_meters.keys import CURVES, KEY_SHAPES
from sample_meters.meter import SampleCase
from sample_meters.ocmf import LEGACY_REGISTER, Json, OcmfMeter, SampleReading, interleaved_readings
from sample_meters.safe_xml import Encoding, SafeValue, safe_xml

CET = timezone(timedelta(hours=1))
START = datetime(2026, 3, 2, 18, 4, 10, tzinfo=CET)
END = datetime(2026, 3, 2, 19, 34, 40, tzinfo=CET)
BEGIN_KWH = Decimal("2935.600")
END_KWH = Decimal("2965.100")


def session(meter: OcmfMeter) -> bytes:
    """Return the session that most cases are about: 29.500 kWh in 1 h 30 min 30 s."""
    return meter.session_record(BEGIN_KWH, END_KWH, START, END)


def good(
    name: str,
    meter: OcmfMeter,
    content: bytes,
    description: str,
    *,
    key: str | None = "",
    suffix: str = ".ocmf",
) -> SampleCase:
    """Return a case that must pass; ``key`` is the meter's own unless given, ``None`` if in the document."""
    text = meter.public_key_text() if key == "" else key
    return SampleCase(f"ocmf-{name}", "OCMF", content, text, "valid", "valid", description, suffix)


def cases() -> Iterator[SampleCase]:
    """Yield all good cases."""
    for curve in CURVES:
        meter = OcmfMeter(curve, f"{curve.upper()}-1")
        yield good(f"curve-{curve}", meter, session(meter), f"One session, signed on {curve}.")
    yield from _signatures()
    yield from _keys()
    yield from _versions()
    yield from _sessions()
    yield from _registers()
    yield from _field_deviations()
    yield from _containers()


def _signatures() -> Iterator[SampleCase]:
    meter = OcmfMeter("secp256r1", encoding="base64")
    yield good("signature-base64", meter, session(meter), "Signature in Base64 (SE).")
    meter = OcmfMeter("secp256r1", signature_shape="raw")
    yield good("signature-raw", meter, session(meter), "Signature as r and s side by side (Isabellenhütte).")
    meter = OcmfMeter("secp192r1", signature_shape="der-unpadded", page=_unpadded_page())
    yield good("signature-der-unpadded", meter, session(meter), "DER integers without sign octet (eBZ LD3).")
    meter = OcmfMeter("secp192r1", signature_shape="der-long-zeros")
    yield good("signature-der-long-zeros", meter, session(meter), "DER integers with superfluous zeros.")
    meter = OcmfMeter("brainpool256r1", algorithm_text="ECDSA-brainpoolP256r1-SHA256")
    yield good("algorithm-brainpoolP", meter, session(meter), "Field spelling brainpoolP256r1 (NZR).")


def _unpadded_page() -> int:
    """Return a record number whose signature would need a sign octet, so that leaving it out shows."""
    for page in range(1, 64):
        record = session(OcmfMeter("secp192r1", signature_shape="der-unpadded", page=page))
        signature = bytes.fromhex(record.rsplit(b'"', 2)[1].decode())
        if signature[4] & 0x80 and signature[30] & 0x80:
            return page
    raise AssertionError("no signature with both top bits set among 63: one chance in 10^7")


def _keys() -> Iterator[SampleCase]:
    for shape in KEY_SHAPES:
        meter = OcmfMeter("secp256r1", key_label="shapes")
        key = meter.public_key_text(shape)
        yield good(f"key-{shape}", meter, session(meter), f"Public key written as {shape}.", key=key)


def _versions() -> Iterator[SampleCase]:
    old: dict[str, Json] = {
        **dict.fromkeys(("GI", "GS", "GV", "IL", "CT", "CI")),
        "VI": "Sample Vendor",
        "VV": "1.4p3",
        "IS": "VERIFIED",
    }
    meter = OcmfMeter("secp256k1", version="0.1", register="1-b:1.8.e", head=old)
    readings = [
        replace(reading, error_flags=None, current=None, more={"EI": 567})
        for reading in (meter.reading(BEGIN_KWH, START, "B"), meter.reading(END_KWH, END, "E"))
    ]
    yield good(
        "version-0.1", meter, meter.record(readings), "Model of 0.1: VI/VV, IS is the level, EI counts."
    )
    meter = OcmfMeter("secp256r1", version="0.4", register="1-b:1.8.e", head={"CT": None, "CI": None})
    readings = [replace(r, more={"EI": 3}, error_flags=None, current=None) for r in readings]
    yield good("version-0.4", meter, meter.record(readings), "Model of 0.4: GI/GS/GV, IS Boolean, EI counts.")
    for version in ("1.0", "1.1", "1.2", "1.3"):
        meter = OcmfMeter("secp256r1", version=version, register=LEGACY_REGISTER)
        yield good(f"version-{version}", meter, session(meter), f"A session in OCMF {version}.")


def _sessions() -> Iterator[SampleCase]:
    meter = OcmfMeter("secp256r1")
    steps = [(BEGIN_KWH + 5 * n, START + timedelta(minutes=15 * n)) for n in range(1, 6)]
    content = meter.session_record(BEGIN_KWH, END_KWH, START, END, steps)
    yield good("intermediate-values", meter, content, "Five signed readings between begin and end.")
    for reason, words in (
        ("L", "locally"),
        ("R", "remotely"),
        ("A", "by an error"),
        ("P", "by a power failure"),
    ):
        content = meter.record([meter.reading(BEGIN_KWH, START, "B"), meter.reading(END_KWH, END, reason)])
        yield good(f"ended-{reason}", meter, content, f"The session was ended {words} (TX {reason}).")
    for begin, end, words in (
        ("I", "I", "Informative clock: energy may be billed, duration may not."),
        ("U", "U", "Clock never set: energy may be billed, duration may not."),
        ("I", "R", "Informative start, duration measured legally (KEBA)."),
        ("R", "R", "Relative clock: the duration may be billed."),
    ):
        readings = [
            meter.reading(BEGIN_KWH, START, "B", clock=begin),
            meter.reading(END_KWH, END, "E", clock=end),
        ]
        yield good(f"clock-{begin}-{end}", meter, meter.record(readings), words)
    readings = [meter.reading(BEGIN_KWH, START, "B", error_flags="t"), meter.reading(END_KWH, END, "E")]
    yield good(
        "time-flag", meter, meter.record(readings), "Error flag t: the time is unusable, the energy is not."
    )
    readings = [
        meter.reading(BEGIN_KWH, START, "B"),
        SampleReading(END_KWH, END, "E", None, None, "S", None, None, None),
    ]
    yield good("inherited-fields", meter, meter.record(readings), "The end omits what equals the begin.")
    content = meter.session_record(END_KWH, END_KWH, START, END)
    yield good("no-energy", meter, content, "A session without energy.")
    content = meter.begin_record(BEGIN_KWH, START)
    yield good("begin-only", meter, content, "A begin record alone: genuine, but no session yet.")


def _registers() -> Iterator[SampleCase]:
    meter = OcmfMeter("secp256r1", register=LEGACY_REGISTER, unit="Wh")
    yield good("unit-wh", meter, session(meter), "Register in Wh.")
    meter = OcmfMeter("secp256r1")
    total, device, transaction = "01-00:01.08.00*FF", "01-00:B1.08.00*FF", "01-00:B3.08.00*FF"
    points = [
        ({total: BEGIN_KWH, device: Decimal("2900.100"), transaction: Decimal("0.000")}, START, "B"),
        ({total: END_KWH, device: Decimal("2929.400"), transaction: Decimal("29.300")}, END, "E"),
    ]
    content = meter.record(list(interleaved_readings(meter, points)))
    yield good(
        "three-registers", meter, content, "Three registers interleaved as in the example of OCMF 1.4."
    )
    loss: Json = {"LN": "Cable 5 m", "LI": 1001, "LR": Decimal("11.5"), "LU": "mOhm"}
    for register in ("01-00:98.08.00*FF", "01-00:B1.08.00*FF", "01-00:B3.08.00*FF"):
        meter = OcmfMeter("secp256r1", register=register, head={"LC": loss})
        readings = [
            meter.reading(BEGIN_KWH, START, "B", loss=Decimal("0.000"), current="DC"),
            meter.reading(END_KWH, END, "E", loss=Decimal("0.182"), current="DC"),
        ]
        name = register[6:8]
        yield good(
            f"loss-compensated-{name}", meter, meter.record(readings), f"Compensated register {name}, CL, LC."
        )


def _field_deviations() -> Iterator[SampleCase]:
    meter = OcmfMeter("secp256k1", spaced=True, version="1.0", register="01-00:01.08.00.FF")
    readings = [meter.reading(BEGIN_KWH, START, "B"), meter.reading(END_KWH, END, "E")]
    padded = [replace(reading, value=f"{reading.value!s:>12}") for reading in readings]
    yield good("spaced-json", meter, meter.record(readings), "Blanks around colons are signed too (DZG).")
    yield good("value-as-string", meter, meter.record(padded), "RV as a padded string (DZG).")
    meter = OcmfMeter("secp256r1", head={"TT": "0,49 EUR/kWh | 0,10 EUR/min"})
    yield good("pipe-in-tariff-text", meter, session(meter), "A bar inside the tariff text.")
    meter = OcmfMeter("secp256r1", head={"GI": "Ladesäule Zürich", "TT": 'so genannter "Tarif" \\ Netz'})
    yield good("umlauts-and-escapes", meter, session(meter), "UTF-8 text and JSON escapes.")
    meter = OcmfMeter("secp256r1", head={"PG": None})
    yield good("pagination-missing", meter, session(meter), "No record number (PG).")
    meter = OcmfMeter("secp256r1", head={"MS": None})
    yield good(
        "meter-serial-missing", meter, session(meter), "No meter serial; the gateway identifies the source."
    )
    meter = OcmfMeter("secp256r1", head={"X1": "vendor", "U9": {"a": 1}})
    yield good("vendor-fields", meter, session(meter), "Vendor fields at the top level.")
    meter = OcmfMeter("secp256r1", version="1.35")
    yield good("version-unknown", meter, session(meter), "A version that does not exist.")
    meter = OcmfMeter("secp256r1")
    payload = meter.payload([meter.reading(BEGIN_KWH, START, "B"), meter.reading(END_KWH, END, "E")])
    content = meter.sign(payload.replace(",000+0100", ".000+01:00"))
    yield good(
        "time-dot-and-colon", meter, content, "Times with dot and colon instead of the prescribed form."
    )
    content = meter.sign(payload.replace(',"', ',\n  "'))
    yield good("pretty-printed", meter, content, "Signed over several lines.")
    content = session(meter)
    yield good("byte-order-mark", meter, b"\xef\xbb\xbf" + content, "A byte order mark before the record.")
    yield good("leading-blanks", meter, b"  \r\n" + content, "Blanks before the record.")
    key = meter.public_key_text()
    yield good("key-section", meter, content + f"|{key}".encode(), "The key as a fourth section.")


def _containers() -> Iterator[SampleCase]:
    meter = OcmfMeter("secp256r1")
    records = [session(meter), meter.session_record(END_KWH, END_KWH + 7, END, END + timedelta(hours=1))]
    yield good("two-records", meter, b"\n".join(records) + b"\n", "Two records in one file.")
    key = meter.public_key_text()
    for encoding in get_args(Encoding):
        content = safe_xml([SafeValue(records[0], key, encoding=encoding)])
        words = f"S.A.F.E. XML with encoding {encoding}."
        yield good(f"safe-xml-{encoding}", meter, content, words, key=None, suffix=".xml")
    content = safe_xml([SafeValue(records[0], key)], namespace="http://transparenz.software/schema/2018/07")
    words = "S.A.F.E. XML with a default namespace."
    yield good("safe-xml-namespace", meter, content, words, key=None, suffix=".xml")
    content = pair(meter)
    words = "Begin and end record as a S.A.F.E. transaction."
    yield good("safe-xml-pair", meter, content, words, key=None, suffix=".xml")
    meter = OcmfMeter("secp256r1", page=10)
    content = pair(meter, skipped=2)
    words = "Two record numbers are missing between begin and end: records may have been left out."
    yield good("pagination-gap", meter, content, words, key=None, suffix=".xml")


def pair(
    begin_meter: OcmfMeter,
    end_meter: OcmfMeter | None = None,
    *,
    skipped: int = 0,
    end_kwh: Decimal = END_KWH,
) -> bytes:
    """Return a begin and an end record as a S.A.F.E. transaction.

    Args:
        begin_meter: Makes the begin record.
        end_meter: Makes the end record; ``None`` = the same.
        skipped: Records made in between and left out.
        end_kwh: Register value at the end.
    """
    begin = begin_meter.begin_record(BEGIN_KWH, START)
    begin_meter.page += skipped
    last = end_meter or begin_meter
    end = last.end_record(end_kwh, END)
    key, end_key = begin_meter.public_key_text(), last.public_key_text()
    return safe_xml(
        [
            SafeValue(begin, key, "4711", "Transaction.Begin"),
            SafeValue(end, end_key, "4711", "Transaction.End"),
        ]
    )
