"""A simulated BSM-WS36A: snapshots signed over its 17 values, laid out here independently of any reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from sample_meters._chargeit import Json
from sample_meters.keys import SampleKey, sample_key
from sample_meters.signatures import encode_signature

CURRENT, TURN_ON, TURN_OFF, START, END = range(5)
"""Snapshot types."""

_CONTEXT = "https://www.chargeit-mobility.com/contexts/bsm-ws36a-json-v"
_WORDS = {30: "WATT_HOUR", 27: "WATT", 7: "SECOND", 6: "MIN", 255: "UNITLESS"}

# Name, OBIS code, DLMS unit code (None: a text), whether negative values are allowed.
_VALUES: tuple[tuple[str, str | None, int | None, bool], ...] = (
    ("Typ", None, 255, False),
    ("RCR", "1-0:1.8.0*198", 30, False),
    ("TotWhImp", "1-0:1.8.0*255", 30, False),
    ("W", "1-0:1.7.0*255", 27, True),
    ("MA1", "1-0:0.0.0*255", None, False),
    ("RCnt", None, 255, False),
    ("OS", None, 7, False),
    ("Epoch", None, 7, False),
    ("TZO", None, 6, True),
    ("EpochSetCnt", None, 255, False),
    ("EpochSetOS", None, 7, False),
    ("DI", None, 255, False),
    ("DO", None, 255, False),
    ("Meta1", None, None, False),
    ("Meta2", None, None, False),
    ("Meta3", None, None, False),
    ("Evt", None, 255, False),
)


@dataclass
class BsmMeter:
    """A meter with its settings; what it signs next can be set for each snapshot.

    Attributes:
        serial: MA1.
        label: Of its key.
        version: Of the record's ``@context``.
        signed: Values that are signed instead of the ordinary ones, by name; units as ``RCR.unit``.
    """

    serial: str = "001BZR0000000001"
    label: str = "bsm"
    version: int = 1
    signed: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> SampleKey:
        """The meter's key."""
        return sample_key("secp256r1", self.label)

    def snapshot(self, kind: int, count: int, rcr: int, epoch: int, **signed: Any) -> Json:
        """Return a snapshot with everything around it as it should be.

        Args:
            kind: Snapshot type.
            count: RCnt.
            rcr: RCR in units of 10 Wh.
            epoch: Seconds since 1970 UTC.
            **signed: Values to sign instead of the ordinary ones; ``RCR_unit`` and ``RCR_scale`` for its unit and
                scale.
        """
        values: dict[str, Any] = {
            "Typ": kind,
            "RCR": rcr,
            "TotWhImp": 9_000 + rcr,
            "W": 0,
            "MA1": self.serial,
            "RCnt": count,
            "OS": epoch - 1_700_000_000,
            "Epoch": epoch,
            "TZO": 60,
            "EpochSetCnt": 12,
            "EpochSetOS": 4_000,
            "DI": 1,
            "DO": 0,
            "Meta1": "contract-id: rfid:1a2b3c4d",
            "Meta2": "evse-id: DE*SMP*E0000001*1",
            "Meta3": "csc-sw-version: v1.2.34",
            "Evt": 0,
            "RCR_scale": 1,
            "TotWhImp_scale": 1,
            "W_scale": 1,
        }
        values |= self.signed | signed
        entries, message = [], b""
        for name, obis, unit, negative in _VALUES:
            entry, octets = _entry(values, name, obis, unit, negative=negative)
            entries.append(entry)
            message += octets
        r, s = self.key.sign(message)
        return {**self._around(values, entries), "signature": encode_signature(r, s, 32, "der").hex()}

    def _around(self, values: dict[str, Any], entries: list[Json]) -> Json:
        zone = timezone(timedelta(minutes=max(-1439, min(values["TZO"], 1439))))
        made: Json = {
            "@context": f"{_CONTEXT}{self.version}",
            "@id": f"{values['MA1']}-{values['RCnt']}",
            "time": datetime.fromtimestamp(values["Epoch"], zone).isoformat(),
            "meterInfo": {
                "firmwareVersion": "1.9:0000:0000, 0000000",
                "publicKey": self.key.text("spki-hex"),
                "meterId": values["MA1"],
                "manufacturer": "Musterwerk",
                "type": "BSM-WS36A-H01-0000-0000",
            },
            "measurementId": values["RCnt"],
            "value": {
                "measurand": dict(entries[1]["measurand"]),
                "measuredValue": dict(entries[1]["measuredValue"]),
                "displayedFormat": {"prefix": "kilo", "precision": 2},
            },
            "additionalValues": entries,
        }
        for text in (values["Meta1"], values["Meta2"], values["Meta3"]):
            if text.startswith("contract-id: "):
                kind, _, contract = text.removeprefix("contract-id: ").rpartition(":")
                made["contract"] = {"id": contract, "type": kind} if kind else {"id": contract}
        return made


def _entry(
    values: dict[str, Any], name: str, obis: str | None, unit: int | None, *, negative: bool
) -> tuple[Json, bytes]:
    """Return an entry of ``additionalValues`` and the octets that are signed for it."""
    measurand = {"name": name} if obis is None else {"name": name, "id": obis}
    value = values[name]
    if unit is None:
        octets = value.encode("latin-1")
        measured: Json = {"valueType": "String", "value": value, "valueEncoding": "ISO-8859-1"}
        return {"measurand": measurand, "measuredValue": measured}, len(octets).to_bytes(4, "big") + octets
    unit, scale = values.get(f"{name}_unit", unit), values.get(f"{name}_scale", 0)
    measured = {
        "unit": _WORDS.get(unit, f"UNIT_{unit}"),
        "unitEncoded": unit,
        "valueType": "Integer32" if negative else "UnsignedInteger32",
        "scale": scale,
        "value": value,
    }
    octets = value.to_bytes(4, "big", signed=negative) + scale.to_bytes(1, "big", signed=True)
    return {"measurand": measurand, "measuredValue": measured}, octets + unit.to_bytes(1, "big")
