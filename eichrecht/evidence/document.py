"""Documents as received and the parts that unwrapping finds in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from eichrecht.evidence.findings import Finding


@dataclass(frozen=True)
class Document:
    """Bytes as received, kept untouched for ever.

    Attributes:
        source: Name for people (file name, ``-``, ``upload``); never used for detection.
        content: The exact bytes received.
        detached_signature: Exact bytes of a signature file that came along for this content as a whole.
    """

    source: str
    content: bytes
    detached_signature: bytes | None = None

    @cached_property
    def sha256(self) -> str:
        """Lower-case hex SHA-256 of :attr:`content`."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Layer:
    """One wrapping that was removed on the way from the document to a record.

    Attributes:
        kind: What it was: ``safe-xml``, ``xml-entities``, ``ocpi-cdr``, ``hex``, ``base64``, ``base32``, ...
        reason: Why it was recognised (structure, never a file name), as a short stable code.
    """

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordSpan:
    """A record that a format recognises inside a text, by its structure.

    Attributes:
        format: Format name as in the CLI contract.
        start, end: Byte offsets of the whole record in the text, ``end`` exclusive.
        reason: Stable code that says what was recognised (``ocmf_header``).
    """

    format: str
    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class BesideKey:
    """A key file that lay beside a record in the same archive.

    Attributes:
        name: Its member name, for people and for choosing among several.
        text: Its content; as Latin-1 text if it is binary.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class SignedEnvelope:
    """A signature around or beside data, as it stood; whether it fits is not looked at here.

    Attributes:
        kind: ``cms`` (RFC 5652) or ``autack`` (ISO 9735-6).
        signature: The signature's exact octets: the CMS structure, or the file with the AUTACK message.
        content: The exact octets that it is said to sign; ``None`` where it holds them itself.
        mime: Whether ``content`` is an entity of a mail, whose line ends mail programs change in transit.
        where: Place of the signature, for people.
    """

    kind: str
    signature: bytes
    content: bytes | None = None
    mime: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class EnergyClaim:
    """Energy that a container says a transaction has: what is billed, and signed by nobody.

    Attributes:
        text: The statement as written, bounded.
        kwh: The same in kWh; ``None`` if it cannot be read.
        where: Place of the statement in the document. Records with a claim of one place share it.
    """

    text: str
    kwh: Decimal | None
    where: str


@dataclass(frozen=True, slots=True)
class Part:
    """One candidate record inside a document, still undecoded by its format.

    Attributes:
        content: Exact bytes of the record text, after removing ``layers`` and nothing else.
        format: Format that recognised the content by structure; ``None`` if none did.
        recognised_by: What the format recognised, as its stable code; ``""`` if none did.
        where: Place in the document (``/values/value/0``, ``/signed_data/signed_values/1``), ``""`` for the whole.
        layers: Outermost first.
        key_text: Public key that stood beside the record in the document, as written; ``None`` if there was none.
        key_where: Place of that key.
        transaction_id: Grouping given by the container (S.A.F.E. ``transactionId``), as written.
        context: Role given by the container: ``Transaction.Begin``, ``Transaction.End``, OCPI ``Start``/``End``, ...
        declared_format: Format the container claims; a hint, never trusted.
        energy_claims: What the container says of the energy of the record's transaction (OCPI ``total_energy``).
        findings: What unwrapping noticed about this part.
        detached_signature: Exact bytes of a signature file that belongs to this content (``secrrct.sign``).
        beside_keys: Key files that lay in the same archive; they serve records without a key of their own.
        claims: What the container says about the record beside it, unsigned: ``(("evse_id", "DE*ABC*E1"),)``. A
            format may compare them with what is signed.
        envelopes: Signatures around the content or beside its file.
    """

    content: bytes
    format: str | None = None
    recognised_by: str = ""
    where: str = ""
    layers: tuple[Layer, ...] = ()
    key_text: str | None = None
    key_where: str | None = None
    transaction_id: str | None = None
    context: str | None = None
    declared_format: str | None = None
    energy_claims: tuple[EnergyClaim, ...] = ()
    findings: tuple[Finding, ...] = ()
    detached_signature: bytes | None = None
    beside_keys: tuple[BesideKey, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    envelopes: tuple[SignedEnvelope, ...] = ()
