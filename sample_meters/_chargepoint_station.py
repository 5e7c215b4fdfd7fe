"""A simulated station that signs bills (CHARGEPOINT_SECRRCT), and the files and containers that they travel in."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecdsa import SigningKey, ellipticcurve
from ecdsa.curves import Curve, NIST256p, NIST384p, NIST521p
from ecdsa.util import sigencode_der

Json = dict[str, Any]

_P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFE56D
_N = 0x010000000000000000000000000001DCE8D2EC6184CAF0A971769FB1F7
_FIELD = ellipticcurve.CurveFp(_P, 0, 5, 1)
_BASE = ellipticcurve.PointJacobi(
    _FIELD,
    0xA1455B334DF099DF30FC28A169A467E9E47075A90F7E650EB6B7A45C,
    0x7E089FED7FBA344282CAFBD6F7E319F7C0B0BD59E2CA4BDB556D61A5,
    1,
    _N,
    generator=True,
)
SECP224K1 = Curve("SECP224k1", _FIELD, _BASE, (1, 3, 132, 0, 32), "secp224k1")
"""SEC 2 version 2.0 section 2.3.1; python-ecdsa has no such curve."""

CURVES: dict[str, tuple[Curve, Callable[..., Any]]] = {
    "secp224k1": (SECP224K1, hashlib.sha256),
    "secp256r1": (NIST256p, hashlib.sha256),
    "secp384r1": (NIST384p, hashlib.sha384),
    "secp521r1": (NIST521p, hashlib.sha512),
}
"""Curve and hash of each kind of key."""

BEGIN_S, END_S = 1_736_942_400, 1_736_946_000
"""2025-01-15 12:00 and 13:00 UTC."""


@cache
def _private(curve: str, label: str) -> SigningKey:
    parameters, hashed = CURVES[curve]
    seed = hashlib.sha512(f"chargepoint sample station, throw-away key|{curve}|{label}".encode()).digest()
    secret = int.from_bytes(2 * seed, "big") % (parameters.order - 1) + 1
    return SigningKey.from_secret_exponent(secret, parameters, hashed)


@dataclass(frozen=True)
class Station:
    """One outlet of a station with its key.

    Attributes:
        curve: Name of the key's curve; the hash goes with it.
        label: Tells several keys apart.
        mac: Hardware address as stations write it.
        outlet: Number of the outlet.
    """

    curve: str = "secp224k1"
    label: str = "station"
    mac: str = "00a1:5350:0001:0042"
    outlet: int = 1

    @property
    def key_name(self) -> str:
        """Name of the outlet's key files, without suffix."""
        return f"{self.mac.replace(':', '')}_{self.outlet}"

    def sign(self, payload: bytes) -> bytes:
        """Return the signature file of a payload: DER, binary."""
        digest = CURVES[self.curve][1](payload).digest()
        key = _private(self.curve, self.label)
        hashed = CURVES[self.curve][1]
        signature: bytes = key.sign_digest_deterministic(
            digest, hashfunc=hashed, sigencode=sigencode_der, allow_truncate=True
        )
        return signature

    def pem(self) -> bytes:
        """Return the public key as PEM."""
        text: bytes = _private(self.curve, self.label).get_verifying_key().to_pem()
        return text

    def point(self) -> str:
        """Return the public key as uncompressed point in hexadecimal."""
        octets: bytes = _private(self.curve, self.label).get_verifying_key().to_string("uncompressed")
        return octets.hex()

    def key_json(self) -> bytes:
        """Return the key file of the Open Charging Cloud."""
        members = {
            "@context": "https://open.charging.cloud/contexts/publicKey+json",
            "subject": self.key_name,
            "algorithm": self.curve,
            "encoding": "HEX",
            "format": "DER",
            "value": self.point(),
        }
        return json.dumps(members, indent=1).encode()


STATION = Station()
STRANGER = Station(label="stranger")
NEIGHBOUR = Station(mac="00a1:5350:0001:0077", label="neighbour")


def raw(number: str) -> str:
    """Mark digits that are to stand in the JSON as they are (stations write binary fractions)."""
    return f"\0{number}"


def text_of(bill: Mapping[str, Any]) -> bytes:
    """Write a bill as stations do: one blank per level, no line feed at the end."""
    return re.sub(r'"\\u0000([^"]*)"', r"\1", json.dumps(bill, indent=1)).encode()


def line(kind: str, price: str, units: str, cost: str, **members: Any) -> Json:
    """Return a price line of the whole session."""
    line: Json = {
        "duration": END_S - BEGIN_S,
        "end_time": END_S + 3_600,
        "end_time_utc": END_S,
        "line_item_cost": raw(cost),
        "seq_num": 1,
        "start_time": BEGIN_S + 3_600,
        "start_time_utc": BEGIN_S,
        "type": kind,
        "unit_price": price,
        "units": raw(units),
    }
    return line | ({"active_charging": 0} if kind == "ENERGY" else {"overstay": 0}) | members


def bill(station: Station = STATION, info: Mapping[str, Any] | None = None, **members: Any) -> Json:
    """Return a bill: 12.34 kWh at 0.49 and 1.00 to begin with, 19 % on top; ``None`` leaves a member out."""
    described: Json = {
        "outlet": station.outlet,
        "session_id": 4711,
        "station_mac": station.mac,
        "driver_info": "urn:sample:driver:000017",
        "meter_serial": "SMP00171",
        "currency_code": "EUR",
        "meter_startreading": 100_000,
        "meter_endreading": 112_340,
        "energy_units": "Wh",
        **(info or {}),
    }
    made: Json = {
        "company_name": "Sample&#32;Charge",
        "display_unit": 3600,
        "energy": [
            line("ENERGY", "0.49000", "12.34", "6.0499999999999998"),
            {"energy_subtotal": raw("6.0499999999999998"), "seq_num": "SUBTOTAL", "type": "ENERGY"},
        ],
        "flat": [{"flat_fee": 1, "flat_fee_subtotal": 1, "numSubSessions": 1, "type": "FLAT"}],
        "minMaxAdj": [],
        "subtotal_before_adjustment": raw("7.0499999999999998"),
        "subtotal": raw("7.0499999999999998"),
        "tax": [
            {"tax": raw("1.3400000000000001"), "taxPercent": "19.0000", "taxRuleName": "T", "type": "TAX"},
            {"seq_num": "SUBTOTAL", "total_tax": raw("1.3400000000000001"), "type": "TAX"},
        ],
        "totalAmount": raw("8.3900000000000006"),
        "additional_info": {name: member for name, member in described.items() if member is not None},
        **members,
    }
    return {name: member for name, member in made.items() if member is not None}


def compact(station: Station = STATION, **members: Any) -> Json:
    """Return a session in the shape without prices."""
    made: Json = {
        "outlet": station.outlet,
        "session_id": 4711,
        "station_mac": station.mac,
        "driver_info": "5f2b9c",
        "meter_serial": "SMP00171",
        "meter_startreading": raw("74.6"),
        "meter_endreading": raw("86.6"),
        "total_energy": raw("12.0"),
        "energy_units": "kWh",
        "start_time": BEGIN_S,
        "end_time": END_S,
        **members,
    }
    return {name: member for name, member in made.items() if member is not None}


def tar(files: Mapping[str, bytes]) -> bytes:
    """Return a TAR archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a ZIP archive, stored."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 15, 13, 0, 0)), content)
    return stream.getvalue()


def pair(payload: bytes, signature: bytes | None = None, station: Station = STATION) -> dict[str, bytes]:
    """Return the two files of a record, by default signed."""
    return {"secrrct": payload, "secrrct.sign": station.sign(payload) if signature is None else signature}


def merged(payload: bytes, station: Station = STATION, **members: Any) -> bytes:
    """Return payload, signed text and signature in one JSON; ``members`` replaces or adds some of it."""
    copy = json.loads(payload, parse_float=raw)
    copy |= {"original": base64.b64encode(payload).decode(), "signature": station.sign(payload).hex()}
    copy |= members
    return text_of({name: member for name, member in copy.items() if member is not None})


def ctr(payload: bytes, station: Station = STATION, **members: Any) -> bytes:
    """Return a charge transparency record with the session; ``members`` replaces some of the session."""
    context = "https://open.charging.cloud/contexts/"
    values = [{"timestamp": "2025-01-15T12:00:00Z", "value": 100_000}]
    values.append({"timestamp": "2025-01-15T13:00:00Z", "value": 112_340})
    session = {
        "@id": f"{station.mac}-{station.outlet}-4711",
        "@context": context + "SessionSignatureFormats/ChargePointCrypt01+json",
        "begin": "2025-01-15T12:00:00.000Z",
        "end": "2025-01-15T13:00:00.000Z",
        "EVSEId": f"{station.mac}-{station.outlet}",
        "measurements": [
            {"energyMeterId": "SMP00171", "unit": "WATT_HOURS", "scale": 0, "values": values},
        ],
        "original": base64.b64encode(payload).decode(),
        "signature": station.sign(payload).hex(),
        **members,
    }
    key = {"@id": station.key_name, "algorithm": station.curve, "encoding": "HEX", "value": station.point()}
    document = {"@context": context + "CTR+json", "chargingSessions": [session], "publicKeys": [key]}
    return json.dumps(document, indent=1).encode()


PAYLOAD = text_of(bill())
