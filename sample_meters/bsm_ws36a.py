"""BSM_WS36A cases: sessions of a simulated BSM-WS36A in the chargeIT containers, good, forged and unlawful."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sample_meters._bsm_meter import CURRENT, END, START, TURN_OFF, TURN_ON, BsmMeter
from sample_meters._chargeit import (
    OTHER_EVSE_ID,
    Json,
    changed,
    document,
    ocpi_container,
    old_container,
    station_container,
)
from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase, SignatureResult, Verdict
from sample_meters.safe_xml import SafeValue, safe_xml

FIRST, LAST = 1_704_103_200, 1_704_106_800
"""2024-01-01 11:00 and 12:00, UTC+1."""

COUNT = 305
_GOOD: tuple[Verdict, SignatureResult] = ("valid", "valid")
_FORGED: tuple[Verdict, SignatureResult] = ("invalid", "valid")
_BROKEN: tuple[Verdict, SignatureResult] = ("invalid", "invalid")
_OPEN: tuple[Verdict, SignatureResult] = ("indeterminate", "valid")
_UNREAD: tuple[Verdict, SignatureResult] = ("indeterminate", "unverified")


def _case(
    name: str,
    content: Json | bytes,
    outcome: tuple[Verdict, SignatureResult],
    words: str,
    key: str | None = None,
) -> SampleCase:
    text = content if isinstance(content, bytes) else document(content)
    suffix = ".xml" if text.startswith(b"<?xml") else ".json"
    return SampleCase(f"bsm-{name}", "BSM_WS36A", text, key, outcome[0], outcome[1], words, suffix)


def begin(meter: BsmMeter | None = None, kind: int = TURN_ON, **signed: Any) -> Json:
    """Return a begin snapshot: nothing counted yet."""
    return (meter or BsmMeter()).snapshot(
        kind, signed.pop("count", COUNT), signed.pop("rcr", 0), signed.pop("epoch", FIRST), **signed
    )


def end(meter: BsmMeter | None = None, kind: int = TURN_OFF, **signed: Any) -> Json:
    """Return the end snapshot, by default the one after :func:`begin`: 12.34 kWh."""
    return (meter or BsmMeter()).snapshot(
        kind, signed.pop("count", COUNT + 1), signed.pop("rcr", 1_234), signed.pop("epoch", LAST), **signed
    )


def session(**signed: Any) -> Json:
    """Return a session in the old container; the same values are signed at both ends."""
    return old_container([begin(**signed), end(**signed)])


def cases() -> Iterator[SampleCase]:
    """Yield all cases."""
    yield from _good()
    yield from _forged_values()
    yield from _forged_labels()
    yield from _forged_elsewhere()
    yield from _broken()
    yield from _sessions()
    yield from _incomplete()
    yield from _undecidable()


def _good() -> Iterator[SampleCase]:
    yield _case("session", session(), _GOOD, "A session in the old container.")
    yield _case("begin-alone", begin(), _GOOD, "A begin snapshot, bare.")
    yield _case("end-alone", end(), _GOOD, "An end snapshot, bare.")
    station = station_container([begin(), end()])
    yield _case("station", station, _GOOD, "The container with the station's description.")
    yield _case("ocpi", ocpi_container([begin(), end()]), _GOOD, "The OCPI-shaped container.")
    built = station_container([begin(), end()], controller="v1.2.34-20240101120000")
    yield _case("controller-build-time", built, _GOOD, "The header's version carries a build time.")
    other = station_container([begin(), end()], controller="v2.0.0")
    yield _case(
        "controller-differs", other, _GOOD, "Another controller version in the header: a warning only."
    )
    middle = BsmMeter().snapshot(CURRENT, COUNT + 1, 600, FIRST + 1_800)
    three = old_container([begin(kind=START), middle, end(kind=END, count=COUNT + 2)])
    yield _case("start-current-end", three, _GOOD, "Without a contactor, with a value in between.")
    unknown = session(Meta2="", Meta3="csc-sw-version: unknown")
    yield _case("evse-not-signed", unknown, _GOOD, "No charge point signed: nothing to compare.")
    unknown = old_container(session(Meta2="evse-id: unknown")["signedMeterValues"], OTHER_EVSE_ID)
    yield _case("evse-unknown", unknown, _GOOD, "The controller did not know its charge point.")
    untyped = session(Meta1="contract-id: 1a2b3c4d")
    yield _case("contract-without-type", untyped, _GOOD, "A contract without a type.")
    elsewhere = session(Meta1="", Meta3="contract-id: rfid:1a2b3c4d")
    yield _case("contract-in-third-text", elsewhere, _GOOD, "The contract stands in the third text.")
    unscaled = session(RCR_scale=0, TotWhImp_scale=0)
    yield _case("unscaled", unscaled, _GOOD, "Registers in watt-hours.")
    west = session(TZO=-210)
    yield _case("zone-west", west, _GOOD, "Three and a half hours west.")
    zero = old_container([begin(), end(rcr=0)])
    yield _case("zero", zero, _GOOD, "A session without energy.")
    named = session(Meta1="contract-id: rfid:Müller")
    yield _case("umlaut", named, _GOOD, "A contract that is no ASCII, in ISO 8859-1.")
    bare = changed(changed(session(), "signedMeterValues/0/contract", None), "signedMeterValues/1/time", None)
    yield _case("little-around", bare, _GOOD, "Unsigned members left out contradict nothing.")
    warned = old_container([begin(), end(Evt=1 << 2)])
    yield _case("event-power-failure", warned, _GOOD, "A power failure is a warning.")
    versions = [SafeValue(document(begin()), None, "1", "Transaction.Begin", format="BSM_WS36A")]
    versions.append(SafeValue(document(end()), None, "1", "Transaction.End", format="BSM_WS36A"))
    yield _case("safe-xml", safe_xml(versions), _GOOD, "Both snapshots in S.A.F.E. XML.")
    escaped = document(session()).replace(b'"MA1"', b'"\\u004dA1"').replace(b'"time"', b'"ti\\u006de"')
    yield _case("escaped-names", escaped, _GOOD, "Names written with escapes are the same names.")


def _forged(name: str, path: str, value: Any, words: str, make: Callable[[], Json] = session) -> SampleCase:
    return _case(f"forged-{name}", changed(make(), f"signedMeterValues/{path}", value), _FORGED, words)


def _forged_values() -> Iterator[SampleCase]:
    """What the field's forged files change, with signatures that stay good (containers facts §2.7)."""
    yield _forged("value", "1/value/measuredValue/value", 2_234, "The end value was raised.")
    yield _forged("measured-value", "0/value/measuredValue/value", 5, "The begin value was changed.")
    yield _forged("measurement-id", "0/measurementId", 4_711, "Another number of the measurement.")
    yield _forged("meter-id", "0/meterInfo/meterId", "001BZR0000000002", "Another meter.")
    yield _forged("time-start", "0/time", "2024-01-01T10:00:00+01:00", "The begin was moved.")
    yield _forged("time-end", "1/time", "2024-01-01T13:00:00+01:00", "The end was moved.")
    yield _forged("time-zone", "1/time", "2024-01-01T13:00:00+02:00", "The same instant in another zone.")
    yield _forged("time-text", "1/time", "noon", "No time at all.")
    yield _forged("user-id", "1/contract/id", "1a2b3c4e", "Another card.")
    yield _forged("user-type", "0/contract/type", "emaid", "Another kind of contract.")
    yield _forged("value-scale", "1/value/measuredValue/scale", 2, "Ten times as much by the scale.")
    yield _forged("value-unit", "1/value/measuredValue/unit", "WATT", "Another unit in words.")
    yield _forged("record-id", "0/@id", "001BZR0000000001-7", "Another id.")


def _forged_labels() -> Iterator[SampleCase]:
    """Labels among the signed values that are not signed."""
    yield _forged("value-unit-code", "1/value/measuredValue/unitEncoded", 31, "Another unit code.")
    yield _forged("value-type", "0/value/measuredValue/valueType", "Integer32", "Another type.")
    yield _forged("value-name", "0/value/measurand/name", "TotWhImp", "Another register's name.")
    yield _forged("value-obis", "0/value/measurand/id", "1-0:2.8.0*198", "Another register's code.")
    yield _forged("value-scale-missing", "1/value/measuredValue/scale", None, "The scale was left out.")
    entry = "1/additionalValues/1"
    yield _forged("entry-unit", f"{entry}/measuredValue/unit", "WATT", "Another unit at the signed value.")
    yield _forged("entry-type", f"{entry}/measuredValue/valueType", "Integer32", "Another type there.")
    yield _forged("entry-obis", f"{entry}/measurand/id", "1-0:2.8.0*198", "Another code there.")
    yield _forged("text-unit", "1/additionalValues/4/measuredValue/unit", "SECOND", "A text with a unit.")
    swapped = changed(session(), "signedMeterValues/1/additionalValues/1/measurand/name", "TotWhImp")
    swapped = changed(swapped, "signedMeterValues/1/additionalValues/2/measurand/name", "RCR")
    yield _case("forged-names-swapped", swapped, _BROKEN, "RCR and TotWhImp have changed places.")


def _forged_elsewhere() -> Iterator[SampleCase]:
    yield _forged("type-swallows-id", "1/contract", {"type": "rfid:1a2b", "id": "3c4d"}, "A part of the id.",
                  lambda: session(Meta1="contract-id: rfid:1a2b:3c4d"))  # fmt: skip
    yield _forged("contract-not-signed", "0/contract", {"id": "1a2b3c4d"}, "A contract that nobody signed.",
                  lambda: session(Meta1=""))  # fmt: skip
    content = old_container([begin(), end()], OTHER_EVSE_ID)
    yield _case("forged-evse", content, _FORGED, "Another charge point in the old container.")
    content = station_container([begin(), end()], OTHER_EVSE_ID)
    yield _case("forged-evse-station", content, _FORGED, "Another charge point in the new container.")
    content = station_container([begin(), end()], meterInfo={"meterId": "001BZR0000000002"})
    yield _case("forged-container-meter", content, _FORGED, "Another meter in the container.")
    costs = {"energy": {"amount": 22.34, "unit": "kWh", "cost": 9.9}, "total": 9.9, "currency": "EUR"}
    content = station_container([begin(), end()], totalCosts=costs)
    yield _case("forged-costs", content, _FORGED, "Costs of more energy than is signed.")
    costs = {"energy": {"amount": 12_340, "unit": "Wh", "cost": 4.9}, "total": 4.9, "currency": "EUR"}
    content = station_container([begin(), end()], totalCosts=costs)
    yield _case("costs", content, _GOOD, "Costs of the energy that is signed.")


def _broken() -> Iterator[SampleCase]:
    """Changes of what is signed."""
    values = "signedMeterValues/{}/additionalValues/{}/measuredValue/value"
    for name, where, value, words in (
        ("rcr", values.format(0, 1), 1_234, "The signed begin value."),
        ("epoch", values.format(1, 7), LAST + 60, "The signed time."),
        ("meter", values.format(1, 4), "001BZR0000000002", "The signed meter."),
        ("contract", values.format(1, 13), "contract-id: rfid:1a2b3c4e", "The signed contract."),
        ("controller", values.format(0, 15), "csc-sw-version: v9", "The signed controller version."),
        ("type", values.format(0, 0), START, "The signed type."),
        ("event", values.format(1, 16), 1 << 20, "The event word."),
    ):
        yield _case(f"broken-{name}", changed(session(), where, value), _BROKEN, words + " Changed.")
    content = session()
    signatures = [value["signature"] for value in content["signedMeterValues"]]
    swapped = changed(content, "signedMeterValues/0/signature", signatures[1])
    yield _case("broken-signature-swapped", swapped, _BROKEN, "The signature of the other snapshot.")
    stranger = sample_key("secp256r1", "bsm-stranger").text()
    yield _case("broken-key", session(), _BROKEN, "Checked with another meter's key.", stranger)
    content = changed(session(), "signedMeterValues/0/meterInfo/publicKey", stranger)
    yield _case("broken-key-in-record", content, _BROKEN, "Another key in the record.")


def _sessions() -> Iterator[SampleCase]:
    """Genuine snapshots that are no session (containers facts §2.5)."""

    def pair(name: str, last: Json, words: str, first: Json | None = None) -> SampleCase:
        return _case(f"session-{name}", old_container([first or begin(), last]), _FORGED, words)

    yield pair("gap", end(count=COUNT + 2), "A snapshot between them is missing.")
    yield pair("backwards", end(count=COUNT - 1), "The end was made before the begin.")
    yield pair("clock-set", end(EpochSetCnt=13), "The clock was set in between.")
    yield pair("clock-set-at", end(EpochSetOS=4_001), "The clock was set in between, by its seconds.")
    yield pair("seconds-equal", end(OS=FIRST - 1_700_000_000), "The operating seconds stand still.")
    yield pair("time-equal", end(epoch=FIRST, OS=LAST - 1_700_000_000), "The clock stands still.")
    yield pair("controller", end(Meta3="csc-sw-version: v1.2.35"), "Another controller version.")
    yield pair("contract", end(Meta1="contract-id: rfid:1a2b3c4e"), "Another card at the end.")
    yield pair("evse", end(Meta2="evse-id: DE*SMP*E0000002*1"), "Another charge point at the end.")
    yield pair("value-falls", end(rcr=1), "The register runs backwards.", begin(rcr=2))
    yield pair("other-meter", end(BsmMeter("001BZR0000000002")), "Another meter at the end.")
    yield pair("other-key", end(BsmMeter(label="bsm-stranger")), "The same meter with another key.")
    yield pair("other-version", end(BsmMeter(version=0)), "Another version at the end.")
    firmware = changed(end(), "meterInfo/firmwareVersion", "2.0")
    yield pair("firmware", firmware, "Another firmware at the end, unsigned.")
    for bit, name in (
        (7, "missing-sensor"),
        (16, "fatal"),
        (17, "module"),
        (18, "firmware"),
        (19, "development"),
    ):
        yield pair(f"event-{name}", end(Evt=1 << bit), f"Bit {bit} of the event word.")


def _incomplete() -> Iterator[SampleCase]:
    yield _case("lone-begin", old_container([begin()]), _OPEN, "A container with a begin only.")
    middle = BsmMeter().snapshot(CURRENT, COUNT + 1, 600, FIRST + 1_800)
    yield _case("no-end", old_container([begin(), middle]), _OPEN, "A value in between instead of an end.")
    yield _case("no-begin", old_container([middle, end(count=COUNT + 2)]), _OPEN, "No begin.")
    twice = [begin(), begin(count=COUNT + 1, epoch=FIRST + 60), end(count=COUNT + 2)]
    yield _case("two-begins", old_container(twice), _OPEN, "Two begins.")
    yield _case("empty", old_container([]), _UNREAD, "No values.")


def _undecidable() -> Iterator[SampleCase]:
    yield _case("unit-not-energy", session(RCR_unit=27), _OPEN, "The register is signed in watts.")
    yield _case("scale-impossible", session(RCR_scale=40), _OPEN, "No meter has such a scale.")
    yield _case("scaled-time", session(Epoch_scale=1), _OPEN, "A scaled time.")
    yield _case("zone-impossible", session(TZO=1_000), _OPEN, "No zone of the world.")
    yield _case("type-unknown", begin(kind=9), _OPEN, "An unknown type.")
    tagged = begin(Meta2="contract-id: rfid:ffffffff")
    yield _case("two-contracts", changed(tagged, "contract", None), _OPEN, "Two contracts signed.")
    extra = begin()
    extra["additionalValues"].append({"measurand": {"name": "Paid"}, "measuredValue": {"value": 0}})
    yield _case("entry-added", extra, _OPEN, "A value among the signed ones that is not signed.")
    repeated = begin()
    repeated["additionalValues"].append(repeated["additionalValues"][1])
    yield _case("entry-repeated", repeated, _UNREAD, "RCR twice.")
    yield _case("entry-missing", changed(begin(), "additionalValues/16", None), _UNREAD, "No event word.")
    yield _case(
        "value-a-text", changed(begin(), "additionalValues/1/measuredValue/value", "0"), _UNREAD, "A text."
    )
    huge = changed(begin(), "additionalValues/1/measuredValue/value", 2**32)
    yield _case("value-too-large", huge, _UNREAD, "No 32-bit number.")
    yield _case("signature-missing", changed(begin(), "signature", None), _UNREAD, "No signature.")
    yield _case("signature-not-hex", changed(begin(), "signature", "no hex"), _UNREAD, "Not hexadecimal.")
    yield _case("no-key", changed(begin(), "meterInfo/publicKey", None), _UNREAD, "No key.")
    future = changed(begin(), "@context", begin()["@context"] + "7")
    yield _case("version-unknown", future, _UNREAD, "A version that nobody knows.")
    doubled = document(begin()).replace(b'"time"', b'"time": "2000-01-01T00:00:00Z", "time"')
    yield _case("name-doubled", doubled, _OPEN, "A name twice, the right one last.")
