"""CMS SignedData (RFC 5652) taken apart: content, signer, signed attributes, certificates. Nothing is verified here.

What can be read is strict where a reader could be deceived: one signer, signed attributes in DER with exactly one
content type and one digest, one hash function throughout, PSS with the salt of the hash's length. BER is accepted
outside the signed attributes, because streaming senders write indefinite lengths. Anything else is a defect by name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from eichrecht.containers.asn1 import (
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    Asn1Error,
    Element,
    number,
    octet_string,
    whole,
)

MAX_CERTIFICATES = 16
"""Most certificates that are looked at; a chain has two to four."""

MAX_ATTRIBUTES = 64
"""Most signed attributes; OpenSSL writes four or five."""

_CONTEXT_0, _CONTEXT_1, _KEY_IDENTIFIER = 0xA0, 0xA1, 0x80
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


class CmsCode(StrEnum):
    """What keeps a CMS signature from being checked, or shows it to be wrong."""

    MALFORMED = "cms_malformed"
    ENCRYPTED = "cms_encrypted"
    NOT_SIGNED_DATA = "cms_not_signed_data"
    CONTENT_TYPE = "cms_content_type"
    SIGNER_COUNT = "cms_signer_count"
    SIGNED_ATTRIBUTES_MISSING = "cms_signed_attributes_missing"
    SIGNED_ATTRIBUTES_MALFORMED = "cms_signed_attributes_malformed"
    DIGEST_UNSUPPORTED = "cms_digest_unsupported"
    DIGESTS_DIFFER = "cms_digests_differ"
    ALGORITHM_UNSUPPORTED = "cms_algorithm_unsupported"
    PSS_PARAMETERS = "cms_pss_parameters"
    PADDING_NOT_ALLOWED = "cms_padding_not_allowed"
    CONTENT_MISSING = "cms_content_missing"
    CONTENT_CONFLICT = "cms_content_conflict"
    DIGEST_MISMATCH = "cms_digest_mismatch"
    SIGNING_CERTIFICATE_DIFFERS = "cms_signing_certificate_differs"
    CERTIFICATE_MISSING = "cms_certificate_missing"
    LINE_ENDS_UNIFIED = "cms_line_ends_unified"


class CmsError(ValueError):
    """The octets hold no SignedData that can be read.

    Attributes:
        code: Why.
    """

    def __init__(self, code: CmsCode) -> None:
        super().__init__(str(code))
        self.code = code


@dataclass(frozen=True, slots=True)
class Cms:
    """A SignedData.

    Attributes:
        content: The embedded content; ``None`` where the signature is detached.
        defect: Why its signature cannot be checked; ``None`` if it can.
        hash_name: ``SHA256``, ``SHA384``, ``SHA512``.
        digest: The signed digest of the content.
        signed: The octets that the signature covers: the signed attributes as SET.
        scheme: ``ECDSA``, ``RSA-PSS`` or ``RSA`` (PKCS#1 v1.5).
        signature: The signature's octets.
        signing_time: As the signer states it; signed.
        certificate: The signer's certificate, ``None`` if it is not among those enclosed.
        certificates: All enclosed certificates.
        certificate_differs: Whether the signed reference to the certificate names another one.
    """

    content: bytes | None
    defect: CmsCode | None
    hash_name: str = ""
    digest: bytes = b""
    signed: bytes = field(default=b"", repr=False)
    scheme: str = ""
    signature: bytes = field(default=b"", repr=False)
    signing_time: datetime | None = None
    certificate: bytes | None = field(default=None, repr=False)
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    certificate_differs: bool = False

    def matches(self, content: bytes) -> bool:
        """Whether the signed digest is that of ``content``."""
        return bool(self.digest) and content_digest(content, self.hash_name) == self.digest


@lru_cache(maxsize=8)
def content_digest(content: bytes, hash_name: str) -> bytes:
    """Return the digest; kept, because every message of an interchange is asked for with the same content."""
    return hashlib.new(hash_name.lower(), content).digest()


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(arc & 0x7F | 0x80)
        content += bytes(reversed(octets))
    return content


_PKCS7 = "1.2.840.113549.1.7."
_TYPE_PREFIX = b"\x06\x09" + _oid(_PKCS7 + "1")[:-1]
_DATA, _SIGNED_DATA = _oid(_PKCS7 + "1"), _oid(_PKCS7 + "2")
_ENCRYPTED = frozenset({_oid(_PKCS7 + "3"), _oid(_PKCS7 + "6"), _oid("1.2.840.113549.1.9.16.1.23")})
_HASHES = {_oid(f"2.16.840.1.101.3.4.2.{n}"): f"SHA{bits}" for n, bits in ((1, 256), (2, 384), (3, 512))}
_ECDSA = {_oid(f"1.2.840.10045.4.3.{n}"): f"SHA{bits}" for n, bits in ((2, 256), (3, 384), (4, 512))}
_RSA = {_oid(f"1.2.840.113549.1.1.{n}"): f"SHA{bits}" for n, bits in ((11, 256), (12, 384), (13, 512))}
_RSA_ENCRYPTION, _PSS, _MGF1 = (_oid(f"1.2.840.113549.1.1.{n}") for n in (1, 10, 8))
_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_TIME = (_oid(f"1.2.840.113549.1.9.{n}") for n in (3, 4, 5))
_SIGNING_CERTIFICATE_V2 = _oid("1.2.840.113549.1.9.16.2.47")
_SUBJECT_KEY_IDENTIFIER = _oid("2.5.29.14")
_DIGEST_BYTES = {"SHA256": 32, "SHA384": 48, "SHA512": 64}


def looks_like_cms(data: bytes) -> bool:
    """Whether octets begin like a ContentInfo: a SEQUENCE whose first element is a content type of PKCS #7."""
    return data[:1] == b"\x30" and 2 <= data.find(_TYPE_PREFIX, 0, 16) <= 6


@lru_cache(maxsize=4)
def read_cms(data: bytes) -> Cms:
    """Take a ContentInfo in DER or BER apart.

    Raises:
        CmsError: ``cms_malformed``, ``cms_encrypted`` or ``cms_not_signed_data``.
    """
    try:
        outer = whole(data, SEQUENCE, strict=False)
        kind, wrapped = _exactly(outer, 2, strict=False)
        if kind.tag == OID and kind.content in _ENCRYPTED:
            raise CmsError(CmsCode.ENCRYPTED)
        if kind.tag != OID or kind.content != _SIGNED_DATA:
            raise CmsError(CmsCode.NOT_SIGNED_DATA)
        (signed_data,) = _exactly(_tagged(wrapped, _CONTEXT_0), 1, strict=False)
        return _read_signed_data(_tagged(signed_data, SEQUENCE))
    except CmsError:
        raise
    except (ValueError, StopIteration):  # an element that is none, or a part that is missing
        raise CmsError(CmsCode.MALFORMED) from None


def _exactly(element: Element, count: int, *, strict: bool = True) -> list[Element]:
    children = list(element.children(strict=strict))
    if len(children) != count:
        raise Asn1Error("another number of parts")
    return children


def _tagged(element: Element, tag: int) -> Element:
    if element.tag != tag:
        raise Asn1Error("unexpected tag")
    return element


def _read_signed_data(signed_data: Element) -> Cms:
    parts = list(signed_data.children(strict=False))
    if len(parts) < 4:
        raise Asn1Error("parts missing")
    number(parts[0])
    digests = [_algorithm(one)[0] for one in _tagged(parts[1], SET).children()]
    content_type, content = _read_content(_tagged(parts[2], SEQUENCE))
    rest = parts[3:]
    certificates: tuple[bytes, ...] = ()
    if rest[0].tag == _CONTEXT_0:
        found = [one.raw for one in rest.pop(0).children(strict=False) if one.tag == SEQUENCE]
        certificates = tuple(found[:MAX_CERTIFICATES])
    if rest and rest[0].tag == _CONTEXT_1:
        rest.pop(0)
    if len(rest) != 1:
        raise Asn1Error("no signers, or something behind them")
    signers = list(_tagged(rest[0], SET).children(strict=False))
    if content_type != _DATA:
        return Cms(content, CmsCode.CONTENT_TYPE)
    if len(signers) != 1:
        return Cms(content, CmsCode.SIGNER_COUNT)
    return _read_signer(_tagged(signers[0], SEQUENCE), content, digests, certificates)


def _read_content(encapsulated: Element) -> tuple[bytes, bytes | None]:
    kind, *content = encapsulated.children(strict=False)
    if kind.tag != OID or len(content) > 1:
        raise Asn1Error("no content info")
    if not content:
        return kind.content, None
    (octets,) = _exactly(_tagged(content[0], _CONTEXT_0), 1, strict=False)
    return kind.content, octet_string(octets)


def _algorithm(element: Element) -> tuple[bytes, bytes]:
    """Return identifier and parameters of an AlgorithmIdentifier."""
    kind, *parameters = _tagged(element, SEQUENCE).children()
    if kind.tag != OID or len(parameters) > 1:
        raise Asn1Error("no algorithm identifier")
    return kind.content, parameters[0].raw if parameters else b""


def _read_signer(
    signer: Element, content: bytes | None, digests: list[bytes], certificates: tuple[bytes, ...]
) -> Cms:
    version, identifier, digest, *rest = signer.children()
    number(version)
    hash_oid, _ = _algorithm(digest)
    if not rest or rest[0].tag != _CONTEXT_0:
        return Cms(content, CmsCode.SIGNED_ATTRIBUTES_MISSING)
    if len(rest) not in (3, 4) or (len(rest) == 4 and rest[3].tag != _CONTEXT_1):
        raise Asn1Error("no signer info")
    attributes, algorithm, signature = rest[:3]
    if hash_oid not in _HASHES:
        return Cms(content, CmsCode.DIGEST_UNSUPPORTED)
    hash_name = _HASHES[hash_oid]
    if any(one != hash_oid for one in digests):
        return Cms(content, CmsCode.DIGESTS_DIFFER)
    scheme = _scheme(*_algorithm(algorithm), hash_name)
    if isinstance(scheme, CmsCode):
        return Cms(content, scheme)
    try:
        values = _read_attributes(attributes)
        own = _signers_certificate(identifier, certificates)
        message_digest = _single(values, _MESSAGE_DIGEST, OCTETS)
        signing_time = _time(values[_SIGNING_TIME]) if _SIGNING_TIME in values else None
        differs = own is not None and _differs(values, own)
        ok = _single(values, _CONTENT_TYPE, OID) == _DATA and len(message_digest) == _DIGEST_BYTES[hash_name]
    except (ValueError, KeyError, StopIteration):
        ok = False
    if not ok:
        return Cms(content, CmsCode.SIGNED_ATTRIBUTES_MALFORMED)
    return Cms(
        content=content,
        defect=None,
        hash_name=hash_name,
        digest=message_digest,
        # RFC 5652 §5.4: signed is the SET OF, not the implicit tag under which it is transmitted.
        signed=b"\x31" + attributes.raw[1:],
        scheme=scheme,
        signature=_tagged(signature, OCTETS).content,
        signing_time=signing_time,
        certificate=own,
        certificates=certificates,
        certificate_differs=differs,
    )


def _read_attributes(attributes: Element) -> dict[bytes, Element]:
    """Return the value of each attribute; every kind occurs once with one value (RFC 5652 §11), in the order of DER.

    Raises:
        Asn1Error: They are not so.
    """
    found: dict[bytes, Element] = {}
    last = b""
    for attribute in attributes.children():
        kind, values = _exactly(_tagged(attribute, SEQUENCE), 2)
        if attribute.raw < last or kind.tag != OID or kind.content in found or len(found) >= MAX_ATTRIBUTES:
            raise Asn1Error("not in order, repeated, or too many")
        last = attribute.raw
        (value,) = _exactly(_tagged(values, SET), 1)
        found[kind.content] = value
    return found


def _single(values: dict[bytes, Element], kind: bytes, tag: int) -> bytes:
    return _tagged(values[kind], tag).content


def _scheme(oid: bytes, parameters: bytes, hash_name: str) -> str | CmsCode:
    """Return the signature scheme, or why it is none that is taken."""
    if oid in _ECDSA:
        return "ECDSA" if _ECDSA[oid] == hash_name and not parameters else CmsCode.DIGESTS_DIFFER
    if oid == _PSS:
        try:
            return "RSA-PSS" if _is_plain_pss(parameters, hash_name) else CmsCode.PSS_PARAMETERS
        except ValueError:
            return CmsCode.PSS_PARAMETERS
    if oid == _RSA_ENCRYPTION or oid in _RSA:
        return "RSA" if _RSA.get(oid, hash_name) == hash_name else CmsCode.DIGESTS_DIFFER
    return CmsCode.ALGORITHM_UNSUPPORTED


def _is_plain_pss(parameters: bytes, hash_name: str) -> bool:
    """Whether RSASSA-PSS-params name this hash, MGF1 with it, a salt of its length, and trailer 1 (RFC 4055 §3.1)."""
    fields = {one.tag: one for one in whole(parameters, SEQUENCE).children()}
    if not {0xA0, 0xA1, 0xA2} <= fields.keys() <= {0xA0, 0xA1, 0xA2, 0xA3}:
        return False
    (hashing,), (mask,), (salt,) = (_exactly(fields[tag], 1) for tag in (0xA0, 0xA1, 0xA2))
    mask_oid, mask_parameters = _algorithm(mask)
    mask_hash = _algorithm(whole(mask_parameters, SEQUENCE))[0]
    trailer = number(*_exactly(fields[0xA3], 1)) if 0xA3 in fields else 1
    return (
        _HASHES.get(_algorithm(hashing)[0]) == hash_name == _HASHES.get(mask_hash)
        and mask_oid == _MGF1
        and number(salt) == _DIGEST_BYTES[hash_name]
        and trailer == 1
    )


def _time(element: Element) -> datetime:
    """Read a signingTime: UTCTime or GeneralizedTime to the second, in UTC (RFC 5652 §11.3)."""
    patterns = {_UTC_TIME: (13, "%y%m%d%H%M%SZ"), _GENERALIZED_TIME: (15, "%Y%m%d%H%M%SZ")}
    length, pattern = patterns.get(element.tag, (0, ""))
    if not length or element.inner_end - element.inner != length:
        raise Asn1Error("no time")
    text = element.content.decode("latin-1")
    if element.tag == _UTC_TIME:
        # RFC 5280 §4.1.2.5.1: two digits of the year mean 1950 to 2049.
        text, pattern = ("19" if text[:2] >= "50" else "20") + text, "%Y%m%d%H%M%SZ"
    try:
        return datetime.strptime(text, pattern).replace(tzinfo=UTC)
    except ValueError:
        raise Asn1Error("no time") from None


def _certificate_parts(certificate: bytes) -> tuple[bytes, bytes, bytes, Element | None]:
    """Return serial number, issuer, public key and extensions of a certificate, each as it stands (RFC 5280 §4.1)."""
    tbs = next(whole(certificate, SEQUENCE).children())
    parts = list(_tagged(tbs, SEQUENCE).children())
    if parts and parts[0].tag == _CONTEXT_0:
        parts.pop(0)
    if len(parts) < 6:
        raise Asn1Error("no certificate")
    extensions = next((part for part in parts[6:] if part.tag == 0xA3), None)
    return parts[0].raw, parts[2].raw, parts[5].raw, extensions


def public_key_of(certificate: bytes) -> bytes | None:
    """Return the SubjectPublicKeyInfo of a certificate in DER as it stands; ``None`` if it is no certificate."""
    try:
        return _certificate_parts(certificate)[2]
    except (ValueError, StopIteration):
        return None


def _signers_certificate(identifier: Element, certificates: tuple[bytes, ...]) -> bytes | None:
    """Return the certificate that the signer identifier names: by issuer and number, or by key identifier."""
    for certificate in certificates:
        try:
            serial, issuer, _, extensions = _certificate_parts(certificate)
            if identifier.tag == SEQUENCE:
                if [one.raw for one in identifier.children()] == [issuer, serial]:
                    return certificate
            elif identifier.tag == _KEY_IDENTIFIER and identifier.content == _key_identifier(extensions):
                return certificate
        except (ValueError, StopIteration):
            continue
    return None


def _key_identifier(extensions: Element | None) -> bytes | None:
    if extensions is None:
        return None
    for extension in next(extensions.children()).children():
        kind, *_, value = extension.children()
        if kind.content == _SUBJECT_KEY_IDENTIFIER:
            return whole(value.content, OCTETS).content
    return None


def _differs(values: dict[bytes, Element], certificate: bytes) -> bool:
    """Whether signing-certificate-v2 (RFC 5035 §3) names another certificate than the signer's."""
    if _SIGNING_CERTIFICATE_V2 not in values:
        return False
    first = next(next(_tagged(values[_SIGNING_CERTIFICATE_V2], SEQUENCE).children()).children())
    parts = list(_tagged(first, SEQUENCE).children())
    hash_name: str | None = "SHA256"
    if parts and parts[0].tag == SEQUENCE:
        hash_name = _HASHES.get(_algorithm(parts.pop(0))[0])
    if hash_name is None or not parts:
        raise Asn1Error("hash function not supported")
    return hashlib.new(hash_name.lower(), certificate).digest() != _tagged(parts[0], OCTETS).content
