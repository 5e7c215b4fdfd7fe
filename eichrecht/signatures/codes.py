"""Stable codes of the signature stage: what can be wrong with a key or with a signature.

The sentences for people stand in ``eichrecht/locales/findings.d/signatures.toml``.
"""

from enum import StrEnum


class KeyCode(StrEnum):
    """Why a key text cannot be read, or a readable key cannot be used."""

    EMPTY = "key_empty"
    TOO_LONG = "key_too_long"
    NOT_A_KEY = "key_not_a_key"
    """Words, an EVSE id, a UUID: no decoder yields as many bytes as the shortest key has."""
    HEX_ODD = "key_hex_odd"
    """Hexadecimal text with an odd number of digits: one was lost or added."""
    FOREIGN_CHARACTER = "key_foreign_character"
    """Hexadecimal text with a letter that is none (``O`` for ``0``, ``l`` for ``1``); never repaired."""
    DAMAGED = "key_damaged"
    """ASN.1 that begins like a key but does not hold together (a damaged header)."""
    TRUNCATED = "key_truncated"
    """ASN.1 that announces more bytes than there are, or PEM without its end line."""
    TRAILING_DATA = "key_trailing_data"
    """A whole key followed by something else."""
    WRONG_LENGTH = "key_wrong_length"
    """Decodable, but no key of any supported curve has this length."""
    AMBIGUOUS = "key_ambiguous"
    """Several keys in one text."""
    NESTED_TOO_DEEP = "key_nested_too_deep"
    ENVELOPE_UNSUPPORTED = "key_envelope_unsupported"
    """An OCA envelope whose encoding or content type is not one of the Application Note."""
    IS_SIGNATURE = "key_is_signature"
    IS_CERTIFICATE = "key_is_certificate"
    IS_PRIVATE = "key_is_private"
    """A private key where a public one belongs: it must be considered compromised."""
    UNSUPPORTED_TYPE = "key_unsupported_type"
    """A key of an algorithm or curve that is not supported, or with explicit curve parameters."""
    NOT_ON_CURVE = "key_not_on_curve"
    CURVE_MISMATCH = "key_curve_mismatch"
    """A key of another curve or family than the signature algorithm names."""
    LENGTH_MISMATCH = "key_length_mismatch"
    """A key without curve whose length does not fit the curve of the signature algorithm."""
    RSA_MALFORMED = "key_rsa_malformed"
    """An RSA key whose numbers cannot be those of a key: even, too small or too large an exponent."""
    RSA_LENGTH = "key_rsa_length"
    """An RSA modulus that is too short to be safe, or longer than any that is met."""
    RSA_PARAMETERS = "key_rsa_parameters"
    """An RSA key with parameters that are not supported (SHA-1, another mask function)."""


class SignatureCode(StrEnum):
    """Findings of a signature check."""

    MALFORMED = "signature_malformed"
    NOT_CANONICAL_DER = "signature_not_canonical_der"
    RAW = "signature_raw"
    HASH_LABEL_MISMATCH = "hash_label_mismatch"
    PADDING_LABEL_MISMATCH = "padding_label_mismatch"


class SignatureReason(StrEnum):
    """Values of ``SignatureCheck.reason``, a subset of ``SignatureVerdict.reason``."""

    MISMATCH = "mismatch"
    MALFORMED_SIGNATURE = "malformed_signature"


class SignatureForm(StrEnum):
    """How the signature bytes were read."""

    DER = "der"
    """Strict DER ECDSA-Sig-Value (RFC 3279 §2.2.3, X.690)."""
    DER_LENIENT = "der-lenient"
    """The same structure with INTEGERs or lengths that DER forbids, read as unsigned numbers."""
    SEALED = "sealed"
    """No signature: the record was opened with the key."""
    RAW = "raw"
    """r‖s in two equal halves (IEEE P1363); for EdDSA, ML-DSA and RSA the algorithm's own octets."""
