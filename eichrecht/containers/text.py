"""Plain text: one or more records as they are, and byte order marks around anything."""

from __future__ import annotations

import codecs
from dataclasses import replace

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.encodings import XML_ENTITIES, quotes_escaped, unescape
from eichrecht.containers.kinds import Found, Opener, Payload, within
from eichrecht.containers.xml_text import gaps
from eichrecht.evidence import Finding, Layer, Part, RecordSpan, note, problem, warning

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED_UTF16 = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))
"""XML 1.0, appendix F: UTF-16 without a mark is known by its first character."""


class MarkedText:
    """Text behind a byte order mark (UTF-8, UTF-16), or UTF-16 XML without one.

    No byte order mark belongs into a signed span: it is removed from the outside, and
    UTF-16 becomes UTF-8, the encoding in which records are signed.
    """

    name = "byte-order-mark"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        for mark, encoding in _MARKS:
            if payload.content.startswith(mark):
                return _recoded(payload.content[len(mark) :], encoding, "byte_order_mark", opener)
        for first, encoding in _UNMARKED_UTF16:
            if payload.content.startswith(first):
                return _recoded(payload.content, encoding, "utf16_markup", opener)
        return None


def _recoded(content: bytes, encoding: str, reason: str, opener: Opener) -> Found:
    findings: tuple[Finding, ...] = (note(ContainerCode.BYTE_ORDER_MARK, encoding=encoding),)
    if encoding != "utf-8":
        try:
            content = content.decode(encoding).encode("utf-8")
        except UnicodeDecodeError as error:
            undecodable = problem(ContainerCode.TEXT_UNDECODABLE, encoding=encoding, offset=error.start)
            return Found(findings=(undecodable,))
    # Behind a UTF-8 mark the bytes are left alone: stray Latin-1 outside the records is tolerated here too.
    inner = opener.open(content, is_utf8=encoding != "utf-8")
    return within(inner, Layer(encoding, reason), findings=findings)


class PlainRecords:
    """Records that stand in the text as they are, any number of them, with or without other text around."""

    name = "plain-text"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        return records_in(payload.content, opener)


def records_in(content: bytes, opener: Opener) -> Found | None:
    """Cut out every record that a format recognises in ``content``; ``None`` if there is none.

    Text around the records is not signed, and a reader could take it for part of the evidence, so its size is
    reported.
    """
    spans = opener.recognise(content)
    if not spans:
        return None
    taken = spans[: opener.grant_records(len(spans))]
    parts = tuple(
        replace(_part(content, span, opener), where="" if len(spans) == 1 else f"/{index}")
        for index, span in enumerate(taken)
    )
    around = [len(content[a:b].strip()) for a, b in gaps(content, tuple((s.start, s.end) for s in spans))]
    if not any(around):
        return Found(parts)
    before, *between, after = around
    return Found(
        parts, (warning(ContainerCode.TEXT_AROUND_RECORDS, before=before, between=sum(between), after=after),)
    )


INCOMPLETE = "_incomplete"
"""Ending of the reason code by which a format marks the beginning of a record that is not all there."""


def _part(content: bytes, span: RecordSpan, opener: Opener) -> Part:
    """Cut out one record; if its quotation marks are XML entities throughout, they are undone first.

    Such a record has the outline of a good one, but every quotation mark in it is written ``&quot;``: what
    was signed is the text before an XML writer escaped it once too often.
    """
    record = content[span.start : span.end]
    if quotes_escaped(record):
        unescaped = unescape(record)
        spans = () if unescaped is None else opener.recognise(unescaped.content)
        if unescaped is not None and len(spans) == 1 and not spans[0].reason.endswith(INCOMPLETE):
            inner = unescaped.content[spans[0].start : spans[0].end]
            layers = (Layer(XML_ENTITIES, "quotes_escaped"),)
            return Part(inner, spans[0].format, spans[0].reason, layers=layers)
    if span.reason.endswith(INCOMPLETE):
        incomplete = problem(ContainerCode.RECORD_INCOMPLETE, size=len(record))
        return Part(record, span.format, span.reason, findings=(incomplete,))
    return Part(record, span.format, span.reason)
