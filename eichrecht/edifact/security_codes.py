"""Stable codes of what EDIFACT signatures say of themselves; sentences: ``findings.d/edifact_security.toml``."""

from __future__ import annotations

from enum import StrEnum


class SecurityCode(StrEnum):
    """What reading security groups and AUTACK messages noticed (ISO 9735-5, ISO 9735-6)."""

    # nothing that could be checked
    UNSIGNED = "edifact_unsigned"
    SERVICE_UNSUPPORTED = "edifact_service_unsupported"
    SCOPE_UNSUPPORTED = "edifact_scope_unsupported"
    FILTER_UNSUPPORTED = "edifact_filter_unsupported"
    ENCODING_UNSUPPORTED = "edifact_signed_encoding_unsupported"
    HASH_UNSUPPORTED = "edifact_hash_unsupported"
    ALGORITHM_UNSUPPORTED = "edifact_algorithm_unsupported"
    USE_UNSUPPORTED = "edifact_algorithm_use_unsupported"
    PADDING_UNSUPPORTED = "edifact_padding_unsupported"
    CERTIFICATE_UNSUPPORTED = "edifact_certificate_unsupported"
    INTERCHANGE_LEVEL_UNSUPPORTED = "edifact_interchange_level_unsupported"
    SERVICE_CHARACTERS_UNSUPPORTED = "edifact_service_characters_unsupported"
    TOO_MANY_GROUPS = "edifact_too_many_signatures"
    # the groups contradict themselves or the message
    SEGMENT_OUTSIDE_SCOPE = "edifact_segment_outside_scope"
    STRAY_SECURITY_SEGMENT = "edifact_stray_security_segment"
    REFERENCE_REPEATED = "edifact_security_reference_repeated"
    REFERENCE_DIFFERS = "edifact_security_reference_differs"
    COUNT_DIFFERS = "edifact_security_count_differs"
    GROUP_INCOMPLETE = "edifact_security_group_incomplete"
    VALUE_MALFORMED = "edifact_signature_value_malformed"
    BODY_EMPTY = "edifact_signed_body_empty"
    # AUTACK
    CONTENT_MISSING = "edifact_content_missing"
    CONTENT_NOT_REFERENCED = "edifact_content_not_referenced"
    AUTACK_MALFORMED = "edifact_autack_malformed"
    REFERENCE_UNSUPPORTED = "edifact_reference_unsupported"
    # what is to be said about a signature that can be checked
    LINE_BREAKS_REMOVED = "edifact_line_breaks_removed"
    COVERS = "edifact_signature_covers"
    NOT_COVERED = "edifact_not_covered"


CONTRADICTIONS = frozenset(
    {
        SecurityCode.SEGMENT_OUTSIDE_SCOPE,
        SecurityCode.STRAY_SECURITY_SEGMENT,
        SecurityCode.REFERENCE_REPEATED,
        SecurityCode.REFERENCE_DIFFERS,
        SecurityCode.COUNT_DIFFERS,
        SecurityCode.GROUP_INCOMPLETE,
        SecurityCode.VALUE_MALFORMED,
        SecurityCode.BODY_EMPTY,
    }
)
"""Codes that show a message to be wrong, whatever its signature; the others leave nothing that could be checked."""
