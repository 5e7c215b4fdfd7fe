"""Signatures that lie beside the file they sign: CMS without content (.p7s) and AUTACK files.

A CMS signature finds its file by the signed digest. An AUTACK names its file only by a reference that others may carry
too, so it is given to a file only if its signature fits there. A file named as the content is judged by the signature
whatever it holds: that it does not fit is then the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eichrecht.containers.cms import CmsError, read_cms
from eichrecht.containers.smime import cms_of_file
from eichrecht.edifact.autack import TYPE, read_autacks
from eichrecht.edifact.envelope import read_file
from eichrecht.edifact.errors import EdifactError
from eichrecht.edifact.interchange import EdifactFile
from eichrecht.edifact.lexer import looks_like_edifact
from eichrecht.evidence import (
    Document,
    DocumentVerdict,
    SignatureStatus,
    SignedEnvelope,
    note,
)
from eichrecht.verification.codes import VerificationCode as Code

Verify = Callable[[Document, Sequence[SignedEnvelope]], DocumentVerdict]


@dataclass(frozen=True, slots=True)
class _Detached:
    """A document that is nothing but a signature."""

    index: int
    kind: str
    signature: bytes

    def over(self, content: bytes, where: str) -> SignedEnvelope:
        return SignedEnvelope(self.kind, self.signature, content, where=where)


def verify_together(
    documents: Sequence[Document], verify: Verify, content: Document | None = None
) -> list[DocumentVerdict]:
    """Verify documents of which some are the signatures of others.

    Args:
        documents: In the order of the results.
        verify: Verifies one document with the signatures that belong to it.
        content: The file that the signatures are said to belong to; it must be among the documents.

    Returns:
        One verdict per document. That of a signature names the file that it signs and has its verdict; where that
        file is missing it is indeterminate and says so.
    """
    signatures = [one for index, document in enumerate(documents) if (one := _detached(index, document))]
    given: dict[int, list[SignedEnvelope]] = {}
    owner: dict[int, int] = {}
    places = _Places(documents, {one.index for one in signatures})
    named = next((n for n, one in enumerate(documents) if content is not None and one is content), None)
    for one in signatures:
        where = documents[one.index].source
        found = places.of(one, verify, where)
        target = named if found is None else found
        if target is not None and target != one.index:
            owner[one.index] = target
            given.setdefault(target, []).append(one.over(documents[target].content, where))
    verdicts = [verify(document, given.get(index, ())) for index, document in enumerate(documents)]
    for index, target in owner.items():
        used = note(Code.DETACHED_SIGNATURE_USED, "", content=documents[target].source)
        document = documents[index]
        verdict = verdicts[target].verdict
        verdicts[index] = DocumentVerdict(document.source, document.sha256, verdict, (), (), (used,))
    return verdicts


def _detached(index: int, document: Document) -> _Detached | None:
    data = cms_of_file(document.content)
    if data is not None:
        try:
            detached = read_cms(data).content is None
        except CmsError:
            return None
        return _Detached(index, "cms", data) if detached else None
    file = _edifact(document.content)
    if file is None:
        return None
    types = {message.type.type for one in file.interchanges for message in one.messages}
    return _Detached(index, "autack", document.content) if types == {TYPE} else None


def _edifact(content: bytes) -> EdifactFile | None:
    if not looks_like_edifact(content):
        return None
    try:
        return read_file(content)
    except EdifactError:
        return None


class _Places:
    """The documents that may be what a signature signs."""

    def __init__(self, documents: Sequence[Document], signatures: set[int]) -> None:
        self._documents = documents
        self._contents = [n for n in range(len(documents)) if n not in signatures] if signatures else []
        self._by_reference: dict[tuple[object, ...], list[int]] | None = None

    def of(self, one: _Detached, verify: Verify, where: str) -> int | None:
        """Return the document that a signature signs, ``None`` if none does."""
        if one.kind == "cms":
            cms = read_cms(one.signature)
            return next((n for n in self._contents if cms.matches(self._documents[n].content)), None)
        for number in self._referenced(one):
            document = self._documents[number]
            verdict = verify(document, (one.over(document.content, where),))
            unchecked = any(
                finding.code == Code.FURTHER_SIGNATURE_UNCHECKED
                for record in verdict.records
                for finding in record.findings
            )
            fits = [record.signature.status is SignatureStatus.VALID for record in verdict.records]
            if fits and all(fits) and not unchecked:
                return number
        return None

    def _referenced(self, one: _Detached) -> list[int]:
        if self._by_reference is None:
            self._by_reference = {}
            for number in self._contents:
                file = _edifact(self._documents[number].content)
                for each in file.interchanges if file is not None else ():
                    place = (each.reference, each.sender, each.recipient)
                    self._by_reference.setdefault(place, []).append(number)
        file = _edifact(one.signature)
        references = [
            reference
            for autack in (read_autacks(file) if file is not None else ())
            for reference in autack.references
        ]
        places = {(each.interchange, each.sender, each.recipient): None for each in references}
        return [number for place in places for number in self._by_reference.get(place, ())]
