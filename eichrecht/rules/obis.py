"""OBIS codes: which register a reading belongs to, and what a register may be used for.

Source: OCMF 1.4.1 §"OBIS" (hexadecimal form, reserved registers B0-BF, C0-C7), facts/meter/ocmf.md §7, and the
relevance test of the S.A.F.E. program 1.4.1, facts/meter/safe_formats.md §1.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

MAX_OBIS_LENGTH = 40
"""Longest text tried: the longest real spelling has 18 characters; keeps the cache small on hostile input."""

_WRITTEN = re.compile(
    r"([0-9A-Fa-f]{1,2})-([0-9A-Fa-f]{1,2}):([0-9A-Fa-f]{1,2})\.([0-9A-Fa-f]{1,2})\.([0-9A-Fa-f]{1,2})"
    r"(?:[.*]([0-9A-Fa-f]{1,3}))?",
    re.ASCII,
)
_PACKED = re.compile(r"[0-9A-Fa-f]{12}", re.ASCII)

_NO_F = 0xFF
"""Group F when it is not written: the current value."""

# Group F: 0 and 255 current value, 200 as seen in the field (safe_formats.md §1.5), 198 the Bauer BSM's
# session register (vector safe-probe-obis-198; the official program refuses it, weakness 10).
_F_RELEVANT = frozenset({0, 198, 200, 255})

_SESSION_START, _F_START = 0x80, 0xFF
"""ISA-EDL-40P holds the begin in 1.8.0*128 and the end in 1.8.0*255 of one record: one register (safe_formats §4)."""

_TIME_INTEGRAL, _SIGNED_INTEGRAL = 0x08, 0x11
"""Group D: energy; and energy as the EDL40 meters sign it (0100011100FF, safe_formats §3)."""

_EDL40_COMPENSATED = 0xC8
"""Group F under which EDL40 meters sign the same with line losses subtracted (0100011100C8, safe_formats §3)."""

_IMPORT_MAINS, _IMPORT_MAINS_SESSION = frozenset({0x01, 0xB0}), frozenset({0xB2})
_IMPORT_DEVICE, _IMPORT_DEVICE_SESSION = frozenset({0x98, 0xB1}), frozenset({0xB3})
_VENDOR = frozenset({0x9E})
_EXPORT = 0x02
_SESSION_REGISTERS = _IMPORT_MAINS_SESSION | _IMPORT_DEVICE_SESSION
_F_BSM_SESSION = 198
_RESERVED_BLOCK = range(0xB0, 0xC8)
_COMPENSATED = frozenset({0x98, 0xB1, 0xB3, 0xC1, 0xC3})

# Which register is the transaction's energy, best first. A compensated register always precedes an uncompensated
# one ("never bill the uncompensated register if a compensated one is signed", facts/law/rules.md §11); within
# each, the session register precedes the total: it is what the meter itself calls the transaction.
# A tariff register counts only where there is no total.
_RANKS = (_IMPORT_DEVICE_SESSION, _IMPORT_DEVICE, _IMPORT_MAINS_SESSION, _IMPORT_MAINS, _VENDOR)

_SESSION_ENERGY = "128.8.0"
"""PCDF writes groups C.D.E alone; this is the energy of the session, 0 at its begin (safe_formats.md §8)."""

_TOTAL = frozenset({0x00, 0x0E})
"""Group E of a total: 0, or the placeholder letter e of OCMF before 1.4 (``1-b:1.8.e``)."""


@dataclass(frozen=True, slots=True)
class Register:
    """A register as an OBIS code names it.

    Attributes:
        key: The six groups packed into one integer; equal for every spelling of the same register.
        relevant: Whether the register is one that calibration law looks at.
        compensated: Whether cable losses are subtracted.
        rank: Place in the order in which registers count as the energy delivered, 0 best; ``None`` if the
            register does not measure energy delivered to the vehicle (export, reserved, other quantities).
        energy: Whether it measures active energy at all, delivered or not: a fault of it is one of the meter.
        total: Whether it is a total, and not a tariff register (1.8.1, 1.8.2, ...) that holds a share of one.
        comparable: Whether it must tell the same energy as the other registers of its kind: not the vendor
            register 9E, and not a tariff register (1.8.1, 1.8.2, ...), which holds a share of the total.
        rises: Whether its value never begins anew, so that a value stands for a moment in the meter's life: not
            the registers of one session (B2, B3, and 198 of the Bauer BSM).
    """

    key: int
    relevant: bool
    compensated: bool
    rank: int | None
    energy: bool
    total: bool
    comparable: bool
    rises: bool


@lru_cache(maxsize=1024)
def _register(text: str) -> Register | None:
    if text == _SESSION_ENERGY:
        key = int.from_bytes(bytes((1, 0, 128, _TIME_INTEGRAL, 0, _NO_F)), "big")
        last = _RANKS.index(_VENDOR)
        return Register(
            key,
            relevant=True,
            compensated=False,
            rank=last,
            energy=True,
            total=True,
            comparable=False,
            rises=False,
        )
    groups = _groups(text)
    if groups is None:
        return None
    a, b, c, d, e, f = groups
    if c == 0x01 and f == _SESSION_START:
        f = _F_START
    energy = d == _TIME_INTEGRAL or (d == _SIGNED_INTEGRAL and c == 0x01)
    relevant = a == 1 and energy and f in _F_RELEVANT and (c in {0x01, 0x98, 0x9E} or c in _RESERVED_BLOCK)
    rank = next((place for place, family in enumerate(_RANKS) if c in family), None) if relevant else None
    compensated = relevant and (c in _COMPENSATED or (d == _SIGNED_INTEGRAL and f == _EDL40_COMPENSATED))
    if rank is not None and compensated and c not in _COMPENSATED:
        rank = _RANKS.index(_IMPORT_DEVICE)
    total = e in _TOTAL
    if rank is not None and not total:
        rank += len(_RANKS)
    return Register(
        key=int.from_bytes(bytes((a, b, c, d, e, f)), "big"),
        relevant=relevant,
        compensated=compensated,
        rank=rank,
        energy=relevant or (d == _TIME_INTEGRAL and c == _EXPORT),
        total=total,
        comparable=rank is not None and total and c not in _VENDOR,
        rises=rank is not None and c not in _SESSION_REGISTERS and f != _F_BSM_SESSION,
    )


def _groups(text: str) -> tuple[int, int, int, int, int, int] | None:
    if _PACKED.fullmatch(text):
        a, b, c, d, e, f = bytes.fromhex(text)
        return a, b, c, d, e, f
    match = _WRITTEN.fullmatch(text)
    if match is None:
        return None
    last = match[6]
    if last is None:
        f = _NO_F
    elif len(last) == 3:
        # Three digits cannot be a hexadecimal byte: the older decimal spelling (*255, *198).
        if not last.isdigit() or int(last) > 255:
            return None
        f = int(last)
    else:
        f = int(last, 16)
    # "b" in 1-b:1.8.0 is a letter that stands for "any channel"; read as the digit 0B it is the same everywhere.
    return int(match[1], 16), int(match[2], 16), int(match[3], 16), int(match[4], 16), int(match[5], 16), f


def register_of(obis: str) -> Register | None:
    """Return the register that an OBIS code names.

    Args:
        obis: The code as written: ``1-b:1.8.0``, ``01-00:B3.08.00*FF``, ``1-0:1.8.0*198``, ``01-00:01.08.00.FF``,
            packed ``0100010800FF``. Groups are hexadecimal, a group F of three digits is decimal.

    Returns:
        The register, or ``None`` if the text is no OBIS code.
    """
    return _register(obis) if len(obis) <= MAX_OBIS_LENGTH else None
