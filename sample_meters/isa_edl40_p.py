"""ISA_EDL_40_P cases: telegrams in the layout of Isabellenhütte meters."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sample_meters import _edl40_telegrams as sml
from sample_meters._edl40_telegrams import BEGIN, END, local_seconds
from sample_meters.edl40_p import FORGED, GOOD, OPEN, UNLAWFUL, UNREADABLE, Outcome
from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase
from sample_meters.safe_xml import SafeValue, safe_xml

FORMAT = "ISA_EDL_40_P"
_NAMES = {"begin": "8180816200FF", "update": "8180816201FF", "end": "8180816202FF"}


@dataclass(frozen=True)
class IsaValues:
    """What the meter signs in one record."""

    kind: str = "end"
    serial: str = "090153414D0000000042"
    local: datetime = END
    word: int = 0x0000040000000018
    unit: int = 30
    scaler: int = -1
    value: int = 88_120_455
    log: bytes = b"\x00\x31"
    contract: bytes = b"SMP-ISA-0099"
    start_local: datetime = BEGIN
    start_unit: int = 30
    start_value: int = 88_004_210
    esth: bytes = bytes(range(0x30, 0x44))
    page: int = 44

    def value_signature(self, key_label: str) -> bytes:
        """Return a signature of the register alone; what it covers does not matter to anybody."""
        return sml.sign("isa", key_label, f"{self.value}/{self.local}".encode()) + self.log

    def buffer(self, key_label: str) -> bytes:
        """Return the 320 bytes."""
        status = self.word & 0xFF
        now = struct.pack(
            "<10sIB6sBbq2s66s128s", bytes.fromhex(self.serial), local_seconds(self.local), status,
            bytes.fromhex("0100010800FF"), self.unit, self.scaler, self.value, self.log,
            self.value_signature(key_label), self.contract,
        )  # fmt: skip
        start = struct.pack(
            "<I20sB6sBbq6sI", local_seconds(self.start_local), self.esth, status, bytes.fromhex("010001080080"),
            self.start_unit, self.scaler, self.start_value, bytes.fromhex(_NAMES[self.kind]), self.page,
        )  # fmt: skip
        return (now + start).ljust(320, b"\0")


@dataclass(frozen=True)
class IsaMeter:
    """A meter that sends telegrams."""

    key_label: str = "isa"

    def public_key_text(self) -> str:
        """Return the public key as these meters' files write it."""
        return sample_key("secp256r1", self.key_label).text("raw-xy-hex")

    def telegram(
        self,
        values: IsaValues,
        *,
        written: IsaValues | None = None,
        more: Sequence[bytes] = (),
        signature: bytes | None = None,
    ) -> bytes:
        """Return a telegram; ``written`` is what it carries instead of what was signed."""
        sent = written or values
        status = sml.unsigned(sent.word, 8)

        def register(name: str, unit: int, value: int, local: datetime, own: bytes) -> bytes:
            time = sml.several(sml.unsigned(2, 1), sml.unsigned(local_seconds(local), 4))
            scale = {"unit": sml.unsigned(unit, 1), "scaler": sml.signed(sent.scaler, 1)}
            return sml.entry(name, sml.signed(value, 8), status=status, time=time, signature=own, **scale)

        own = sml.octets(values.value_signature(self.key_label))
        entries = [
            sml.entry(
                "8182815401FF", sml.octets(sent.contract), time=sml.timestamp(sent.start_local, 60, 60)
            ),
            register("010001080080", sent.start_unit, sent.start_value, sent.start_local, sml.ABSENT),
            sml.entry("8180C7F040FF", sml.unsigned(sent.page, 4)),
            sml.entry("8180816101FF", sml.octets(sent.esth)),
            register("0100010800FF", sent.unit, sent.value, sent.local, own),
            *more,
        ]
        listed = signature or sml.sign("isa", self.key_label, values.buffer(self.key_label)) + values.log
        return sml.frame(sml.value_list(sent.serial, _NAMES[sent.kind], entries, listed), serial=sent.serial)

    def in_safe_xml(self, *records: tuple[bytes, str]) -> bytes:
        """Return records with their contexts as a S.A.F.E. transaction."""
        key = self.public_key_text()
        return safe_xml(
            [
                SafeValue(record, key, "6", context, encoding="hex", format=FORMAT)
                for record, context in records
            ]
        )


METER = IsaMeter()
AT_END = IsaValues()
AT_BEGIN = replace(
    AT_END,
    kind="begin",
    local=BEGIN + timedelta(seconds=9),
    value=AT_END.start_value,
    page=40,
    log=b"\x00\x30",
)
UPDATE = replace(AT_END, kind="update", local=BEGIN + timedelta(minutes=20), value=88_040_000, page=42)


def _case(name: str, content: bytes, key: str | None, outcome: Outcome, description: str) -> SampleCase:
    suffix = ".xml" if content.startswith(b"<?xml") else ".sml"
    return SampleCase(f"isa-edl40-p-{name}", FORMAT, content, key, *outcome, description, suffix)


def cases() -> Iterator[SampleCase]:
    """Yield all cases of this format."""
    key = METER.public_key_text()
    whole = METER.telegram(AT_END)
    yield _case("session", whole, key, GOOD, "The record made at the end holds the whole session.")
    content = METER.in_safe_xml((whole, "Transaction.End"))
    yield _case("safe-xml", content, None, GOOD, "The same in S.A.F.E. XML.")
    content = METER.in_safe_xml((METER.telegram(AT_BEGIN), "Transaction.Begin"), (whole, "Transaction.End"))
    yield _case("pair", content, None, GOOD, "The records made at begin and end.")
    yield _case("begin", METER.telegram(AT_BEGIN), key, GOOD, "The record made at the begin, alone.")
    yield _case("update", METER.telegram(UPDATE), key, GOOD, "A record made during the session.")
    content = METER.in_safe_xml((METER.telegram(AT_BEGIN), "Transaction.Begin"))
    yield _case("begin-only", content, None, OPEN, "A transaction of which only the begin is there.")
    for name, written, words in (
        ("value", replace(AT_END, value=AT_END.value + 10_000), "A kilowatt-hour more."),
        ("start-value", replace(AT_END, start_value=AT_END.start_value - 10_000), "A lower begin."),
        ("time", replace(AT_END, local=END + timedelta(hours=1)), "An hour later."),
        ("start-time", replace(AT_END, start_local=BEGIN - timedelta(hours=1)), "An earlier begin."),
        ("meter", replace(AT_END, serial="090153414D0000000043"), "Another meter."),
        ("customer", replace(AT_END, contract=b"SMP-ISA-0098"), "Another customer."),
        ("kind", replace(UPDATE, kind="end"), "An update is called the end."),
        ("page", replace(AT_END, page=45), "Another record number."),
    ):
        signs = UPDATE if name == "kind" else AT_END
        yield _case(f"forged-{name}", METER.telegram(signs, written=written), key, FORGED, words)
    signature = sml.sign("isa", METER.key_label, AT_BEGIN.buffer(METER.key_label)) + AT_END.log
    swapped = METER.telegram(AT_END, signature=signature)
    yield _case("forged-signature", swapped, key, FORGED, "The signature of another record.")
    yield _case("wrong-key", whole, IsaMeter("stranger").public_key_text(), FORGED, "Another meter's key.")
    for name, values, outcome, words in (
        ("value-back", replace(AT_END, value=1), UNLAWFUL, "The register ran backwards."),
        (
            "time-back",
            replace(AT_END, local=BEGIN - timedelta(days=1)),
            UNLAWFUL,
            "The end is before the begin.",
        ),
        ("power", replace(AT_END, unit=27), OPEN, "The register counts watts."),
    ):
        yield _case(f"unlawful-{name}", METER.telegram(values), key, outcome, words)
    other = METER.telegram(replace(AT_BEGIN, contract=b"SMP-ISA-0098"))
    content = METER.in_safe_xml((other, "Transaction.Begin"), (whole, "Transaction.End"))
    yield _case("unlawful-other-customer", content, None, UNLAWFUL, "The begin names another customer.")
    yield _case("no-key", whole, None, UNREADABLE, "A genuine record without any key.")
    yield _case("cut-off", whole[:300], key, UNREADABLE, "A telegram that is cut off.")
