"""EDIFACT files: every message is a record of its own; an AUTACK message serves others and is none."""

from __future__ import annotations

import re

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.kinds import Found, Opener, Payload, joined, within
from eichrecht.containers.limits import BYTES_PER_RECORD, FREE_RECORDS
from eichrecht.edifact.codes import SyntaxCode
from eichrecht.edifact.envelope import read_file
from eichrecht.edifact.errors import EdifactError
from eichrecht.edifact.interchange import EdifactFile, Message
from eichrecht.edifact.lexer import looks_like_edifact
from eichrecht.edifact.security_codes import SecurityCode
from eichrecht.evidence import Part, problem

FORMAT = "EDIFACT_MSCONS"
_REASON = "edifact_interchange"
MESSAGE_CLAIM = "edifact_message"
"""Name of the claim that says which message of the file a record is: interchange and message, counted from 0."""

_AUTACK = "AUTACK"
_INTERACTIVE = re.compile(rb"[\r\n]*(?:UNA[^A-Za-z0-9]{6}[\r\n]{0,2})?(UIB[+]UNO[A-Z]:)")
"""Interactive EDI (ISO 9735-3), which nobody meters with: refused by name."""
_HEADER_SEGMENTS = 4
"""BGM stands at the beginning of the body."""


class EdifactFiles:
    """A file of interchanges, with its first octets UNA or UNB."""

    name = "edifact"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        interactive = _INTERACTIVE.match(payload.content)
        if interactive is not None:
            found = problem(SyntaxCode.INTERACTIVE, f"/byte/{interactive.start(1)}", tag="UIB", position=0)
            return Found(findings=(found,), final=True)
        if not looks_like_edifact(payload.content):
            return None
        try:
            file = read_file(payload.content)
        except EdifactError:
            return None
        if not any(one.segments for one in file.interchanges):
            return None
        return _messages(file, opener)


class EdifactInText:
    """Interchanges in a text with something around them."""

    name = "edifact-in-text"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        if b"UNB+" not in payload.content:
            return None  # to ask every format for its records is dear, and nearly no document is of this kind
        spans = opener.recognise(payload.content)
        if not spans or any(span.format != FORMAT for span in spans):
            return None
        if len(spans) == 1 and (spans[0].start, spans[0].end) == (0, len(payload.content)):
            return None  # it would have been taken as a file
        found = [
            within(opener.open(payload.content[span.start : span.end]), where=f"/{number}")
            for number, span in enumerate(spans[: opener.grant_entries(len(spans))])
        ]
        return joined(found)


def _messages(file: EdifactFile, opener: Opener) -> Found:
    every = [(one.index, message) for one in file.interchanges for message in one.messages]
    if every and all(message.type.type == _AUTACK for _, message in every):
        return Found((), (problem(SecurityCode.CONTENT_MISSING),), final=True)
    records = [(number, message) for number, message in every if message.type.type != _AUTACK]
    if not records:
        return Found((Part(file.data, FORMAT, _REASON),))
    limit = FREE_RECORDS + len(file.data) // BYTES_PER_RECORD
    if len(records) > limit:
        # To read one message all are read, because one can cancel another; messages this short say nothing.
        empty = problem(ContainerCode.TOO_MANY_RECORDS, refused=len(records), limit=limit)
        return Found(findings=(empty,), final=True)
    taken = records[: opener.grant_records(len(records))]
    alone = len(every) == 1
    return Found(
        tuple(
            Part(
                file.data,
                format=FORMAT,
                recognised_by=_REASON,
                where="" if alone else f"/{number}/{message.index}",
                transaction_id=_document_number(message),
                claims=((MESSAGE_CLAIM, f"{number}/{message.index}"),),
            )
            for number, message in taken
        )
    )


def _document_number(message: Message) -> str | None:
    """Return 1004 of BGM: under it the market knows the message."""
    for segment in message.body[:_HEADER_SEGMENTS]:
        if segment.tag == "BGM":
            return segment.text(2) or None
    return None
