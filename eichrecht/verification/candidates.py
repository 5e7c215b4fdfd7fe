"""The keys at hand for a record, each with its source and who vouches for it, in order of authority.

A key that the register or operator vouches for and that is bound to this meter; a key that the person asking names
for this check; key files lying beside the document; the key in the document; the key in the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from eichrecht.evidence import BesideKey, KeySource, KeyTrust, SignedRecord
from eichrecht.keyring.ring import KeyRing, KnownKey
from eichrecht.signatures.keys import KEYS_REMEMBERED, MAX_KEY_TEXT, KeyMaterial, UnreadableKey, read_key


@dataclass(frozen=True, slots=True)
class SuppliedKey:
    """A key given by the person asking.

    Attributes:
        text: As given.
        name: Where it came from, for people (file name, ``--key``).
        explicit: ``True`` for a key named for this check, ``False`` for a key file found beside the documents.
    """

    text: str | bytes
    name: str
    explicit: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One key that may be tried, compared by identity; ``material`` is ``None`` where its text cannot be read."""

    material: KeyMaterial | None
    source: KeySource
    trust: KeyTrust
    name: str | None
    error: UnreadableKey | None = None


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """Keys given by the person asking, read once: they are the same for every record.

    Attributes:
        named: Named for this check.
        beside: Key files found beside the documents.
        groups: Both in order of authority, as they are for a record that no other key is known for.
    """

    named: tuple[Candidate, ...]
    beside: tuple[Candidate, ...]
    groups: tuple[Sequence[Candidate], ...]


def _read(text: str | bytes, source: KeySource, trust: KeyTrust, name: str | None) -> Candidate:
    try:
        return Candidate(read_key(text), source, trust, name)
    except UnreadableKey as error:
        return Candidate(None, source, trust, name, error)


def _of_document(text: str) -> Candidate:
    # The length is checked before the cache looks at the text: a hostile text must not be hashed and kept.
    return _remembered(text) if len(text) <= MAX_KEY_TEXT else _read_of_document(text)


def _read_of_document(text: str) -> Candidate:
    return _read(text, KeySource.DOCUMENT, KeyTrust.UNCONFIRMED, None)


_remembered = lru_cache(maxsize=KEYS_REMEMBERED)(_read_of_document)


def known_candidate(key: KnownKey) -> Candidate:
    """Return a key of the ring as a candidate."""
    return Candidate(key.material, key.source, KeyTrust.CONFIRMED, key.name)


def read_given(supplied: Iterable[SuppliedKey]) -> GivenKeys:
    """Read the keys given by the person asking; one that cannot be read is kept with its error."""
    read = [(k.explicit, _read(k.text, KeySource.ARGUMENT, KeyTrust.SUPPLIED, k.name)) for k in supplied]
    named = tuple(candidate for explicit, candidate in read if explicit)
    beside = tuple(candidate for explicit, candidate in read if not explicit)
    return GivenKeys(named, beside, tuple(group for group in (named, beside) if group))


def candidate_groups(
    record: SignedRecord,
    key_text: str | None,
    given: GivenKeys,
    ring: KeyRing,
    charge_point: str | None = None,
    beside: Sequence[BesideKey] = (),
) -> Sequence[Sequence[Candidate]]:
    """Return the keys at hand in order of authority; the first group judges.

    Args:
        record: The record.
        key_text: Public key that stood beside the record in its document.
        given: Keys given by the person asking.
        ring: Keys that somebody vouches for.
        charge_point: EVSE id known from elsewhere.
        beside: Key files that lay in the same archive. Those named after the record's station judge it; the others
            are for :func:`strangers`.
    """
    bound = ring.for_record(record, charge_point)
    if not bound and key_text is None and not record.embedded_key and not beside and not given.beside:
        return given.groups
    groups: list[Sequence[Candidate]] = []
    if bound:
        groups.append([known_candidate(key) for key in bound])
    if given.named:
        groups.append(given.named)
    document = key_text is not None and key_text.strip() != ""
    files = _judging_files(record, given.beside)
    # A key file beside a document that brings its own key serves other documents: it must not judge this one.
    if files and not document:
        groups.append(files)
    if key_text is not None and document:
        groups.append([_of_document(key_text)])
        if files:
            groups.append(files)
    if record.embedded_key:
        groups.append([_of_document(record.embedded_key)])
    named = [key for key in beside if names_station(record, key.name)]
    if named:
        groups.append([_of_document(key.text) for key in named])
    return groups


def _judging_files(record: SignedRecord, files: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the key files beside the documents that judge a record.

    Those named after its station, if there are any; otherwise all but those that are named after another one.
    """
    named = [key for key in files if names_station(record, key.name or "")]
    return named or [key for key in files if not names_other_station(record, key.name or "")]


def strangers(
    record: SignedRecord, beside: Sequence[BesideKey], given: GivenKeys | None = None
) -> Sequence[Candidate]:
    """Return the key files at hand that must not judge this record, because they are named after another station.

    One of them may be the right one under a wrong name; that it does not fit accuses nobody. In an archive these are
    all that are not named after the record's station: nobody asked for a check with them.
    """
    if not beside and (given is None or not given.beside):
        return ()
    others = [_of_document(key.text) for key in beside if not names_station(record, key.name)]
    if given is not None:
        others += [key for key in given.beside if names_other_station(record, key.name or "")]
    return others


_KEY_WORD = re.compile(r"[-_]?(?:public|pub)[-_]?key", re.IGNORECASE)


LEAST_STATION_NAME = 8
"""Shorter names are words like "station" or "key 1", no numbers of stations (an EUI-48 has 12 digits)."""

LEAST_COMMON_PREFIX = 4
"""Numbers of one kind begin alike: the maker's part of a MAC address, the type in a serial number."""


def names_station(record: SignedRecord, name: str) -> bool:
    """Whether a key file is named after a record's station or meter (containers facts §1.4).

    The name counts up to its first dot and without the words "public key"; separators and case do not count.
    """
    stem = _stem(name)
    return bool(stem) and stem in _identifiers(record)


def names_other_station(record: SignedRecord, name: str) -> bool:
    """Whether a key file is named after a station or meter of the record's kind, but another one.

    So it is if its name has the length and the beginning of one of the record's numbers, and is none of them. A key
    file called ``key.pem`` is named after nothing.
    """
    stem = _stem(name)
    if len(stem) < LEAST_STATION_NAME or not any(map(str.isdigit, stem)):
        return False
    known = _identifiers(record)
    return stem not in known and any(
        len(stem) == len(number) and stem[:LEAST_COMMON_PREFIX] == number[:LEAST_COMMON_PREFIX]
        for number in known
    )


def _stem(name: str) -> str:
    return _plain(_KEY_WORD.sub("", name.rpartition("/")[2].partition(".")[0]))


def _identifiers(record: SignedRecord) -> set[str]:
    texts = (record.charge_point[0], record.meter.serial, record.gateway.serial)
    return {_plain(text) for text in texts if text}


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
