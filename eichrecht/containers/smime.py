"""Signed mail and CMS files: what is signed is taken out and handed on with its signature (RFC 5652, RFC 8551).

The octets that are signed are cut out of the mail as they stand; no mail library rebuilds them. Only what lies in them
becomes a record.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from eichrecht.containers.cms import CmsCode, CmsError, looks_like_cms, read_cms
from eichrecht.containers.kinds import Found, Opener, Payload, joined, within
from eichrecht.evidence import Layer, SignedEnvelope, problem

MAX_HEADER_BYTES = 64 * 1024
"""Most octets of a mail's header; real ones have a few thousand."""

MAX_PARTS = 100
"""Most parts of a multipart entity; the market sends one file."""

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"([!-9;-~]{1,76}):[ \t]*([^\r\n]*)")
_PARAMETER = re.compile(r';\s*([\w-]{1,40})\s*=\s*(?:"([^"\r\n]{0,400})"|([^\s;"]{1,400}))')
_PEM = re.compile(rb"-----BEGIN (PKCS7|CMS)-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----")
_SIGNED_MIME = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNATURE = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})


class SmimeCode(StrEnum):
    """What keeps a signed mail from being taken apart."""

    MALFORMED = "smime_malformed"
    CONTENT_UNSUPPORTED = "smime_content_unsupported"


@dataclass(frozen=True, slots=True)
class _Entity:
    """A MIME entity: type, parameters and transfer encoding in lower case, and its body as it stands."""

    type: str
    parameters: dict[str, str]
    encoding: str
    body: bytes


class CmsFile:
    """A CMS SignedData in DER, BER or PEM."""

    name = "cms"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        data = cms_of_file(payload.content)
        if data is None:
            return None
        return _opened_cms(data, opener, "der" if data is payload.content else "pem")


def cms_of_file(content: bytes) -> bytes | None:
    """Return the CMS structure that a file in DER, BER or PEM holds; ``None`` if it is another file."""
    if looks_like_cms(content):
        return content
    text = content.strip() if content.lstrip().startswith(b"-----BEGIN ") else b""
    pem = _PEM.fullmatch(text)
    data = _base64(pem[2]) if pem is not None else None
    return data if data is not None and looks_like_cms(data) else None


class SignedMail:
    """A mail with ``multipart/signed`` or ``application/pkcs7-mime``."""

    name = "smime"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        head = payload.content[:MAX_HEADER_BYTES].lower()
        if b"content-type:" not in head or not any(
            one in head for one in (b"multipart/signed", b"pkcs7-mime")
        ):
            return None
        mail = _entity(payload.content)
        if mail is None:
            return None
        if mail.type == "multipart/signed":
            return _opened_multipart(mail, opener)
        if mail.type not in _SIGNED_MIME:
            return None
        data = _decoded(mail)
        if data is None:
            return Found(findings=(problem(SmimeCode.MALFORMED),), final=True)
        return _opened_cms(data, opener, "pkcs7_mime")


def _opened_cms(data: bytes, opener: Opener, reason: str) -> Found:
    layer = Layer("cms", reason)
    try:
        cms = read_cms(data)
    except CmsError as error:
        return Found(findings=(problem(error.code),), final=True)
    if cms.content is None:
        return Found(findings=(problem(CmsCode.CONTENT_MISSING),), final=True)
    return _opened_content(cms.content, SignedEnvelope("cms", data), layer, opener)


def _opened_multipart(mail: _Entity, opener: Opener) -> Found:
    malformed = Found(findings=(problem(SmimeCode.MALFORMED),), final=True)
    cut = _parts(mail)
    if cut is None or len(cut[0]) != 2:
        return malformed
    parts, around = cut
    signature = _entity(parts[1])
    data = _decoded(signature) if signature is not None and signature.type in _SIGNATURE else None
    if data is None:
        return malformed
    envelope = SignedEnvelope("cms", data, parts[0], mime=True)
    opened = _opened_content(parts[0], envelope, Layer("smime", "multipart_signed"), opener)
    # Mail programs do not show what stands before and behind the parts; a record there is not lost, nor signed.
    beside = [opener.open(text) for text in around if opener.recognise(text)]
    return joined([opened, *beside]) if beside else opened


def _opened_content(signed: bytes, envelope: SignedEnvelope, layer: Layer, opener: Opener) -> Found:
    """Open what is signed: the file itself, or a MIME entity with one file in it."""
    file = _file_in(signed)
    if file is None:
        return Found(findings=(problem(SmimeCode.CONTENT_UNSUPPORTED),), final=True)
    found = opener.open(file)
    parts = tuple(replace(part, envelopes=(envelope, *part.envelopes)) for part in found.parts)
    return within(replace(found, parts=parts), layer)


def _file_in(signed: bytes) -> bytes | None:
    """Return the one file that the signed octets hold; ``None`` where that is not certain."""
    if signed.startswith((b"UNA", b"UNB")):
        return signed
    entity = _entity(signed)
    if entity is None:
        return signed
    if entity.type.startswith("multipart/"):
        cut = _parts(entity)
        entities = [_entity(part) for part in cut[0]] if cut is not None else []
        files = [one for one in entities if one is not None and _is_file(one)]
        if len(files) != 1 or None in entities:
            return None
        entity = files[0]
    return _decoded(entity)


def _is_file(entity: _Entity) -> bool:
    """Whether a part is more than an empty text beside the file."""
    return not (entity.type == "text/plain" and not (_decoded(entity) or b"").strip())


def _entity(data: bytes) -> _Entity | None:
    """Read a header and its body; ``None`` if there is no header with a content type."""
    end = _HEADER_END.search(data, 0, MAX_HEADER_BYTES)
    if end is None:
        return None
    fields: dict[str, str] = {}
    for line in _FOLD.sub(b" ", data[: end.start()]).split(b"\n"):
        field = _FIELD.fullmatch(line.rstrip(b"\r"))
        if field is None:
            return None
        name = field[1].decode("latin-1").lower()
        if name in fields and name.startswith("content-"):
            return None
        fields[name] = field[2].decode("latin-1")
    if "content-type" not in fields:
        return None
    kind, _, rest = fields["content-type"].partition(";")
    parameters = {found[1].lower(): found[2] or found[3] or "" for found in _PARAMETER.finditer(";" + rest)}
    encoding = fields.get("content-transfer-encoding", "7bit").strip().lower()
    return _Entity(kind.strip().lower(), parameters, encoding, data[end.end() :])


def _parts(entity: _Entity) -> tuple[list[bytes], tuple[bytes, bytes]] | None:
    """Cut a multipart body at its boundary (RFC 2046 §5.1.1): the line break before a boundary belongs to it.

    Returns:
        The parts, and what stands before the first and behind the last one.
    """
    boundary = entity.parameters.get("boundary", "").encode("latin-1")
    if not boundary or len(boundary) > 70:
        return None
    mark = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[bytes] = []
    start: int | None = None
    before = b""
    for found in mark.finditer(entity.body):
        if start is not None:
            parts.append(entity.body[start : max(start, found.start())])
        else:
            before = entity.body[: found.start()]
        if found[1] is not None:
            return parts, (before, entity.body[found.end() :])
        if len(parts) >= MAX_PARTS:
            return None
        start = found.end() + (2 if entity.body.startswith(b"\r\n", found.end()) else 1)
    return None


def _decoded(entity: _Entity) -> bytes | None:
    if entity.encoding == "base64":
        return _base64(entity.body)
    if entity.encoding in ("7bit", "8bit", "binary"):
        return entity.body
    return None


def _base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return None
