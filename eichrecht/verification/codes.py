"""Finding codes of the verification stage."""

from enum import StrEnum


class VerificationCode(StrEnum):
    """What choosing and using a key can find out."""

    NO_KEY = "no_key"
    KEY_UNCONFIRMED = "key_unconfirmed"
    KEYS_DISAGREE = "keys_disagree"
    SIGNED_BY_OTHER_KEY = "signed_by_other_key"
    KEY_FOUND_BY_TRIAL = "key_found_by_trial"
    KEY_TRIALS_ENDED = "key_trials_ended"
    KEY_OF_OTHER_METER = "key_of_other_meter"
    KEY_OUT_OF_VALIDITY = "key_out_of_validity"
    BILLED_ENERGY_NOT_SIGNED = "billed_energy_not_signed"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    NON_OCMF_ALGORITHM = "non_ocmf_algorithm"
    SIGNATURE_MISMATCH = "signature_mismatch"
    SIGNATURE_UNREADABLE = "signature_unreadable"
    RECOGNISED = "recognised"
    RECORD_NOT_RECOGNISED = "record_not_recognised"
    WOULD_VERIFY_REFORMATTED = "would_verify_reformatted"
    TRANSACTION_RECORD_NOT_VALID = "transaction_record_not_valid"
    TRANSACTION_KEYS_DIFFER = "transaction_keys_differ"
    DOCUMENT_REPEATS_RECORD = "document_repeats_record"
    PIECE_SIGNATURE_UNREADABLE = "piece_signature_unreadable"
    PIECE_DOES_NOT_FIT = "piece_does_not_fit"
    SIGNING_METHOD_CONTRADICTED = "signing_method_contradicted"
    KEY_NAMED_OTHERWISE = "key_named_otherwise"
    FURTHER_SIGNATURE_UNCHECKED = "further_signature_unchecked"
    DETACHED_SIGNATURE_USED = "detached_signature_used"
    DEFECT = "defect"
