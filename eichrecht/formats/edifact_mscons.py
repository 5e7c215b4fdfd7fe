"""EDIFACT_MSCONS: signed MSCONS messages, one record per message (ISO 9735-5, ISO 9735-6, RFC 5652).

A message is signed inside itself, by an AUTACK, or by a CMS around its file. Readings are taken only from segments that
every signature of the message covers; UNB and UNH, which signatures inside a message do not cover, give no value and
can only contradict. What a message says that nobody signed is shown as unverified and never becomes valid.

A file may hold many messages: the container says which one a record is (claim ``edifact_message``, ``0/3``: interchange
and message, counted from 0), because UNA and UNB at its beginning are needed to read any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from eichrecht.containers.cms import looks_like_cms
from eichrecht.edifact.autack import Autack, read_autacks
from eichrecht.edifact.coverage import Coverage
from eichrecht.edifact.envelope import read_file
from eichrecht.edifact.errors import EdifactError
from eichrecht.edifact.interchange import EdifactFile, Interchange, Message
from eichrecht.edifact.lexer import looks_like_edifact
from eichrecht.edifact.metering import MsconsMessage, Quantity, Series
from eichrecht.edifact.mscons import read_all, read_mscons
from eichrecht.edifact.security_codes import SecurityCode
from eichrecht.evidence import (
    Device,
    Finding,
    Identification,
    PaginationRule,
    Reading,
    ReadingRole,
    RecordSpan,
    Severity,
    SignedEnvelope,
    SignedRecord,
    StatusFlag,
    Traits,
    note,
    problem,
)
from eichrecht.formats._claims import with_claims
from eichrecht.formats._edifact_attestations import Attested, Place, attest
from eichrecht.formats.base import Surroundings
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

MESSAGE_CLAIM = "edifact_message"
"""Name of the claim with which the container says which message of the file a record is."""

MAX_READINGS = 50_000
"""Most values of one message: a year of quarter-hours has 35,136."""

TRAITS = Traits(pagination=PaginationRule.NONE)

_START = re.compile(rb"(?<![A-Za-z0-9])(?:UNA[^A-Za-z0-9]{6}[\r\n]{0,2})?UNB\+UNO[A-Z]:")
_END = re.compile(rb"(?<=['\r\n])UNZ\+[^'\r\n]{0,100}'")
_PLACE = re.compile(r"([0-9]{1,7})/([0-9]{1,7})")


class EdifactMsconsErrorCode(StrEnum):
    """Why a message cannot be decoded at all (``FormatError.code``)."""

    NOT_EDIFACT = "edifact_mscons_header_missing"
    TOO_LARGE = "edifact_mscons_too_large"
    NO_MESSAGE = "edifact_mscons_no_message"
    SEVERAL_MESSAGES = "edifact_mscons_several_messages"


class EdifactMsconsCode(StrEnum):
    """What decoding noticed about a message."""

    TEST = "edifact_mscons_test"
    NOT_ORIGINAL = "edifact_mscons_not_original"
    VALUE_NOT_TRUE = "edifact_mscons_value_not_true"
    VALUES_NOT_COVERED = "edifact_mscons_values_not_covered"
    TOO_MANY_VALUES = "edifact_mscons_too_many_values"
    TEXT_NOT_ASCII = "edifact_mscons_text_not_ascii"


class EdifactMscons:
    """MSCONS with signatures; see the module's text.

    Args:
        allow_pkcs1: Whether CMS signatures may be RSASSA-PKCS1-v1_5.
    """

    name = "EDIFACT_MSCONS"

    def __init__(self, *, allow_pkcs1: bool = False) -> None:
        self._allow_pkcs1 = allow_pkcs1

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return every interchange with the default service characters that stands in a text."""
        return tuple(self._spans(content))

    def _spans(self, content: bytes) -> Iterator[RecordSpan]:
        if b"UNB+" not in content:
            return
        at = 0
        while (start := _START.search(content, at)) is not None:
            end = _END.search(content, start.end())
            if end is None:
                stop = content.rfind(b"'", start.end()) + 1 or len(content)
                yield RecordSpan(self.name, start.start(), stop, "edifact_interchange_incomplete")
                return
            yield RecordSpan(self.name, start.start(), end.end(), "edifact_interchange")
            at = end.end()

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the one message of an interchange.

        Raises:
            NotThisFormatError: ``edifact_mscons_header_missing``.
            LimitExceededError: ``edifact_mscons_too_large``.
            MalformedRecordError: ``edifact_mscons_no_message``, ``edifact_mscons_several_messages``.
        """
        return self.decode_in(content, Surroundings())

    def decode_in(self, content: bytes, surroundings: Surroundings) -> SignedRecord:
        """Decode the message that the container names, with the signatures around and beside its file.

        Raises:
            FormatError: See :meth:`decode`.
        """
        place, message = _select(content, surroundings.claims)
        envelopes = surroundings.envelopes
        beside = surroundings.detached_signature
        if beside is not None and looks_like_cms(beside):
            envelopes = (*envelopes, SignedEnvelope("cms", beside, content))
        attested = attest(place, envelopes, allow_pkcs1=self._allow_pkcs1)
        record = _record(place, message, attested)
        return with_claims(record, surroundings.claims)


@lru_cache(maxsize=2)
def _read(content: bytes) -> tuple[EdifactFile, dict[int, MsconsMessage], tuple[Autack, ...]]:
    """Read a file once for all its messages; they are asked for one by one."""
    if not looks_like_edifact(content):
        raise NotThisFormatError(EdifactMsconsErrorCode.NOT_EDIFACT)
    try:
        file = read_file(content)
    except EdifactError as error:
        raise LimitExceededError(EdifactMsconsErrorCode.TOO_LARGE, error.where) from None
    return file, {one.message.segments.first: one for one in read_all(file)}, read_autacks(file)


def _select(content: bytes, claims: tuple[tuple[str, str], ...]) -> tuple[Place, MsconsMessage]:
    file, read, autacks = _read(content)
    named = next((value for name, value in claims if name == MESSAGE_CLAIM), None)
    interchange, message = _only_message(file) if named is None else _named_message(file, named)
    known = read.get(message.segments.first) or read_mscons(file, interchange, message)
    return Place(file, interchange, message, autacks), known


def _only_message(file: EdifactFile) -> tuple[Interchange, Message]:
    count = sum(len(one.messages) for one in file.interchanges)
    if count > 1:
        raise MalformedRecordError(EdifactMsconsErrorCode.SEVERAL_MESSAGES, "", {"count": str(count)})
    for interchange in file.interchanges:
        for message in interchange.messages:
            return interchange, message
    raise MalformedRecordError(EdifactMsconsErrorCode.NO_MESSAGE)


def _named_message(file: EdifactFile, named: str) -> tuple[Interchange, Message]:
    found = _PLACE.fullmatch(named)
    if found is not None and int(found[1]) < len(file.interchanges):
        interchange = file.interchanges[int(found[1])]
        if int(found[2]) < len(interchange.messages):
            return interchange, interchange.messages[int(found[2])]
    raise MalformedRecordError(EdifactMsconsErrorCode.NO_MESSAGE)


def _record(place: Place, message: MsconsMessage, attested: Attested) -> SignedRecord:
    main = attested.attestations[0]
    coverages = [Coverage(one.spans) for one in attested.attestations if one.defect is None]
    # Another type in UNH, which nobody signs, is an error among the message's findings; the body says what it is.
    readings, notes = _readings(message, coverages)
    devices = {series.device for series in message.series} if readings else set()
    device = devices.pop() if len(devices) == 1 else None
    if not (device or "").isascii() or not message.document_number.isascii():
        # The character set is stated in UNB, which is not signed: these octets may mean anything.
        notes.append(problem(EdifactMsconsCode.TEXT_NOT_ASCII, message.message.where))
        device = None
    body = message.message.body
    start, end = body.span if len(body) else message.message.span
    return SignedRecord(
        format=EdifactMscons.name,
        version=message.version or None,
        raw=place.file.data,
        signed_bytes=main.signed_bytes,
        signature=main.signature,
        meter=Device(serial=device),
        gateway=Device(),
        charge_point=(None, None),
        identification=Identification(),
        pagination=None,
        readings=tuple(readings),
        embedded_key=main.key_text,
        findings=(
            *place.file.findings_for(place.interchange, place.message),
            *message.findings,
            *attested.findings,
            *_unusable(message),
            *notes,
            *_coverage_notes(place, attested),
        ),
        contradictions=attested.contradictions,
        traits=TRAITS,
        attestations=attested.attestations,
        content=place.file.data[start:end],
    )


def _unusable(message: MsconsMessage) -> Iterator[Finding]:
    where = message.message.where
    if message.test:
        yield problem(EdifactMsconsCode.TEST, where)
    if message.function != "9":
        yield problem(EdifactMsconsCode.NOT_ORIGINAL, where, function=message.function or "-")


def _readings(message: MsconsMessage, coverages: Sequence[Coverage]) -> tuple[list[Reading], list[Finding]]:
    """Return the values that every signature covers."""
    readings: list[Reading] = []
    uncovered = 0
    pairs = ((series, quantity) for series in message.series for quantity in series.quantities)
    for index, (series, quantity) in enumerate(pairs):
        if index >= MAX_READINGS:
            limit = problem(EdifactMsconsCode.TOO_MANY_VALUES, message.message.where, limit=MAX_READINGS)
            return [], [limit]
        if all(message.is_covered(series, quantity, coverage) for coverage in coverages):
            readings.append(_reading(len(readings), message, series, quantity))
        else:
            uncovered += 1
    if not uncovered:
        return readings, []
    return readings, [problem(EdifactMsconsCode.VALUES_NOT_COVERED, message.message.where, count=uncovered)]


def _reading(index: int, message: MsconsMessage, series: Series, quantity: Quantity) -> Reading:
    role, reason = ReadingRole.UNKNOWN, None
    if message.session is not None:
        begins = quantity is message.session.begin
        role, reason = (ReadingRole.BEGIN, "B") if begins else (ReadingRole.END, "E")
    moment = quantity.moment("9") or quantity.moment("7")
    time = moment.time if moment is not None else quantity.end
    flags = () if quantity.is_true else (StatusFlag(EdifactMsconsCode.VALUE_NOT_TRUE, Severity.ERROR),)
    return Reading(
        index=index,
        where=message.message.segments.at(quantity.number).where,
        role=role,
        reason=reason,
        value=quantity.text,
        unit=series.unit_of(quantity) or quantity.unit or None,
        energy_kwh=series.energy_kwh(quantity),
        obis=series.product or None,
        time=time,
        time_text=moment.text if moment is not None and moment.time is not None else None,
        status_word=quantity.status,
        status_flags=flags,
    )


def _coverage_notes(place: Place, attested: Attested) -> Iterator[Finding]:
    """Say for each signature which octets of the file it covers, and which service segments none covers."""
    where = place.message.where
    for one in attested.attestations:
        if one.defect is None and one.spans:
            octets = ", ".join(f"{start}–{end}" for start, end in one.spans)
            yield note(SecurityCode.COVERS, where, name=one.name, octets=octets)
    usable = [Coverage(one.spans) for one in attested.attestations if one.defect is None]
    if not usable:
        return
    around = [place.interchange.segments[0], place.message.segments[0]]
    tags = [
        segment.tag
        for segment in (*around, place.message.segments[len(place.message.segments) - 1])
        if not any(coverage.includes(segment.span) for coverage in usable)
    ]
    if tags:
        yield note(SecurityCode.NOT_COVERED, where, tags=", ".join(tags))


FORMATS = (EdifactMscons(),)
