"""CHARGEPOINT_SECRRCT cases: bills of a simulated station with detached signatures, in archives and converted files."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from dataclasses import replace

from sample_meters._chargepoint_station import (
    BEGIN_S,
    END_S,
    NEIGHBOUR,
    PAYLOAD,
    STATION,
    STRANGER,
    Json,
    Station,
    bill,
    compact,
    ctr,
    line,
    merged,
    pair,
    raw,
    tar,
    text_of,
    zipped,
)
from sample_meters.meter import SampleCase, SignatureResult, Verdict

_GOOD: tuple[Verdict, SignatureResult] = ("valid", "valid")
_FORGED: tuple[Verdict, SignatureResult] = ("invalid", "valid")
_BROKEN: tuple[Verdict, SignatureResult] = ("invalid", "invalid")
_OPEN: tuple[Verdict, SignatureResult] = ("indeterminate", "valid")
_UNREAD: tuple[Verdict, SignatureResult] = ("indeterminate", "unverified")


def _case(
    name: str,
    content: bytes,
    outcome: tuple[Verdict, SignatureResult],
    words: str,
    key: bytes | None = None,
) -> SampleCase:
    suffix = ".zip" if content.startswith(b"PK") else ".bz2" if content.startswith(b"BZh") else ".tar"
    suffix = ".json" if content.startswith(b"{") else suffix
    text = None if key is None else key.decode()
    return SampleCase(f"chargepoint-{name}", "CHARGEPOINT_SECRRCT", content, text, *outcome, words, suffix)


def _signed(
    name: str,
    payload: Json | bytes,
    outcome: tuple[Verdict, SignatureResult],
    words: str,
    station: Station = STATION,
) -> SampleCase:
    """Return a case with a genuine signature, in an archive with the outlet's key."""
    text = payload if isinstance(payload, bytes) else text_of(payload)
    files = {f"{station.key_name}.pem": station.pem(), **pair(text, station=station)}
    return _case(name, tar(files), outcome, words)


def cases() -> Iterator[SampleCase]:
    """Yield all cases."""
    yield from _good()
    yield from _good_contents()
    yield from _broken()
    yield from _forged()
    yield from _unlawful()
    yield from _undecidable()


def _good() -> Iterator[SampleCase]:
    yield _signed("session", bill(), _GOOD, "Payload, signature and key in one archive.")
    yield _case("key-given", tar(pair(PAYLOAD)), _GOOD, "The key is given for the check.", STATION.pem())
    name = f"{STATION.key_name}_4711_payload"
    nested = zipped(
        {f"{STATION.key_name}.pem": STATION.pem(), f"{name}.tar.bz2": bz2.compress(tar(pair(PAYLOAD)))}
    )
    yield _case("nested", nested, _GOOD, "A compressed archive and the key in a ZIP archive.")
    other = text_of(bill(NEIGHBOUR, {"session_id": 4712}))
    files = {f"1/{name}": content for name, content in pair(PAYLOAD).items()}
    files |= {f"2/{name}": content for name, content in pair(other, station=NEIGHBOUR).items()}
    files |= {f"{one.key_name}-publicKey.pem": one.pem() for one in (NEIGHBOUR, STATION)}
    yield _case("two-stations", zipped(files), _GOOD, "Two stations' sessions, each with its key.")
    files = {f"{STATION.key_name}-publicKey.chargy": STATION.key_json(), **pair(PAYLOAD)}
    yield _case("key-as-json", tar(files), _GOOD, "The key as JSON with the point in hexadecimal.")
    files = {"somebody.pem": STRANGER.pem(), "like_it_but.pem": STATION.pem(), **pair(PAYLOAD)}
    yield _case("key-named-otherwise", tar(files), _GOOD, "The right key under a wrong name.")
    for curve in ("secp256r1", "secp384r1", "secp521r1"):
        station = replace(STATION, curve=curve)
        yield _signed(curve, bill(), _GOOD, f"A key on {curve}, with its hash.", station)
    yield _case("merged", merged(PAYLOAD), _GOOD, "Payload and signature in one JSON.", STATION.pem())
    rounded = merged(PAYLOAD, totalAmount=raw("8.39"))
    yield _case("merged-rounded", rounded, _GOOD, "The same number written shorter.", STATION.pem())
    more = merged(PAYLOAD, comment="paid", label="x")
    yield _case("merged-more", more, _GOOD, "Unsigned members without meaning: a warning.", STATION.pem())
    yield _case("ctr", ctr(PAYLOAD), _GOOD, "In a charge transparency record.")
    named = ctr(PAYLOAD, EVSEId="DE*SMP*E0000002*1", begin="12 o'clock")
    yield _case("ctr-evse", named, _GOOD, "An EVSE id beside a station that signs none; a time that is none.")


def _good_contents() -> Iterator[SampleCase]:
    yield _signed("compact", compact(), _GOOD, "The shape without prices.")
    yield _signed("compact-wh", compact(energy_units="Wh", total_energy=12), _GOOD, "In watt-hours.")
    evse = bill(EVSEId="DE*SMP*E0000002*1")
    yield _signed("evse", evse, _GOOD, "With an EVSE id; the key is named after the outlet.")
    yield _signed("line-feed", PAYLOAD + b"\n", _GOOD, "A line feed at the end is signed like all the rest.")
    parking = [line("PARKING", "10.00", "3600", "10"), {"seq_num": "SUBTOTAL", "parking_subtotal": 10}]
    sums: Json = {"subtotal_before_adjustment": 11, "subtotal": 11, "tax": [], "totalAmount": 11}
    text = bill(energy=None, parking=parking, **sums)
    yield _signed("parking", text, _GOOD, "Parking is billed, the meter moved nevertheless.")
    timed = [line("ENERGY", "39.60", "74", "0.81", active_charging=1)]
    timed += [{"seq_num": "SUBTOTAL", "energy_subtotal": raw("0.81")}]
    sums = {"subtotal_before_adjustment": raw("1.81"), "subtotal": 2, "tax": [], "totalAmount": 2}
    adjusted = [{"session_min_adjustment": raw("0.19"), "type": "SESS_MIN_ADJ"}]
    text = bill(energy=timed, minMaxAdj=adjusted, **sums)
    yield _signed("timed", text, _GOOD, "Seconds of charging are billed, raised to a minimum.")
    yield _signed("zero", bill(info={"meter_endreading": 100_000}, energy=[timed[0]]), _GOOD, "No energy.")
    wrong = bill(totalAmount=raw("9.39"))
    yield _signed("sum-wrong", wrong, _GOOD, "A signed total that is not the sum: a warning, no forgery.")


def _broken() -> Iterator[SampleCase]:
    """Changes of what is signed."""
    key = {f"{STATION.key_name}.pem": STATION.pem()}
    signature = STATION.sign(PAYLOAD)
    for name, old, new, words in (
        ("value", b"112340", b"122340", "The end was raised."),
        ("time", b'"end_time_utc": 1736946000', b'"end_time_utc": 1736949600', "The end was moved."),
        ("meter", b"SMP00171", b"SMP00172", "Another meter."),
        ("driver", b"driver:000017", b"driver:000018", "Another driver."),
        ("amount", b"8.3900000000000006", b"18.390000000000001", "Another total."),
        ("blanks", b"\n ", b"\n  ", "Only blanks were changed."),
    ):
        files = {**key, **pair(PAYLOAD.replace(old, new), signature)}
        yield _case(f"broken-{name}", tar(files), _BROKEN, words)
    other = STATION.sign(text_of(bill(info={"session_id": 4712})))
    words = "The signature of another session."
    yield _case("broken-signature", tar({**key, **pair(PAYLOAD, other)}), _BROKEN, words)
    files = {f"{STATION.key_name}.pem": STRANGER.pem(), **pair(PAYLOAD)}
    yield _case("broken-key", tar(files), _BROKEN, "Another key under the outlet's name.")
    yield _case("broken-key-given", tar(pair(PAYLOAD)), _BROKEN, "Another key is given.", STRANGER.pem())
    changed = PAYLOAD.replace(b"112340", b"122340")
    text = merged(changed, signature=signature.hex())
    yield _case("broken-merged", text, _BROKEN, "The signed text in one JSON was changed.", STATION.pem())
    text = ctr(changed, signature=signature.hex())
    yield _case("broken-ctr", text, _BROKEN, "The signed text in a CTR was changed.")


def _forged() -> Iterator[SampleCase]:
    """Unsigned statements around a genuine record."""
    info = {**bill()["additional_info"], "meter_endreading": 122_340}
    members: Json
    for name, members, words in (
        ("value", {"additional_info": info}, "The copy of the end was raised."),
        ("amount", {"totalAmount": raw("18.39")}, "The copy of the total was raised."),
        ("cent", {"totalAmount": raw("8.40")}, "The copy of the total was raised by a cent."),
        ("line", {"energy": []}, "A line was taken out of the copy."),
        ("evse", {"EVSEId": "DE*SMP*E0000002*1"}, "An EVSE id was added to the copy."),
        ("type", {"display_unit": "3600"}, "A text instead of a number."),
    ):
        text = merged(PAYLOAD, **members)
        yield _case(f"forged-merged-{name}", text, _FORGED, words, STATION.pem())
    measurement = {"energyMeterId": "SMP00172"}
    raised = {"energyMeterId": "SMP00171", "unit": "WATT_HOURS", "scale": 0}
    raised_values = [{"value": 100_000}, {"value": 122_340}]
    for name, members, words in (
        ("evse", {"EVSEId": "00a1:5350:0001:0077-1"}, "Another outlet."),
        ("begin", {"begin": "2025-01-15T11:00:00Z"}, "Another begin."),
        ("end", {"end": "2025-01-15T13:00:01+00:00"}, "Another end."),
        ("meter", {"measurements": [measurement]}, "Another meter."),
        ("energy", {"measurements": [{**raised, "values": raised_values}]}, "Another energy."),
    ):
        yield _case(f"forged-ctr-{name}", ctr(PAYLOAD, **members), _FORGED, words)
    payload = text_of(bill(EVSEId="DE*SMP*E0000002*1"))
    yield _case("forged-ctr-other-evse", ctr(payload, EVSEId="DE*SMP*E0000009*1"), _FORGED, "Another EVSE.")


def _unlawful() -> Iterator[SampleCase]:
    falls = bill(info={"meter_endreading": 99_000}, energy=[], totalAmount=1)
    yield _signed("unlawful-falls", falls, _FORGED, "The register ran backwards.")
    late = compact(start_time=END_S, end_time=BEGIN_S)
    yield _signed("unlawful-time", late, _FORGED, "The end is before the begin.")
    info = {"meter_startreading": -100_000, "meter_endreading": -87_660}
    yield _signed("negative", bill(info=info), _GOOD, "Registers below zero: a warning.")


def _undecidable() -> Iterator[SampleCase]:
    more = [line("ENERGY", "0.49000", "22.34", "10.95")]
    yield _signed("energy-billed-more", bill(energy=more), _OPEN, "More energy billed than measured.")
    yield _signed("energy-total-other", compact(total_energy=13), _OPEN, "A total that is no difference.")
    yield _signed("energy-total-text", compact(total_energy="much"), _OPEN, "A total that is no number.")
    mixed = bill() | compact(meter_endreading=raw("99.9"), total_energy=raw("25.3"))
    yield _signed("both-shapes", mixed, _OPEN, "Two readings, one per shape.")
    for name, info, words in (
        ("no-end", {"meter_endreading": None}, "A begin without an end."),
        ("no-begin", {"meter_startreading": None}, "An end without a begin."),
        ("no-unit", {"energy_units": None}, "No unit."),
        ("power", {"energy_units": "W"}, "A unit of power."),
        ("no-driver", {"driver_info": None}, "Nobody to be charged."),
        ("no-meter", {"meter_serial": ""}, "No meter."),
        ("value-a-list", {"meter_endreading": []}, "A list for a register."),
        ("value-huge", {"meter_endreading": raw("1e999")}, "A number of no size."),
    ):
        payload = text_of(bill(info=info))
        if b"meter_startreading" in payload:
            yield _signed(f"incomplete-{name}", payload, _OPEN, words)
    yield _signed("incomplete-no-times", bill(energy=[]), _OPEN, "Nothing says when.")
    doubled = PAYLOAD.replace(b'"meter_serial"', b'"meter_serial": "SMP00172",\n  "meter_serial"')
    yield _signed("name-doubled", doubled, _OPEN, "A name twice.")
    yield _case("no-signature", PAYLOAD, _UNREAD, "The payload alone.", STATION.pem())
    yield _case("no-key", tar(pair(PAYLOAD)), _UNREAD, "No key.")
    files = {f"{NEIGHBOUR.key_name}.pem": NEIGHBOUR.pem(), **pair(PAYLOAD)}
    yield _case("neighbour-key", tar(files), _UNREAD, "Only another station's key: nobody is accused.")
    empty = {f"{STATION.key_name}.pem": STATION.pem(), **pair(PAYLOAD, b"\x30\x00")}
    yield _case("broken-signature-empty", tar(empty), _BROKEN, "A signature without numbers.")
    text = merged(PAYLOAD, signature="no hex")
    yield _case("merged-signature", text, _UNREAD, "A signature that is not hexadecimal.", STATION.pem())
    text = merged(PAYLOAD, original="%%%")
    yield _case("merged-original", text, _UNREAD, "A signed text that is no Base64.", STATION.pem())
