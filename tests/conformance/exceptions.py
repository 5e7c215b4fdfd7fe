"""The one table of meter vectors that the project judges otherwise than they say, each with its reason.

``test_every_vector`` holds every entry of ``records.json`` and ``files.json`` against this table: what stands here must
differ, and nothing else may. The tests of single formats look up their exceptions here and have none of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from eichrecht.evidence import Verdict
from eichrecht.rules.profiles import Profile

STRICT, SAFE = Profile.STRICT, Profile.SAFE_1_4_1

Scope = Literal["verdict", "values", "transactions", "official_key"]
"""What of the entry is judged otherwise: its verdict, the verdicts of a file's records, the transaction that its shown
readings would form, or the law check that the official program names."""


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What we say instead, and why that is right."""

    ours: tuple[Verdict, ...]
    reason: str


_METER_ERROR = (
    "the signature is valid, but every reading has meter status E (error) and flag E (energy unusable): not billable "
    "by OCMF 1.4.1 (ST, EF) and facts/law/rules.md §4; the vector speaks of the signature only"
)
_NO_REGISTER = (
    "the entry speaks of the signature, which is valid; its only OBIS code names no register, so no energy can be "
    "billed"
)

EXCEPTIONS: Mapping[tuple[str, Profile, Scope], Otherwise] = MappingProxyType(
    {
        ("safe-xml-isa-ocmf-ocmf-receipt-with-publickey-and-data-xml-v1", STRICT, "verdict"): Otherwise(
            (Verdict.INVALID,), _METER_ERROR
        ),
        ("file-xml-isa-ocmf-ocmf-receipt-with-publickey-and-data-xml", STRICT, "values"): Otherwise(
            (Verdict.INVALID,), _METER_ERROR
        ),
        ("misc-ocmf-014", STRICT, "verdict"): Otherwise((Verdict.INDETERMINATE,), _NO_REGISTER),
        ("misc-ocmf-015", STRICT, "verdict"): Otherwise((Verdict.INDETERMINATE,), _NO_REGISTER),
        ("safe-probe-pg-fiscal", STRICT, "transactions"): Otherwise(
            (), "pagination context F: a fiscal record belongs to no transaction (OCMF 1.4.1 PG)"
        ),
        ("safe-probe-pg-fiscal", SAFE, "transactions"): Otherwise(
            (),
            "pagination context F: the program shows readings, but checks no transaction either (weakness 6)",
        ),
        ("file-mennekes-zaehlerdaten-txt", STRICT, "values"): Otherwise(
            (Verdict.VALID, Verdict.VALID),
            "the official program cannot read it; the telegrams stand in it as lines of hex digits, and the data "
            "allow better",
        ),
        ("file-mennekes-zaehlerdaten-txt", SAFE, "verdict"): Otherwise(
            (Verdict.VALID,),
            "the program's file reader takes XML only; each telegram by itself it finds valid (records "
            "safe-inline-edl40-mennekes-zaehler-start and -end); the profile imitates verdicts, not "
            "file dialogues (G25)",
        ),
        ("file-mennekes-de-xml", SAFE, "verdict"): Otherwise(
            (Verdict.VALID,),
            "the program's value reader takes this text (record safe-inline-mennekes-de: valid), only its file reader "
            "wants values or Billing around it (G25)",
        ),
        ("safe-law-mennekes-event-counter", SAFE, "official_key"): Otherwise(
            (Verdict.VALID,),
            "the program compares the begin's event counter with itself (safe_formats §6), so its check cannot fire on "
            "a decoded record; its unit test fills the fields by hand",
        ),
    }
)

ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "LAW_OCMF": "test_law_ocmf",
        "LAW_TRANSACTION": "test_law_ocmf",
        "LAW_SML": "test_sml_vectors",
        "LAW_ALFEN": "test_alfen_vectors",
        "LAW_MENNEKES": "test_mennekes_vectors",
        "OCMF_PAYLOAD_ONLY": "test_payload_and_units",
        "UNIT_CONVERSION": "test_payload_and_units",
        "EDL_40_RAW320_BASE64": "test_sml_vectors",
        "RAW_ECDSA_secp192r1": "test_sml_vectors",
        "RAW_ECDSA_secp256r1": "test_sml_vectors",
    }
)
"""Entries that are no documents (field sets, bare numbers) and the test that drives rules or signatures with them."""


def otherwise(identifier: str, profile: Profile, scope: Scope = "verdict") -> Otherwise | None:
    """Return the exception for an entry, ``None`` if there is none."""
    return EXCEPTIONS.get((identifier, profile, scope))
