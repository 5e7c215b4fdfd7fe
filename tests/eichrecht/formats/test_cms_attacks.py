"""CMS around an MSCONS file, put together wrongly on purpose: each is refused by name, none is valid.

The structures are written octet by octet here (RFC 5652), independent of the reader, with one honest one as control.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from eichrecht.evidence import Document, DocumentVerdict, KeyTrust, SignatureStatus, Verdict
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.edifact_mscons import BEGIN_KWH, END, END_KWH, START, MsconsGateway

GATEWAY = MsconsGateway()
BODY = GATEWAY.body(BEGIN_KWH, END_KWH, START, END)
PLAIN = GATEWAY.interchange(BODY)
FORGED = PLAIN.replace(b"1266.047", b"2266.047")
DATA, SIGNED_DATA, TST_INFO = (
    bytes.fromhex(text)
    for text in ("06092A864886F70D010701", "06092A864886F70D010702", "060B2A864886F70D0109100104")
)
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = (bytes.fromhex(f"06092A864886F70D01090{n}") for n in (3, 4, 5))
SHA256, SHA384 = (bytes.fromhex(f"060960864801650304020{n}") for n in (1, 2))
ECDSA_SHA256, ECDSA_SHA384 = (bytes.fromhex(f"06082A8648CE3D04030{n}") for n in (2, 3))


def tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def attribute(kind: bytes, *values: bytes) -> bytes:
    return tlv(0x30, kind, tlv(0x31, *values))


@dataclass(frozen=True)
class Signer:
    """A key with a certificate of its own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def identifier(self) -> bytes:
        serial = self.certificate.serial_number
        number = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
        return tlv(0x30, self.certificate.issuer.public_bytes(), tlv(2, number))

    def supplied(self) -> SuppliedKey:
        key = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return SuppliedKey(key, "pinned")


@cache
def signer(name: str) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=7300))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Signer(key, certificate)


def honest_attributes(content: bytes) -> list[bytes]:
    return [
        attribute(CONTENT_TYPE, DATA),
        attribute(SIGNING_TIME, tlv(0x17, b"240903080000Z")),
        attribute(MESSAGE_DIGEST, tlv(4, hashlib.sha256(content).digest())),
    ]


@dataclass
class Cms:
    """A SignedData that is honest where nothing else is said."""

    content: bytes = PLAIN
    shown: bytes | None = None
    by: str = "honest"
    attributes: list[bytes] = field(default_factory=lambda: honest_attributes(PLAIN))
    signed_as_sent: bool = False
    content_type: bytes = DATA
    digest: bytes = SHA256
    digests: tuple[bytes, ...] = (SHA256,)
    algorithm: bytes = ECDSA_SHA256
    enclosed: tuple[str, ...] = ("honest",)
    named: str = "honest"
    unsigned: bytes = b""
    more_signers: bytes = b""
    tail: bytes = b""
    detached: bool = False

    def signer_info(self) -> bytes:
        attributes = b"".join(self.attributes)
        signature = signer(self.by).key.sign(
            tlv(0xA0 if self.signed_as_sent else 0x31, attributes), ec.ECDSA(hashes.SHA256())
        )
        return tlv(
            *(0x30, tlv(2, b"\x01"), signer(self.named).identifier, tlv(0x30, self.digest)),
            *(tlv(0xA0, attributes), tlv(0x30, self.algorithm), tlv(4, signature), self.unsigned),
        )

    def build(self) -> bytes:
        shown = self.content if self.shown is None else self.shown
        return (
            tlv(
                *(0x30, SIGNED_DATA),
                tlv(
                    0xA0,
                    tlv(
                        *(0x30, tlv(2, b"\x01"), tlv(0x31, *(tlv(0x30, one) for one in self.digests))),
                        tlv(0x30, self.content_type, b"" if self.detached else tlv(0xA0, tlv(4, shown))),
                        tlv(0xA0, *(signer(name).der for name in self.enclosed)),
                        tlv(0x31, self.signer_info(), self.more_signers),
                    ),
                ),
            )
            + self.tail
        )


def verdict_on(cms: Cms | bytes, **trust: object) -> DocumentVerdict:
    data = cms.build() if isinstance(cms, Cms) else cms
    verifier = Verifier(**trust) if trust else Verifier(keys=[signer("honest").supplied()])  # type: ignore[arg-type]
    return verifier.verify(Document("m.p7m", data))


def codes(told: DocumentVerdict) -> set[str]:
    return {f.code for f in told.findings} | {f.code for record in told.records for f in record.findings}


def test_the_honest_one_is_valid() -> None:
    told = verdict_on(Cms())
    assert told.verdict is Verdict.VALID
    assert [one.value for one in told.records[0].record.readings] == ["1234.567", "1266.047"]  # type: ignore[union-attr]


KINDS, TIME, DIGEST = honest_attributes(PLAIN)
FORGED_DIGEST = honest_attributes(FORGED)[2]
TST_KIND = attribute(CONTENT_TYPE, TST_INFO)
BOTH = attribute(MESSAGE_DIGEST, *sorted(tlv(4, hashlib.sha256(one).digest()) for one in (PLAIN, FORGED)))
HONEST = Cms()


@pytest.mark.parametrize(
    ("cms", "code"),
    [
        (Cms(shown=FORGED), "cms_digest_mismatch"),
        (Cms(attributes=[KINDS, TIME]), "cms_signed_attributes_malformed"),
        (Cms(attributes=[TIME, DIGEST]), "cms_signed_attributes_malformed"),
        (Cms(attributes=[KINDS, TIME, DIGEST, DIGEST]), "cms_signed_attributes_malformed"),
        (Cms(shown=FORGED, attributes=[KINDS, DIGEST, FORGED_DIGEST]), "cms_signed_attributes_malformed"),
        (Cms(shown=FORGED, attributes=[KINDS, BOTH]), "cms_signed_attributes_malformed"),
        (Cms(attributes=[DIGEST, TIME, KINDS]), "cms_signed_attributes_malformed"),
        (Cms(attributes=[TST_KIND, TIME, DIGEST]), "cms_signed_attributes_malformed"),
        (Cms(content_type=TST_INFO, attributes=[TST_KIND, TIME, DIGEST]), "cms_content_type"),
        (Cms(content_type=TST_INFO), "cms_content_type"),
        (Cms(attributes=[KINDS, attribute(MESSAGE_DIGEST, tlv(4, b""))]), "cms_signed_attributes_malformed"),
        (Cms(signed_as_sent=True), "signature_mismatch"),
        (Cms(by="attacker"), "signature_mismatch"),
        (Cms(digest=SHA384), "cms_digests_differ"),
        (Cms(digests=(SHA256, SHA384)), "cms_digests_differ"),
        (Cms(algorithm=ECDSA_SHA384), "cms_digests_differ"),
        (Cms(more_signers=Cms(by="attacker", named="attacker").signer_info()), "cms_signer_count"),
        (Cms(more_signers=HONEST.signer_info()), "cms_signer_count"),
        (Cms(tail=b"\x00"), "cms_malformed"),
    ],
)
def test_nothing_put_together_wrongly_is_valid(cms: Cms, code: str) -> None:
    told = verdict_on(cms)
    assert told.verdict is not Verdict.VALID
    assert code in codes(told)
    assert not any(one.billable.energy for one in told.transactions)


def test_what_is_not_signed_changes_nothing() -> None:
    """Unsigned attributes and further certificates can be added by anyone: ignored, and never shown."""
    extra = tlv(0xA1, attribute(MESSAGE_DIGEST, tlv(4, hashlib.sha256(FORGED).digest())))
    for cms in (
        Cms(unsigned=extra),
        Cms(enclosed=("attacker", "honest")),
        Cms(enclosed=("honest", "attacker")),
    ):
        told = verdict_on(cms)
        assert told.verdict is Verdict.VALID
        assert told.records[0].key is not None
        assert told.records[0].key.trust is KeyTrust.SUPPLIED
    assert verdict_on(Cms(unsigned=extra, shown=FORGED)).verdict is Verdict.INVALID


def test_another_signers_certificate_does_not_take_the_place_of_a_pinned_key() -> None:
    own = Cms(by="attacker", named="attacker", enclosed=("attacker",))
    told = verdict_on(own)
    assert told.verdict is Verdict.INVALID
    assert "signed_by_other_key" in codes(told)
    # Named like the honest one, with its number, but with the attacker's key.
    assert verdict_on(Cms(by="attacker", named="honest", enclosed=("honest",))).verdict is Verdict.INVALID
    assert verdict_on(Cms(by="attacker", named="attacker", enclosed=("honest",))).verdict is Verdict.INVALID


def test_another_signers_certificate_is_not_of_a_given_issuer() -> None:
    anchors = [signer("honest").der]
    own = Cms(by="attacker", named="attacker", enclosed=("attacker", "honest"))
    told = verdict_on(own, anchors=anchors)
    assert told.verdict is Verdict.INDETERMINATE
    assert told.records[0].signature.status is SignatureStatus.VALID
    assert "certificate_chain_unconfirmed" in codes(told)
    assert not any(one.billable.energy for one in told.transactions)


def test_a_known_signature_inside_does_not_need_the_mail_around_it() -> None:
    """Somebody forwarded a signed message in a CMS of his own: whoever knows the gateway needs nothing of him."""
    inside = GATEWAY.interchange(GATEWAY.signed(BODY))
    forwarded = Cms(
        content=inside,
        attributes=honest_attributes(inside),
        **dict.fromkeys(("by", "named"), "attacker"),  # type: ignore[arg-type]
        enclosed=("attacker",),
    )
    key = SuppliedKey(GATEWAY.public_key_text(), "--key")
    told = verdict_on(forwarded, keys=[key])
    assert told.records[0].signature.status is SignatureStatus.VALID
    known = told.records[0].key
    assert known is not None
    assert (told.verdict, known.trust) == (Verdict.VALID, KeyTrust.SUPPLIED)


def test_a_message_of_a_gateway_in_the_mail_of_its_operator() -> None:
    """Keys of either signer, of both, and of the operator's issuer: all honest, none accuses."""
    inside = GATEWAY.interchange(GATEWAY.signed(BODY))
    mail = Cms(content=inside, attributes=honest_attributes(inside))
    gateway, operator = SuppliedKey(GATEWAY.public_key_text(), "--key"), signer("honest").supplied()
    for keys in ([gateway], [operator], [gateway, operator]):
        assert verdict_on(mail, keys=keys).verdict is Verdict.VALID
    assert verdict_on(mail, anchors=[signer("honest").der]).verdict is Verdict.VALID
    assert verdict_on(mail, keys=[gateway], anchors=[signer("attacker").der]).verdict is Verdict.VALID
    changed = inside.replace(b"1266.047", b"2266.047")
    for attributes in (honest_attributes(inside), honest_attributes(changed)):
        forged = Cms(content=changed, attributes=attributes)
        assert verdict_on(forged, keys=[gateway]).verdict is Verdict.INVALID
        assert verdict_on(forged, keys=[gateway, operator]).verdict is Verdict.INVALID


# --- mails


def entity(content: bytes, encoding: bytes = b"base64") -> bytes:
    body = base64.encodebytes(content).replace(b"\n", b"\r\n").rstrip() if encoding == b"base64" else content
    head = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
    return head + encoding + b"\r\n\r\n" + body


def mixed(*parts: bytes) -> bytes:
    body = b"".join(b"--CC\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/mixed; boundary="CC"\r\n\r\n' + body + b"--CC--"


def mail(
    part: bytes, signed: bytes | None = None, *, head: bytes = b"", before: bytes = b"", behind: bytes = b""
) -> bytes:
    """Return ``multipart/signed``; ``signed`` is what was signed, where another part is shown."""
    attributes = honest_attributes(part if signed is None else signed)
    signature = base64.encodebytes(Cms(attributes=attributes, detached=True).build())
    kind = b'multipart/signed; protocol="application/pkcs7-signature"; boundary="BB"'
    return b"".join(
        (
            b"From: a\r\n" + head + b"Content-Type: " + kind + b"\r\n\r\n" + before + b"--BB\r\n" + part,
            b"\r\n--BB\r\nContent-Type: application/pkcs7-signature\r\n",
            b"Content-Transfer-Encoding: base64\r\n\r\n" + signature + b"\r\n--BB--\r\n" + behind,
        )
    )


FILE, EVIL_FILE = entity(PLAIN), entity(FORGED)
EMPTY_TEXT, TEXT = (b"Content-Type: text/plain\r\n\r\n" + text for text in (b"", b"see the values"))


@pytest.mark.parametrize("part", [FILE, mixed(EMPTY_TEXT, FILE), PLAIN, entity(PLAIN, b"8bit")])
@pytest.mark.parametrize("note", [b"", b"This is an S/MIME signed message\r\n\r\n"])
def test_an_honest_mail_is_valid(part: bytes, note: bytes) -> None:
    told = verdict_on(mail(part, before=note, behind=note))
    assert (told.verdict, len(told.records)) == (Verdict.VALID, 1)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (mail(EVIL_FILE, FILE), "cms_digest_mismatch"),
        (mail(mixed(EMPTY_TEXT, EVIL_FILE), mixed(EMPTY_TEXT, FILE)), "cms_digest_mismatch"),
        (mail(FILE + b"\r\n--BB\r\n" + EVIL_FILE, FILE), "smime_malformed"),
        (mail(EVIL_FILE + b"\r\n--BB\r\n" + FILE, FILE), "smime_malformed"),
        (mail(FILE, head=b"Content-Type: text/plain\r\n"), "nothing_recognised"),
        (mail(mixed(EVIL_FILE, FILE)), "smime_content_unsupported"),
        (mail(mixed(TEXT, FILE)), "smime_content_unsupported"),
        (mail(entity(PLAIN, b"quoted-printable")), "smime_content_unsupported"),
    ],
)
def test_a_mail_that_deceives_or_is_not_read_is_never_valid(message: bytes, code: str) -> None:
    told = verdict_on(message)
    assert told.verdict is not Verdict.VALID
    assert code in codes(told)


def test_a_record_beside_the_parts_of_a_mail_is_shown_as_unsigned() -> None:
    for message in (mail(FILE, before=FORGED + b"\r\n"), mail(FILE, behind=FORGED)):
        told = verdict_on(message)
        assert told.verdict is Verdict.INDETERMINATE
        assert [one.signature.reason for one in told.records] == [None, "unsigned"]
        assert [str(one.energy_kwh) for one in told.transactions if one.billable.energy] == ["31.480"]
