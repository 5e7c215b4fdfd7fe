"""Cross-checks of a BSM_WS36A snapshot: what stands around the signed values must not say anything else.

Source: facts/meter/containers.md §2.5. A signature that fits proves the 17 signed values and nothing of the JSON
around them, which readers look at first. Every statement there that can be compared is compared; one that differs
is a contradiction, and the record is invalid however good its signature is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

from eichrecht.evidence import Finding, problem, warning
from eichrecht.formats._bsm_codes import BsmCode
from eichrecht.formats._bsm_snapshot import UNIT_WORDS, Snapshot, tags_of
from eichrecht.formats._chargeit_json import at, key_changes, same_number, unsigned_changes, written

UNKNOWN = "unknown"
"""What the charge controller writes into a tag whose value it does not know."""

MAX_ZONE_MIN = 14 * 60
"""Widest time zone of the world, UTC+14."""

_Pairs = tuple[tuple[str, str], ...]


def snapshot_time(snapshot: Snapshot) -> datetime | None:
    """Return when the snapshot was taken; ``None`` if its zone is none (Epoch is UTC, TZO in minutes)."""
    offset_min = snapshot.value("TZO")
    if abs(offset_min) > MAX_ZONE_MIN:
        return None
    zone = timezone(timedelta(minutes=offset_min))
    return datetime.fromtimestamp(snapshot.value("Epoch"), zone)


def contradictions(value: Any, snapshot: Snapshot, claims: _Pairs) -> Iterator[Finding]:
    """Yield every unsigned statement in or around a snapshot that contradicts a signed one.

    Args:
        value: The record's JSON object.
        snapshot: What it signs.
        claims: What its container says: ``evse_id``, ``meter_id``.
    """
    yield from snapshot.contradictions
    yield from _value(value, snapshot)
    yield from _time(value, snapshot)
    yield from _meter(value, snapshot, claims)
    yield from _counters(value, snapshot)
    yield from _contract(value, snapshot)
    yield from _charge_point(snapshot, claims)


def _value(value: Any, snapshot: Snapshot) -> Iterator[Finding]:
    """``value`` repeats RCR; its scale and unit decide how people read it."""
    signed = snapshot.numbers["RCR"]
    stated = at(value, "value", "measuredValue", "value")
    if stated is not None and not same_number(stated, signed.value):
        yield problem(
            BsmCode.VALUE_CONTRADICTS,
            "/value/measuredValue/value",
            stated=written(stated),
            signed=str(signed.value),
        )
    labels: tuple[tuple[tuple[str, ...], int | frozenset[str]], ...] = (
        (("measuredValue", "scale"), signed.scale),
        (("measuredValue", "unitEncoded"), signed.unit),
        (("measuredValue", "unit"), UNIT_WORDS.get(signed.unit, frozenset())),
        (("measuredValue", "valueType"), frozenset({"UnsignedInteger32"})),
        (("measurand", "id"), frozenset({"1-0:1.8.0*198"})),
        (("measurand", "name"), frozenset({"RCR"})),
    )
    for path, expected in labels:
        label = at(value, "value", *path)
        if label is None:
            # An absent scale is 0, as in the signed values; other labels may be left out.
            if path[-1] == "scale" and stated is not None and signed.scale != 0:
                yield _label(path, "–", signed.scale)
        elif isinstance(expected, int):
            if not same_number(label, expected):
                yield _label(path, written(label), expected)
        elif not isinstance(label, str) or label not in expected:
            yield _label(path, written(label), " / ".join(sorted(expected)) or "–")


def _label(path: Sequence[str], stated: str, signed: object) -> Finding:
    return problem(
        BsmCode.LABEL_CONTRADICTS,
        "/value/" + "/".join(path),
        member="value." + ".".join(path),
        stated=stated,
        signed=signed,
    )


def _time(value: Any, snapshot: Snapshot) -> Iterator[Finding]:
    stated, moment = at(value, "time"), snapshot_time(snapshot)
    if stated is None or moment is None:
        return
    try:
        read = datetime.fromisoformat(stated) if isinstance(stated, str) else None
    except ValueError:
        read = None
    # The same instant in another zone shows another time of day, so the zone must be equal too.
    if read is None or read.tzinfo is None or read != moment or read.utcoffset() != moment.utcoffset():
        yield problem(BsmCode.TIME_CONTRADICTS, "/time", stated=written(stated), signed=moment.isoformat())


def _meter(value: Any, snapshot: Snapshot, claims: _Pairs) -> Iterator[Finding]:
    signed = snapshot.texts["MA1"]
    stated = [("/meterInfo/meterId", at(value, "meterInfo", "meterId"))]
    stated += [("/meterInfo/meterId", claim) for name, claim in claims if name == "meter_id"]
    for where, meter in stated:
        if meter is not None and (not isinstance(meter, str) or meter.strip() != signed.strip()):
            yield problem(BsmCode.METER_CONTRADICTS, where, stated=written(meter), signed=signed[:60])


def _counters(value: Any, snapshot: Snapshot) -> Iterator[Finding]:
    """``measurementId`` is RCnt, ``@id`` is MA1, a hyphen and RCnt."""
    number, meter = snapshot.value("RCnt"), snapshot.texts["MA1"]
    stated = at(value, "measurementId")
    if stated is not None and not same_number(stated, number):
        yield problem(
            BsmCode.NUMBER_CONTRADICTS, "/measurementId", stated=written(stated), signed=str(number)
        )
    stated = at(value, "@id")
    if stated is not None and stated != f"{meter}-{number}":
        yield problem(
            BsmCode.NUMBER_CONTRADICTS, "/@id", stated=written(stated), signed=f"{meter[:40]}-{number}"
        )


def _contract(value: Any, snapshot: Snapshot) -> Iterator[Finding]:
    stated = at(value, "contract")
    signed = tags_of(snapshot).get("contract-id", [])
    if stated is None:
        return
    if not signed:
        yield problem(BsmCode.CONTRACT_NOT_SIGNED, "/contract")
        return
    contract_id, kind = at(stated, "id"), at(stated, "type")
    # A colon in the type would let it swallow the beginning of the id: the signed text does not tell them apart.
    usable = isinstance(contract_id, str) and (kind is None or (isinstance(kind, str) and ":" not in kind))
    whole = contract_id if kind is None else f"{kind}:{contract_id}"
    if not usable or whole != signed[0]:
        yield problem(
            BsmCode.CONTRACT_CONTRADICTS, "/contract", stated=_masked(str(whole)), signed=_masked(signed[0])
        )


def _charge_point(snapshot: Snapshot, claims: _Pairs) -> Iterator[Finding]:
    signed = tags_of(snapshot).get("evse-id", [])
    if len(signed) != 1 or signed[0] in (UNKNOWN, ""):
        return
    for name, claim in claims:
        if name == "evse_id" and _plain_evse(claim) != _plain_evse(signed[0]):
            yield problem(BsmCode.EVSE_CONTRADICTS, "", stated=claim[:60], signed=signed[0][:60])


def _plain_evse(text: str) -> str:
    """EVSE ids are compared without separators and case, as their definition says (ISO 15118-2, annex H)."""
    return text.strip().replace("*", "").casefold()


def _masked(text: str) -> str:
    """Return enough of an identification to tell two apart; a finding travels further than the record may."""
    return "…" + text[-4:] if len(text) > 8 else "…"


def doubts(snapshot: Snapshot, claims: _Pairs) -> Iterator[Finding]:
    """Yield what a reader should know of the signed metadata without its being wrong."""
    tags = tags_of(snapshot)
    for name, texts in tags.items():
        if len(texts) > 1:
            yield problem(BsmCode.TAG_REPEATED, "/additionalValues", tag=name)
    versions = tags.get("csc-sw-version", [])
    for name, claim in claims:
        if name != "controller_version" or len(versions) != 1 or versions[0] in (UNKNOWN, ""):
            continue
        # The header may carry a build time behind the version: v1.2.34-20221013152542.
        if claim.strip() != versions[0] and not claim.strip().startswith(versions[0] + "-"):
            yield warning(BsmCode.CONTROLLER_DIFFERS, "", stated=claim.strip()[:60], signed=versions[0][:60])


_DESCRIPTIONS: tuple[tuple[str, ...], ...] = (
    ("@context",),
    ("meterInfo", "firmwareVersion"),
    ("meterInfo", "manufacturer"),
    ("meterInfo", "type"),
    ("chargePoint", "softwareVersion"),
)


def session_findings(snapshots: Sequence[tuple[Any, Snapshot]]) -> Iterator[Finding]:
    """Yield what the snapshots of one session, begin first, must have in common and do not.

    That values do not fall, that meter, contract and charge point stay the same and that there is one begin and one
    end is asked of every format's sessions elsewhere.
    """
    for (value, earlier), (later_value, later) in pairwise(snapshots):
        yield from _sequence(earlier, later)
        yield from _clock(earlier, later)
        one, other = (tags_of(snapshot).get("csc-sw-version", []) for snapshot in (earlier, later))
        if one != other:
            yield problem(
                BsmCode.CONTROLLER_CHANGES, "/additionalValues", first=_listed(one), other=_listed(other)
            )
        yield from key_changes(value, later_value)
        yield from unsigned_changes(value, later_value, _DESCRIPTIONS)


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts)[:60] or "–"


def _sequence(earlier: Snapshot, later: Snapshot) -> Iterator[Finding]:
    before, after = earlier.value("RCnt"), later.value("RCnt")
    if after != before + 1:
        where = later.where["RCnt"]
        yield problem(BsmCode.SNAPSHOT_MISSING, where, earlier=str(before), later=str(after))
    for name, code in (("OS", BsmCode.SECONDS_NOT_INCREASING), ("Epoch", BsmCode.TIME_NOT_INCREASING)):
        if later.value(name) <= earlier.value(name):
            yield problem(
                code, later.where[name], earlier=str(earlier.value(name)), later=str(later.value(name))
            )


def _clock(earlier: Snapshot, later: Snapshot) -> Iterator[Finding]:
    for name in ("EpochSetCnt", "EpochSetOS"):
        if earlier.value(name) != later.value(name):
            yield problem(
                BsmCode.CLOCK_WAS_SET,
                later.where[name],
                entry=name,
                earlier=str(earlier.value(name)),
                later=str(later.value(name)),
            )
            return
