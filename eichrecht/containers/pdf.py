"""PDF: the files embedded in it (PDF/A-3 and others), else the pictures on its pages.

The text of a page is never a source of records: it is typeset, so blanks and line breaks are not those that were
signed, and a genuine record would be called forged. A page that shows one is pointed out instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eichrecht.containers.codes import ArchiveCode
from eichrecht.containers.kinds import Found, Opener, Payload
from eichrecht.containers.limits import MAX_PDF_OBJECTS, MAX_PDF_PAGES, MAX_PDF_STREAM
from eichrecht.containers.members import Listing, Lost, Member, open_members
from eichrecht.containers.sandbox import Frame, Run, run_worker
from eichrecht.evidence import Finding, Layer, note, problem, warning

_HEADER = b"%PDF-"
_HEADER_WITHIN = 1024
"""Readers accept the header anywhere in the first 1024 bytes (ISO 32000-1, appendix H.3, note 13)."""

_LOST = {
    "damaged": ArchiveCode.MEMBERS_DAMAGED,
    "limit": ArchiveCode.MEMBERS_TOO_LARGE,
    "unsupported": ArchiveCode.MEMBERS_UNSUPPORTED,
    "empty": ArchiveCode.MEMBERS_WITHOUT_CONTENT,
}


class PdfFiles:
    """Files embedded in a PDF, at the document, at a page or at a note on a page."""

    name = "pdf"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        if _HEADER not in payload.content[:_HEADER_WITHIN]:
            return None
        files = _search(payload.content, "files", opener)
        found = open_members(_listing(files, "file"), Layer("pdf", "pdf_embedded_file"), opener)
        if found.parts or not files.complete or _failed(files.frames):
            # A text that only begins like a PDF is no PDF: then the other kinds are tried.
            return replace(found, final=not files.count("unreadable"))
        pages = _search(payload.content, "pages", opener)
        on_pages = open_members(_listing(pages, "picture"), Layer("pdf", "pdf_picture"), opener)
        findings = found.findings + on_pages.findings
        if not on_pages.parts:
            findings += (
                note(
                    ArchiveCode.PDF_WITHOUT_RECORD, files=files.count("file"), pictures=pages.count("picture")
                ),
            )
        return Found(on_pages.parts, findings, final=True)


def _search(content: bytes, mode: str, opener: Opener) -> Run:
    limits = (MAX_PDF_OBJECTS, MAX_PDF_PAGES, MAX_PDF_STREAM, opener.bytes_left())
    return run_worker("pdf_files", (mode, *map(str, limits)), content, opener)


def _failed(frames: Sequence[Frame]) -> bool:
    return any(frame.text("kind") in ("encrypted", "unreadable", "missing") for frame in frames)


def _listing(run: Run, wanted: str) -> Listing:
    """Return the files, or pictures, that the worker sent, and what it said about the others."""
    members: list[Member] = []
    lost: list[Lost] = []
    findings: list[Finding] = []
    texts: list[Finding] = []
    for index, frame in enumerate(run.frames):
        kind = frame.text("kind")
        name = frame.text("name") or str(index)
        if kind == wanted:
            members.append(Member(name, frame.body))
        elif kind in _LOST:
            lost.append(Lost(_LOST[kind], name))
        elif kind == "text":
            texts.append(
                warning(ArchiveCode.PDF_TEXT_NOT_READ, f"/{frame.head['page']}", page=frame.head["page"])
            )
        else:
            findings.append(_about_the_whole(kind, frame))
    if not run.complete:
        findings.append(problem(ArchiveCode.PDF_LIMIT_REACHED, reason=run.reason))
    return Listing(tuple(members), tuple(lost), (*findings, *texts[:1]))


def _about_the_whole(kind: str, frame: Frame) -> Finding:
    if kind == "encrypted":
        return problem(ArchiveCode.PDF_ENCRYPTED)
    if kind == "missing":
        return problem(ArchiveCode.LIBRARY_MISSING, kind="PDF", package=frame.text("name"))
    if kind == "unreadable":
        return problem(ArchiveCode.PDF_UNREADABLE, reason=frame.text("reason"))
    return problem(ArchiveCode.PDF_LIMIT_REACHED, reason=kind)
