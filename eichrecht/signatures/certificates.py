"""X.509 certificates of signers: what they are issued for, when they were valid, whether a path leads to an anchor.

Parsing and path building are `cryptography`'s (RFC 5280); what the energy market asks of a certificate is checked here.
Revocation is not checked, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from eichrecht.evidence import Finding, SignerCertificate, note, problem, warning

MAX_CERTIFICATE_BYTES = 32 * 1024
"""Largest certificate read; real ones have two thousand octets."""

MAX_CHAIN = 4
"""Intermediate certificates between signer and anchor; the market's PKI have one or two."""

_PURPOSES = frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class CertificateCode(StrEnum):
    """What is to be said about a signer's certificate."""

    UNREADABLE = "certificate_unreadable"
    KEY_USAGE = "certificate_key_usage"
    EXTENDED_KEY_USAGE = "certificate_extended_key_usage"
    NOT_VALID_THEN = "certificate_not_valid_then"
    TIME_MISSING = "certificate_time_missing"
    SENDER_DIFFERS = "certificate_sender_differs"
    CHAIN_UNCONFIRMED = "certificate_chain_unconfirmed"
    CHAIN_CONFIRMED = "certificate_chain_confirmed"
    REVOCATION_UNCHECKED = "certificate_revocation_unchecked"


def read_certificate(data: bytes) -> x509.Certificate | None:
    """Read a certificate in DER, or the first one in PEM; ``None`` if there is none."""
    found = read_certificates(data)
    return found[0] if found else None


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """Read a certificate in DER, or all of a chain in PEM; empty if one of them cannot be read."""
    if len(data) > MAX_CERTIFICATE_BYTES:
        return []
    try:
        if b"-----BEGIN CERTIFICATE-----" in data:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except (ValueError, x509.InvalidVersion):
        return []


def is_anchor(certificate: x509.Certificate) -> bool:
    """Whether a certificate may issue others (basicConstraints)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def public_key_text(certificate: x509.Certificate) -> str | None:
    """Return a certificate's key as hexadecimal SubjectPublicKeyInfo; ``None`` for one that is not supported."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()


def examine(signer: SignerCertificate) -> tuple[Finding, ...]:
    """Return what speaks against a signer's certificate: purpose, validity when it signed, another sender.

    An ``error`` means that the certificate does not vouch for the sender, whatever the signature is.
    """
    certificate = read_certificate(signer.certificate)
    if certificate is None:
        return (problem(CertificateCode.UNREADABLE),)
    try:
        return tuple(_examined(certificate, signer))
    except ValueError:  # an extension or a name that cannot be parsed
        return (problem(CertificateCode.UNREADABLE),)


def _examined(certificate: x509.Certificate, signer: SignerCertificate) -> list[Finding]:
    found: list[Finding] = []
    extensions = certificate.extensions
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        if not (usage.digital_signature or usage.content_commitment):
            found.append(problem(CertificateCode.KEY_USAGE))
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if not _PURPOSES.intersection(purposes):
            found.append(problem(CertificateCode.EXTENDED_KEY_USAGE))
    except x509.ExtensionNotFound:
        pass
    time = signer.signing_time
    if time is None:
        found.append(warning(CertificateCode.TIME_MISSING))
    elif not certificate.not_valid_before_utc <= time <= certificate.not_valid_after_utc:
        found.append(problem(CertificateCode.NOT_VALID_THEN, "", time=time.isoformat()))
    owners = [
        str(one.value)
        for kind in (NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.SERIAL_NUMBER)
        for one in certificate.subject.get_attributes_for_oid(kind)
    ]
    # Only a certificate that names a market partner can name another one.
    partners = [owner for owner in owners if len(owner) == 13 and owner.isdigit()]
    if signer.sender is not None and partners and signer.sender not in partners:
        found.append(
            problem(CertificateCode.SENDER_DIFFERS, "", owner=", ".join(partners), sender=signer.sender[:40])
        )
    return found


def _may_issue(
    _policy: verification.Policy, _certificate: x509.Certificate, value: x509.BasicConstraints
) -> None:
    if not value.ca:
        raise ValueError("no issuer of certificates")


def _signs_certificates(
    _policy: verification.Policy, _certificate: x509.Certificate, value: x509.KeyUsage | None
) -> None:
    if value is not None and not value.key_cert_sign:
        raise ValueError("not for signing certificates")


# What issues must be allowed to (RFC 5280 §6.1.4 k, n); keyUsage may be absent, as older roots of companies have none.
_ISSUERS = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, _may_issue)
    .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _signs_certificates)
)


def leads_to(signer: SignerCertificate, anchors: Sequence[x509.Certificate]) -> bool:
    """Whether a path leads from the signer's certificate to an anchor, as of the stated time of signing.

    Without a stated time there is no instant at which the path could be judged.
    """
    certificate = read_certificate(signer.certificate)
    if certificate is None or not anchors or signer.signing_time is None:
        return False
    others = [one for one in map(read_certificate, signer.others[:16]) if one is not None]
    try:
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store(list(anchors)))
            .time(signer.signing_time)
            .max_chain_depth(MAX_CHAIN)
            .extension_policies(
                ca_policy=_ISSUERS,
                ee_policy=verification.ExtensionPolicy.permit_all(),
            )
            .build_client_verifier()
        )
        verifier.verify(certificate, others)
    except (verification.VerificationError, ValueError, UnsupportedAlgorithm):
        return False
    return True


def chain_findings(
    signer: SignerCertificate, anchors: Sequence[x509.Certificate]
) -> tuple[bool, tuple[Finding, ...]]:
    """Return whether an anchor vouches for the certificate, and what is to be said about it."""
    if not anchors:
        return False, ()
    if not leads_to(signer, anchors):
        # Who names whom he believes asks whether it was one of those: another signer's own word is no answer.
        return False, (problem(CertificateCode.CHAIN_UNCONFIRMED),)
    return True, (note(CertificateCode.CHAIN_CONFIRMED), note(CertificateCode.REVOCATION_UNCHECKED))
