"""A simulated Alfen adapter: signs one meter value per line, as the stations of the field do.

Independent of the code it tests; it shares nothing with the decoder but the description of the layout (signed are
82 bytes, little-endian: adapter, firmware, meter, status, times, register, value, user, session, record number).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.safe_xml import SafeValue, safe_xml

Kind = Literal["0", "1", "2"]
"""Type of a line: start, stop, intermediate."""

START = datetime(2024, 5, 17, 16, 3, 20, tzinfo=UTC)
END = START + timedelta(hours=1, minutes=12, seconds=5)
BEGIN_WH, END_WH = 1_204_310, 1_226_840

_SIGNED_ROLE = {"0": 1 << 29, "1": 1 << 28, "2": 1 << 27}

Outcome = tuple[Verdict, SignatureResult]
GOOD: Outcome = ("valid", "valid")
FORGED: Outcome = ("invalid", "invalid")
UNLAWFUL: Outcome = ("invalid", "valid")
OPEN: Outcome = ("indeterminate", "valid")


def _number(value: int, width: int) -> bytes:
    return (value % (1 << 8 * width)).to_bytes(width, "little")


@dataclass(frozen=True)
class Dataset:
    """The signed values of one line; every field may be replaced to make an unlawful or odd record."""

    adapter: str = "0A0E53414D00000A0001"
    firmware: str = "v016"
    checksum: str = "5AE1"
    meter: str = "0A0153414D0000000007"
    status: int = 0
    seconds_index: int = 880_000
    unix_time: int = int(START.timestamp())
    obis: str = "0100010800FF"
    unit: int = 30
    scaler: int = 0
    value: int = BEGIN_WH
    user: bytes = b"04A1B2C3D4E580"
    session: int = 31
    page: int = 61

    def encoded(self) -> bytes:
        """Return the 82 bytes."""
        return b"".join(
            (
                bytes.fromhex(self.adapter),
                self.firmware.encode("ascii"),
                bytes.fromhex(self.checksum),
                bytes.fromhex(self.meter),
                _number(self.status, 4),
                _number(self.seconds_index, 4),
                _number(self.unix_time, 4),
                bytes.fromhex(self.obis),
                _number(self.unit, 1),
                _number(self.scaler, 1),
                _number(self.value, 8),
                self.user.ljust(20, b"\0"),
                _number(self.session, 4),
                _number(self.page, 4),
            )
        )


@dataclass(frozen=True)
class AlfenMeter:
    """A signing adapter with its meter.

    Attributes:
        key_label: Another label is another key.
        signs_roles: Whether its status word says start, stop and intermediate; the earliest firmware did not.
        carries_key: Whether its lines carry the public key.
        session: Values that stay the same in all lines of a session.
    """

    key_label: str = "alfen"
    signs_roles: bool = True
    carries_key: bool = True
    session: Dataset = Dataset()

    format = "ALFEN"

    def public_key_text(self, shape: str = "compressed-base32") -> str:
        """Return the public key: base32 of the compressed point, as in the lines, or another shape of the field."""
        key = sample_key("secp192r1", self.key_label)
        if shape != "compressed-base32":
            return key.text(shape)
        return base64.b32encode(bytes.fromhex(key.text("compressed-hex"))).decode()

    def line(self, kind: Kind, **changes: int | str | bytes) -> bytes:
        """Return a signed line; ``changes`` replaces fields of :class:`Dataset`."""
        data = replace(self.session, **changes)  # type: ignore[arg-type]  # the caller's names and kinds
        if self.signs_roles:
            data = replace(data, status=data.status | _SIGNED_ROLE[kind])
        return self.sign(kind, data.encoded())

    def sign(self, kind: str, dataset: bytes) -> bytes:
        """Return the line around any signed bytes."""
        r, s = sample_key("secp192r1", self.key_label).sign(dataset)
        signature = r.to_bytes(24, "big") + s.to_bytes(24, "big")
        key = self.public_key_text() if self.carries_key else ""
        texts = (base64.b32encode(part).decode() for part in (dataset, signature))
        return ";".join(("AP", kind, "3", key, *texts, "")).encode()

    def begin(self, **changes: int | str | bytes) -> bytes:
        """Return the line made when the session begins."""
        return self.line("0", **changes)

    def end(self, **changes: int | str | bytes) -> bytes:
        """Return the line made when it ends."""
        last: dict[str, int | str | bytes] = {
            "value": END_WH,
            "unix_time": int(END.timestamp()),
            "seconds_index": self.session.seconds_index + int((END - START).total_seconds()),
            "page": self.session.page + 9,
        }
        return self.line("1", **(last | changes))

    def between(self, number: int, **changes: int | str | bytes) -> bytes:
        """Return the intermediate line number 1 to 8."""
        span_s = int((END - START).total_seconds()) * number // 9
        middle: dict[str, int | str | bytes] = {
            "value": BEGIN_WH + (END_WH - BEGIN_WH) * number // 9,
            "unix_time": int(START.timestamp()) + span_s,
            "seconds_index": self.session.seconds_index + span_s,
            "page": self.session.page + number,
        }
        return self.line("2", **(middle | changes))

    def session_record(self, begin_kwh: Decimal, end_kwh: Decimal, start: datetime, end: datetime) -> bytes:
        """Return a begin line and an end line; values to the watt-hour."""
        first = {"value": int(begin_kwh * 1000), "unix_time": int(start.timestamp())}
        last = {"value": int(end_kwh * 1000), "unix_time": int(end.timestamp())}
        return lines(self.begin(**first), self.end(**last))


def lines(*records: bytes) -> bytes:
    """Return records one below the other."""
    return b"\n".join(records) + b"\n"


def with_dataset(record: bytes, **changes: int | str | bytes) -> bytes:
    """Return a forgery: the dataset of another session's line, the signature left as it was."""
    fields = record.split(b";")
    forged = AlfenMeter().line("1" if fields[1] == b"1" else "0", **changes)
    fields[4] = forged.split(b";")[4]
    return b";".join(fields)


def in_safe_xml(*records: bytes, contexts: tuple[str, ...] = (), key: str | None = None) -> bytes:
    """Return S.A.F.E. XML; with contexts the values form one transaction."""
    return safe_xml(
        [
            SafeValue(
                record,
                key,
                transaction_id="7" if contexts else None,
                context=contexts[place] if contexts else None,
                key_encoding="base32",
                format="ALFEN",
            )
            for place, record in enumerate(records)
        ]
    )


def _case(
    name: str, content: bytes, outcome: Outcome, description: str, *, key: str | None = None
) -> SampleCase:
    suffix = ".xml" if content.startswith(b"<?xml") else ".txt"
    return SampleCase(f"alfen-{name}", "ALFEN", content, key, outcome[0], outcome[1], description, suffix)


def cases() -> Iterator[SampleCase]:
    """Yield all cases."""
    yield from _good()
    yield from _containers()
    yield from _forged()
    yield from _unlawful()
    yield from _open()


def _good() -> Iterator[SampleCase]:
    meter, old = AlfenMeter(), AlfenMeter(signs_roles=False)
    yield _case("session", lines(meter.begin(), meter.end()), GOOD, "Begin and end.")
    yield _case("begin", meter.begin(), GOOD, "A begin alone: a good record, and no session yet.")
    every = [meter.begin(), *(meter.between(number) for number in range(1, 9)), meter.end()]
    yield _case("intermediates", lines(*every), GOOD, "Begin, eight intermediate values, end.")
    yield _case("reversed", lines(*reversed(every)), GOOD, "The same, the last line first.")
    yield _case(
        "roles-unsigned", lines(old.begin(), old.end()), GOOD, "Firmware that signs no start and stop."
    )
    middle = [old.begin(), old.between(4), old.end()]
    yield _case("roles-unsigned-intermediate", lines(*middle), GOOD, "The same with an intermediate value.")
    bare = AlfenMeter(carries_key=False)
    content = lines(bare.begin(), bare.end())
    yield _case("key-given", content, GOOD, "No key in the lines, one given.", key=bare.public_key_text())
    for shape in ("compressed-hex", "spki-hex", "pem", "raw-xy-hex"):
        words = f"The given key is written as {shape}."
        key = bare.public_key_text(shape)
        yield _case(f"key-{shape}", lines(meter.begin(), meter.end()), GOOD, words, key=key)
    scaled = [meter.begin(scaler=-1, value=12_043_107), meter.end(scaler=-1, value=12_268_400)]
    yield _case("scaler", lines(*scaled), GOOD, "Values in tenths of a watt-hour.")
    phases = lines(meter.begin(), meter.end(status=1 << 11))
    yield _case("phase-order", phases, GOOD, "Wrong order of phases at the end: a warning.")
    unterminated = lines(meter.begin().rstrip(b"=;"), meter.end().rstrip(b"=;"))
    yield _case("unterminated", unterminated, GOOD, "Without padding and last semicolon.")
    two = replace(meter, session=replace(meter.session, session=32, page=80, value=END_WH))
    later = int(END.timestamp()) + 600
    second = [two.begin(unix_time=later), two.end(value=END_WH + 4000, unix_time=later + 900)]
    yield _case("two-sessions", lines(meter.begin(), meter.end(), *second), GOOD, "Two sessions in one file.")


def _containers() -> Iterator[SampleCase]:
    meter, old = AlfenMeter(), AlfenMeter(signs_roles=False)
    pair = (meter.begin(), meter.end())
    ends = ("Transaction.Begin", "Transaction.End")
    yield _case("safe-xml", in_safe_xml(*pair), GOOD, "S.A.F.E. XML as stations' back ends write it.")
    content = in_safe_xml(*pair, contexts=ends, key=meter.public_key_text())
    yield _case("safe-xml-transaction", content, GOOD, "With transaction, contexts and key.")
    content = in_safe_xml(old.begin(), old.end(), contexts=ends)
    yield _case("safe-xml-roles-unsigned", content, GOOD, "The same by firmware that signs no roles.")
    quoted = b'"' + meter.begin() + b'"'
    yield _case("quoted", quoted, GOOD, "A line in quotation marks.")
    hexadecimal = lines(*pair).hex().encode()
    yield _case("hex", hexadecimal, GOOD, "The lines in hexadecimal.")
    yield _case("base64", base64.b64encode(lines(*pair)), GOOD, "The lines in Base64.")
    letter = b"Sehr geehrte Kundin,\n\n" + lines(*pair) + b"\nMit freundlichen Gr\xc3\xbc\xc3\x9fen\n"
    yield _case("letter", letter, GOOD, "The lines in a letter.")
    fields = [part[:60] + b"\r\n" + part[60:] for part in meter.begin().split(b";")]
    yield _case(
        "wrapped", b";".join([*meter.begin().split(b";")[:4], *fields[4:]]), GOOD, "Wrapped by a mailer."
    )


def _forged() -> Iterator[SampleCase]:
    meter = AlfenMeter()
    begin, end = meter.begin(), meter.end()
    changes: dict[str, dict[str, int | str | bytes]] = {
        "value": {"value": END_WH + 20_000},
        "time": {"value": END_WH, "unix_time": int(END.timestamp()) + 3600},
        "meter": {"value": END_WH, "meter": "0A0153414D0000000008"},
        "user": {"value": END_WH, "user": b"04A1B2C3D4E581"},
        "session": {"value": END_WH, "session": 30},
    }
    for name, change in changes.items():
        content = lines(begin, with_dataset(end, page=70, **change))
        yield _case(f"forged-{name}", content, FORGED, f"Another {name} was put into the end line.")
    swapped = b";".join([*begin.split(b";")[:5], *end.split(b";")[5:]])
    yield _case("forged-signature-swapped", lines(swapped, end), FORGED, "The signature of the end line.")
    stranger = AlfenMeter(key_label="stranger")
    content, key = lines(begin, end), stranger.public_key_text()
    yield _case("key-swapped", content, FORGED, "The key of another station was given.", key=key)
    fields = begin.split(b";")
    fields[3] = key.encode()
    yield _case("key-field-swapped", lines(b";".join(fields), end), FORGED, "Another key in the begin line.")
    words = "The end was made up and signed with a key of the forger's own, which its line carries."
    yield _case("forged-end-own-key", lines(begin, stranger.end(value=END_WH + 20_000)), OPEN, words)
    relabelled = [begin.replace(b"AP;0;", b"AP;1;"), end.replace(b"AP;1;", b"AP;0;")]
    yield _case(
        "types-swapped", lines(*relabelled), UNLAWFUL, "Start and stop exchanged, against the status."
    )
    old = AlfenMeter(signs_roles=False)
    relabelled = [old.begin().replace(b"AP;0;", b"AP;1;"), old.end().replace(b"AP;1;", b"AP;0;")]
    yield _case("types-swapped-unsigned", lines(*relabelled), UNLAWFUL, "The same where no status says it.")


def _unlawful() -> Iterator[SampleCase]:
    meter = AlfenMeter()
    begin = meter.begin()
    for bit, words in (
        (1, "The meter reports an EEPROM error."),
        (2, "The meter reports a flash error."),
        (16, "The adapter reports a fatal error."),
        (30, "The adapter reports a memory error."),
        (31, "The adapter could not reach the meter."),
    ):
        content = lines(begin, meter.end(status=1 << bit))
        yield _case(f"unlawful-status-{bit}", content, UNLAWFUL, words)
    changes: dict[str, dict[str, int | str | bytes]] = {
        "value-decreases": {"value": BEGIN_WH - 1},
        "page-not-higher": {"page": meter.session.page},
        "time-decreases": {"unix_time": int(START.timestamp()) - 1},
        "clock-lost": {"unix_time": 18},
        "other-user": {"user": b"CAFE"},
    }
    for name, change in changes.items():
        words = f"Unlawful at the end: {name.replace('-', ' ')}."
        yield _case(f"unlawful-{name}", lines(begin, meter.end(**change)), UNLAWFUL, words)
    ends = ("Transaction.Begin", "Transaction.End")
    for name, field in (("session", "session"), ("meter", "meter"), ("adapter", "adapter")):
        value: int | str = 99 if field == "session" else "0A0E53414D00000A0099"
        content = in_safe_xml(begin, meter.end(**{field: value}), contexts=ends)
        yield _case(f"unlawful-other-{name}", content, UNLAWFUL, f"Begin and end are of different {name}s.")


def _open() -> Iterator[SampleCase]:
    meter = AlfenMeter()
    begin, end = meter.begin(), meter.end()
    content = in_safe_xml(begin, contexts=("Transaction.Begin",))
    yield _case("end-missing", content, OPEN, "A transaction without its end.")
    old = AlfenMeter(signs_roles=False)
    content = lines(old.begin(), old.between(3))
    yield _case(
        "end-missing-unsigned", content, OPEN, "Begin and intermediate value; the end was not delivered."
    )
    content = in_safe_xml(begin, meter.between(1), contexts=("Transaction.Begin", ""))
    yield _case("end-missing-intermediate", content, OPEN, "Begin and intermediate value in one transaction.")
    yield _case(
        "two-begins",
        lines(begin, meter.begin(page=62, value=BEGIN_WH + 5), end),
        OPEN,
        "Two different begins.",
    )
    yield _case("unit", lines(begin, meter.end(unit=31)), OPEN, "The end value is in volt-ampere-hours.")
    yield _case("scaler-absurd", lines(begin, meter.end(scaler=90)), OPEN, "A value times 10^90.")
    yield _case("two-roles", lines(begin, meter.end(status=1 << 29)), OPEN, "The status says start and stop.")
    yield _case("user-unreadable", meter.begin(user=b"04A1\x0004B2"), OPEN, "A zero inside the user id.")
    yield _case("version", begin.replace(b"AP;0;3;", b"AP;0;4;"), OPEN, "A version that nobody knows.")
    unread: Outcome = ("indeterminate", "unverified")
    yield _case("cut-off", begin[:150], unread, "Cut off in the dataset.")
    bare = AlfenMeter(carries_key=False)
    yield _case("no-key", bare.begin(), unread, "No key anywhere.")
    short = meter.sign("0", meter.session.encoded()[:-4])
    yield _case("short", short, unread, "Signed, but four bytes short.")
