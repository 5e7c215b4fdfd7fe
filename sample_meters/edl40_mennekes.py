"""A simulated Mennekes station with an EDL40 meter: charging processes in XML, bare, in bills and in S.A.F.E. XML.

Independent of the code it tests: the 320 bytes are laid out here from the description of the format alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.safe_xml import SafeValue, safe_xml

NAMESPACE = "http://www.mennekes.de/Mennekes.EdlVerification.xsd"
CURVE = "secp192r1"
SERIAL = "0A01534D500000012345"
BEGIN = datetime(2025, 6, 3, 8, 15, 9)  # noqa: DTZ001 - the meter signs its local time, no zone
END = BEGIN + timedelta(minutes=47, seconds=12)
IDENTIFIED = BEGIN - timedelta(seconds=8)
_OFFSET = "+02:00"
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as above

VALID: tuple[Verdict, SignatureResult] = ("valid", "valid")
FORGED: tuple[Verdict, SignatureResult] = ("invalid", "invalid")
UNLAWFUL: tuple[Verdict, SignatureResult] = ("invalid", "valid")
UNREADABLE: tuple[Verdict, SignatureResult] = ("indeterminate", "unverified")
INCOMPLETE: tuple[Verdict, SignatureResult] = ("indeterminate", "valid")


def edl40_bytes(
    *, serial: bytes, local: datetime, status: int, seconds: int, page: int, obis: bytes, unit: int, scaler: int,
    value: int, log: bytes, contract: bytes, contract_local: datetime,
) -> bytes:  # fmt: skip
    """Return the 320 bytes that an EDL40 meter signs; times are local, without zone."""
    head = struct.pack(
        "<10sIBII6sBbq2s128sI", serial, _seconds(local), status, seconds, page, obis, unit, scaler, value, log,
        contract, _seconds(contract_local),
    )  # fmt: skip
    return head.ljust(320, b"\0")


def _seconds(local: datetime) -> int:
    return (local - _EPOCH) // timedelta(seconds=1)


@dataclass(frozen=True)
class Measurement:
    """What the meter says at one end of a session.

    Attributes:
        value: Register in tenths of a watt-hour.
        local: Local time.
        own_identified: Time of identification written in the measurement itself; ``None`` leaves it to the process.
        log_in_signature: Whether the two log-book bytes are appended to the signature.
        written: Texts of elements that differ from what was signed; ``None`` leaves an element out.
    """

    value: int
    local: datetime
    page: int
    seconds: int
    status: int = 0x88
    counter: int = 377
    scaler: int = -1
    own_identified: datetime | None = None
    log_in_signature: bool = False
    written: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class MennekesStation:
    """A station with its meter and the user of the moment."""

    serial: str = SERIAL
    key_label: str = "mennekes"
    customer: str = "04A1B2C3D4E580"
    identified: datetime | None = IDENTIFIED
    offset: str = _OFFSET

    def public_key_text(self) -> str:
        """Return the public key as the station writes it."""
        return sample_key(CURVE, self.key_label).text("raw-xy-hex").upper()

    def signature(self, measurement: Measurement) -> str:
        """Return the signature over what the meter measured, as hex."""
        identified = measurement.own_identified or self.identified
        if identified is None:
            raise ValueError("nobody was identified")
        log = measurement.counter.to_bytes(2, "big")
        signed = edl40_bytes(
            serial=bytes.fromhex(self.serial), local=measurement.local, status=measurement.status & 0xFF,
            seconds=measurement.seconds, page=measurement.page, obis=bytes.fromhex("0100011100FF"), unit=30,
            scaler=measurement.scaler, value=measurement.value, log=log, contract=bytes.fromhex(self.customer),
            contract_local=identified,
        )  # fmt: skip
        r, s = sample_key(CURVE, self.key_label).sign(signed)
        text = f"{r:048X}{s:048X}"
        return text + log.hex().upper() if measurement.log_in_signature else text

    def _time(self, local: datetime) -> str:
        return local.isoformat() + self.offset

    def measurement(self, name: str, measurement: Measurement) -> str:
        """Return ``MeasurementStart`` or ``MeasurementEnd``."""
        own = measurement.own_identified
        elements: dict[str, str | None] = {
            "TimestampCustomerIdent": None if own is None else self._time(own),
            "Timestamp": self._time(measurement.local),
            "Signature": self.signature(measurement),
            "EventCounter": str(measurement.counter),
            "MeterStatus": str(measurement.status),
            "Value": str(measurement.value),
            "Scaler": str(measurement.scaler),
            "Pagination": str(measurement.page),
            "SecondIndex": str(measurement.seconds),
        }
        return f"<{name}>{_elements(elements | dict(measurement.written))}</{name}>"

    def process(
        self,
        begin: Measurement | None,
        end: Measurement | None,
        written: Mapping[str, str | None] | None = None,
    ) -> str:
        """Return a charging process; ``written`` replaces elements of it, ``None`` leaves one out."""
        elements: dict[str, str | None] = {
            "ServerId": self.serial,
            "PublicKey": self.public_key_text(),
            "MeteringPoint": "DE*SMP*E0000001",
            "CustomerIdent": self.customer,
            "TimestampCustomerIdent": None if self.identified is None else self._time(self.identified),
        }
        body = _elements(elements | dict(written or {}))
        body += "<SiteAddress><Street>Am Prüfstand 1</Street></SiteAddress>"
        body += "" if begin is None else self.measurement("MeasurementStart", begin)
        body += "" if end is None else self.measurement("MeasurementEnd", end)
        return f"<ChargingProcess>{body}<EventLogItems/></ChargingProcess>"


def _elements(elements: Mapping[str, str | None]) -> str:
    return "".join(f"<{name}>{text}</{name}>" for name, text in elements.items() if text is not None)


def bill(*processes: str, prefix: str = "", begin: datetime = BEGIN, end: datetime = END) -> bytes:
    """Return a bill with one billing period that lists these processes.

    Args:
        processes: Charging processes.
        prefix: Namespace prefix, declared at the root only; ``""`` for a default namespace.
        begin, end: Bounds of the billing period.
    """
    period = _elements({"Begin": f"{begin.isoformat()}{_OFFSET}", "End": f"{end.isoformat()}{_OFFSET}"})
    text = (
        f"<Billing><Customer><Name1><![CDATA[Sample & <ChargingProcess>]]></Name1></Customer>"
        f"<!-- <ChargingProcess> --><BillingPeriods><BillingPeriod><ObisCode>1.8.0</ObisCode>{period}"
        f"<ChargingProcesses>{''.join(processes)}</ChargingProcesses></BillingPeriod></BillingPeriods></Billing>"
    )
    if prefix:
        for name in ("Billing", "Customer", "Name1", "ObisCode", "Begin", "End", "ServerId", "PublicKey"):
            text = text.replace(f"<{name}>", f"<{prefix}:{name}>").replace(
                f"</{name}>", f"</{prefix}:{name}>"
            )
        for name in (
            "ChargingProcess",
            "MeasurementStart",
            "MeasurementEnd",
            "Value",
            "Timestamp",
            "Signature",
        ):
            text = text.replace(f"<{name}>", f"<{prefix}:{name}>").replace(
                f"</{name}>", f"</{prefix}:{name}>"
            )
        text = text.replace(f"<{prefix}:Billing>", f'<{prefix}:Billing xmlns:{prefix}="{NAMESPACE}">')
    else:
        text = text.replace("<Billing>", f'<Billing xmlns="{NAMESPACE}">')
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


STATION = MennekesStation()
START = Measurement(248490, BEGIN, 4392, 15406637)
STOP = Measurement(253495, END, 4393, 15406637 + 2832)


def _case(
    name: str,
    content: bytes | str,
    outcome: tuple[Verdict, SignatureResult],
    words: str,
    key: str | None = None,
) -> SampleCase:
    octets = content.encode() if isinstance(content, str) else content
    return SampleCase(f"mennekes-{name}", "EDL_40_MENNEKES", octets, key, *outcome, words, ".xml")


def cases() -> Iterator[SampleCase]:
    """Yield all cases of this format."""
    yield from _good()
    yield from _good_contents()
    yield from _forged()
    yield from _unlawful()
    yield from _unreadable()


def _good() -> Iterator[SampleCase]:
    plain = STATION.process(START, STOP)
    other = replace(STATION, identified=END + timedelta(minutes=59))
    later = other.process(
        replace(START, value=253495, local=END + timedelta(hours=1), page=4394, seconds=15413069),
        replace(STOP, value=260001, local=END + timedelta(hours=2), page=4395, seconds=15416669),
    )
    yield _case("session", plain, VALID, "One charging process without namespace.")
    named = plain.replace("<ChargingProcess>", f'<ChargingProcess xmlns="{NAMESPACE}">')
    yield _case("namespace", '<?xml version="1.0"?>' + named, VALID, "With XML declaration and namespace.")
    bill_end = END + timedelta(days=1)
    yield _case("bill", bill(plain, later, end=bill_end), VALID, "A bill with two sessions of one meter.")
    words = "A bill whose namespace prefix is declared outside of the processes."
    yield _case("bill-prefix", bill(plain, prefix="m"), VALID, words)
    for encoding in ("plain", "base64"):
        value = SafeValue(
            plain.encode(), STATION.public_key_text(), encoding=encoding, format="EDL_40_MENNEKES"
        )
        yield _case(f"safe-{encoding}", safe_xml([value]), VALID, f"In S.A.F.E. XML, {encoding}.")
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?>' + plain
    yield _case("latin-1", latin.encode("latin-1"), VALID, "Written in ISO 8859-1.")
    without = STATION.process(START, STOP, {"PublicKey": None})
    key = STATION.public_key_text()
    yield _case("key-outside", without, VALID, "Without its key, which comes from elsewhere.", key)
    spaced = STATION.process(START, STOP, {"PublicKey": f"\n {key[:48]}\n {key[48:]}\n"})
    yield _case("key-lines", spaced, VALID, "The key on two lines.")


def _good_contents() -> Iterator[SampleCase]:
    begin, end = replace(START, log_in_signature=True), replace(STOP, log_in_signature=True)
    unwritten = {"EventCounter": None}
    content = STATION.process(replace(begin, written=unwritten), replace(end, written=unwritten))
    yield _case(
        "log-in-signature", content, VALID, "Signatures of 50 bytes, the last two being the log book."
    )
    own = replace(STATION, identified=None)
    content = own.process(replace(START, own_identified=IDENTIFIED), replace(STOP, own_identified=IDENTIFIED))
    yield _case("identified-in-measurements", content, VALID, "Identification time in each measurement.")
    text = replace(STATION, customer=b"SAMPLE-CONTRACT-1#TARIFF 7".hex())
    yield _case("contract-and-tariff", text.process(START, STOP), VALID, "Identification contract#tariff.")
    content = STATION.process(replace(START, status=0x10188), replace(STOP, status=0x10188))
    yield _case("wide-status", content, VALID, "A meter status of which only the lowest byte is signed.")
    content = STATION.process(START, replace(STOP, value=START.value))
    yield _case("zero-energy", content, VALID, "Nothing was charged.")


def _forged() -> Iterator[SampleCase]:
    plain = STATION.process(START, STOP)
    for name, old, new, words in (
        ("begin-value", "<Value>248490<", "<Value>148490<", "The begin was lowered."),
        ("end-value", "<Value>253495<", "<Value>353495<", "The end was raised."),
        ("scaler", "<Scaler>-1<", "<Scaler>0<", "The power of ten was changed at both ends."),
        (
            "begin-time",
            f"<Timestamp>{BEGIN:%Y-%m-%dT%H:%M}",
            f"<Timestamp>{BEGIN:%Y-%m-%dT00:%M}",
            "The time.",
        ),
        ("meter", SERIAL, "0A01534D500000012346", "Another meter was put in."),
        ("customer", "04A1B2C3D4E580", "04A1B2C3D4E581", "Another card was put in."),
        (
            "identified",
            f"Ident>{IDENTIFIED.isoformat()}",
            f"Ident>{BEGIN.isoformat()}",
            "Another identification.",
        ),
        ("status", "<MeterStatus>136<", "<MeterStatus>8<", "The meter status was changed."),
        ("counter", "<EventCounter>377<", "<EventCounter>378<", "The event counter was changed."),
        ("number", "<Pagination>4393<", "<Pagination>4394<", "The record number was changed."),
        (
            "seconds",
            "<SecondIndex>15406637<",
            "<SecondIndex>15406600<",
            "The operating seconds were changed.",
        ),
    ):
        if old not in plain:
            raise ValueError(f"{old!r} does not occur")
        yield _case(f"forged-{name}", plain.replace(old, new), FORGED, words)
    first, second = STATION.signature(START), STATION.signature(STOP)
    swapped = plain.replace(first, "?").replace(second, first).replace("?", second)
    yield _case("forged-signatures-swapped", swapped, FORGED, "The signatures of begin and end exchanged.")
    content = plain.replace(second, STATION.signature(replace(STOP, page=4395)))
    yield _case("forged-end-signature", content, FORGED, "The end has the signature of another record.")
    stranger = replace(STATION, key_label="stranger").public_key_text()
    content = STATION.process(START, STOP, {"PublicKey": stranger})
    yield _case("key-swapped", content, FORGED, "The key of another meter in the file.")
    yield _case("key-given", plain, FORGED, "The key of another meter given for the check.", stranger)
    forged = plain.replace("<Value>253495<", "<Value>353495<")
    yield _case("forged-in-bill", bill(plain, forged), FORGED, "A forged process beside its original.")


def _unlawful() -> Iterator[SampleCase]:
    for name, begin, end, words in (
        ("value-decreases", START, replace(STOP, value=248489), "The register ran backwards."),
        ("number-equal", START, replace(STOP, page=4392), "Begin and end have the same number."),
        ("number-decreases", START, replace(STOP, page=4391), "The end has the lower number."),
        ("counter-differs", START, replace(STOP, counter=378), "An event was logged in between."),
        ("status-error", START, replace(STOP, status=0x89), "The meter reports an error at the end."),
        ("status-magnet", replace(START, status=0xC8), STOP, "A magnetic field at the begin."),
        ("ends-exchanged", STOP, START, "Begin and end exchanged: both signatures are still good."),
        (
            "counter-shown",
            replace(START, log_in_signature=True),
            replace(STOP, log_in_signature=True, written={"EventCounter": "1"}),
            "An event counter that is not the signed one.",
        ),
    ):
        yield _case(f"unlawful-{name}", STATION.process(begin, end), UNLAWFUL, words)
    content = STATION.process(START, replace(STOP, own_identified=IDENTIFIED + timedelta(seconds=1)))
    words = "Begin and end belong to two identifications."
    yield _case("unlawful-two-identifications", content, UNLAWFUL, words)
    own = replace(START, own_identified=IDENTIFIED), replace(STOP, own_identified=IDENTIFIED)
    shown = {"TimestampCustomerIdent": f"{BEGIN.isoformat()}{_OFFSET}"}
    words = "The process shows another identification time than the measurements sign."
    yield _case("unlawful-identification-shown", STATION.process(*own, shown), UNLAWFUL, words)
    longer = STATION.process(START, replace(STOP, value=263495, page=4395))
    words = "Two processes of one session that share their begin: its energy must not count twice."
    yield _case("unlawful-begin-used-twice", bill(STATION.process(START, STOP), longer), UNLAWFUL, words)


def _unreadable() -> Iterator[SampleCase]:
    plain = STATION.process(START, STOP)
    yield _case("begin-only", STATION.process(START, None), INCOMPLETE, "A begin without an end.")
    yield _case("end-only", STATION.process(None, STOP), INCOMPLETE, "An end without a begin.")
    yield _case("no-measurement", STATION.process(None, None), UNREADABLE, "Neither begin nor end.")
    yield _case("scaler-absurd", STATION.process(replace(START, scaler=90), replace(STOP, scaler=90)),
                INCOMPLETE, "A power of ten that no meter has.")  # fmt: skip
    for name, old, new, words in (
        ("value-missing", "<Value>253495</Value>", "", "The end has no value."),
        ("value-doubled", "<Value>253495<", "<Value>253495</Value><Value>953495<", "The end has two values."),
        ("value-divided", "<Value>253495<", "<Value>2534<b/>95<", "An element in the middle of a number."),
        ("value-fraction", "<Value>253495<", "<Value>253495.5<", "A value that the meter cannot sign."),
        ("counter-wide", "<EventCounter>377<", "<EventCounter>65913<", "A counter of more than two bytes."),
        ("signature-short", STATION.signature(STOP), STATION.signature(STOP)[:-2], "A byte is missing."),
        ("cut-off", "</ChargingProcess>", "", "The end of the file is missing."),
        ("meter-short", SERIAL, SERIAL[:-2], "A meter id of nine bytes."),
    ):
        yield _case(f"unreadable-{name}", plain.replace(old, new), UNREADABLE, words)
