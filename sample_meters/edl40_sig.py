"""EDL_40_SIG cases: ``signedMeterValue`` elements with the finished 320 bytes of an EDL40 meter."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from xml.sax.saxutils import escape

from sample_meters import _edl40_telegrams as sml
from sample_meters._edl40_telegrams import BEGIN, END, Values, Variant
from sample_meters.edl40_p import (
    FIRST,
    FORGED,
    GOOD,
    LAST,
    OPEN,
    UNLAWFUL,
    UNREADABLE,
    WIDE_FIRST,
    WIDE_LAST,
    Outcome,
)
from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase
from sample_meters.safe_xml import SafeValue, safe_xml

FORMAT = "EDL_40_SIG"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ENCODERS: dict[str, Callable[[bytes], str]] = {
    "base64": lambda octets: base64.b64encode(octets).decode(),
    "base32": lambda octets: base64.b32encode(octets).decode(),
    "hex": lambda octets: octets.hex(),
}


@dataclass(frozen=True)
class SigMeter:
    """A station that writes what its meter signed into XML.

    Attributes:
        key_inside: Whether it writes the key into each element.
        encoding: Of the octets.
        label: The attribute ``encoding``; ``None`` leaves it out, ``""`` takes the encoding's name.
    """

    variant: Variant = "narrow"
    key_label: str = "edl40 sig"
    key_inside: bool = True
    encoding: str = "base64"
    label: str | None = ""

    def public_key_text(self, shape: str = "raw-xy-hex") -> str:
        """Return the public key."""
        return sample_key(sml.CURVES[self.variant], self.key_label).text(shape)

    def element(self, values: Values, *, written: bytes | None = None, signature: bytes | None = None) -> str:
        """Return one element.

        Args:
            values: What the meter signs.
            written: Other 320 bytes in their place.
            signature: Another signature with its log book.
        """
        signed = values.old_buffer(self.key_label) if self.variant == "old" else values.buffer(self.variant)
        own = signature or values.signature(self.variant, self.key_label)
        encode = _ENCODERS[self.encoding]
        label = "" if self.label is None else f' encoding="{self.label or self.encoding}"'
        key = (
            f"<publicKey{label}>{encode(bytes.fromhex(self.public_key_text()))}</publicKey>"
            if self.key_inside
            else ""
        )
        return (
            f"<signedMeterValue>{key}"
            f"<meterValueSignature{label}>{encode(own)}</meterValueSignature>"
            f"<signatureMethod>ECDSA192SHA256</signatureMethod><encodingMethod>EDL</encodingMethod>"
            f"<encodedMeterValue{label}>{encode(written or signed)}</encodedMeterValue></signedMeterValue>"
        )

    def pair(self, first: str, last: str, *, key: str | None = None) -> bytes:
        """Return two elements as a S.A.F.E. transaction, escaped as the stations do it."""
        values = [
            SafeValue((_DECLARATION + element).encode(), key, "4711", context, format=FORMAT)
            for element, context in ((first, "Transaction.Begin"), (last, "Transaction.End"))
        ]
        return safe_xml(values)


METER = SigMeter()


def together(*elements: str) -> bytes:
    """Return elements in one document of their own kind."""
    return f"{_DECLARATION}<signedMeterValues>\n{chr(10).join(elements)}\n</signedMeterValues>\n".encode()


def _case(name: str, content: bytes, key: str | None, outcome: Outcome, description: str) -> SampleCase:
    return SampleCase(f"edl40-sig-{name}", FORMAT, content, key, *outcome, description, ".xml")


def cases() -> Iterator[SampleCase]:
    """Yield all cases of this format."""
    yield from _good()
    yield from _forged()
    yield from _unlawful()
    yield from _undecidable()


def _good() -> Iterator[SampleCase]:
    first, last = METER.element(FIRST), METER.element(LAST)
    yield _case("begin", (_DECLARATION + first).encode(), None, GOOD, "One element with its key.")
    yield _case("escaped", escape(_DECLARATION + first).encode(), None, GOOD, "The same, escaped as a whole.")
    yield _case("pair", METER.pair(first, last), None, GOOD, "Begin and end, escaped, in S.A.F.E. XML.")
    yield _case("several", together(first, last), None, GOOD, "Begin and end in one document of their own.")
    values = [
        f'<value transactionId="1" context="Transaction.{end}"><signedData format="EDL_40_SIG">\n{element}\n'
        f"</signedData></value>"
        for element, end in ((first, "Begin"), (last, "End"))
    ]
    content = f"{_DECLARATION}<values>{''.join(values)}</values>".encode()
    yield _case("unescaped", content, None, GOOD, "The elements stand in signedData without being escaped.")
    bare = SigMeter(key_inside=False)
    content = bare.pair(bare.element(FIRST), bare.element(LAST), key=bare.public_key_text())
    yield _case("key-beside", content, None, GOOD, "The key stands beside the elements only.")
    for encoding in ("hex", "base32"):
        other = SigMeter(encoding=encoding)
        content = together(other.element(FIRST), other.element(LAST))
        yield _case(f"encoding-{encoding}", content, None, GOOD, f"Octets as {encoding}.")
    plain = SigMeter(label="plain")
    yield _case("label-plain", together(plain.element(FIRST)), None, GOOD, "Labelled plain, but Base64.")
    wide = SigMeter("wide", "edl40 sig wide")
    content = wide.pair(wide.element(WIDE_FIRST), wide.element(WIDE_LAST))
    yield _case("wide-pair", content, None, GOOD, "256 bits, with values behind the contract.")
    old = SigMeter("old", "edl40 sig old")
    content = old.pair(old.element(FIRST), old.element(LAST))
    yield _case("old-pair", content, None, GOOD, "The older 320 bytes.")
    later = [
        replace(
            v, contract_local=BEGIN + timedelta(hours=3), local=(v.local or BEGIN) + timedelta(hours=3),
            seconds=v.seconds + 10_800, page=v.page + 2, value=v.value + 186_789,
        )
        for v in (FIRST, LAST)
    ]  # fmt: skip
    content = together(first, last, *map(METER.element, later))
    yield _case("two-sessions", content, None, GOOD, "Two sessions of one customer in one document.")


def _forged() -> Iterator[SampleCase]:
    for name, changed, words in (
        ("value", replace(LAST, value=LAST.value + 1), "A tenth of a watt-hour more."),
        ("time", replace(LAST, local=END + timedelta(minutes=1)), "A minute later."),
        ("meter", replace(LAST, serial="0901534D500012345670"), "Another meter."),
        ("customer", replace(LAST, contract=b"SMP-7711"), "Another customer."),
    ):
        content = METER.pair(METER.element(FIRST), METER.element(LAST, written=changed.buffer("narrow")))
        yield _case(f"forged-{name}", content, None, FORGED, words)
    tail = LAST.buffer("narrow")[:-1] + b"\x01"
    content = METER.pair(METER.element(FIRST), METER.element(LAST, written=tail))
    yield _case(
        "forged-tail", content, None, FORGED, "A byte behind all fields, which some programs do not hash."
    )
    content = together(METER.element(LAST, signature=FIRST.signature("narrow", METER.key_label)))
    yield _case("forged-signature", content, None, FORGED, "The signature of another record.")
    stranger = SigMeter(key_label="stranger").public_key_text()
    yield _case("wrong-key", together(METER.element(LAST)), stranger, FORGED, "The key of another meter.")
    log = LAST.signature("narrow", METER.key_label)[:-2] + b"\x00\x77"
    words = "Genuine, but the two bytes behind the signature name another log book."
    yield _case("log-book-beside", together(METER.element(LAST, signature=log)), None, UNLAWFUL, words)


def _unlawful() -> Iterator[SampleCase]:
    for name, last, words in (
        ("value-back", replace(LAST, value=1), "The register ran backwards."),
        ("page-back", replace(LAST, page=7), "The record number ran backwards."),
        ("other-meter", replace(LAST, serial="0901534D500012345670"), "Another meter at the end."),
        ("other-customer", replace(LAST, contract=b"SMP-7711"), "Another customer at the end."),
        ("log-book", replace(LAST, log=b"\x01\x19"), "The log book has a new entry."),
        ("status-error", replace(LAST, word=0x89), "The meter reports an error."),
    ):
        content = METER.pair(METER.element(FIRST), METER.element(last))
        yield _case(f"unlawful-{name}", content, None, UNLAWFUL, words)


def _undecidable() -> Iterator[SampleCase]:
    first = METER.element(FIRST)
    value = SafeValue(first.encode(), None, "4711", "Transaction.Begin", format=FORMAT)
    yield _case("begin-only", safe_xml([value]), None, OPEN, "A transaction without its end.")
    bare = SigMeter(key_inside=False).element(FIRST)
    yield _case("no-key", together(bare), None, UNREADABLE, "No key anywhere.")
    twice = first.replace("</signedMeterValue>", first[first.index("<encodedMeterValue") :])
    yield _case("value-twice", together(twice), None, UNREADABLE, "Two values in one element.")
    yield _case("cut-off", first[:-19].encode(), None, UNREADABLE, "The closing tag is missing.")
    short = SigMeter().element(FIRST, written=FIRST.buffer("narrow")[:319])
    yield _case("319-bytes", together(short), None, UNREADABLE, "A byte is missing.")
    power = METER.pair(first, METER.element(replace(LAST, unit=27)))
    yield _case("power", power, None, OPEN, "The register counts watts.")
