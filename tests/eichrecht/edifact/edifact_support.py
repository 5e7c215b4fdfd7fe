"""EDIFACT files for tests, composed with right counts, so that a test changes one thing only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eichrecht.edifact import EdifactFile, read_file
from eichrecht.edifact.metering import MsconsMessage
from eichrecht.edifact.mscons import read_all

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "edifact"
SENDER, RECIPIENT = "9900000000001", "9900000000002"
MELO = "DE00014559929E00856996N5139699L01"
MALO = "51238696781"
UNA = "UNA:+.? '"


def utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M}?+00:303"


def message(*body: str, reference: str = "1", kind: str = "MSCONS:D:04B:UN:2.4c") -> str:
    """Return UNH, the body's segments (without terminators) and a UNT with the right count."""
    return "'".join((f"UNH+{reference}+{kind}", *body, f"UNT+{len(body) + 2}+{reference}")) + "'"


def interchange(
    *messages: str,
    application: str = "VL",
    reference: str = "R1",
    una: str = UNA,
    unb: str | None = None,
    unz: str | None = None,
) -> str:
    head = unb or f"UNB+UNOC:3+{SENDER}:500+{RECIPIENT}:500+260315:0800+{reference}++{application}'"
    tail = unz or f"UNZ+{len(messages)}+{reference}'"
    return una + head + "".join(messages) + tail


def header(identifier: str, *, code: str = "7", function: str = "9", document: str = "DOC1") -> list[str]:
    return [
        f"BGM+{code}+{document}+{function}",
        "DTM+137:202603150800?+00:303",
        f"RFF+Z13:{identifier}",
        f"NAD+MS+{SENDER}::293",
        f"NAD+MR+{RECIPIENT}::293",
        "UNS+D",
        "NAD+DP",
    ]


READING = ("QTY+220:1259.881", "DTM+9:202603141230?+00:303", "DTM+7:202603142300?+00:303")


def reading(
    *quantity: str, location: Sequence[str] = (f"LOC+172+{MELO}", "RFF+MG:1EMH0012345678")
) -> list[str]:
    """Return the body of a 13017 without findings, or with another quantity."""
    return [*header("13017"), *location, "LIN+1", "PIA+5+1-0?:1.8.0:SRW", *(quantity or READING)]


ENERGY = ("QTY+220:25.314", "DTM+163:202603141000?+00:303", "DTM+164:202603141230?+00:303")


def energy(*quantity: str, location: Sequence[str] = (f"LOC+172+{MALO}",)) -> list[str]:
    """Return the body of a 13019 without findings, or with another quantity."""
    return [*header("13019"), *location, "LIN+1", "PIA+5+1-0?:1.9.0:SRW", *(quantity or ENERGY)]


def profile_values(begin: datetime, count: int, *, value: str = "0.250") -> list[str]:
    step = timedelta(minutes=15)
    return [
        segment
        for index in range(count)
        for segment in (
            f"QTY+220:{value}",
            f"DTM+163:{stamp(begin + index * step)}",
            f"DTM+164:{stamp(begin + (index + 1) * step)}",
        )
    ]


def profile(begin: datetime, end: datetime, values: Iterable[str]) -> list[str]:
    """Return the body of a 13018 for a period."""
    return [
        *header("13018"),
        f"LOC+172+{MELO}",
        f"DTM+163:{stamp(begin)}",
        f"DTM+164:{stamp(end)}",
        "LIN+1",
        "PIA+5+1-1?:1.29.0:SRW",
        *values,
    ]


def encoded(text: str) -> bytes:
    return text.encode("iso8859_1")


def read(text: str) -> EdifactFile:
    return read_file(encoded(text))


def codes(file: EdifactFile) -> list[str]:
    return [finding.code for finding in file.all_findings()]


def read_messages(text: str) -> tuple[MsconsMessage, ...]:
    return read_all(read(text))


def mscons_codes(text: str) -> list[str]:
    return [finding.code for one in read_messages(text) for finding in one.findings]
