"""Simulated meters whose sessions travel in a charge transparency record (CTR): GDFCrypt01 and EMHCrypt01.

Independent of the code it tests, down to the 320 bytes that such a meter signs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sample_meters.edl40_mennekes import FORGED, UNLAWFUL, UNREADABLE, VALID, edl40_bytes
from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.ocmf import OcmfMeter

INCOMPLETE: tuple[Verdict, SignatureResult] = ("indeterminate", "valid")
CONTEXTS = "https://open.charging.cloud/contexts/"
SESSION_ID = "4f1c2b7e-sample-0001"
EVSE_ID = "DE*SMP*E0000002*1"
REGISTER = "0100011100FF"
BEGIN = datetime(2025, 1, 20, 17, 2, 30)  # noqa: DTZ001 - the meter signs its local time, no zone
END = BEGIN + timedelta(minutes=95)
AUTHORISED = BEGIN - timedelta(seconds=5)

MethodName = Literal["GDFCrypt01", "EMHCrypt01"]


@dataclass(frozen=True)
class Value:
    """One value of the meter.

    Attributes:
        value: Register times ten to the minus scale.
        local: Local time.
        written: Members of the JSON object that differ from what was signed; ``None`` leaves one out.
    """

    value: int
    local: datetime
    page: int = 17
    seconds: int = 900_000
    status: int = 0x08
    log: int = 6
    written: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CtrMeter:
    """A meter of one of the two methods, with its session's user."""

    method: MethodName
    meter_id: str
    user: str
    key_label: str = "ctr"
    authorised: datetime = AUTHORISED
    obis: str = REGISTER
    unit: int = 30
    unit_text: str | None = "WATT_HOUR"
    scale: int = -1
    as_utc: bool = False
    signature_in_one: Literal["", "raw"] = ""

    @property
    def format(self) -> str:
        """Name of the format in the verifier's words."""
        return "GDF" if self.method == "GDFCrypt01" else "EMH_CTR"

    @property
    def curve(self) -> str:
        """Curve of the method."""
        return "secp256r1" if self.method == "GDFCrypt01" else "secp192r1"

    def public_key_text(self) -> str:
        """Return the public key as a CTR has it: the uncompressed point in hexadecimal."""
        return sample_key(self.curve, self.key_label).text("point-hex")

    def signed(self, value: Value) -> bytes:
        """Return the 320 bytes that the meter signs for a value."""
        virtual = self.method == "GDFCrypt01"
        meter = self.meter_id.encode()[:10] if virtual else bytes.fromhex(self.meter_id)
        user = bytes.fromhex(self.user) if virtual else self.user.encode()
        return edl40_bytes(
            serial=meter, local=value.local, status=0 if virtual else value.status,
            seconds=0 if virtual else value.seconds, page=0 if virtual else value.page,
            obis=bytes.fromhex(REGISTER), unit=self.unit, scaler=self.scale, value=value.value,
            log=bytes(2) if virtual else value.log.to_bytes(2, "big"), contract=user,
            contract_local=self.authorised,
        )  # fmt: skip

    def signature(self, value: Value) -> dict[str, str]:
        """Return the entry of ``signatures`` for a value."""
        width = 64 if self.curve == "secp256r1" else 48
        r, s = (
            f"{number:0{width}X}"
            for number in sample_key(self.curve, self.key_label).sign(self.signed(value))
        )
        return {"value": r + s} if self.signature_in_one else {"r": r, "s": s}

    def time(self, local: datetime) -> str:
        """Write a local time with the offset of Berlin, or as UTC."""
        aware = local.replace(tzinfo=ZoneInfo("Europe/Berlin"))
        return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if self.as_utc else aware.isoformat()

    def value(self, value: Value) -> dict[str, Any]:
        """Return the JSON object of a value."""
        members: dict[str, Any] = {
            "timestamp": self.time(value.local),
            "value": str(value.value),
            "infoStatus": f"{value.status:02X}",
            "secondsIndex": value.seconds,
            "paginationId": f"{value.page:08X}",
            "logBookIndex": f"{value.log:04X}",
            "signatures": [self.signature(value)],
        }
        members |= dict(value.written)
        return {name: member for name, member in members.items() if member is not None}

    def measurement(self, values: Sequence[Value]) -> dict[str, Any]:
        """Return the JSON object of a measurement."""
        members: dict[str, Any] = {
            "energyMeterId": self.meter_id,
            "@context": f"{CONTEXTS}EnergyMeterSignatureFormats/{self.method}+json",
            "name": "ENERGY_TOTAL",
            "obis": self.obis,
            "unit": self.unit_text,
            "unitEncoded": self.unit,
            "valueType": "Integer64",
            "scale": self.scale,
            "values": [self.value(value) for value in values],
        }
        return {name: member for name, member in members.items() if member is not None}

    def session(self, values: Sequence[Value], **members: Any) -> dict[str, Any]:
        """Return the JSON object of a session; ``members`` replaces some of it."""
        return {
            "@id": SESSION_ID,
            "@context": f"{CONTEXTS}SessionSignatureFormats/{self.method}+json",
            "begin": self.time(BEGIN),
            "end": self.time(END),
            "EVSEId": EVSE_ID,
            "authorizationStart": {
                "@id": self.user,
                "type": "RFID_TAG_ID",
                "timestamp": self.time(self.authorised),
            },
            "measurements": [self.measurement(values)],
            **members,
        }

    def ctr(self, *sessions: Mapping[str, Any], key: str | None = None, **members: Any) -> bytes:
        """Return a CTR with these sessions and the meter's key.

        Args:
            sessions: Charging sessions.
            key: The key in the file; the meter's own if ``None``, none at all if empty.
            members: Further or replacing members of the document.
        """
        keys = [{"algorithm": self.curve, "format": "DER", "value": key or self.public_key_text()}]
        meter = {"@id": self.meter_id, "vendor": "Sample Meters", "publicKeys": [] if key == "" else keys}
        station = {"@id": EVSE_ID[:-2], "EVSEs": [{"@id": EVSE_ID, "energyMeters": [meter]}]}
        document = {
            "@id": "sample",
            "@context": CONTEXTS + "CTR+json",
            "begin": self.time(BEGIN),
            "chargingStationOperators": [{"@id": "SMP", "chargingStations": [station]}],
            "chargingSessions": list(sessions),
            "verificationResult": {"status": "ValidSignature"},
            **members,
        }
        return json.dumps(document, indent=1, default=_number).encode()


def _number(value: object) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    raise TypeError(type(value).__name__)


EMH = CtrMeter("EMHCrypt01", "0A01534D500000054321", "SMP0815CARD01")
GDF = CtrMeter("GDFCrypt01", "SMPVIRT001", "04A1B2C3D4E580")
FIRST = Value(66260, BEGIN)
LAST = Value(166260, END, page=19, seconds=900_000 + 95 * 60)
BETWEEN = Value(100000, BEGIN + timedelta(minutes=30), page=18, seconds=901_800)


def _case(
    meter: CtrMeter, name: str, content: bytes, outcome: tuple[Verdict, SignatureResult], words: str,
    key: str | None = None,
) -> SampleCase:  # fmt: skip
    prefix = "gdf" if meter.format == "GDF" else "emh-ctr"
    return SampleCase(f"{prefix}-{name}", meter.format, content, key, *outcome, words, ".chargy")


def cases() -> Iterator[SampleCase]:
    """Yield all cases of both formats."""
    for meter in (EMH, GDF):
        yield from _good(meter)
        yield from _forged(meter)
        yield from _unlawful(meter)
        yield from _unreadable(meter)
    yield from _only_emh()
    yield from _only_gdf()
    yield from _with_originals()


def _good(meter: CtrMeter) -> Iterator[SampleCase]:
    plain = meter.session([FIRST, LAST])
    yield _case(meter, "session", meter.ctr(plain), VALID, "One session with begin and end.")
    text = meter.ctr(meter.session([FIRST, BETWEEN, LAST]))
    yield _case(meter, "intermediate", text, VALID, "A value between begin and end.")
    utc = replace(meter, as_utc=True, signature_in_one="raw")
    words = "Times as UTC, zone of Berlin; r and s in one text."
    yield _case(meter, "utc", utc.ctr(utc.session([FIRST, LAST])), VALID, words)
    text = meter.ctr(plain, key="")
    yield _case(meter, "key-outside", text, VALID, "Without key.", meter.public_key_text())
    bare = json.dumps(plain).encode()
    yield _case(meter, "bare", bare, VALID, "The session without its CTR.", meter.public_key_text())
    number = replace(FIRST, written={"value": FIRST.value})
    session = {name: member for name, member in meter.session([number, LAST]).items() if name != "@context"}
    text = meter.ctr(session).replace(b'"energyMeters"', b'"meters"')
    words = "Older list of meters, the method named by the measurement only, a value as number."
    yield _case(meter, "old-members", text, VALID, words)


def _forged(meter: CtrMeter) -> Iterator[SampleCase]:
    for name, first, last, words in (
        ("begin-value", replace(FIRST, written={"value": "60260"}), LAST, "The begin was lowered."),
        ("end-value", FIRST, replace(LAST, written={"value": "266260"}), "The end was raised."),
        (
            "time",
            FIRST,
            replace(LAST, written={"timestamp": meter.time(END - timedelta(hours=1))}),
            "The time.",
        ),
        (
            "signature",
            FIRST,
            replace(LAST, written={"signatures": [meter.signature(replace(LAST, value=3))]}),
            "The end has the signature of another value.",
        ),
    ):
        yield _case(meter, f"forged-{name}", meter.ctr(meter.session([first, last])), FORGED, words)
    plain = meter.session([FIRST, LAST])
    other = {"@id": meter.user[:-1] + "1", "timestamp": meter.time(AUTHORISED)}
    if other["@id"] == meter.user:
        other["@id"] = meter.user[:-1] + "2"
    text = meter.ctr(plain | {"authorizationStart": other})
    yield _case(meter, "forged-user", text, FORGED, "Another user was put in.")
    later = {"@id": meter.user, "timestamp": meter.time(AUTHORISED + timedelta(seconds=1))}
    text = meter.ctr(plain | {"authorizationStart": later})
    yield _case(meter, "forged-authorisation", text, FORGED, "Another time of authorisation.")
    for name, member, replaced, words in (
        ("scale", "scale", 0, "The power of ten was changed."),
        ("register", "obis", "0100010800FF", "Another register was put in."),
        ("meter", "energyMeterId", meter.meter_id[:-1] + "9", "Another meter was put in."),
    ):
        measurement = meter.measurement([FIRST, LAST]) | {member: replaced}
        text = meter.ctr(meter.session([], measurements=[measurement]))
        key = meter.public_key_text() if name == "meter" else None
        yield _case(meter, f"forged-{name}", text, FORGED, words, key)
    stranger = replace(meter, key_label="stranger").public_key_text()
    yield _case(
        meter, "key-swapped", meter.ctr(plain, key=stranger), FORGED, "Another meter's key in the file."
    )
    yield _case(meter, "key-given", meter.ctr(plain), FORGED, "Another meter's key given.", stranger)


def _unlawful(meter: CtrMeter) -> Iterator[SampleCase]:
    text = meter.ctr(meter.session([FIRST, replace(LAST, value=66259)]))
    yield _case(meter, "unlawful-value-decreases", text, UNLAWFUL, "The register ran backwards.")
    text = meter.ctr(meter.session([LAST, FIRST]))
    yield _case(meter, "unlawful-ends-exchanged", text, UNLAWFUL, "Begin and end exchanged.")
    longer = meter.session([FIRST, replace(LAST, value=266260, page=20)])
    text = meter.ctr(meter.session([FIRST, LAST]), longer | {"@id": "another"})
    outcome = UNLAWFUL if meter is EMH else INCOMPLETE
    yield _case(meter, "unlawful-begin-used-twice", text, outcome, "Two sessions that share their begin.")
    kilo = replace(meter, unit_text="KILO_WATT_HOURS")
    text = kilo.ctr(kilo.session([FIRST, LAST]))
    yield _case(meter, "unlawful-unit-shown", text, UNLAWFUL, "Shows kWh where Wh are signed.")


def _unreadable(meter: CtrMeter) -> Iterator[SampleCase]:
    text = meter.ctr(meter.session([FIRST]))
    yield _case(meter, "begin-only", text, INCOMPLETE, "A begin without an end.")
    watt = replace(meter, unit=27, unit_text="W")
    text = watt.ctr(watt.session([FIRST, LAST]))
    yield _case(meter, "power-instead", text, INCOMPLETE, "A register of power.")
    plain = meter.session([FIRST, LAST])
    for name, content, words in (
        (
            "value-fraction",
            meter.session([FIRST, replace(LAST, written={"value": "1.5"})]),
            "No whole number.",
        ),
        ("value-missing", meter.session([FIRST, replace(LAST, written={"value": None})]), "No value."),
        ("unsigned", meter.session([FIRST, replace(LAST, written={"signatures": []})]), "No signature."),
        ("two-registers", plain | {"measurements": 2 * plain["measurements"]}, "Two measurements."),
        ("no-values", meter.session([]), "No value at all."),
    ):
        yield _case(meter, f"unreadable-{name}", meter.ctr(content), UNREADABLE, words)


def _only_emh() -> Iterator[SampleCase]:
    dotted = replace(EMH, obis="1-0:1.17.0*255")
    text = dotted.ctr(dotted.session([FIRST, LAST]))
    yield _case(EMH, "dotted-register", text, VALID, "The register in dotted form.")
    for name, last, words in (
        ("status", replace(LAST, written={"infoStatus": "00"}), "The status was changed."),
        ("number", replace(LAST, written={"paginationId": "00000014"}), "The record number was changed."),
        ("seconds", replace(LAST, written={"secondsIndex": 905_701}), "The operating seconds were changed."),
        ("log", replace(LAST, written={"logBookIndex": "0007"}), "The log-book counter was changed."),
    ):
        yield _case(EMH, f"forged-{name}", EMH.ctr(EMH.session([FIRST, last])), FORGED, words)
    for name, last, words in (
        ("log-differs", replace(LAST, log=7), "An event was logged in between."),
        ("number-equal", replace(LAST, page=17), "Begin and end have the same number."),
        ("number-decreases", replace(LAST, page=16), "The end has the lower number."),
        ("status-error", replace(LAST, status=0x09), "The meter reports an error."),
    ):
        yield _case(EMH, f"unlawful-{name}", EMH.ctr(EMH.session([FIRST, last])), UNLAWFUL, words)


def _only_gdf() -> Iterator[SampleCase]:
    unsigned = replace(LAST, written={"paginationId": "99", "infoStatus": "01", "logBookIndex": "FFFF"})
    text = GDF.ctr(GDF.session([FIRST, unsigned]))
    yield _case(GDF, "unsigned-members", text, VALID, "Members that this method does not sign.")
    long = replace(GDF, meter_id="SMPVIRT00123")
    text = long.ctr(long.session([FIRST, LAST]))
    yield _case(GDF, "long-meter-id", text, VALID, "A meter id longer than what is signed of it.")
    dotted = replace(GDF, obis="1-0:1.17.0*255")
    text = dotted.ctr(dotted.session([FIRST, LAST]))
    yield _case(GDF, "unreadable-dotted-register", text, UNREADABLE, "A register that is not hexadecimal.")


def _with_originals() -> Iterator[SampleCase]:
    """Sessions that carry the signed text of another format."""
    meter = OcmfMeter("secp256r1")
    zone = ZoneInfo("Europe/Berlin")
    start, end = BEGIN.replace(tzinfo=zone), END.replace(tzinfo=zone)
    record = meter.session_record(Decimal("6.626"), Decimal("16.626"), start, end)

    def session(original: bytes, last: Decimal = Decimal(16626), **members: Any) -> dict[str, Any]:
        values = [{"value": "6626"}, {"value": str(last)}]
        measurement = {"energyMeterId": "SAMPLE0001", "unit": "WATT_HOUR", "scale": 0, "values": values}
        context = f"{CONTEXTS}SessionSignatureFormats/OCMFv1.0+json"
        return {
            "@id": SESSION_ID, "@context": context, "original": original.decode(), "measurements": [measurement]
        } | members  # fmt: skip

    carrier = replace(EMH, meter_id="SAMPLE0001")
    key = meter.public_key_text()

    def case(
        name: str, content: Mapping[str, Any], outcome: tuple[Verdict, SignatureResult], words: str
    ) -> SampleCase:
        text = carrier.ctr(content, key=key)
        return SampleCase(f"ctr-original-{name}", "OCMF", text, None, *outcome, words, ".chargy")

    yield case("text", session(record), VALID, "An OCMF record as it is.")
    yield case("base64", session(base64.b64encode(record)), VALID, "An OCMF record in Base64.")
    text = record.replace(b'"16.626"', b'"26.626"').replace(b":16.626", b":26.626")
    yield case("forged", session(text, Decimal(26626)), FORGED, "Its end was raised.")
    words = "The values shown beside the signed text give another energy."
    yield case("values-differ", session(record, Decimal(26626)), ("invalid", "valid"), words)
    words = "The signed text is not in the file."
    yield case("missing", session(b" "), UNREADABLE, words)
