"""Stable codes of the container stage; their sentences live in ``locales/findings.d``: ``containers.toml`` and
``archives.toml``."""

from __future__ import annotations

from enum import StrEnum


class ContainerCode(StrEnum):
    """Finding codes of unwrapping. The severity stands beside each place that raises one."""

    # The document as a whole
    EMPTY_DOCUMENT = "empty_document"
    DOCUMENT_TOO_LARGE = "document_too_large"
    NOTHING_RECOGNISED = "nothing_recognised"
    NESTING_TOO_DEEP = "nesting_too_deep"
    DECODING_LIMIT_REACHED = "decoding_limit_reached"
    TOO_MANY_RECORDS = "too_many_records"
    EVIDENCE_NOT_JUDGED = "evidence_not_judged"

    # Text
    BYTE_ORDER_MARK = "byte_order_mark"
    TEXT_UNDECODABLE = "text_undecodable"
    TEXT_AROUND_RECORDS = "text_around_records"
    RECORD_INCOMPLETE = "record_incomplete"
    RECORD_UNRECOGNISED = "record_unrecognised"
    BASE64_URL_ALPHABET = "base64_url_alphabet"
    ENCODING_CONTRADICTED = "encoding_contradicted"
    ENCODING_UNKNOWN = "encoding_unknown"

    # XML
    XML_TOO_LARGE = "xml_too_large"
    XML_NOT_WELL_FORMED = "xml_not_well_formed"
    XML_DOCTYPE_REFUSED = "xml_doctype_refused"
    XML_SEVERAL_ROOTS = "xml_several_roots"
    XML_TOO_MANY_ROOTS = "xml_too_many_roots"
    XML_UNEXPECTED_ROOT = "xml_unexpected_root"
    XML_LINE_ENDS_NORMALISED = "xml_line_ends_normalised"
    TEXT_AROUND_XML = "text_around_xml"
    CUT_FROM_BROKEN_XML = "cut_from_broken_xml"
    VALUES_EMPTY = "values_empty"
    SIGNED_DATA_MISSING = "signed_data_missing"
    SIGNED_DATA_EMPTY = "signed_data_empty"
    SIGNED_DATA_REPEATED = "signed_data_repeated"
    SIGNED_DATA_HOLDS_MARKUP = "signed_data_holds_markup"
    PUBLIC_KEY_MISSING = "public_key_missing"
    PUBLIC_KEYS_DIFFER = "public_keys_differ"

    # JSON
    JSON_TOO_LARGE = "json_too_large"
    JSON_UNREADABLE = "json_unreadable"
    JSON_DUPLICATE_KEY = "json_duplicate_key"
    CUT_FROM_BROKEN_JSON = "cut_from_broken_json"
    JSON_SINGLE_QUOTES = "json_single_quotes"

    # OCPI and OCPP
    OCPP_WITHOUT_SIGNED_DATA = "ocpp_without_signed_data"
    OCPP_KEY_OF_TRANSACTION = "ocpp_key_of_transaction"
    CDR_WITHOUT_SIGNED_DATA = "cdr_without_signed_data"
    SIGNED_VALUES_MISSING = "signed_values_missing"
    SIGNED_VALUE_MALFORMED = "signed_value_malformed"
    PLAIN_DATA_DIFFERS = "plain_data_differs"
    PLAIN_DATA_IS_PAYLOAD = "plain_data_is_payload"
    PLAIN_DATA_NOT_COMPARABLE = "plain_data_not_comparable"
    PLAIN_DATA_JUDGED = "plain_data_judged"
    OCMF_REBUILT = "ocmf_rebuilt"


class ArchiveCode(StrEnum):
    """Finding codes of files in files: archives, PDF, images with codes. Several files share one finding."""

    # Archives and compressed files
    ARCHIVE_DAMAGED = "archive_damaged"
    ARCHIVE_UNSUPPORTED = "archive_unsupported"
    ARCHIVE_TRAILING_DATA = "archive_trailing_data"
    COMPRESSED_DAMAGED = "compressed_damaged"
    COMPRESSED_TRUNCATED = "compressed_truncated"
    COMPRESSED_TOO_LARGE = "compressed_too_large"

    # Files in archives and PDFs
    MEMBERS_DAMAGED = "members_damaged"
    MEMBERS_TRUNCATED = "members_truncated"
    MEMBERS_ENCRYPTED = "members_encrypted"
    MEMBERS_UNSUPPORTED = "members_unsupported"
    MEMBERS_TOO_LARGE = "members_too_large"
    MEMBERS_OVERLAP = "members_overlap"
    MEMBERS_LINKS = "members_links"
    MEMBERS_SAME_NAME = "members_same_name"
    MEMBERS_IGNORED = "members_ignored"
    MEMBERS_WITHOUT_CONTENT = "members_without_content"
    DETACHED_SIGNATURE_UNUSED = "detached_signature_unused"

    # Key files beside records
    PRIVATE_KEYS_IGNORED = "private_keys_ignored"
    KEY_FILES_IGNORED = "key_files_ignored"
    TOO_MANY_KEYS = "too_many_keys"

    # PDF
    PDF_UNREADABLE = "pdf_unreadable"
    PDF_ENCRYPTED = "pdf_encrypted"
    PDF_LIMIT_REACHED = "pdf_limit_reached"
    PDF_WITHOUT_RECORD = "pdf_without_record"
    PDF_TEXT_NOT_READ = "pdf_text_not_read"

    # Images
    IMAGE_UNREADABLE = "image_unreadable"
    IMAGE_UNSUPPORTED = "image_unsupported"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_WITHOUT_CODE = "image_without_code"
    IMAGE_FURTHER_FRAMES = "image_further_frames"
    CODES_TOO_MANY = "codes_too_many"
    CODES_JOINED = "codes_joined"
    CODES_WITHOUT_RECORD = "codes_without_record"
    SVG_REFUSED = "svg_refused"

    LIBRARY_MISSING = "library_missing"
