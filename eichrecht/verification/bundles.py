"""Files that come together: which are documents, which are keys and signatures that serve them.

Whoever has signed data often has them as several files: payload, signature and key (ChargePoint), records and the
station's key. Names say which signature belongs to which file; what is a key, the content alone says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.serialization import Encoding

from eichrecht.containers import unwrap
from eichrecht.containers.key_files import read_key_file
from eichrecht.containers.limits import MAX_KEY_FILE
from eichrecht.containers.members import claims_records, pair_detached
from eichrecht.evidence import Document
from eichrecht.formats import registry
from eichrecht.signatures.certificates import is_anchor, public_key_text, read_certificates
from eichrecht.signatures.keys import MAX_KEY_TEXT, UnreadableKey, read_key
from eichrecht.verification.candidates import SuppliedKey

MAX_SIGNATURE_FILE = 64 * 1024
"""Largest detached signature: a bare one has up to 141 bytes, one with a chain of certificates some thousand."""

_CERTIFICATE = b"CERTIFICATE"
_CERTIFICATE_STARTS = (b"-----BEGIN CERTIFICATE-----", b"Certificate:", b"Bag Attributes", b"subject=")
"""How a certificate in PEM begins, with or without what OpenSSL writes for people before it."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files sorted by what they are for.

    Attributes:
        documents: What is to be verified, in the order given, each with the signature that came along for it.
        keys: Public keys found in key files and certificates; private keys and curve parameters are left out.
        anchors: Certificates of issuers.
    """

    documents: tuple[Document, ...]
    keys: tuple[SuppliedKey, ...]
    anchors: tuple[bytes, ...] = ()


def sort_files(files: Sequence[Document]) -> Bundle:
    """Sort files that came together (a directory, several paths, one upload).

    A signature file is paired by its name (``X`` and ``X.sign``) and never taken for one if records are found in it:
    nothing that could be judged disappears. A file that is a key or a certificate by its content serves all documents.

    Args:
        files: Every file as a document; ``source`` is its path.
    """
    count = Counter(file.source for file in files)
    by_name = {file.source: file for file in files if count[file.source] == 1}
    pairs = {
        data: by_name[signature].content
        for data, signature in pair_detached(by_name).items()
        if _may_be_signature(by_name[signature])
    }
    used = {signature for data, signature in pair_detached(by_name).items() if data in pairs}
    documents: list[Document] = []
    keys: list[SuppliedKey] = []
    anchors: list[bytes] = []
    for file in files:
        if file.source in used:
            continue
        name = file.source.replace("\\", "/").rpartition("/")[2]
        if _is_certificate(file):
            more, issuers = trust_of([(name, file.content)], explicit=False)
            keys += more
            anchors += issuers
            continue
        found = _keys_in(file)
        if found is None:
            documents.append(replace(file, detached_signature=pairs.get(file.source)))
        else:
            keys += [SuppliedKey(text, name, explicit=False) for text in found]
    return Bundle(tuple(documents), tuple(keys), tuple(anchors))


def trust_of(
    certificates: Sequence[tuple[str, bytes]], *, explicit: bool
) -> tuple[list[SuppliedKey], list[bytes]]:
    """Return what certificates are good for: those of issuers as anchors, all others for the keys in them.

    Args:
        certificates: Name and content of each file.
        explicit: Whether they were named for this check.
    """
    keys: list[SuppliedKey] = []
    anchors: list[bytes] = []
    for name, content in certificates:
        for certificate in read_certificates(content):
            text = public_key_text(certificate)
            if is_anchor(certificate):
                anchors.append(certificate.public_bytes(Encoding.DER))
            elif text is not None:
                keys.append(SuppliedKey(text, name, explicit))
    return keys, anchors


def _is_certificate(file: Document) -> bool:
    """Whether a file is a certificate and nothing else: one that is pasted behind a record does not hide it."""
    text = file.content.strip()
    alone = b"-----BEGIN " not in text or (text.startswith(_CERTIFICATE_STARTS) and text.endswith(b"-----"))
    if not alone or not read_certificates(file.content) or claims_records(file.content):
        return False
    return not unwrap(file, registry.recognise).parts


def _may_be_signature(file: Document) -> bool:
    return 0 < len(file.content) <= MAX_SIGNATURE_FILE and not unwrap(file, registry.recognise).parts


def _keys_in(file: Document) -> Sequence[str | bytes] | None:
    """Return the keys in a key file, none in one without use; ``None`` for everything that is to be verified."""
    content = file.content
    if len(content) > max(MAX_KEY_TEXT, MAX_KEY_FILE) or unwrap(file, registry.recognise).parts:
        return None
    known = read_key_file(content)
    if known is not None and (usable := [text for text in known.keys if _is_key(text)]):
        return usable
    if _is_key(content):
        return (content,)
    useless = known is not None and not known.keys and _CERTIFICATE not in content
    return () if useless and not claims_records(content) else None


def _is_key(text: str | bytes) -> bool:
    try:
        # A raw signature in hex reads as bare X‖Y; only what is a point of some curve is taken for a key.
        return bool(read_key(text).fingerprints)
    except UnreadableKey:
        return False
