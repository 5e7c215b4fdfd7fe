"""EMH_CHARGEIT cases: sessions of a simulated EMH eHZ in the old chargeIT container, good, forged and unlawful."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sample_meters._chargeit import (
    EVSE_ID,
    Json,
    changed,
    document,
    old_container,
    station_container,
)
from sample_meters.keys import SampleKey, sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.signatures import encode_signature

FIRST, LAST = 1_704_103_200, 1_704_106_800
_GOOD: tuple[Verdict, SignatureResult] = ("valid", "valid")
_FORGED: tuple[Verdict, SignatureResult] = ("invalid", "valid")
_BROKEN: tuple[Verdict, SignatureResult] = ("invalid", "invalid")
_OPEN: tuple[Verdict, SignatureResult] = ("indeterminate", "valid")
_UNREAD: tuple[Verdict, SignatureResult] = ("indeterminate", "unverified")


@dataclass(frozen=True)
class EmhMeter:
    """A meter: its server id in hexadecimal and its key."""

    serial: str = "0901454D480000F00D01"
    label: str = "emh"

    @property
    def key(self) -> SampleKey:
        """The meter's key."""
        return sample_key("secp192r1", self.label)

    def value(self, number: int, register: int, moment: int, **signed: Any) -> Json:
        """Return a signed value.

        Args:
            number: Record number.
            register: In 0.1 Wh.
            moment: Seconds since 1970 UTC.
            **signed: ``status``, ``unit``, ``scale``, ``log_book``, ``contract``, ``assigned``, ``timer``, ``obis``,
                ``offset``.
        """
        status, unit, scale = signed.get("status", 0x08), signed.get("unit", 30), signed.get("scale", -1)
        log_book, contract = signed.get("log_book", "0006"), signed.get("contract", "04A1B2C3")
        assigned, timer = signed.get("assigned", FIRST), signed.get("timer", moment - 1_700_000_000)
        obis, offset = signed.get("obis", "0100011100FF"), signed.get("offset", 60)
        message = bytearray(320)
        for place, octets in (
            (0, bytes.fromhex(self.serial)),
            (10, (moment + 60 * offset).to_bytes(4, "little")),
            (14, bytes([status])),
            (15, timer.to_bytes(4, "little")),
            (19, number.to_bytes(4, "little")),
            (23, bytes.fromhex(obis)),
            (29, bytes([unit])),
            (30, scale.to_bytes(1, "little", signed=True)),
            (31, register.to_bytes(8, "little", signed=True)),
            (39, bytes.fromhex(log_book)),
            (41, contract.encode()),
            (169, (assigned + 60 * offset).to_bytes(4, "little")),
        ):
            message[place : place + len(octets)] = octets
        r, s = self.key.sign(bytes(message))
        return {
            "timestamp": moment + 30,
            "meterInfo": {
                "firmwareVersion": "123",
                "publicKey": self.key.text("raw-xy-hex").upper(),
                "meterId": self.serial,
                "type": "eHZ",
                "manufacturer": "Musterwerk",
            },
            "transactionId": "1704103200000:1:1",
            "contract": {
                "type": "RFID_TAG_ID",
                "timestampLocal": _local(assigned, offset),
                "timestamp": assigned + 30,
                "id": contract,
            },
            "measurementId": f"{number:08X}",
            "measuredValue": {
                "timestampLocal": _local(moment, offset),
                "value": str(register),
                "unit": "WATT_HOUR" if unit == 30 else "WATT",
                "scale": scale,
                "valueType": "Integer64",
                "unitEncoded": unit,
            },
            "measurand": {"id": obis, "name": "ENERGY_TOTAL"},
            "additionalInfo": {"indexes": {"timer": timer, "logBook": log_book}, "status": f"{status:02X}"},
            "chargePoint": {"softwareVersion": "3.0"},
            "signature": encode_signature(r, s, 24, "raw").hex().upper(),
        }


def _local(moment: int, offset: int) -> Json:
    return {"timestamp": moment, "localOffset": offset, "seasonOffset": 0}


def begin(meter: EmhMeter = EmhMeter(), **signed: Any) -> Json:
    """Return the begin value."""
    return meter.value(
        signed.pop("number", 18), signed.pop("register", 66_260), signed.pop("moment", FIRST), **signed
    )


def end(meter: EmhMeter = EmhMeter(), **signed: Any) -> Json:
    """Return the end value, by default the one after :func:`begin`: 12.3456 kWh more."""
    return meter.value(
        signed.pop("number", 19), signed.pop("register", 189_716), signed.pop("moment", LAST), **signed
    )


def session(**signed: Any) -> Json:
    """Return a session; the same values are signed at both ends."""
    return old_container([begin(**signed), end(**signed)])


def _case(
    name: str,
    content: Json | bytes,
    outcome: tuple[Verdict, SignatureResult],
    words: str,
    key: str | None = None,
) -> SampleCase:
    text = content if isinstance(content, bytes) else document(content)
    return SampleCase(f"emh-chargeit-{name}", "EMH_CHARGEIT", text, key, *outcome, words, ".json")


def cases() -> Iterator[SampleCase]:
    """Yield all cases."""
    yield from _good()
    yield from _tampered()
    yield from _sessions()
    yield from _undecidable()


def _good() -> Iterator[SampleCase]:
    yield _case("session", session(), _GOOD, "A session in the old container.")
    yield _case("value-alone", begin(), _GOOD, "A value, bare.")
    yield _case("station", station_container([begin(), end()]), _GOOD, "The container with the description.")
    three = [begin(), end(number=19, register=100_000, moment=FIRST + 60), end(number=20)]
    yield _case("with-intermediate", old_container(three), _GOOD, "A value in between.")
    yield _case("zero", old_container([begin(), end(register=66_260)]), _GOOD, "No energy.")
    point = "04" + EmhMeter().key.text("raw-xy-hex")
    content = changed(session(), "signedMeterValues/0/meterInfo/publicKey", point)
    content = changed(content, "signedMeterValues/1/meterInfo/publicKey", point)
    yield _case("key-with-04", content, _GOOD, "The key as a point with its first byte 04.")
    yield _case("scaled", session(scale=1), _GOOD, "Another scale.")
    other = changed(session(), "signedMeterValues/1/contract/type", "UNKNOWN")
    yield _case(
        "contract-type", other, _GOOD, "The type of the contract is not signed, and stations change it."
    )
    summer = changed(session(), "signedMeterValues/1/measuredValue/timestampLocal",
                     {"timestamp": LAST - 3_600, "localOffset": 60, "seasonOffset": 60})  # fmt: skip
    yield _case("offset-split", summer, _GOOD, "Only the local time is signed, and only it is shown.")


def _tampered() -> Iterator[SampleCase]:
    for name, path, value, words in (
        ("value", "1/measuredValue/value", "289716", "The value."),
        ("time", "1/measuredValue/timestampLocal/timestamp", LAST + 60, "The time."),
        ("offset", "1/measuredValue/timestampLocal/localOffset", 120, "The offset."),
        ("meter", "0/meterInfo/meterId", "0901454D480000F00D02", "The meter."),
        ("contract", "1/contract/id", "04A1B2C4", "The card."),
        ("contract-time", "0/contract/timestampLocal/timestamp", FIRST - 60, "The time of the assignment."),
        ("status", "1/additionalInfo/status", "00", "The status."),
        ("timer", "1/additionalInfo/indexes/timer", 1, "The operating seconds."),
        ("log-book", "1/additionalInfo/indexes/logBook", "0007", "The log book."),
        ("number", "1/measurementId", "00000014", "The record number."),
        ("scale", "1/measuredValue/scale", 0, "The scale."),
        ("register", "0/measurand/id", "0100021100FF", "The register."),
    ):
        content = changed(session(), f"signedMeterValues/{path}", value)
        yield _case(f"broken-{name}", content, _BROKEN, words + " Changed.")
    swapped = changed(session(), "signedMeterValues/0/signature", end()["signature"])
    yield _case("broken-signature-swapped", swapped, _BROKEN, "The signature of the other value.")
    stranger = sample_key("secp192r1", "emh-stranger").text("raw-xy-hex")
    yield _case("broken-key", session(), _BROKEN, "Checked with another meter's key.", stranger)
    short = changed(session(), "signedMeterValues/0/signature", begin()["signature"][:-2])
    yield _case("broken-signature-short", short, _BROKEN, "A signature that is none.")
    unit = changed(session(), "signedMeterValues/1/measuredValue/unit", "KILOWATT_HOUR")
    yield _case("forged-unit", unit, _FORGED, "Another unit in words.")
    kind = changed(session(), "signedMeterValues/1/measuredValue/valueType", "UnsignedInteger32")
    yield _case("forged-type", kind, _FORGED, "Another type in words.")
    meter = station_container([begin(), end()], EVSE_ID, meterInfo={"meterId": "0901454D480000F00D02"})
    yield _case("forged-container-meter", meter, _FORGED, "Another meter in the container.")


def _sessions() -> Iterator[SampleCase]:
    def pair(name: str, last: Json, words: str) -> SampleCase:
        return _case(f"session-{name}", old_container([begin(), last]), _FORGED, words)

    yield pair("number-equal", end(number=18), "The same record number twice.")
    yield pair("number-falls", end(number=17), "The record numbers run backwards.")
    yield pair("value-falls", end(register=66_259), "The register runs backwards.")
    yield pair("log-book", end(log_book="0007"), "The log book has a new entry.")
    yield pair("contract", end(contract="04A1B2C4"), "Another card at the end.")
    yield pair("other-meter", end(EmhMeter("0901454D480000F00D02")), "Another meter at the end.")
    yield pair("other-key", end(EmhMeter(label="emh-stranger")), "The same meter with another key.")
    yield pair("status-error", end(status=0x09), "The status reports an error.")
    yield pair("status-magnet", end(status=0x48), "The status reports a magnetic field.")
    yield _case("session-swapped", old_container([end(), begin()]), _FORGED, "The end stands first.")


def _undecidable() -> Iterator[SampleCase]:
    yield _case("lone-value", old_container([begin()]), _OPEN, "A container with one value.")
    split = changed(session(), "signedMeterValues/1/transactionId", "another")
    yield _case("other-transaction", split, _FORGED, "Two transaction ids.")
    yield _case("unit-not-energy", session(unit=27), _OPEN, "The register is signed in watts.")
    yield _case("scale-impossible", session(scale=100), _OPEN, "No meter has such a scale.")
    far = changed(begin(), "measuredValue/timestampLocal",
                  {"timestamp": FIRST - 86_400, "localOffset": 1_500, "seasonOffset": 0})  # fmt: skip
    yield _case("offset-impossible", far, _OPEN, "No zone of the world: the date is moved for others.")
    for name, path in (
        ("register", "measurand/id"),
        ("status", "additionalInfo/status"),
        ("contract", "contract/id"),
        ("offset", "measuredValue/timestampLocal/seasonOffset"),
    ):
        yield _case(f"missing-{name}", changed(begin(), path, None), _UNREAD, f"Without {path}.")
    yield _case(
        "value-number", changed(begin(), "measuredValue/value", 66_260), _UNREAD, "A number, no text."
    )
    yield _case("signature-missing", changed(begin(), "signature", None), _UNREAD, "No signature.")
    yield _case("no-key", changed(begin(), "meterInfo/publicKey", None), _UNREAD, "No key.")
    doubled = document(begin()).replace(b'"value"', b'"value": "1", "value"', 1)
    yield _case("name-doubled", doubled, _OPEN, "A name twice, the right one last.")
