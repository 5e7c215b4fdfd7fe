"""EDL_40_P cases: telegrams of EDL40 meters as binary, hex and Base64, in files of their own and in S.A.F.E. XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sample_meters import _edl40_telegrams as sml
from sample_meters._edl40_telegrams import BEGIN, END, Values, Variant
from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.safe_xml import Encoding, SafeValue, safe_xml

FORMAT = "EDL_40_P"
Outcome = tuple[Verdict, SignatureResult]
GOOD: Outcome = ("valid", "valid")
FORGED: Outcome = ("invalid", "invalid")
UNLAWFUL: Outcome = ("invalid", "valid")
UNREADABLE: Outcome = ("indeterminate", "unverified")
OPEN: Outcome = ("indeterminate", "valid")

FIRST = Values()
LAST = replace(FIRST, local=END, seconds=FIRST.seconds + 3831, page=802, value=1_391_120, word=0x000188)
WIDE_FIRST = replace(
    FIRST, word=0x80040100, contract=b"\x01SMP-7712", compensated=1_100_002, resistance=1800, page=55
)
WIDE_LAST = replace(
    WIDE_FIRST, local=END, seconds=FIRST.seconds + 3831, page=56, value=1_391_120, compensated=1_286_004,
    contract=b"\x02SMP-7712", contract_local=END - timedelta(seconds=5),
)  # fmt: skip


@dataclass(frozen=True)
class Edl40Meter:
    """A meter that sends telegrams.

    Attributes:
        variant: Which of the three layouts it has.
        offset_min, season_min: Zone that it names beside its times; their sum with the time is signed, they are not.
    """

    variant: Variant = "narrow"
    key_label: str = "edl40"
    offset_min: int = 60
    season_min: int = 0

    def public_key_text(self) -> str:
        """Return the public key as these meters' files write it."""
        return sample_key(sml.CURVES[self.variant], self.key_label).text("raw-xy-hex")

    def entries(self, values: Values) -> list[bytes]:
        """Return the value list that carries these values."""
        zone = (self.offset_min, self.season_min) if values.local is not None else (0, 0)
        own = sml.ABSENT
        if self.variant == "old":
            own = sml.octets(values.old_value_signature(self.key_label))
        width = 4 if self.variant == "wide" else 3
        scale = {"unit": sml.unsigned(values.unit, 1), "scaler": sml.signed(values.scaler, 1)}
        made = [
            sml.entry("8182815401FF", sml.octets(values.contract), time=sml.timestamp(values.contract_local, *zone)),
            sml.entry(
                values.register, sml.signed(values.value, 5), status=sml.unsigned(values.word, width),
                time=sml.timestamp(values.local, *zone), signature=own, **scale,
            ),
        ]  # fmt: skip
        if self.variant == "old":
            return made
        index = sml.several(sml.unsigned(1, 1), sml.unsigned(values.seconds, 4))
        made += [
            sml.entry("810060080001", sml.several(sml.unsigned(1, 1), index)),
            sml.entry("8180817101FF", sml.unsigned(values.page, 4)),
        ]
        if self.variant == "wide":
            made += [
                sml.entry("010001110064", sml.unsigned(values.compensated, 3), **scale),
                sml.entry("0100011100C8", sml.unsigned(values.compensated, 3), **scale),
                sml.entry("00AF6C6C72FF", sml.unsigned(values.resistance, 2), unit=sml.unsigned(38, 1)),
                sml.entry("00AF647572FF", sml.unsigned(0, 1), unit=sml.unsigned(7, 1)),
                sml.entry("00AF707263FF", sml.unsigned(0, 1)),
                sml.entry("00AF737672FF", sml.unsigned(4, 1)),
            ]
        return made

    def telegram(
        self,
        values: Values,
        *,
        written: Values | None = None,
        more: Sequence[bytes] = (),
        other_list: Values | None = None,
        open_serial: str | None = None,
        signature: bytes | None = None,
    ) -> bytes:
        """Return a telegram.

        Args:
            values: What the meter signs.
            written: What the telegram carries instead.
            more: Further entries of the value list.
            other_list: A second value list.
            open_serial: Meter that the first message names instead.
            signature: Another list signature.
        """
        sent = written or values
        name = "8180816202FF" if self.variant == "old" else "8180817103FF"
        own = signature or values.signature(self.variant, self.key_label)
        lists = [sml.value_list(sent.serial, name, [*self.entries(sent), *more], own)]
        if other_list is not None:
            lists.append(sml.value_list(other_list.serial, name, self.entries(other_list), own))
        return sml.frame(*lists, serial=open_serial or sent.serial)

    def pair(self, first: bytes, last: bytes, *, encoding: Encoding = "hex") -> bytes:
        """Return begin and end as a S.A.F.E. transaction."""
        key = self.public_key_text()
        contexts = ("Transaction.Begin", "Transaction.End")
        return safe_xml(
            [
                SafeValue(record, key, "712", context, encoding=encoding, format=FORMAT)
                for record, context in zip((first, last), contexts, strict=True)
            ]
        )


METER = Edl40Meter()


def _case(name: str, content: bytes, key: str | None, outcome: Outcome, description: str) -> SampleCase:
    suffix = ".xml" if content.startswith(b"<?xml") else ".sml"
    return SampleCase(f"edl40-p-{name}", FORMAT, content, key, *outcome, description, suffix)


def cases() -> Iterator[SampleCase]:
    """Yield all cases of this format."""
    yield from _good()
    yield from _transports()
    yield from _forged()
    yield from _deceiving()
    yield from _unlawful()
    yield from _undecidable()


def _good() -> Iterator[SampleCase]:
    key = METER.public_key_text()
    begin, end = METER.telegram(FIRST), METER.telegram(LAST)
    yield _case("begin", begin, key, GOOD, "A begin telegram as the meter sends it.")
    yield _case("two-telegrams", begin + end, key, GOOD, "Begin and end one after the other: one session.")
    yield _case("pair", METER.pair(begin, end), None, GOOD, "Begin and end as a S.A.F.E. transaction.")
    unset = [METER.telegram(replace(v, local=None, contract_local=None)) for v in (FIRST, LAST)]
    yield _case("clock-never-set", METER.pair(*unset), None, GOOD, "The clock was never set: energy counts.")
    binary = [METER.telegram(replace(v, contract=bytes.fromhex("04A3B1C2D3E480"))) for v in (FIRST, LAST)]
    yield _case("binary-contract", METER.pair(*binary), None, GOOD, "The contract id is a card's number.")
    gap = METER.telegram(replace(LAST, page=805))
    yield _case(
        "gap", METER.pair(begin, gap), None, GOOD, "Two records between begin and end are not at hand."
    )
    renewed = METER.telegram(replace(LAST, contract_local=END - timedelta(seconds=1)))
    yield _case(
        "assigned-anew", METER.pair(begin, renewed), None, GOOD, "The user was assigned anew at the end."
    )
    escape = replace(FIRST, contract=bytes.fromhex("1B1B1B1B1A00"))
    yield _case(
        "escape-inside", METER.telegram(escape), key, GOOD, "A value that looks like an end sequence."
    )
    total = replace(FIRST, register="0100010800FF")
    yield _case("total-register", METER.telegram(total), key, GOOD, "The register under its ordinary name.")
    wide = Edl40Meter("wide", "edl40 wide")
    pair = wide.pair(wide.telegram(WIDE_FIRST), wide.telegram(WIDE_LAST))
    yield _case("wide-pair", pair, None, GOOD, "256 bits, line losses subtracted, begin and end mark.")
    plain = [replace(v, contract=b"\x01\x02\x03\x04") for v in (WIDE_FIRST, WIDE_LAST)]
    pair = wide.pair(*map(wide.telegram, plain))
    yield _case("wide-no-mark", pair, None, GOOD, "256 bits; the contract id happens to begin with 01.")
    old = Edl40Meter("old", "edl40 old")
    pair = old.pair(old.telegram(FIRST), old.telegram(LAST))
    yield _case("old-pair", pair, None, GOOD, "The older layout without record numbers.")


def _transports() -> Iterator[SampleCase]:
    begin, end = METER.telegram(FIRST), METER.telegram(LAST)
    for encoding in ("hex", "base64", "base32"):
        content = METER.pair(begin, end, encoding=encoding)
        yield _case(f"pair-{encoding}", content, None, GOOD, f"S.A.F.E. XML with encoding {encoding}.")
    grouped = begin.hex(" ").encode()
    yield _case(
        "hex-grouped", grouped, METER.public_key_text(), GOOD, "Hex in groups, as the S.A.F.E. files."
    )
    shifted = replace(METER, offset_min=600, season_min=-120)
    words = "The same local times with another zone beside them: the zone is not signed and not shown."
    yield _case("zone-shifted", METER.pair(shifted.telegram(FIRST), end), None, GOOD, words)
    word = METER.telegram(FIRST, written=replace(FIRST, word=0xFF0108))
    yield _case(
        "status-word-high", METER.pair(word, end), None, GOOD, "Unsigned bits of the word: not shown."
    )


def _forged() -> Iterator[SampleCase]:
    end = METER.telegram(LAST)
    for name, written, words in (
        ("value", replace(LAST, value=LAST.value + 10_000), "A kilowatt-hour more."),
        ("scaler", replace(LAST, scaler=0), "Ten times as much."),
        ("time", replace(LAST, local=END + timedelta(hours=1)), "An hour later."),
        ("meter", replace(LAST, serial="0901534D500012345679"), "Another meter."),
        ("customer", replace(LAST, contract=b"SMP-7713"), "Another customer."),
        ("assigned", replace(LAST, contract_local=BEGIN), "Another time of assignment."),
        ("status", replace(LAST, word=0x000108), "Another status."),
        ("page", replace(LAST, page=803), "Another record number."),
        ("seconds", replace(LAST, seconds=LAST.seconds + 60), "Other operating seconds."),
        ("register", replace(LAST, register="0100010800FF"), "Another register."),
    ):
        content = METER.pair(METER.telegram(FIRST), METER.telegram(LAST, written=written))
        yield _case(f"forged-{name}", content, None, FORGED, words)
    swapped = METER.telegram(LAST, signature=FIRST.signature("narrow", METER.key_label))
    yield _case(
        "forged-signature", METER.pair(METER.telegram(FIRST), swapped), None, FORGED, "The begin's signature."
    )
    log = LAST.signature("narrow", METER.key_label)[:-2] + b"\x00\x20"
    yield _case(
        "forged-log-book",
        METER.telegram(LAST, signature=log),
        METER.public_key_text(),
        FORGED,
        "Other log book.",
    )
    stranger = Edl40Meter(key_label="stranger").public_key_text()
    yield _case("wrong-key", end, stranger, FORGED, "The key of another meter.")
    wide = Edl40Meter("wide", "edl40 wide")
    for name, written in (
        ("compensated", replace(WIDE_LAST, compensated=WIDE_LAST.compensated + 1000)),
        ("resistance", replace(WIDE_LAST, resistance=1)),
        ("mark", replace(WIDE_LAST, contract=b"\x01SMP-7712")),
        ("status", replace(WIDE_LAST, word=0x00040100)),
    ):
        content = wide.pair(wide.telegram(WIDE_FIRST), wide.telegram(WIDE_LAST, written=written))
        yield _case(f"forged-wide-{name}", content, None, FORGED, "256 bits: a signed value was changed.")
    old = Edl40Meter("old", "edl40 old")
    content = old.pair(old.telegram(FIRST), old.telegram(LAST, written=replace(LAST, value=1_400_000)))
    yield _case("forged-old-value", content, None, FORGED, "The older layout: another value.")


def _deceiving() -> Iterator[SampleCase]:
    """Genuine signatures, and unsigned statements beside them that a reader could believe."""
    key = METER.public_key_text()
    more = METER.entries(replace(LAST, value=9_999_999))
    content = METER.telegram(LAST, more=more[1:2])
    yield _case("second-register-entry", content, key, UNLAWFUL, "The signed register a second time, higher.")
    total = METER.entries(replace(LAST, register="0100010800FF", value=9_999_999))[1]
    content = METER.telegram(LAST, more=[total])
    yield _case("second-register", content, key, UNLAWFUL, "A second energy register, unsigned.")
    content = METER.telegram(LAST, open_serial="0901534D500099999999")
    yield _case("other-meter-in-open", content, key, UNLAWFUL, "The first message names another meter.")
    content = METER.telegram(LAST, other_list=replace(LAST, value=9_999_999))
    yield _case("two-lists", content, key, OPEN, "Two value lists in one telegram.")
    export = sml.entry("0100020800FF", sml.unsigned(77, 4), unit=sml.unsigned(30, 1))
    content = METER.telegram(LAST, more=[export])
    yield _case(
        "unsigned-entry", content, key, GOOD, "A register that is not signed is ignored and reported."
    )


def _unlawful() -> Iterator[SampleCase]:
    first = METER.telegram(FIRST)
    for name, last, words in (
        ("value-back", replace(LAST, value=FIRST.value - 1), "The register ran backwards."),
        (
            "time-back",
            replace(LAST, local=BEGIN - timedelta(days=2)),
            "The end is two days before the begin.",
        ),
        ("page-back", replace(LAST, page=800), "The record number ran backwards."),
        ("page-equal", replace(LAST, page=801), "Both records have the same number."),
        ("other-meter", replace(LAST, serial="0901534D500012345679"), "Another meter at the end."),
        ("other-customer", replace(LAST, contract=b"SMP-7713"), "Another customer at the end."),
        ("log-book", replace(LAST, log=b"\x00\x1a"), "The log book has a new entry."),
        ("status-error", replace(LAST, word=0x000109), "The meter reports an error."),
        ("magnetic-field", replace(LAST, word=0x000148), "The meter reports a magnetic field."),
    ):
        yield _case(f"unlawful-{name}", METER.pair(first, METER.telegram(last)), None, UNLAWFUL, words)
    wide = Edl40Meter("wide", "edl40 wide")
    swapped = [
        replace(WIDE_FIRST, contract=b"\x02SMP-7712"),
        replace(WIDE_LAST, contract=b"\x01SMP-7712"),
    ]
    content = wide.pair(*map(wide.telegram, swapped))
    yield _case(
        "unlawful-wide-marks", content, None, UNLAWFUL, "From the end of one session to the next begin."
    )


def _undecidable() -> Iterator[SampleCase]:
    key, begin = METER.public_key_text(), METER.telegram(FIRST)
    yield _case("no-key", begin, None, UNREADABLE, "A genuine telegram without any key.")
    value = SafeValue(begin, key, "712", "Transaction.Begin", encoding="hex", format=FORMAT)
    yield _case("begin-only", safe_xml([value]), None, OPEN, "A transaction without its end.")
    power = replace(LAST, unit=27)
    content = METER.pair(begin, METER.telegram(power))
    yield _case("power", content, None, OPEN, "The signed register counts watts.")
    yield _case("cut-off", begin[:200], key, UNREADABLE, "A telegram that is cut off.")
    damaged = begin[:120] + bytes((begin[120] ^ 1,)) + begin[121:]
    yield _case("damaged", damaged, key, UNREADABLE, "A bit fell on the way; the checksum shows it.")
    short = METER.telegram(FIRST, signature=FIRST.signature("narrow", METER.key_label)[:48])
    yield _case("log-book-missing", short, key, UNREADABLE, "The signature lacks the two bytes log book.")
