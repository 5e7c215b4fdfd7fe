"""Opening a closed record with one key, in the place of the check of a signature."""

from __future__ import annotations

from dataclasses import dataclass, field

from eichrecht.evidence import Finding, Severity, SignatureStatus, SignedRecord
from eichrecht.formats.base import SealedFormat
from eichrecht.formats.errors import FormatError
from eichrecht.signatures.algorithms import SignatureAlgorithm
from eichrecht.signatures.check import SignatureCheck
from eichrecht.signatures.codes import SignatureForm, SignatureReason
from eichrecht.signatures.keys import PublicKey


@dataclass(slots=True)
class Opener:
    """Opens one record; keeps what the last key brought out.

    Attributes:
        sealed: The record's format.
        content: The closed record.
        strict: Whether errors that opening found count.
        inside: The record inside, ``None`` if the last key did not open it.
    """

    sealed: SealedFormat
    content: bytes
    strict: bool
    inside: SignedRecord | None = field(default=None)

    def check(self, algorithm: SignatureAlgorithm, key: PublicKey) -> SignatureCheck:
        """Return ``valid`` if the key opens the record, ``mismatch`` if it does not.

        A record that opens but whose seal does not bind what came out is ``unverified``: anyone could have made it.
        """
        assert key.rsa is not None  # noqa: S101 - the algorithm is one of RSA
        self.inside = None
        try:
            self.inside = self.sealed.unseal(self.content, key.rsa.modulus, key.rsa.exponent)
        except FormatError as error:
            # The blocks were in order, what they hold is not: no sealing device makes such a thing.
            found = (error.finding(),)
            return _outcome(SignatureStatus.INVALID, algorithm, SignatureReason.MISMATCH, found)
        if self.inside is None:
            return _outcome(SignatureStatus.INVALID, algorithm, SignatureReason.MISMATCH)
        doubtful = any(finding.severity is Severity.ERROR for finding in self.inside.findings)
        if self.strict and doubtful:
            return _outcome(SignatureStatus.UNVERIFIED, algorithm, "seal_inconclusive")
        return _outcome(SignatureStatus.VALID, algorithm, None)


def _outcome(
    status: SignatureStatus,
    algorithm: SignatureAlgorithm,
    reason: str | None,
    findings: tuple[Finding, ...] = (),
) -> SignatureCheck:
    return SignatureCheck(status, algorithm.name, reason, SignatureForm.SEALED, findings)


@dataclass(frozen=True, slots=True)
class ClosedRecord(SignedRecord):
    """A record whose check is to open it.

    Attributes:
        opener: Does it; required, the default only follows those of the record.
    """

    opener: Opener = field(default=None, compare=False, repr=False)  # type: ignore[assignment]  # see above
