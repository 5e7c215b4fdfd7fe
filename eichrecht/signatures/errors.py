"""Typed exceptions of the signature stage.

::

    KeyProblem
    ├── UnreadableKey   the text holds no public key
    └── UnusableKey     a public key, but not one for this signature algorithm
"""

from __future__ import annotations

from eichrecht.evidence import Finding, problem
from eichrecht.signatures.codes import KeyCode


class KeyProblem(ValueError):  # noqa: N818 - named as its two kinds are
    """A key cannot be read or used.

    Attributes:
        code: Stable code, see :class:`~eichrecht.signatures.codes.KeyCode`.
        params: Values for the sentence, as text; never the key text itself.
    """

    def __init__(self, code: KeyCode, **params: object) -> None:
        super().__init__(str(code))
        self.code = code
        self.params = {name: str(value) for name, value in params.items()}

    def finding(self, where: str = "") -> Finding:
        """Return the problem as a finding of severity ``error`` at ``where``."""
        return problem(self.code, where, **self.params)


class UnreadableKey(KeyProblem):
    """The text is no public key in any shape that the field uses."""


class UnusableKey(KeyProblem):
    """The key was read but does not serve for the signature algorithm asked for."""
