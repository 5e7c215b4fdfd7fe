"""MSCONS: metered values of the German energy market, read and checked (EDI@Energy MSCONS MIG 2.4, AHB 3.1).

Read are the check identifiers 13006 (cancellation), 13016, 13017, 13018, 13019 and 13025, and the project's own
profile: a session's begin and end as two register readings in one 13019. Nothing here is verified: whether a value
is signed is asked with :meth:`MsconsMessage.sources`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from eichrecht.edifact._mscons_checks import check_message
from eichrecht.edifact._mscons_profile import ENERGY
from eichrecht.edifact._mscons_reader import MessageReader
from eichrecht.edifact._notes import FindingList
from eichrecht.edifact.codes import MsconsCode
from eichrecht.edifact.interchange import EdifactFile, Interchange, Message, has_error
from eichrecht.edifact.metering import MeasureKind, MsconsMessage, Series, SessionPair, difference_kwh
from eichrecht.evidence import problem, warning

TYPE = "MSCONS"
"""0065 of the messages that are read here."""

_SESSION_READINGS = 2


def read_mscons(file: EdifactFile, interchange: Interchange, message: Message) -> MsconsMessage:
    """Read one message.

    Args:
        file: The file, for the soundness of its envelope.
        interchange: The message's interchange.
        message: The message; whatever its UNH says, which is unsigned, it is read as MSCONS. Another type is an
            error among the findings.
    """
    reader = MessageReader(message)
    reader.read()
    read = MsconsMessage(
        message=message,
        version=message.type.association,
        document_code=reader.document_code,
        document_number=reader.document_number,
        function=reader.function,
        created=reader.created,
        check_identifier=reader.check_identifier,
        references=tuple(reader.references),
        sender=reader.parties.get("MS", ("", "")),
        recipient=reader.parties.get("MR", ("", "")),
        series=tuple(reader.series),
        session=_session(reader.check_identifier, reader.series),
        test=interchange.test,
        envelope_sound=not has_error(file.findings_for(interchange, message)),
        header=tuple(reader.header),
    )
    notes = reader.notes
    for finding in check_message(read, interchange):
        notes.add(finding)
    return replace(read, findings=notes.all())


def read_all(file: EdifactFile) -> tuple[MsconsMessage, ...]:
    """Read every MSCONS message of a file, and void those that another one of the same file cancels.

    A cancellation counts whatever else is wrong with it: what may have been withdrawn is not billed.
    """
    messages = [
        read_mscons(file, interchange, message)
        for interchange in file.interchanges
        for message in interchange.messages
        if message.type.type == TYPE
    ]
    cancelled = {(one.sender, one.cancels) for one in messages if one.cancels}
    numbers = Counter((one.sender, one.document_number) for one in messages)
    result = []
    for one in messages:
        notes = FindingList()
        for finding in one.findings:
            notes.add(finding)
        if (one.sender, one.document_number) in cancelled:
            notes.add(problem(MsconsCode.DOCUMENT_CANCELLED, one.message.where, document=one.document_number))
        if numbers[one.sender, one.document_number] > 1:
            notes.add(
                warning(MsconsCode.DOCUMENT_NUMBER_REPEATED, one.message.where, document=one.document_number)
            )
        result.append(replace(one, findings=notes.all()))
    return tuple(result)


def _session(identifier: str, series: list[Series]) -> SessionPair | None:
    """Recognise the session profile: 13019 with one register and exactly two readings by DTM+9, in kWh."""
    if identifier != ENERGY or len(series) != 1:
        return None
    only = series[0]
    if only.kind is not MeasureKind.REGISTER or len(only.quantities) != _SESSION_READINGS:
        return None
    complete = [
        (time, energy, quantity)
        for quantity in only.quantities
        if (time := quantity.time("9")) is not None and (energy := only.energy_kwh(quantity)) is not None
    ]
    if len(complete) != _SESSION_READINGS:
        return None
    (began, first, begin), (ended, last, end) = sorted(complete, key=lambda reading: reading[0])
    return SessionPair(only, begin, end, difference_kwh(first, last), ended - began)
