"""Evidence beside the records that a container kind took: what nobody judged is named, so that it cannot hide.

A kind takes what it knows and passes over the rest. That is right for names and addresses. Signed data in a place
where no kind looks, or in the text around the records, would stand in a document that is called valid; so everything
that looks like signed evidence, or like a claim of it, must be among the records that were taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.json_text import as_bytes, read_json
from eichrecht.containers.kinds import Found, Opener, Payload
from eichrecht.containers.limits import SHORTEST_EVIDENCE
from eichrecht.containers.members import NAMES_SHOWN, claims_records, printable_text
from eichrecht.containers.xml_evidence import Unjudged, evidence_in_roots
from eichrecht.containers.xml_text import gaps
from eichrecht.evidence import Finding, Part, RecordSpan, problem

_NAMES = frozenset(
    {
        *(
            "signeddata",
            "signedvalues",
            "signedmeterdata",
            "signedmetervalue",
            "signedmetervalues",
            "plaindata",
        ),
        *("encodeddata", "encodedmetervalue", "ocmfbegin", "ocmfend", "chargingsessions"),
    }
)
"""Members that only containers of signed records have, in small letters and without ``_``."""

_CLAIM = "total_energy"
"""What a CDR bills (OCPI, every version); it must be among the statements that go along with a record."""

_SAMPLED = "SignedData"
"""``format`` of an OCPP 1.6 sampled value that holds a record."""

_OCPI_VALUE = "ocpi-signed-value"
_OCPI_COMPONENTS = {"ocpi-envelope": 1, "ocpi-list": 1, "ocpi-cdr": 1, "ocpi-signed-data": 2}
"""How many components each OCPI layer adds to a place: ``data``, an index, ``signed_data``, ``signed_values`` and an
index."""

_OCPI_MEMBERS = ("plain_data", "signed_data")
"""The two members of an OCPI signed value, which is judged as a whole; its place in the document is its object."""

_SHORTEST_CHARACTERS = SHORTEST_EVIDENCE // 4
"""A character has up to four bytes."""

_LONGEST_NAME = 40

_Trie = dict[str, Any]
_TAKEN = ""
"""Marks a place in the trie of which everything inside was taken; no component of a place is empty."""


def unjudged(payload: Payload, found: Found, opener: Opener, *, placed: bool) -> tuple[Finding, ...]:
    """Return a finding if something in ``payload`` looks like signed evidence and is not among what was found.

    Args:
        payload: The payload whose records were taken.
        found: What was taken.
        opener: Opens texts in it, one level deeper.
        placed: The places of the parts are those of members in JSON.
    """
    if any(part.content.strip() == payload.trimmed for part in found.parts):
        return ()  # one record is all there is, and its format says what in it is signed
    known = frozenset(part.content for part in found.parts)
    texts = Texts(opener, known)
    places = [*_in_json(payload, found.parts if placed else (), texts), *_in_xml(payload, found.parts, texts)]
    places += _around(payload, found, texts)
    if placed and any(_is_all_of(span, payload) for span in opener.recognise(payload.trimmed)):
        places.append("/")  # the object is a record itself, beside those in its members
    if not places:
        return ()
    first = ", ".join(printable_text(place) for place in places[:NAMES_SHOWN])
    listed = first if len(places) <= NAMES_SHOWN else f"{first}, …"
    where = printable_text(places[0])
    return (problem(ContainerCode.EVIDENCE_NOT_JUDGED, where, count=len(places), places=listed),)


def _is_all_of(span: RecordSpan, payload: Payload) -> bool:
    return (span.start, span.end) == (0, len(payload.trimmed))


class Texts:
    """Looks into texts beside the records, each text once."""

    def __init__(self, opener: Opener, known: frozenset[bytes]) -> None:
        self.known = known
        self._opener = opener
        self._seen: dict[bytes, bool | None] = {}

    def judged(self, text: bytes) -> bool | None:
        """Whether every record in ``text`` was taken elsewhere; ``None`` if there is no record in it."""
        if text in self.known:
            return True
        if len(text) < SHORTEST_EVIDENCE:
            return None
        if not self._opener.levels_left():
            return False if claims_records(text) else None
        if text not in self._seen:
            parts = self._opener.open(text, is_utf8=True).parts
            self._seen[text] = all(part.content in self.known for part in parts) if parts else None
        return self._seen[text]


# --- JSON


def _in_json(payload: Payload, parts: Sequence[Part], texts: Texts) -> Iterator[str]:
    value = payload.json_lines if payload.json is None or payload.json.broken else payload.json.value
    if isinstance(value, dict | list):
        walk = _JsonWalk(texts, frozenset(claim.where for part in parts for claim in part.energy_claims))
        walk.look(value, _taken_places(parts), "")
        yield from walk.places


def _taken_places(parts: Sequence[Part]) -> _Trie:
    trie: _Trie = {}
    for part in parts:
        components = part.where.split("/")[1:]
        kinds = [layer.kind for layer in part.layers]
        if not components and _OCPI_VALUE not in kinds:
            continue  # of the whole text, where nothing says what of it was read
        own = _ocpi_place(kinds, components)
        if own is None:
            _add(trie, components)
        else:
            for member in _OCPI_MEMBERS:
                _add(trie, [*own, member])
    return trie


def _ocpi_place(kinds: Sequence[str], components: Sequence[str]) -> Sequence[str] | None:
    """Return the components that lead to an OCPI signed value, without those that lead on into its record."""
    length = 0
    for kind in kinds:
        if kind == _OCPI_VALUE:
            return components[:length]
        if kind not in _OCPI_COMPONENTS:
            return None
        length += _OCPI_COMPONENTS[kind]
    return None


def _add(trie: _Trie, components: Sequence[str]) -> None:
    node = trie
    for component in components:
        node = node.setdefault(component, {})
    node[_TAKEN] = {}


class _JsonWalk:
    """Goes through a JSON value and collects the places of evidence that was not taken."""

    def __init__(self, texts: Texts, claims: frozenset[str]) -> None:
        self.places: list[str] = []
        self._texts = texts
        self._claims = claims

    def look(self, value: Any, taken: _Trie | None, where: str) -> bool:
        """Look at a value; ``taken`` is its node in the places taken. Return whether a record in it was judged."""
        if taken is not None and (_TAKEN in taken or isinstance(value, str)):
            return True
        if isinstance(value, str):
            return self._look_at_text(as_bytes(value), where)
        if isinstance(value, dict):
            return self._look_at_object(value, taken, where)
        if isinstance(value, list):
            judged = False
            for index, item in enumerate(value):
                judged |= self.look(item, _below(taken, str(index)), f"{where}/{index}")
            return judged
        return False

    def _look_at_text(self, text: bytes, where: str) -> bool:
        known = self._texts.judged(text)
        if known is False:
            self.places.append(where)
        if known is not None or len(text) < SHORTEST_EVIDENCE:
            return bool(known)
        # JSON of no known kind in a string; one in another takes turns to shrink, as each quotes the one inside.
        inner = read_json(text)
        if inner is None or inner.broken or not isinstance(inner.value, dict | list):
            return False
        return self.look(inner.value, None, where)

    def _look_at_object(self, value: Mapping[str, Any], taken: _Trie | None, where: str) -> bool:
        known_before = len(self.places)
        judged = False
        for name, child in value.items():
            named = _is_name(name) or (name == "value" and value.get("format") == _SAMPLED)
            opened = isinstance(child, dict | list) or (
                isinstance(child, str) and len(child) >= _SHORTEST_CHARACTERS
            )
            if not named and not opened:
                continue  # nearly every member of a CDR
            place, below = f"{where}/{name}", _below(taken, name)
            count = len(self.places)
            inside = self.look(child, below, place)
            judged = judged or inside
            if (
                named
                and not inside
                and below is None
                and len(self.places) == count
                and _says_something(child)
            ):
                self.places.append(place)
        claim = f"{where}/{_CLAIM}"
        if value.get(_CLAIM) is not None and claim not in self._claims and len(self.places) == known_before:
            self.places.append(claim)
        return judged


@lru_cache(maxsize=1024)
def _is_name(name: str) -> bool:
    return len(name) < _LONGEST_NAME and name.replace("_", "").lower() in _NAMES


def _below(taken: _Trie | None, name: str) -> _Trie | None:
    return None if taken is None or name == _TAKEN else taken.get(name)


def _says_something(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else bool(value) and not isinstance(value, bool)


# --- XML and plain text


def _in_xml(payload: Payload, parts: Sequence[Part], texts: Texts) -> Iterator[str]:
    xml = payload.xml
    if xml is not None and xml.roots:
        yield from evidence_in_roots(xml, parts, Unjudged(texts.known, texts.judged))


_EDIFACT = "edifact_interchange"
"""What the parts of an interchange were recognised by; one in a text says nothing of the text around it."""

_AROUND = frozenset({ContainerCode.TEXT_AROUND_RECORDS, ContainerCode.TEXT_AROUND_XML})


def _around(payload: Payload, found: Found, texts: Texts) -> Iterator[str]:
    """Yield a place for each stretch of text around the records with another record in it, in a further encoding."""
    in_text = any(finding.code in _AROUND for finding in found.findings) or any(
        part.recognised_by == _EDIFACT for part in found.parts
    )
    if not in_text:
        return
    xml = payload.xml
    if xml is not None and xml.roots:
        spans = [(root.start, root.end) for root in xml.roots]
    elif payload.json is not None and payload.json.value is not None:
        return  # its strings were looked at
    else:
        spans = list(_spans(payload.content, found.parts))
    for index, (start, end) in enumerate(gaps(payload.content, tuple(spans))):
        if texts.judged(payload.content[start:end].strip()) is False:
            yield f"/text/{index}"


def _spans(content: bytes, parts: Sequence[Part]) -> Iterator[tuple[int, int]]:
    """Yield where the records stand in the text that they were cut out of, in order."""
    position = 0
    for part in parts:
        start = content.find(part.content, position) if part.content else -1
        if start >= 0:
            position = start + len(part.content)
            yield start, position
