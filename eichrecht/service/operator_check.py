"""The operator API's check of CDRs: own and foreign ones, against themselves, the meter, tariffs and the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import anyio.to_thread
from fastapi import APIRouter, Request, Response

from eichrecht import locales
from eichrecht.keyring.ring import MemoryKeyRing
from eichrecht.service.api import ApiError, Backend, answer, read_json
from eichrecht.service.cdr_check import (
    CheckTerms,
    GivenCdr,
    Outcome,
    StoredFacts,
    check_given,
    checked_as_json,
    duplicate_as_json,
    read_given,
)
from eichrecht.service.stored_facts import stored_facts
from eichrecht.signatures.keys import UnreadableKey, read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from ocpi.cdrs.collection import objects_in
from ocpi.cdrs.context import CreditStyle
from ocpi.cdrs.credit import is_credit
from ocpi.cdrs.duplicates import find_duplicates
from ocpi.errors import InvalidObject
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import PolicyError, policy_from
from ocpi.types import same_ci
from ocpi.versions import read_any

MAX_CDRS = 200
"""CDRs in one request: a request holds a worker thread while signatures are verified. More is for the command."""

MAX_KEYS = 100
"""Keys in one request; each is tried on records that name none."""

_FIELDS = frozenset(
    {
        "cdrs",
        "tariffs",
        "keys",
        "time_zone",
        "policy",
        "credit_style",
        "allow_unsigned",
        "language",
        "stored_tariffs",
    }
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, read.

    Attributes:
        values: (JSON pointer, parsed CDR) pairs.
        terms: What holds for all of them.
        keys: Public keys given beside those of the key ring.
        language: Of the sentences.
        stored_tariffs: Whether the stored tariffs price them.
    """

    values: tuple[tuple[str, Any], ...]
    terms: CheckTerms
    keys: tuple[SuppliedKey, ...]
    language: str
    stored_tariffs: bool


def add_check_route(router: APIRouter, backend: Backend) -> None:
    """Add ``POST /cdrs/check``."""

    @router.post("/cdrs/check")
    async def check(request: Request) -> Response:
        """Check CDRs (``cdrs``: one, a list or an OCPI response) and say what they bill twice; nothing is stored.

        Optional: ``tariffs`` (published; else those stored), ``stored_tariffs`` false (believe the CDR's own),
        ``keys``, ``time_zone``, ``policy`` (a name or settings; else as agreed with the partner),
        ``credit_style``, ``allow_unsigned``, ``language``.
        """
        asked = _asked(await read_json(request))
        ring = await backend.chain.ring()
        given = await anyio.to_thread.run_sync(_read, asked, ring)
        stored = await _stored(backend, asked, given)
        return answer(await anyio.to_thread.run_sync(_judged, asked, given, stored))


def _asked(value: dict[str, Any]) -> _Asked:
    unknown = sorted(set(value) - _FIELDS)
    if unknown:  # a misspelt "tariffs" must not become a check against others
        raise ApiError(400, "unknown_field", f"known are {', '.join(sorted(_FIELDS))}, not {unknown[0][:60]}")
    if "cdrs" not in value:
        raise ApiError(400, "missing_field", "cdrs must be a CDR, a list of CDRs or an OCPI response")
    values = tuple(objects_in(value["cdrs"]))
    if not 0 < len(values) <= MAX_CDRS:
        raise ApiError(400, "bad_count", f"1 to {MAX_CDRS} CDRs, not {len(values)}")
    language = _text(value, "language", locales.DEFAULT_LANGUAGE)
    if language not in locales.LANGUAGES:
        raise ApiError(400, "bad_language", f"language is one of {', '.join(locales.LANGUAGES)}")
    tariffs = _tariffs(value["tariffs"]) if "tariffs" in value else None
    try:
        terms = CheckTerms(
            time_zone=ZoneInfo(_text(value, "time_zone", "Europe/Berlin")),
            tariffs=tariffs,
            policy=policy_from(_policy(value["policy"])) if "policy" in value else None,
            credit_style=CreditStyle(_text(value, "credit_style", CreditStyle.TOTAL_COST)),
            unsigned_allowed=_flag(value, "allow_unsigned", default=False),
        )
    except PolicyError as error:
        raise ApiError(400, "bad_policy", f"{error.reason}: {error.detail}") from error
    except (KeyError, ValueError, OSError) as error:
        raise ApiError(400, "bad_terms", "time_zone or credit_style means nothing") from error
    stored_tariffs = _flag(value, "stored_tariffs", default=tariffs is None)
    if stored_tariffs and tariffs is not None:
        raise ApiError(400, "bad_terms", "tariffs and stored_tariffs exclude each other")
    return _Asked(values, terms, _keys(value.get("keys", [])), language, stored_tariffs)


def _text(value: dict[str, Any], name: str, default: str) -> str:
    found = value.get(name, default)
    if not isinstance(found, str):
        raise ApiError(400, "missing_field", f"{name} must be a text")
    return found


def _flag(value: dict[str, Any], name: str, *, default: bool) -> bool:
    found = value.get(name, default)
    if not isinstance(found, bool):
        raise ApiError(400, "missing_field", f"{name} must be true or false")
    return found


def _policy(value: Any) -> str | dict[str, Any]:
    if not isinstance(value, str | dict):
        raise ApiError(400, "bad_policy", "policy is a name or an object with settings")
    return value


def _tariffs(value: Any) -> tuple[Tariff, ...]:
    try:
        return tuple(read_any(Tariff, item).model for _, item in objects_in(value))
    except InvalidObject as error:
        raise ApiError(400, "no_tariff", str(error)) from error


def _keys(value: Any) -> tuple[SuppliedKey, ...]:
    if not isinstance(value, list) or len(value) > MAX_KEYS or not all(isinstance(k, str) for k in value):
        raise ApiError(400, "bad_keys", f"keys must be a list of at most {MAX_KEYS} texts")
    for text in value:
        try:
            read_key(text)
        except UnreadableKey as error:  # the text is not repeated: it may be a private key given by mistake
            raise ApiError(400, "key_unreadable", f"a key cannot be read: {error.code}") from error
    return tuple(SuppliedKey(text, f"keys/{index}") for index, text in enumerate(value))


def _read(asked: _Asked, ring: MemoryKeyRing) -> list[GivenCdr]:
    given = []
    for where, value in asked.values:
        location = value.get("cdr_location") if isinstance(value, dict) else None
        evse_id = location.get("evse_id") if isinstance(location, dict) else None
        named = evse_id if isinstance(evse_id, str) else None
        verifier = Verifier(ring=ring, keys=asked.keys, charge_point=named)
        given.append(read_given(value, verifier, source="cdrs", where=where))
    return given


async def _stored(backend: Backend, asked: _Asked, given: Sequence[GivenCdr]) -> list[StoredFacts]:
    own = (backend.country_code, backend.party_id)
    async with backend.database.reading() as tx:
        facts = [await stored_facts(tx, item, own, stored_tariffs=asked.stored_tariffs) for item in given]
    return [_with_credited(item, known, given) for item, known in zip(given, facts, strict=True)]


def _with_credited(item: GivenCdr, known: StoredFacts, given: Sequence[GivenCdr]) -> StoredFacts:
    """Return the facts with the credited CDR of the same request, where the store has none."""
    if item.loaded is None or known.credited is not None or not is_credit(item.loaded.model):
        return known
    credit = item.loaded.model
    credited = next((one for one in _models(given) if _credits(credit, one)), None)
    return replace(known, credited=credited)


def _credits(credit: Cdr, other: Cdr) -> bool:
    same_party = same_ci(credit.country_code, other.country_code) and same_ci(credit.party_id, other.party_id)
    return same_party and same_ci(credit.credit_reference_id or "", other.id)


def _models(given: Sequence[GivenCdr]) -> list[Cdr]:
    return [item.loaded.model for item in given if item.loaded is not None]


def _judged(asked: _Asked, given: Sequence[GivenCdr], stored: Sequence[StoredFacts]) -> dict[str, Any]:
    results = [check_given(item, asked.terms, known) for item, known in zip(given, stored, strict=True)]
    duplicates = find_duplicates([item.seen for item in results if item.seen is not None])
    outcomes = [item.outcome for item in results]
    return {
        "results": [checked_as_json(item, asked.language) for item in results],
        "duplicates": [duplicate_as_json(item, asked.language) for item in duplicates],
        "counts": {outcome.value: outcomes.count(outcome) for outcome in Outcome},
    }
