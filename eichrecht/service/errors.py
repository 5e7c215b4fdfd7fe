"""Errors of the service::

ServiceError
├── Conflict            the same session or id came in with other content
└── CorrectionRefused   the Credit CDR or the corrected CDR may not leave, so nothing was credited
"""

from __future__ import annotations

from eichrecht.evidence import Finding


class ServiceError(Exception):
    """Base of the errors that an operator can act on."""


class Conflict(ServiceError):  # noqa: N818 - names the state, as in HTTP
    """The same session or id came in before with other content; ``str()`` says what to do."""


class CorrectionRefused(ServiceError):  # noqa: N818 - names the outcome
    """The Credit CDR or the corrected CDR may not leave.

    Attributes:
        findings: Why.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("the Credit CDR or the corrected CDR may not leave; nothing was credited")
        self.findings = findings
