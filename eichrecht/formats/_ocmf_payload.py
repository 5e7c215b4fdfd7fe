"""The payload section of OCMF apart from its readings (OCMF 1.4.1, chapter "Payload data"; 0.x as noted)."""

from __future__ import annotations

import re
from typing import Any

from eichrecht.evidence import (
    Device,
    Finding,
    Identification,
    LossCompensation,
    Pagination,
    note,
    problem,
    warning,
)
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats._json import Written
from eichrecht.formats._ocmf_identification import read_identification
from eichrecht.formats._ocmf_numbers import digits, read_number
from eichrecht.formats.codes import OcmfCode
from eichrecht.formats.tariff_text import TariffText, read_tariff_text

KNOWN_VERSIONS = {
    "0.1": (0, 1),
    "0.2": (0, 2),
    "0.3": (0, 3),
    "0.4": (0, 4),
    "0.5": (0, 5),
    "1.0": (1, 0),
    "1.1": (1, 1),
    "1.2": (1, 2),
    "1.3": (1, 3),
    "1.4": (1, 4),
}
"""FV is ``<major>.<minor>``; the revision (1.0.1, 1.4.1) is never transmitted."""

NEW_MODEL = (0, 5)
"""From 0.5 on VI and VV are free vendor keys; before, they mean vendor and version (history, 0.4 and 0.5)."""

CURRENT = (1, 4)
"""The model by which a record without a readable FV is read."""

MAX_TARIFF_TEXT_CHARS = 250
"""TT is String(0..250) (since 1.1)."""

MAX_CONTROLLER_FIRMWARE_CHARS = 25
"""CF is String(0..25) (since 1.3)."""

MAX_CABLE_NAME_CHARS = 20
"""LN is String(0..20) (since 1.2)."""

_TEXT_KEYS = ("FV", "GI", "GS", "GV", "PG", "MV", "MM", "MS", "MF", "IL", "IT", "ID", "CT", "CI", "TT", "CF")
_KEYS = frozenset({*_TEXT_KEYS, "IS", "IF", "RD", "LC"})
_OLD_KEYS = _KEYS | {"VI", "VV"}
_DECIDING = frozenset({"PG", "MS", "GS", "CT", "CI", "IL", "IT", "ID", "TT"})
"""Members by which a record is judged, compared or priced: one that holds no text is no missing one."""
_OTHER_THAN_TEXT = ("IS", "IF", "RD", "LC")
_SINCE = {"TT": (1, 1), "LC": (1, 2), "CF": (1, 3)}
POINT_TYPES = frozenset({"EVSEID", "CBIDC"})
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?", re.ASCII)
_VENDOR_INITIALS = frozenset("UVWXYZ")

MAX_PAGINATION_DIGITS = 19
"""No counter of a meter is wider than 64 bits."""

MAX_NAMES_SHOWN = 10
"""Unknown field names quoted in one finding; the record itself holds them all."""

_new_device = positional_constructor(Device)
_new_pagination = positional_constructor(Pagination)
_NO_DEVICE = Device()


Head = tuple[
    str | None,
    Device,
    Device,
    tuple[str | None, str | None],
    Identification,
    Pagination | None,
    LossCompensation | None,
    str | None,
]
"""Version, meter, gateway, charge point, identification, pagination, loss compensation, tariff text."""


def read_head(fields: dict[str, Any], text_members: int | None, findings: list[Finding]) -> Head:
    """Read everything but RD.

    Args:
        fields: The payload object.
        text_members: How many members are strings, if the reader counted them.
        findings: Receives what was noticed.
    """
    get = fields.get
    loss = get("LC")
    others = (
        (get("IS").__class__ is bool)
        + (get("IF").__class__ is list)
        + (get("RD").__class__ is list)
        + (loss.__class__ is dict)
    )
    if text_members is None or text_members + others != len(fields):
        fields = _with_texts(fields, findings)
        get = fields.get

    version = get("FV")
    number = KNOWN_VERSIONS.get(version) if version is not None else None
    if number is None:
        number = _judge_version(version, findings)
    old = number < NEW_MODEL
    if not (_OLD_KEYS if old else _KEYS).issuperset(fields):
        _judge_other_keys(fields, _OLD_KEYS if old else _KEYS, findings)

    serial, gateway_serial, point, point_type = get("MS"), get("GS"), get("CI"), get("CT")
    if not serial:
        findings.append(note(OcmfCode.METER_SERIAL_MISSING))
        if not gateway_serial and not (point and point_type):
            # "Conditionally mandatory" (GS, MS, CT, CI): without them no key can be bound to the record.
            findings.append(note(OcmfCode.SOURCE_UNIDENTIFIED))
    if point_type is not None and point_type not in POINT_TYPES:
        findings.append(note(OcmfCode.CHARGE_POINT_TYPE_UNKNOWN, "/CT", type=point_type[:20]))

    pagination = _read_pagination(get("PG"), findings)
    text, firmware = get("TT"), get("CF")
    if text is not None or firmware is not None or loss is not None:
        _judge_later_fields(fields, number, findings)
    return (
        version,
        _new_device(get("MV"), get("MM"), serial, get("MF")),
        _read_gateway(fields, gateway_serial, old),
        (point, point_type),
        read_identification(fields, old, pagination, findings),
        pagination,
        None if loss is None else _read_loss_compensation(loss, findings),
        text,
    )


def _judge_later_fields(fields: dict[str, Any], version: tuple[int, int], findings: list[Finding]) -> None:
    """Judge the fields that came after 1.0: their version and their length."""
    for key, since in _SINCE.items():
        if key in fields and version < since:
            findings.append(
                note(OcmfCode.FIELD_NEWER_THAN_VERSION, f"/{key}", field=key, since=f"{since[0]}.{since[1]}")
            )
    tariff = fields.get("TT", "")
    structured = read_tariff_text(tariff) if tariff else None
    if structured is not None:
        findings.append(_stated(structured))
    if len(tariff) > MAX_TARIFF_TEXT_CHARS:
        findings.append(warning(OcmfCode.TEXT_TOO_LONG, "/TT", field="TT", limit=MAX_TARIFF_TEXT_CHARS))
    if len(fields.get("CF", "")) > MAX_CONTROLLER_FIRMWARE_CHARS:
        findings.append(note(OcmfCode.TEXT_TOO_LONG, "/CF", field="CF", limit=MAX_CONTROLLER_FIRMWARE_CHARS))


def _stated(tariff: TariffText) -> Finding:
    """State the signed tariff: driver and operator must be able to see it wherever the record is shown."""
    start = {"start": f"{tariff.start_fee_ct:f}"}
    if tariff.time_ct_per_min is not None:
        return note(OcmfCode.TARIFF_TEXT_003, "/TT", **start, time=f"{tariff.time_ct_per_min:f}")
    prices = start | {
        "energy": f"{tariff.energy_ct_per_kwh:f}",
        "blocking": f"{tariff.blocking_ct_per_min:f}",
    }
    if tariff.blocking_from_min is None:
        return note(OcmfCode.TARIFF_TEXT_002, "/TT", **prices)
    return note(OcmfCode.TARIFF_TEXT_001, "/TT", **prices, minute=f"{tariff.blocking_from_min:f}")


def _with_texts(fields: dict[str, Any], findings: list[Finding]) -> dict[str, Any]:
    """Return a copy in which every text field is a ``str`` or absent; numbers keep their written digits."""
    texts = {name: value for name, value in fields.items() if value is not None}
    for name, value in fields.items():
        if name not in _KEYS:
            continue
        if value is None:
            findings.append(note(OcmfCode.NULL_FIELD, f"/{name}", field=name))
            continue
        if name in _OTHER_THAN_TEXT or value.__class__ is str:
            continue
        if not isinstance(value, int | Written):
            del texts[name]
            say = problem if name in _DECIDING else warning
            findings.append(say(OcmfCode.FIELD_MALFORMED, f"/{name}", field=name))
        else:
            texts[name] = str(value).lower() if isinstance(value, bool) else digits(value)
            findings.append(note(OcmfCode.NOT_TEXT, f"/{name}", field=name))
    return texts


def _judge_version(version: str | None, findings: list[Finding]) -> tuple[int, int]:
    """Say what is unusual about FV and choose the model to read by; an odd FV is never a reason to refuse."""
    if version is None:
        findings.append(note(OcmfCode.VERSION_MISSING))
        return CURRENT
    findings.append(warning(OcmfCode.VERSION_UNKNOWN, "/FV", version=version[:20]))
    numbers = _VERSION.fullmatch(version)
    return (int(numbers[1]), int(numbers[2])) if numbers else CURRENT


def _judge_other_keys(fields: dict[str, Any], known: frozenset[str], findings: list[Finding]) -> None:
    """Report members outside the specification; names beginning with U to Z are free for vendors."""
    names = [name for name in fields if name not in known]
    vendor = [name for name in names if name[:1] in _VENDOR_INITIALS]
    unknown = [name for name in names if name[:1] not in _VENDOR_INITIALS]
    if vendor:
        findings.append(note(OcmfCode.VENDOR_FIELDS, "", names=shown(vendor)))
    if unknown:
        findings.append(warning(OcmfCode.UNKNOWN_FIELDS, "", names=shown(unknown)))


def shown(names: list[str]) -> str:
    """Return some names for a finding, each cut to a readable length."""
    cut = [name[:20] for name in names[:MAX_NAMES_SHOWN]]
    return ", ".join(cut) + (", …" if len(names) > MAX_NAMES_SHOWN else "")


def _read_pagination(written: str | None, findings: list[Finding]) -> Pagination | None:
    """Read PG: context letter and a decimal number without leading zeros (PG, 1..1)."""
    if written is None:
        findings.append(note(OcmfCode.PAGINATION_MISSING))
        return None
    context, digits = written[:1], written[1:]
    if (
        context in ("T", "F")
        and digits.isdecimal()
        and digits.isascii()
        and len(digits) <= MAX_PAGINATION_DIGITS
        and (digits[0] != "0" or digits == "0")
    ):
        return _new_pagination(context, int(digits))
    findings.append(warning(OcmfCode.PAGINATION_MALFORMED, "/PG", pagination=written[:20]))
    return None


def _read_gateway(fields: dict[str, Any], serial: str | None, old: bool) -> Device:
    """Return the gateway: GI, GS, GV; before 0.4 vendor VI and version VV in their place."""
    get = fields.get
    name, firmware = get("GI"), get("GV")
    vendor = None
    if old:
        vendor, version = get("VI"), get("VV")
        vendor = vendor if vendor.__class__ is str else None
        firmware = version if firmware is None and version.__class__ is str else firmware
    if name is None and serial is None and firmware is None and vendor is None:
        return _NO_DEVICE
    return _new_device(vendor, name, serial, firmware)


def _read_loss_compensation(written: Any, findings: list[Finding]) -> LossCompensation | None:
    """Read LC (since 1.2): LN name, LI identifier, LR resistance (1..1), LU unit mOhm or uOhm (1..1)."""
    if written.__class__ is not dict:
        findings.append(warning(OcmfCode.LOSS_MALFORMED, "/LC"))
        return None
    name, identifier, raw, unit = (written.get(key) for key in ("LN", "LI", "LR", "LU"))
    for key, value in (("LN", name), ("LU", unit)):
        if value is not None and value.__class__ is not str:
            findings.append(warning(OcmfCode.FIELD_MALFORMED, f"/LC/{key}", field=key))
    name = name if name.__class__ is str else None
    unit = unit if unit.__class__ is str else None
    if name is not None and len(name) > MAX_CABLE_NAME_CHARS:
        findings.append(note(OcmfCode.TEXT_TOO_LONG, "/LC/LN", field="LN", limit=MAX_CABLE_NAME_CHARS))
    if identifier.__class__ in (int, Written):
        identifier = digits(identifier)  # LI is a Number
    elif identifier is not None and identifier.__class__ is not str:
        findings.append(warning(OcmfCode.FIELD_MALFORMED, "/LC/LI", field="LI"))
        identifier = None
    resistance = None
    if raw is None:
        findings.append(note(OcmfCode.LOSS_RESISTANCE_MISSING, "/LC"))
    elif raw.__class__ in (int, Written):
        # Descriptive only: the readings are compensated already, so an odd resistance voids nothing.
        noticed: list[Finding] = []
        resistance = read_number(raw, "/LC/LR", noticed)[1]
        if noticed:
            findings.append(warning(OcmfCode.FIELD_MALFORMED, "/LC/LR", field="LR"))
    else:
        findings.append(warning(OcmfCode.FIELD_MALFORMED, "/LC/LR", field="LR"))
    if unit not in ("mOhm", "uOhm"):
        findings.append(note(OcmfCode.LOSS_UNIT_UNKNOWN, "/LC", unit=(unit or "")[:20]))
    return LossCompensation(name, identifier, resistance, unit)


def readings_of(fields: dict[str, Any], findings: list[Finding]) -> list[Any]:
    """Return RD, an array of one to n objects; a record without readings proves nothing."""
    items = fields.get("RD")
    if items.__class__ is list and items:
        return list(items) if items.__class__ is not list else items
    if items is None or items == []:
        findings.append(problem(OcmfCode.READINGS_MISSING))
    else:
        findings.append(problem(OcmfCode.READINGS_MALFORMED, "/RD"))
    return []
