"""User assignment of OCMF: IS, IL, IF, IT, ID (OCMF 1.4.1, chapter "Assignment of the user")."""

from __future__ import annotations

import re
from typing import Any

from eichrecht.evidence import Finding, Identification, Pagination, note, problem, warning
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats.codes import OcmfCode

LEVELS = frozenset(
    {
        "NONE",
        "HEARSAY",
        "TRUSTED",
        "VERIFIED",
        "CERTIFIED",
        "SECURE",
        "MISMATCH",
        "INVALID",
        "OUTDATED",
        "UNKNOWN",
    }
)
"""Table of IL; the last four say that the assignment failed (judged by the rules stage)."""

MAX_FLAGS = 4
"""IF is an array of 0 to 4, at most one from each group of the table."""

FLAGS = {
    **dict.fromkeys(("RFID_NONE", "RFID_PLAIN", "RFID_RELATED", "RFID_PSK"), "RFID"),
    **dict.fromkeys(
        (
            "OCPP_NONE",
            "OCPP_RS",
            "OCPP_AUTH",
            "OCPP_RS_TLS",
            "OCPP_AUTH_TLS",
            "OCPP_CACHE",
            "OCPP_WHITELIST",
            "OCPP_CERTIFIED",
        ),
        "OCPP",
    ),
    **dict.fromkeys(("ISO15118_NONE", "ISO15118_PNC"), "ISO15118"),
    **dict.fromkeys(("PLMN_NONE", "PLMN_RING", "PLMN_SMS"), "PLMN"),
}
"""Table of IF: each flag with its group."""

_ORDINARY_FLAGS: set[tuple[str, ...]] = set()
_HEX = "[0-9A-Fa-f]"
TYPES: dict[str, re.Pattern[str] | None] = {
    "NONE": None,
    "DENIED": None,
    "UNDEFINED": None,
    "ISO14443": re.compile(f"{_HEX}{{8}}|{_HEX}{{14}}"),
    "ISO15693": re.compile(f"{_HEX}{{16}}"),
    "EMAID": re.compile("[0-9A-Za-z*-]{14,15}"),
    # The table says "max 6 characters"; six bytes as hex are meant and seen (spec pull request 46).
    "EVCCID": re.compile(f".{{1,6}}|{_HEX}{{12}}"),
    "EVCOID": None,
    "ISO7812": re.compile("[0-9]{8,19}"),
    "CARD_TXN_NR": None,
    "CENTRAL": None,
    "CENTRAL_1": None,
    "CENTRAL_2": None,
    "LOCAL": None,
    "LOCAL_1": None,
    "LOCAL_2": None,
    "PHONE_NUMBER": re.compile(r"\+[0-9 ()/-]{3,30}"),
    "KEY_CODE": None,
}
"""Table of IT with the shape of ID where the table fixes one; other shapes are common and only noted."""

_new_identification = positional_constructor(Identification)


def read_identification(
    fields: dict[str, Any], old: bool, pagination: Pagination | None, findings: list[Finding]
) -> Identification:
    """Read the user assignment.

    Args:
        fields: The payload; IL, IT and ID are strings or absent.
        old: Whether the record follows the model before 0.5, in which IS may hold the level itself.
        pagination: Tells whether the record belongs to a transaction.
        findings: Receives what was noticed. Never holds ID, which is personal data.
    """
    get = fields.get
    assigned, level, kind, data = get("IS"), get("IL"), get("IT"), get("ID")
    if assigned.__class__ is not bool:
        assigned, level = _odd_assignment(assigned, level, old, pagination, findings)
    elif pagination is not None and pagination.context == "F":
        findings.append(note(OcmfCode.ASSIGNMENT_IN_FISCAL, "/IS"))
    if level is not None and level not in LEVELS:
        findings.append(warning(OcmfCode.LEVEL_UNKNOWN, "/IL", level=level[:20]))
    flags = get("IF")
    if flags is not None:
        flags = _read_flags(flags, findings)
    if kind is None:
        if assigned is not None:
            findings.append(note(OcmfCode.TYPE_MISSING))
    elif kind not in TYPES:
        findings.append(warning(OcmfCode.TYPE_UNKNOWN, "/IT", type=kind[:20]))
    elif not fits_type(kind, data):
        findings.append(note(OcmfCode.DATA_SHAPE, "/ID", type=kind, length=len(data or "")))
    return _new_identification(assigned, level, flags or (), kind, data)


def fits_type(kind: str, data: str | None) -> bool:
    """Whether IT is in the table, and ID (if there is one) has the shape that the table gives it."""
    if kind not in TYPES:
        return False
    shape = TYPES[kind]
    return not data or shape is None or shape.fullmatch(data) is not None


def _odd_assignment(
    written: Any, level: str | None, old: bool, pagination: Pagination | None, findings: list[Finding]
) -> tuple[bool | None, str | None]:
    """Read an IS that is no Boolean: absent, or the level itself (0.1 to 0.3, before IL was split off)."""
    if written is None:
        if pagination is not None and pagination.context == "T":
            findings.append(note(OcmfCode.ASSIGNMENT_MISSING))
        return None, level
    if old and written.__class__ is str:
        return None, written if level is None else level
    # A text or a number is a spelling (old gateways); an array or object says nothing that could be read.
    say = problem if written.__class__ in (list, dict) else warning
    findings.append(say(OcmfCode.ASSIGNMENT_NOT_BOOLEAN, "/IS"))
    return None, level


def flags_are_ordinary(flags: tuple[Any, ...]) -> bool:
    """Whether all are in the table, each of another group. No member of the table could equal a number.

    Raises:
        TypeError: A member cannot be hashed, and so is no text.
    """
    if flags in _ORDINARY_FLAGS:
        return True
    groups = [FLAGS.get(flag) for flag in flags]
    if None in groups or len(set(groups)) != len(groups):
        return False
    _ORDINARY_FLAGS.add(flags)  # at most four of a closed table: their combinations stay few
    return True


def _read_flags(written: Any, findings: list[Finding]) -> tuple[str, ...]:
    if written.__class__ is not list:
        findings.append(warning(OcmfCode.FLAGS_MALFORMED, "/IF"))
        return (written,) if written.__class__ is str else ()
    try:
        if flags_are_ordinary(ordered := tuple(written)):
            return ordered
    except TypeError:
        pass  # an unhashable item is no flag
    flags = tuple(item for item in written if item.__class__ is str)
    if len(flags) != len(written):
        findings.append(warning(OcmfCode.FLAGS_MALFORMED, "/IF"))
    unknown = [flag for flag in flags if flag not in FLAGS]
    if unknown:
        findings.append(note(OcmfCode.FLAG_UNKNOWN, "/IF", flag=unknown[0][:30]))
    known = [FLAGS[flag] for flag in flags if flag in FLAGS]
    if len(set(known)) != len(known):
        findings.append(note(OcmfCode.FLAGS_SAME_GROUP, "/IF"))
    if len(written) > MAX_FLAGS:
        findings.append(warning(OcmfCode.FLAGS_TOO_MANY, "/IF", limit=MAX_FLAGS))
    return flags
