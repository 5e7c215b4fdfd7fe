"""BSM_WS36A: signed snapshots of the BAUER BSM-WS36A meter, as JSON objects in the chargeIT containers.

Source: facts/meter/containers.md §2. Everything that is shown of a snapshot is read from the bytes that are signed
(:mod:`~eichrecht.formats._bsm_snapshot`); the rest of the object is compared with them
(:mod:`~eichrecht.formats._bsm_checks`). Layout and coverage for people: docs/formats/bsm_ws36a.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from eichrecht.evidence import (
    ClockStatus,
    Device,
    Finding,
    Identification,
    Pagination,
    PaginationRule,
    Reading,
    ReadingRole,
    RecordSpan,
    SignatureClaim,
    SignedRecord,
    Traits,
    problem,
    warning,
)
from eichrecht.formats import _bsm_checks as checks
from eichrecht.formats._bsm_codes import BsmCode, BsmErrorCode, event_flags
from eichrecht.formats._bsm_snapshot import MAX_SCALE, WATT_HOUR, Number, Snapshot, read_snapshot, tags_of
from eichrecht.formats._chargeit_json import find_lone, read_record, signature_bytes, text_at, written
from eichrecht.formats.base import Surroundings
from eichrecht.formats.errors import MalformedRecordError

FORMAT_NAME = "BSM_WS36A"

_MARKER = b"bsm-ws36a-json-"
_CONTEXTS = "/contexts/bsm-ws36a-json-"
_CONTEXT = re.compile(
    r"https://www\.(?:chargeit-mobility\.com|lichtblick\.de|eneco\.com)/contexts/bsm-ws36a-json-v([01])"
)
_KIND = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,31}):(.+)", re.DOTALL)

_TYPES = {
    0: ("CURRENT", ReadingRole.INTERMEDIATE),
    1: ("TURN_ON", ReadingRole.BEGIN),
    2: ("TURN_OFF", ReadingRole.END),
    3: ("START", ReadingRole.BEGIN),
    4: ("END", ReadingRole.END),
}
"""Snapshot types (§2.4): with the contactor switched (TURN ON, TURN OFF) or without (START, END)."""

_TRAITS = Traits(pagination=PaginationRule.INCREASING, official=None)
"""That no snapshot may be missing is a rule of the format's own: see :meth:`BsmWs36aFormat.compare`."""


class BsmWs36aFormat:
    """The format for the registry; see :class:`eichrecht.formats.base.SignedFormat`."""

    name = FORMAT_NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the snapshot that ``content`` consists of, known by its ``@context``."""
        return find_lone(content, FORMAT_NAME, "bsm_context", _MARKER, _is_snapshot)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode a snapshot by itself.

        Raises:
            NotThisFormatError: No such object.
            MalformedRecordError: No JSON, an unknown version, or values that cannot be signed.
            LimitExceededError: Too large.
        """
        return self.decode_in(content, Surroundings())

    def decode_in(self, content: bytes, surroundings: Surroundings) -> SignedRecord:
        """Decode a snapshot and compare it with what its container says (``evse_id``, ``meter_id``).

        Raises:
            FormatError: See :meth:`decode`.
        """
        record = read_record(content, _MARKER, _is_snapshot)
        version = _version(record.value)
        snapshot = read_snapshot(record.value)
        findings: list[Finding] = [*record.findings, *snapshot.findings]
        findings += _doubts(snapshot)
        findings += checks.doubts(snapshot, surroundings.claims)
        signature = signature_bytes(record.value, findings)
        return SignedRecord(
            format=FORMAT_NAME,
            version=version,
            raw=record.raw,
            signed_bytes=snapshot.signed_bytes,
            signature=SignatureClaim("ECDSA-secp256r1-SHA256", None, signature, "hex", native="der"),
            meter=Device(serial=snapshot.texts["MA1"] or None),
            gateway=Device(),
            charge_point=_charge_point(snapshot),
            identification=_identification(snapshot),
            pagination=Pagination("", snapshot.value("RCnt")),
            readings=(_session_register(snapshot), _total_register(snapshot)),
            embedded_key=text_at(record.value, "meterInfo", "publicKey"),
            findings=tuple(findings),
            unambiguous=record.unambiguous,
            contradictions=tuple(checks.contradictions(record.value, snapshot, surroundings.claims)),
            traits=_TRAITS,
        )

    def compare(self, records: Sequence[SignedRecord]) -> Sequence[Finding]:
        """Return what the snapshots of one session must have in common and do not (§2.5), begin first."""
        read = [read_record(record.raw, _MARKER, _is_snapshot).value for record in records]
        return tuple(checks.session_findings([(value, read_snapshot(value)) for value in read]))


def _is_snapshot(found: Mapping[str, Any]) -> bool:
    context = found.get("@context")
    return isinstance(context, str) and _CONTEXTS in context


def _version(value: dict[str, Any]) -> str:
    context = value.get("@context")
    match = _CONTEXT.fullmatch(context) if isinstance(context, str) else None
    if match is None:
        raise MalformedRecordError(BsmErrorCode.CONTEXT_UNKNOWN, "/@context", {"context": written(context)})
    return match[1]


def _doubts(snapshot: Snapshot) -> list[Finding]:
    findings = []
    if snapshot.value("Typ") not in _TYPES:
        type_code = str(snapshot.value("Typ"))
        findings.append(problem(BsmCode.TYPE_UNKNOWN, snapshot.where["Typ"], type=type_code))
    if snapshot.value("EpochSetCnt") == 0:
        findings.append(warning(BsmCode.CLOCK_NEVER_SET, snapshot.where["EpochSetCnt"]))
    if checks.snapshot_time(snapshot) is None:
        offset = str(snapshot.value("TZO"))
        findings.append(problem(BsmCode.ZONE_IMPLAUSIBLE, snapshot.where["TZO"], offset=offset))
    return findings


def _session_register(snapshot: Snapshot) -> Reading:
    """RCR counts from the last TURN ON and is what the meter's display shows: the register to bill by."""
    kind, role = _TYPES.get(snapshot.value("Typ"), (str(snapshot.value("Typ")), ReadingRole.UNKNOWN))
    return _reading(snapshot, 0, "RCR", "1-0:1.8.0*198", kind, role)


def _total_register(snapshot: Snapshot) -> Reading:
    """TotWhImp counts all energy ever; its hidden digits let its differences run ahead of RCR by one digit.

    So it is shown, but it is no begin or end: two registers of one energy would disagree.
    """
    return _reading(snapshot, 1, "TotWhImp", "1-0:1.8.0*255", None, ReadingRole.FISCAL)


def _reading(
    snapshot: Snapshot, index: int, name: str, obis: str, kind: str | None, role: ReadingRole
) -> Reading:
    value, unit, energy_kwh = _energy(snapshot.numbers[name])
    moment = checks.snapshot_time(snapshot)
    never_set = snapshot.value("EpochSetCnt") == 0
    events = snapshot.value("Evt")
    return Reading(
        index=index,
        where=snapshot.where[name],
        role=role,
        reason=kind,
        value=value,
        unit=unit,
        energy_kwh=energy_kwh,
        obis=obis,
        time=moment,
        time_text=None if moment is None else moment.isoformat(),
        # The controller sets the clock; nothing signed says how well (facts/law/rules.md §5).
        time_status=ClockStatus.UNKNOWN if never_set else ClockStatus.INFORMATIVE,
        status_word=f"{events:08X}",
        status_flags=event_flags(events),
        seconds_index=snapshot.value("OS"),
    )


def _energy(number: Number) -> tuple[str, str, Decimal | None]:
    """Return a register's digits in its unit, the unit, and the energy in kWh if it is one."""
    if abs(number.scale) > MAX_SCALE:
        return f"{number.value}E{number.scale}", _unit(number.unit), None
    amount = Decimal(number.value).scaleb(number.scale)
    energy_kwh = amount.scaleb(-3) if number.unit == WATT_HOUR else None
    return f"{amount:f}", _unit(number.unit), energy_kwh


def _unit(code: int) -> str:
    return "Wh" if code == WATT_HOUR else f"DLMS {code}"


def _charge_point(snapshot: Snapshot) -> tuple[str | None, str | None]:
    signed = tags_of(snapshot).get("evse-id", [])
    if len(signed) != 1 or signed[0] in (checks.UNKNOWN, ""):
        return None, None
    return signed[0], "EVSEID"


def _identification(snapshot: Snapshot) -> Identification:
    """Return the signed contract: ``contract-id: rfid:102bb22f`` is 102bb22f of kind rfid."""
    signed = tags_of(snapshot).get("contract-id", [])
    if len(signed) != 1 or not signed[0]:
        return Identification()
    match = _KIND.fullmatch(signed[0])
    if match is None:
        return Identification(assigned=True, data=signed[0])
    return Identification(assigned=True, type=match[1], data=match[2])


FORMATS = (BsmWs36aFormat(),)
"""What this module adds to the registry."""
