"""Where OCMF records begin and end: a string-aware scan that never depends on lines (OCMF 1.4.1, chapter 2).

The specification forbids ``|`` inside the JSON sections, but free text fields let meters write one. So the
first object is followed brace by brace with strings skipped, and only then a pipe is expected.

Everything is linear in the length of the text. An attempt that starts at one header ends at the latest where
a later header stands outside its strings; two attempts that are both alive see opposite sides of every
quotation mark, so no byte is looked at by more than three attempts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from eichrecht.evidence import RecordSpan
from eichrecht.formats.codes import OcmfErrorCode
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError

FORMAT_NAME = "OCMF"

MAX_DEPTH = 64
"""Nesting of braces and brackets; OCMF needs 3, vendor fields some more. Far below any recursion limit."""

MAX_BROKEN_HEADERS = 10_000
"""Headers without a whole record behind them in one text; then the rest is one incomplete span, told as such.
A damaged archive has some; only a text made to burn time has more (each costs about ten microseconds)."""

MAX_RECORDS = 50_000
"""Records found in one text; containers hand on 30,000. The rest is one incomplete span."""

HEADER = re.compile(rb"OCMF([ \t]*+)\|([ \t\r\n]*+)(?=\{)")
_BETWEEN = re.compile(rb"([ \t\r\n]*+)\|([ \t\r\n]*+)(?=\{)")
# What JSON may hold between strings, braces and brackets; no capital O, so a header always ends a run.
_RUN = re.compile(
    rb'[ \t\r\n0-9:,+.\-a-zENI]*+(?:"(?:[^"\\]++|\\.)*+"[ \t\r\n0-9:,+.\-a-zENI]*+)*+', re.DOTALL
)
_KEY = re.compile(rb"[ \t]*+\|[ \t]*+([A-Za-z0-9+/=:_\-][A-Za-z0-9+/=:_ \t\-]*+)")
_PEM = re.compile(
    rb"[ \t]*+\|[ \t\r\n]*+(-----BEGIN [A-Z ]{1,40}-----[A-Za-z0-9+/=\s]*+-----END [A-Z ]{1,40}-----)"
)

_OPEN = b"{["
_CLOSE = b"}]"


@dataclass(frozen=True, slots=True)
class Sections:
    """Byte offsets of one record's sections.

    Attributes:
        start, end: The whole record, the optional key section included.
        payload: Exactly the bytes between the two pipes, blanks included: what is signed.
        signature: The signature object, without blanks around it.
        header_blank: Whether blanks stand between ``OCMF`` and the first pipe.
        key: The optional fourth section, as text without blanks around it.
    """

    start: int
    end: int
    payload: tuple[int, int]
    signature: tuple[int, int]
    header_blank: bool
    key: str | None


class Outcome(Enum):
    """How following an object ended."""

    COMPLETE = auto()
    CUT_OFF = auto()
    """The text ends, or a string does not."""
    WRONG = auto()
    """Something that JSON cannot hold at this place."""
    TOO_DEEP = auto()


def follow_object(content: bytes, start: int) -> tuple[int, Outcome]:
    """Follow one JSON object from its opening brace.

    Only strings and nesting are looked at; whether the object is good JSON is for its reader to say.

    Returns:
        The offset behind the closing brace, or the one at which it cannot go on, and which of the two it is.
    """
    depth, position = 0, start
    while True:
        position = _RUN.match(content, position).end()  # type: ignore[union-attr]  # the empty run matches
        here = content[position : position + 1]
        if not here or here == b'"':
            return position, Outcome.CUT_OFF
        if here in _OPEN:
            depth += 1
            if depth > MAX_DEPTH:
                return position, Outcome.TOO_DEEP
        elif here in _CLOSE:
            depth -= 1
            if depth == 0:
                return position + 1, Outcome.COMPLETE
        else:
            return position, Outcome.WRONG
        position += 1


def split(content: bytes, start: int = 0) -> Sections | None:
    """Split the record whose header stands at ``start``; ``None`` if it is not a whole record."""
    header = HEADER.match(content, start)
    if header is None:
        return None
    payload_end, outcome = follow_object(content, header.end())
    if outcome is not Outcome.COMPLETE:
        return None
    between = _BETWEEN.match(content, payload_end)
    if between is None:
        return None
    end, outcome = follow_object(content, between.end())
    if outcome is not Outcome.COMPLETE:
        return None
    payload = (header.start(2), between.end(1))
    signature = (between.end(), end)
    key, end = _key_section(content, end)
    return Sections(start, end, payload, signature, bool(header[1]), key)


def _key_section(content: bytes, end: int) -> tuple[str | None, int]:
    """Return the optional fourth section (a public key; dropped from the draft in 2023) and its end."""
    found = _PEM.match(content, end) or _KEY.match(content, end)
    if found is None:
        return None, end
    text = found[1]
    if content[found.end() : found.end() + 2] == b"|{" and text.endswith(b"OCMF"):
        text = text.removesuffix(b"OCMF")  # the next record follows on the same line
    stripped = text.rstrip(b" \t")
    return (stripped.decode("ascii") or None), found.start(1) + len(stripped)


def explain(content: bytes, start: int) -> MalformedRecordError | LimitExceededError:
    """Say why :func:`split` found no whole record at a header."""
    header = HEADER.match(content, start)
    if header is None:
        return MalformedRecordError(OcmfErrorCode.PAYLOAD_NOT_JSON, "/payload", {"position": "0"})
    position, outcome = follow_object(content, header.end())
    if outcome is not Outcome.COMPLETE:
        return _stuck(outcome, "/payload", position - header.end())
    between = _BETWEEN.match(content, position)
    if between is None:
        return MalformedRecordError(OcmfErrorCode.SIGNATURE_SECTION_MISSING, "/signature")
    position, outcome = follow_object(content, between.end())
    return _stuck(outcome, "/signature", position - between.end())


def _stuck(outcome: Outcome, where: str, position: int) -> MalformedRecordError | LimitExceededError:
    if outcome is Outcome.TOO_DEEP:
        return LimitExceededError(OcmfErrorCode.NESTED_TOO_DEEP, where, {"limit": str(MAX_DEPTH)})
    in_payload = where == "/payload"
    if outcome is Outcome.CUT_OFF:
        code = OcmfErrorCode.PAYLOAD_CUT_OFF if in_payload else OcmfErrorCode.SIGNATURE_CUT_OFF
    else:
        code = OcmfErrorCode.PAYLOAD_NOT_JSON if in_payload else OcmfErrorCode.SIGNATURE_NOT_JSON
    return MalformedRecordError(code, where, {"position": str(position)})


def find(content: bytes) -> tuple[RecordSpan, ...]:
    """Return all OCMF records of a text, several per line or one over many lines.

    A header that no whole record follows gives one span with reason ``ocmf_incomplete`` up to the next whole
    record, so that nothing is lost in silence.
    """
    spans: list[RecordSpan] = []
    broken: int | None = None
    position = failures = 0
    while (header := HEADER.search(content, position)) is not None:
        start = header.start()
        end = _quick_end(content, header.end())
        if end is None:
            sections = split(content, start)
            end = None if sections is None else sections.end
        if end is None:
            broken = start if broken is None else broken
            position = start + len(FORMAT_NAME)
            failures += 1
            if failures > MAX_BROKEN_HEADERS:
                break
            continue
        if broken is not None:
            spans.append(RecordSpan(FORMAT_NAME, broken, start, "ocmf_incomplete"))
            broken = None
        spans.append(RecordSpan(FORMAT_NAME, start, end, "ocmf_header"))
        position = end
        if len(spans) >= MAX_RECORDS:
            broken = position if position < len(content) else None
            break
    if broken is not None:
        spans.append(RecordSpan(FORMAT_NAME, broken, len(content), "ocmf_incomplete"))
    return tuple(spans)


def _quick_end(content: bytes, payload_start: int) -> int | None:
    """Return the end of an ordinary record, looking no further than the next header; ``None`` if unsure.

    Without a backslash, quotation marks pair up, so a pipe with an even number of them before it stands
    outside all strings.
    """
    limit = content.find(b"OCMF", payload_start)
    if limit < 0:
        limit = len(content)
    pipe = content.find(b"}|{", payload_start, limit)
    if pipe < 0:
        return None
    close = content.find(b"}", pipe + 3, limit)
    if close < 0 or content.find(b"\\", payload_start, close) >= 0:
        return None
    if content.count(b'"', payload_start, pipe) % 2 or content.count(b'"', pipe, close) % 2:
        return None
    if content.find(b"{", pipe + 3, close) >= 0 or content[close + 1 : close + 2] in (b"|", b" ", b"\t"):
        return None
    return close + 1
