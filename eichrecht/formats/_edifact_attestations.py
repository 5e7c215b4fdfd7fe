"""The signatures of an EDIFACT message as claims: inside the message, from an AUTACK, from a CMS around the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from eichrecht.containers.cms import Cms, CmsCode, CmsError, public_key_of, read_cms
from eichrecht.edifact.autack import Autack, read_autacks
from eichrecht.edifact.codes import SyntaxCode
from eichrecht.edifact.envelope import read_file
from eichrecht.edifact.errors import EdifactError
from eichrecht.edifact.interchange import EdifactFile, Interchange, Message
from eichrecht.edifact.security import MessageSecurity, SignatureGroup, ecdsa_algorithms, read_security
from eichrecht.edifact.security_codes import CONTRADICTIONS, SecurityCode
from eichrecht.evidence import (
    Attestation,
    Finding,
    Severity,
    SignatureClaim,
    SignedEnvelope,
    SignerCertificate,
    note,
    problem,
    warning,
)

MAX_ATTESTATIONS = 16
"""Most signatures of one message that are looked at."""

_UNREADABLE = frozenset(map(str, SyntaxCode))
_NO_CLAIM = SignatureClaim(None, None, None, None)
_REFUTING = frozenset(
    {CmsCode.CONTENT_CONFLICT, CmsCode.DIGEST_MISMATCH, CmsCode.SIGNING_CERTIFICATE_DIFFERS}
)
_CMS_ALGORITHMS = {"RSA-PSS": "RSA-PSS-{}", "RSA": "RSA-{}"}


@dataclass(frozen=True, slots=True)
class Attested:
    """What is signed of a message, and by whom.

    Attributes:
        attestations: At least one; a message without a signature has one with the defect ``unsigned``.
        findings: What is to be said about them.
        contradictions: What shows the message to be wrong whatever the signatures are.
    """

    attestations: tuple[Attestation, ...]
    findings: tuple[Finding, ...]
    contradictions: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A message in its file, and the AUTACK messages of that file."""

    file: EdifactFile
    interchange: Interchange
    message: Message
    autacks: tuple[Autack, ...] = ()

    def slice(self, group: SignatureGroup) -> bytes:
        """Return the octets that a signature covers; kept for the next message where they are a whole interchange."""
        return _joined(self.file.data, group.spans)


@lru_cache(maxsize=4)
def _joined(data: bytes, spans: tuple[tuple[int, int], ...]) -> bytes:
    return b"".join(data[start:end] for start, end in spans)


@lru_cache(maxsize=2)
def autacks_of(data: bytes) -> tuple[tuple[Autack, ...], tuple[Finding, ...]]:
    """Return the AUTACK messages of a file, and the errors of reading it."""
    try:
        file = read_file(data)
    except EdifactError as error:
        return (), (error.finding(),)
    errors = tuple(one for one in file.all_findings() if one.severity is Severity.ERROR)
    found = read_autacks(file)
    return found, (*errors, *(finding for one in found for finding in one.findings))


def attest(place: Place, envelopes: Sequence[SignedEnvelope], *, allow_pkcs1: bool) -> Attested:
    """Return all signatures of a message.

    Args:
        place: The message.
        envelopes: Signatures around or beside its file.
        allow_pkcs1: Whether a CMS signature may be RSASSA-PKCS1-v1_5; the market's rules ask for PSS since 2018.
    """
    security = read_security(place.interchange, place.message)
    found = [*_inside(place, security)]
    findings: list[Finding] = []
    if place.interchange.security and security.groups:
        level = place.interchange.security[0].where
        findings.append(warning(SecurityCode.INTERCHANGE_LEVEL_UNSUPPORTED, level))
    found += _by_autacks(place, place.autacks, (), findings)
    for envelope in envelopes[:MAX_ATTESTATIONS]:
        if envelope.kind == "autack":
            if envelope.content in (None, place.file.data):
                found += _by_autacks(place, *autacks_of(envelope.signature), findings, explicit=True)
        else:
            found.append(_by_cms(place, envelope, findings, allow_pkcs1=allow_pkcs1))
    unsigned = not security.groups and not security.contradictions
    whole = place.message.closed and not _is_unreadable(place)
    contradictions = [finding for finding in findings if finding.code in _REFUTING]
    said = [finding for finding in findings if finding.code not in _REFUTING]
    if whole:
        contradictions[:0] = security.contradictions
    else:
        said += security.contradictions
    said += [one for group in security.groups for one in group.findings if one.code not in CONTRADICTIONS]
    said += security.unsupported if not unsigned or not found else ()
    if not found:
        defect = "unsigned" if unsigned else "malformed_signature" if whole else "unreadable"
        found.append(Attestation("-", b"", _NO_CLAIM, defect=defect))
    found = [_settled(one, place, security, whole=whole) for one in found[:MAX_ATTESTATIONS]]
    usable = any(one.defect is None for one in found)
    kept = tuple(
        replace(finding, severity=Severity.WARNING)
        if usable and finding.severity is Severity.ERROR
        else finding
        for finding in said
    )
    return Attested(tuple(found), kept, tuple(contradictions))


def _is_unreadable(place: Place) -> bool:
    """Whether octets of the file or the interchange were not read with certainty."""
    around = (*place.file.findings, *place.interchange.findings)
    return any(finding.severity is Severity.ERROR and finding.code in _UNREADABLE for finding in around)


def _settled(one: Attestation, place: Place, security: MessageSecurity, *, whole: bool) -> Attestation:
    """Add what spoils every signature of the message: contradictions, and octets that were not read with certainty.

    Groups that contradict each other in a message that is not whole show nothing: what was cut off may have been right.
    """
    if security.contradictions and whole:
        return replace(one, defect="malformed_signature", refuted=True)
    if security.contradictions and not one.apart:
        return replace(one, defect="unreadable", refuted=False)
    if _is_unreadable(place):
        return replace(one, defect=one.defect or "unreadable")
    return one


def _inside(place: Place, security: MessageSecurity) -> Iterator[Attestation]:
    blocked = bool(security.unsupported)
    for group in security.groups:
        yield _of_group(place, group, group.header.reference, blocked=blocked)


def _of_group(place: Place, group: SignatureGroup, name: str, *, blocked: bool = False) -> Attestation:
    algorithms = group.algorithms
    claim = SignatureClaim(
        algorithm=algorithms[0] if len(algorithms) == 1 else None,
        algorithm_text=group.scheme,
        value=group.value,
        encoding=group.filter_name,
        native=group.form,
        by_key=algorithms if len(algorithms) > 1 else (),
        key_name=group.key_name or None,
    )
    refuted = any(finding.code in CONTRADICTIONS for finding in group.findings)
    defect = None
    if group.findings or blocked or group.value is None:
        defect = "malformed_signature" if refuted else "unsupported_algorithm"
    plain = group.without_breaks(place.file.data)
    removed = warning(SecurityCode.LINE_BREAKS_REMOVED, place.message.where)
    return Attestation(
        name=name,
        signed_bytes=place.slice(group),
        signature=claim,
        spans=group.spans,
        otherwise=None if plain is None else (plain, removed),
        defect=defect,
        refuted=refuted,
    )


def _by_autacks(
    place: Place,
    autacks: Sequence[Autack],
    errors: Sequence[Finding],
    findings: list[Finding],
    *,
    explicit: bool = False,
) -> Iterator[Attestation]:
    """Yield the signatures of AUTACK messages over this message; ``explicit`` if they were given for it."""
    findings += errors
    count = 0
    for autack in autacks:
        for group in autack.signatures(place.interchange, place.message):
            count += 1
            findings += group.findings
            one = _of_group(place, group, f"AUTACK {group.header.reference}")
            # An AUTACK is no part of the message: what is wrong with it does not make the message wrong.
            yield replace(one, defect="unreadable" if errors else one.defect, refuted=False, apart=explicit)
    if explicit and not count:
        findings.append(problem(SecurityCode.CONTENT_NOT_REFERENCED, place.message.where))


def _by_cms(
    place: Place, envelope: SignedEnvelope, findings: list[Finding], *, allow_pkcs1: bool
) -> Attestation:
    """Return the claim of a CMS signature over the file, or over the mail that holds it."""
    where = envelope.where
    try:
        cms = read_cms(envelope.signature)
    except CmsError as error:
        findings.append(problem(error.code, where))
        return Attestation("CMS", b"", _NO_CLAIM, defect="unreadable", apart=True)
    code = cms.defect or _content_defect(cms, envelope)
    if code is None and cms.scheme == "RSA" and not allow_pkcs1:
        code = CmsCode.PADDING_NOT_ALLOWED
    if code is not None:
        findings.append(problem(code, where))
    elif not _digest_fits(cms, envelope):
        findings.append(warning(CmsCode.LINE_ENDS_UNIFIED, where))
    if cms.certificate is None and cms.defect is None:
        findings.append(note(CmsCode.CERTIFICATE_MISSING, where))
    key = public_key_of(cms.certificate) if cms.certificate is not None else None
    return Attestation(
        name="CMS",
        signed_bytes=cms.signed,
        signature=_cms_claim(cms),
        spans=((0, len(place.file.data)),),
        key_text=key.hex() if key is not None else None,
        certificate=_certificate(cms, place),
        defect=None if code is None else _reason(code),
        refuted=code in _REFUTING,
        apart=True,
    )


def _content_defect(cms: Cms, envelope: SignedEnvelope) -> CmsCode | None:
    content = envelope.content if envelope.content is not None else cms.content
    if content is None:
        return CmsCode.CONTENT_MISSING
    if cms.content is not None and content != cms.content:
        return CmsCode.CONTENT_CONFLICT
    if cms.certificate_differs:
        return CmsCode.SIGNING_CERTIFICATE_DIFFERS
    if cms.matches(content) or (envelope.mime and cms.matches(with_crlf(content))):
        return None
    return CmsCode.DIGEST_MISMATCH


def _digest_fits(cms: Cms, envelope: SignedEnvelope) -> bool:
    content = envelope.content if envelope.content is not None else cms.content
    return content is not None and cms.matches(content)


@lru_cache(maxsize=2)
def with_crlf(content: bytes) -> bytes:
    """Return a mail's entity with the line ends that it is signed with (RFC 8551 §3.1.1), whatever they are here."""
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _reason(code: CmsCode) -> str:
    if code in (CmsCode.ALGORITHM_UNSUPPORTED, CmsCode.DIGEST_UNSUPPORTED, CmsCode.PADDING_NOT_ALLOWED):
        return "unsupported_algorithm"
    if code is CmsCode.CONTENT_MISSING:
        return "content_missing"
    return "mismatch" if code in _REFUTING else "malformed_signature"


def _cms_claim(cms: Cms) -> SignatureClaim:
    if cms.scheme == "ECDSA":
        # The curve is the key's; the names are those that a signature inside the message would have.
        names = ecdsa_algorithms(cms.hash_name)
        return SignatureClaim(None, cms.scheme, cms.signature, None, "der", names)
    pattern = _CMS_ALGORITHMS.get(cms.scheme)
    name = pattern.format(cms.hash_name) if pattern is not None else None
    return SignatureClaim(name, cms.scheme or None, cms.signature or None, None, "raw")


def _certificate(cms: Cms, place: Place) -> SignerCertificate | None:
    if cms.certificate is None:
        return None
    others = tuple(one for one in cms.certificates if one != cms.certificate)
    return SignerCertificate(
        cms.certificate, others, cms.signing_time, place.interchange.sender.identification
    )
