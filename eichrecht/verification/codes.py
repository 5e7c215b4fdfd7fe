"""Finding codes of the verification stage."""

from enum import StrEnum


class VerificationCode(StrEnum):
    """What choosing and using a key can find out."""

    NO_KEY = "no_key"
    KEY_UNREADABLE = "key_unreadable"
    KEY_UNUSABLE = "key_unusable"
    KEY_UNCONFIRMED = "key_unconfirmed"
    KEYS_DISAGREE = "keys_disagree"
    SIGNED_BY_OTHER_KEY = "signed_by_other_key"
    KEY_OF_OTHER_METER = "key_of_other_meter"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    NON_OCMF_ALGORITHM = "non_ocmf_algorithm"
    SIGNATURE_MISMATCH = "signature_mismatch"
    SIGNATURE_UNREADABLE = "signature_unreadable"
    RECORD_UNREADABLE = "record_unreadable"
    RECORD_NOT_RECOGNISED = "record_not_recognised"
    RECORD_AMBIGUOUS = "record_ambiguous"
    WOULD_VERIFY_REFORMATTED = "would_verify_reformatted"
    TRANSACTION_RECORD_NOT_VALID = "transaction_record_not_valid"
    DUPLICATE_RECORD = "duplicate_record"
