"""The signature check: does this signature fit these bytes under this key, computed exactly as named?

ECDSA is verified by FIPS 186-5 §6.4.2. Which bytes are (r, s) is not always certain in the field, so the
readings are tried in a fixed order - strict DER, raw r‖s, lenient DER - and each but the first leaves a
finding. No reading is accepted without the mathematics: what verifies under none is ``invalid``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eichrecht.evidence import Finding, SignatureStatus, problem, warning
from eichrecht.signatures.algorithms import HASHES, SignatureAlgorithm
from eichrecht.signatures.backends import EcdsaBackend
from eichrecht.signatures.codes import SignatureCode, SignatureForm, SignatureReason
from eichrecht.signatures.curves import Curve
from eichrecht.signatures.der import (
    read_lenient_signature,
    read_raw_signature,
    read_signature,
    write_signature,
)
from eichrecht.signatures.keys import PublicKey, require_fit
from eichrecht.signatures.rsa import PADDINGS, RsaBackend


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """Outcome of one signature check.

    Attributes:
        status: ``valid`` or ``invalid``; says nothing of who vouches for the key or what the bytes mean.
        algorithm: Name of the algorithm that was computed.
        reason: ``None`` if valid, else ``mismatch`` (readable, but does not fit) or ``malformed_signature``
            (the bytes are no signature of this algorithm in any reading).
        form: How the signature was read; the first reading tried if none verifies.
        findings: Deviations from strict DER, and the cause of a failure if one could be told; that a check
            failed says :attr:`reason` alone.
    """

    status: SignatureStatus
    algorithm: str
    reason: str | None
    form: SignatureForm
    findings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether the status is ``valid``."""
        return self.status is SignatureStatus.VALID


_FORM_FINDINGS: dict[SignatureForm, tuple[Finding, ...]] = {
    SignatureForm.DER: (),
    SignatureForm.RAW: (warning(SignatureCode.RAW),),
    SignatureForm.DER_LENIENT: (warning(SignatureCode.NOT_CANONICAL_DER),),
}

_DER = SignatureForm.DER  # looked up once: before Python 3.12 a member of an enumeration costs a call

# Outcomes are immutable and few: one per algorithm and form, made on first use.
_VALID: dict[tuple[SignatureAlgorithm, SignatureForm], SignatureCheck] = {}
_NATIVE_RAW: dict[SignatureAlgorithm, SignatureCheck] = {}


def check_signature(
    algorithm: SignatureAlgorithm,
    key: PublicKey,
    message: bytes,
    signature: bytes,
    *,
    allow_lenient: bool = True,
    diagnose: bool = True,
    native: SignatureForm = SignatureForm.DER,
) -> SignatureCheck:
    """Check one signature.

    Args:
        algorithm: What to compute, nothing else is accepted.
        key: Key from :meth:`KeyMaterial.for_algorithm` of the same algorithm.
        message: The to-be-signed bytes.
        signature: The signature bytes after text decoding. Both s and n - s are valid (FIPS 186-5), so
            signature bytes never identify a record.
        allow_lenient: Also read raw r‖s and DER that is not canonical; otherwise strict DER only.
        diagnose: On an ECDSA or RSA mismatch find out, without accepting it, whether another hash function or
            padding would verify. Switch it off when many keys are tried; it costs up to five verifications more.
        native: ``RAW`` for formats that prescribe r‖s: then nothing else is read, and r‖s is no finding.

    Raises:
        UnusableKey: The key is of another curve or family than the algorithm.
    """
    if key.family != algorithm.family or key.curve is not algorithm.curve or key.rsa is not None:
        require_fit(key, algorithm)
    if key.ecdsa is None or algorithm.curve is None or algorithm.hash_name is None:
        return _check_plain(algorithm, key, message, signature, diagnose=diagnose)

    # Nearly every signature is strict DER and fits: this path must not cost more than the mathematics.
    backend, curve, hash_name = key.ecdsa, algorithm.curve, algorithm.hash_name
    if native is SignatureForm.RAW:
        return _check_raw(algorithm, backend, message, signature, diagnose=diagnose)
    if backend.verify(message, hash_name, signature):
        return _valid(algorithm, _DER)

    strict = read_signature(signature)
    readings = [(SignatureForm.DER, strict)] if strict is not None else []
    if allow_lenient:
        for form, numbers in _lenient_readings(signature, curve, strict):
            if backend.verify(message, hash_name, write_signature(*numbers)):
                return _valid(algorithm, form)
            readings.append((form, numbers))
    if not readings:
        return _malformed(algorithm, signature, SignatureForm.DER)
    findings = [*_FORM_FINDINGS[readings[0][0]]]
    if diagnose:
        other = _other_hash(algorithm, backend, message, [numbers for _, numbers in readings])
        if other is not None:
            findings.append(problem(SignatureCode.HASH_LABEL_MISMATCH, named=hash_name, used=other))
    return SignatureCheck(
        SignatureStatus.INVALID,
        algorithm.name,
        SignatureReason.MISMATCH,
        readings[0][0],
        tuple(findings),
    )


def _check_raw(
    algorithm: SignatureAlgorithm, backend: EcdsaBackend, message: bytes, signature: bytes, *, diagnose: bool
) -> SignatureCheck:
    """Check r‖s of a format that prescribes it (IEEE P1363): two numbers of the order's width each."""
    assert algorithm.curve is not None  # noqa: S101 - the caller looked
    assert algorithm.hash_name is not None  # noqa: S101 - the caller looked
    numbers = read_raw_signature(signature, algorithm.curve.order_bytes)
    if numbers is None:
        return _malformed(algorithm, signature, SignatureForm.RAW)
    if backend.verify(message, algorithm.hash_name, write_signature(*numbers)):
        return _NATIVE_RAW.setdefault(
            algorithm, SignatureCheck(SignatureStatus.VALID, algorithm.name, None, SignatureForm.RAW)
        )
    other = _other_hash(algorithm, backend, message, [numbers]) if diagnose else None
    findings = (
        (problem(SignatureCode.HASH_LABEL_MISMATCH, named=algorithm.hash_name, used=other),) if other else ()
    )
    return SignatureCheck(
        SignatureStatus.INVALID, algorithm.name, SignatureReason.MISMATCH, SignatureForm.RAW, findings
    )


def _lenient_readings(
    signature: bytes, curve: Curve, strict: tuple[int, int] | None
) -> Iterator[tuple[SignatureForm, tuple[int, int]]]:
    """Yield what the bytes may mean beside strict DER; raw r‖s may by chance look like DER, so both count."""
    raw = read_raw_signature(signature, curve.order_bytes)
    if raw is not None:
        yield SignatureForm.RAW, raw
    lenient = read_lenient_signature(signature)
    if lenient is not None and strict is None:
        yield SignatureForm.DER_LENIENT, lenient


def _other_hash(
    algorithm: SignatureAlgorithm,
    backend: EcdsaBackend,
    message: bytes,
    readings: list[tuple[int, int]],
) -> str | None:
    """Return the hash function with which the signature would verify, ``None`` if it would with none."""
    for hash_name in HASHES:
        if hash_name == algorithm.hash_name:
            continue
        if any(backend.verify(message, hash_name, write_signature(*numbers)) for numbers in readings):
            return hash_name
    return None


def _check_plain(
    algorithm: SignatureAlgorithm, key: PublicKey, message: bytes, signature: bytes, *, diagnose: bool
) -> SignatureCheck:
    """Check RSA, EdDSA (RFC 8032) or ML-DSA (FIPS 204): octets of a fixed length, no DER."""
    if key.rsa is not None:
        return _check_rsa(algorithm, key.rsa, message, signature, diagnose=diagnose)
    backend = key.plain
    assert backend is not None  # noqa: S101 - the families are equal
    if len(signature) != backend.signature_bytes:
        return _malformed(algorithm, signature, SignatureForm.RAW)
    if backend.verify(message, signature):
        return SignatureCheck(SignatureStatus.VALID, algorithm.name, None, SignatureForm.RAW)
    return SignatureCheck(
        SignatureStatus.INVALID,
        algorithm.name,
        SignatureReason.MISMATCH,
        SignatureForm.RAW,
    )


def _check_rsa(
    algorithm: SignatureAlgorithm, backend: RsaBackend, message: bytes, signature: bytes, *, diagnose: bool
) -> SignatureCheck:
    """Check RSASSA-PKCS1-v1_5 or RSASSA-PSS: octets of the modulus' length, padded exactly as named."""
    assert algorithm.padding is not None  # noqa: S101 - RSA algorithms name padding and hash function
    assert algorithm.hash_name is not None  # noqa: S101 - as above
    if len(signature) != backend.signature_bytes:
        return _malformed(algorithm, signature, SignatureForm.RAW)
    named = algorithm.padding, algorithm.hash_name
    if backend.verify(message, *named, signature):
        return SignatureCheck(SignatureStatus.VALID, algorithm.name, None, SignatureForm.RAW)
    findings = _other_rsa(named, backend, message, signature) if diagnose else ()
    return SignatureCheck(
        SignatureStatus.INVALID, algorithm.name, SignatureReason.MISMATCH, SignatureForm.RAW, findings
    )


def _other_rsa(
    named: tuple[str, str], backend: RsaBackend, message: bytes, signature: bytes
) -> tuple[Finding, ...]:
    """Say with which padding and hash function the signature would verify."""
    for padding in PADDINGS:
        for hash_name in HASHES:
            if (padding, hash_name) == named or not backend.allows(padding, hash_name):
                continue
            if backend.verify(message, padding, hash_name, signature):
                findings = []
                if padding != named[0]:
                    findings.append(
                        problem(SignatureCode.PADDING_LABEL_MISMATCH, named=named[0], used=padding)
                    )
                if hash_name != named[1]:
                    findings.append(
                        problem(SignatureCode.HASH_LABEL_MISMATCH, named=named[1], used=hash_name)
                    )
                return tuple(findings)
    return ()


def _valid(algorithm: SignatureAlgorithm, form: SignatureForm) -> SignatureCheck:
    check = _VALID.get((algorithm, form))
    if check is None:
        check = SignatureCheck(SignatureStatus.VALID, algorithm.name, None, form, _FORM_FINDINGS[form])
        _VALID[algorithm, form] = check
    return check


def _malformed(algorithm: SignatureAlgorithm, signature: bytes, form: SignatureForm) -> SignatureCheck:
    return SignatureCheck(
        SignatureStatus.INVALID,
        algorithm.name,
        SignatureReason.MALFORMED_SIGNATURE,
        form,
        (problem(SignatureCode.MALFORMED, algorithm=algorithm.name, bytes=len(signature)),),
    )
