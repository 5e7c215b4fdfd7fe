"""What a meter said: signed records, readings, transactions and the findings about them.

Plain frozen dataclasses without input or output. Every stage below produces or consumes these and
nothing else, so a stage can be replaced without its neighbours noticing.
"""

from eichrecht.evidence.document import (
    BesideKey,
    Document,
    EnergyClaim,
    Layer,
    Part,
    RecordSpan,
    SignedEnvelope,
)
from eichrecht.evidence.findings import Finding, Severity, note, problem, warning
from eichrecht.evidence.readings import ClockStatus, Reading, ReadingRole
from eichrecht.evidence.records import (
    Attestation,
    Device,
    Identification,
    LossCompensation,
    Pagination,
    SignatureClaim,
    SignedPiece,
    SignedRecord,
    SignerCertificate,
)
from eichrecht.evidence.traits import OCMF_TRAITS, OfficialCheck, PaginationRule, StatusFlag, Traits
from eichrecht.evidence.verdicts import (
    Billable,
    DocumentVerdict,
    KeySource,
    KeyTrust,
    KeyVerdict,
    RecordVerdict,
    SignatureStatus,
    SignatureVerdict,
    TransactionVerdict,
    Verdict,
)

__all__ = [
    "OCMF_TRAITS",
    "Attestation",
    "BesideKey",
    "Billable",
    "ClockStatus",
    "Device",
    "Document",
    "DocumentVerdict",
    "EnergyClaim",
    "Finding",
    "Identification",
    "KeySource",
    "KeyTrust",
    "KeyVerdict",
    "Layer",
    "LossCompensation",
    "OfficialCheck",
    "Pagination",
    "PaginationRule",
    "Part",
    "Reading",
    "ReadingRole",
    "RecordSpan",
    "RecordVerdict",
    "Severity",
    "SignatureClaim",
    "SignatureStatus",
    "SignatureVerdict",
    "SignedEnvelope",
    "SignedPiece",
    "SignedRecord",
    "SignerCertificate",
    "StatusFlag",
    "Traits",
    "TransactionVerdict",
    "Verdict",
    "note",
    "problem",
    "warning",
]
