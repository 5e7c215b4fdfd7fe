"""A simulated meter that seals its OCMF records instead of signing them, and forgeries of its seals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from sample_meters import _seal_forgery as forgery
from sample_meters._sealing import Sealing, SealKey, nonce
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.ocmf import OcmfMeter

FORMAT = "SEALED_OCMF"
CET = timezone(timedelta(hours=1))
START = datetime(2026, 4, 7, 8, 15, 0, tzinfo=CET)
END = datetime(2026, 4, 7, 9, 0, 30, tzinfo=CET)
BEGIN_KWH = Decimal("1200.5000")
END_KWH = Decimal("1231.7500")


@dataclass
class SealedOcmfMeter:
    """A meter whose records are sealed.

    Attributes:
        meter: Writes the records.
        sealing: Seals them.
        signed: Whether the records keep their own signature inside; real ones have an empty ``SD``.
    """

    meter: OcmfMeter = field(default_factory=lambda: OcmfMeter("secp256r1", "SEALED0001"))
    sealing: Sealing = field(default_factory=Sealing)
    signed: bool = False

    format = FORMAT

    def public_key_text(self, shape: str = "spki-hex") -> str:
        """Return the public RSA key; there is one shape only."""
        if shape != "spki-hex":
            raise ValueError(f"unknown key shape {shape!r}")
        return self.sealing.key.text()

    def text(self, record: bytes) -> bytes:
        """Return the text that is sealed: the record, with an empty signature unless it keeps its own."""
        return record if self.signed else record[: record.rindex(b"|")] + b'|{"SD":""}'

    def seal(self, record: bytes) -> bytes:
        """Return the sealed record in binary."""
        return self.sealing.seal(self.text(record))

    def session_record(self, begin_kwh: Decimal, end_kwh: Decimal, start: datetime, end: datetime) -> bytes:
        """Return one sealed record of a whole session."""
        return self.seal(self.meter.session_record(begin_kwh, end_kwh, start, end))


def sealed_xml(
    values: Sequence[tuple[bytes, str | None]], key: str | None, transaction: bool = True
) -> bytes:
    """Return S.A.F.E. XML with sealed records, each with its context."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<values>"]
    for record, context in values:
        attributes = ' transactionId="1"' if transaction else ""
        attributes += f' context="{context}"' if context else ""
        lines.append(f"  <value{attributes}>")
        lines.append(f'    <encodedData format="OCMF" encoding="hex">{record.hex().upper()}</encodedData>')
        if key is not None:
            lines.append(f'    <publicKey encoding="hex">{key}</publicKey>')
        lines.append("  </value>")
    return "\n".join([*lines, "</values>", ""]).encode()


def _case(
    name: str,
    content: bytes,
    description: str,
    *,
    key: str | None = "",
    verdict: Verdict = "valid",
    signature: SignatureResult = "valid",
) -> SampleCase:
    suffix = ".xml" if content.startswith(b"<") else ".hex" if content[:2] == b"30" else ".bin"
    text = SealKey().text() if key == "" else key
    return SampleCase(f"sealed-ocmf-{name}", FORMAT, content, text, verdict, signature, description, suffix)


def _session(device: SealedOcmfMeter) -> bytes:
    return device.session_record(BEGIN_KWH, END_KWH, START, END)


def cases() -> Iterator[SampleCase]:
    """Yield all cases."""
    yield from _good()
    yield from _damaged()
    yield from _unlawful()
    yield from _inconclusive()
    yield from _forged()


def _good() -> Iterator[SampleCase]:
    device = SealedOcmfMeter()
    sealed = _session(device)
    yield _case("binary", sealed, "One session, sealed, as the bare bytes.")
    yield _case("hex", sealed.hex().encode(), "The same in hex.")
    key = device.public_key_text()
    yield _case("xml", sealed_xml([(sealed, None)], key), "In S.A.F.E. XML with its key.", key=None)
    device = SealedOcmfMeter()
    begin = device.seal(device.meter.begin_record(BEGIN_KWH, START))
    end = device.seal(device.meter.end_record(END_KWH, END))
    pair = [(begin, "Transaction.Begin"), (end, "Transaction.End")]
    yield _case("pair", sealed_xml(pair, key), "Begin and end sealed apart.", key=None)
    yield _case("begin-only", begin, "A begin record alone: sound in itself, no session.")
    device = SealedOcmfMeter(signed=True)
    yield _case(
        "signed-inside", _session(device), "The record inside keeps its own signature; its key is unknown."
    )
    meter = OcmfMeter(
        "secp256r1", "S1", head=dict.fromkeys(("GI", "GS", "GV", "MV", "MM", "MF", "IF", "CT", "CI"))
    )
    device = SealedOcmfMeter(meter, Sealing(compressed=True))
    yield _case("compressed-one-block", _session(device), "Compressed into a single block.")


def _damaged() -> Iterator[SampleCase]:
    device = SealedOcmfMeter()
    sealed = _session(device)
    stranger = SealKey("stranger").text()
    yield _case(
        "other-key",
        sealed,
        "Asked with another meter's key.",
        key=stranger,
        verdict="invalid",
        signature="invalid",
    )
    yield _case(
        "no-key",
        sealed,
        "Without a key nothing is known.",
        key=None,
        verdict="indeterminate",
        signature="unverified",
    )
    changed = bytearray(sealed)
    changed[-600] ^= 1
    yield _case(
        "bit-in-data", bytes(changed), "One bit of the sealed data.", verdict="invalid", signature="invalid"
    )
    changed = bytearray(sealed)
    changed[changed.index(b"\x04\x10") + 2] ^= 1
    yield _case(
        "bit-in-key", bytes(changed), "One bit of an AES key.", verdict="invalid", signature="invalid"
    )
    yield _case(
        "cut-off", sealed[:-1], "The last octet is missing.", verdict="indeterminate", signature="unverified"
    )
    yield _case(
        "appended", sealed + b"\x00", "An octet too many.", verdict="indeterminate", signature="unverified"
    )
    foreign = SealedOcmfMeter(sealing=Sealing(SealKey("stranger")))
    content = sealed_xml([(_session(foreign), None)], device.public_key_text())
    yield _case(
        "sealed-by-other", content, "Sealed by another key.", key=None, verdict="invalid", signature="invalid"
    )


def _unlawful() -> Iterator[SampleCase]:
    device = SealedOcmfMeter()
    backwards = device.seal(device.meter.session_record(END_KWH, BEGIN_KWH, START, END))
    yield _case("backwards", backwards, "The register runs backwards.", verdict="invalid")
    device = SealedOcmfMeter(OcmfMeter("secp256r1", "SEALED0001", head={"IL": "MISMATCH"}))
    yield _case("identification-error", _session(device), "The assignment failed (IL).", verdict="invalid")
    key = device.public_key_text()
    device = SealedOcmfMeter()
    begin = device.seal(device.meter.begin_record(BEGIN_KWH, START))
    other = SealedOcmfMeter(OcmfMeter("secp256r1", "SEALED0002", page=2))
    end = other.seal(other.meter.end_record(END_KWH, END))
    pair = [(begin, "Transaction.Begin"), (end, "Transaction.End")]
    yield _case(
        "other-meter", sealed_xml(pair, key), "Begin and end of two meters.", key=None, verdict="invalid"
    )
    declared = sealed_xml([(begin, "Transaction.Begin")], key)
    yield _case(
        "end-missing", declared, "A declared session without its end.", key=None, verdict="indeterminate"
    )


def _inconclusive() -> Iterator[SampleCase]:
    device = SealedOcmfMeter(sealing=Sealing(filling=b"\xa5"))
    doubtful: tuple[Verdict, SignatureResult] = ("indeterminate", "unverified")
    verdict, signature = doubtful
    yield _case(
        "filling", _session(device), "Filling that is not zero.", verdict=verdict, signature=signature
    )
    device = SealedOcmfMeter(sealing=Sealing(compressed=True))
    yield _case(
        "compressed", _session(device), "Compressed, several blocks.", verdict=verdict, signature=signature
    )
    device = SealedOcmfMeter()
    text = device.text(device.meter.session_record(BEGIN_KWH, END_KWH, START, END))
    around = device.sealing.seal(text + b" and more")
    yield _case("text-behind", around, "Text behind the record.", verdict=verdict, signature=signature)
    latin = device.sealing.seal(text.replace(b"Sample Gateway", "Säule".encode("latin-1")))
    yield _case("latin-1", latin, "Text that is not UTF-8.", verdict=verdict, signature=signature)
    nothing = device.sealing.seal(b'{"no": "record"}')
    yield _case("no-record", nothing, "No OCMF inside.", verdict="invalid", signature="invalid")


def spliced_record() -> tuple[bytes, bytes]:
    """Return a genuine sealed record, and one made of it without the private key: its begin is 30 kWh less."""
    for attempt in range(4096):
        # The gateway's name gives chance its 32 octets; any text of the operator's would do.
        name = f"Sample Gateway {attempt:04d} " + "?" * 80
        device = SealedOcmfMeter(OcmfMeter("secp256r1", "SEALED0001", head={"GI": name}))
        text = device.text(device.meter.session_record(BEGIN_KWH, END_KWH, START, END))
        genuine = device.sealing.seal(text)
        changed = text.replace(b"1200.5000", b"1170.5000")
        forged = forgery.spliced(genuine, text, changed, nonce(text), device.sealing.key.modulus)
        if forged is not None:
            return genuine, forged
    raise AssertionError("chance was against it 4096 times")


def invented_record() -> bytes:
    """Return a record that nobody sealed: made with nothing but the public key."""
    device = SealedOcmfMeter()
    text = device.text(device.meter.session_record(BEGIN_KWH, END_KWH + 500, START, END))
    return forgery.from_nothing(text, device.sealing.key.modulus)


def _forged() -> Iterator[SampleCase]:
    genuine, forged = spliced_record()
    yield _case("long-name", genuine, "A genuine record with a long gateway name.")
    yield _case(
        "spliced", forged, "The begin was changed without the private key; 32 octets are chance.",
        verdict="indeterminate", signature="unverified",
    )  # fmt: skip
    yield _case(
        "invented", invented_record(), "Made with the public key alone; a spare block takes what is chance.",
        verdict="invalid", signature="invalid",
    )  # fmt: skip
