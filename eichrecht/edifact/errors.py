"""The error of the EDIFACT stage: raised only when nothing at all can be read from the bytes.

::

    EdifactError    not EDIFACT, or larger than any real file

What a reader of a file that can be read should know is a finding beside what was read.
"""

from __future__ import annotations

from collections.abc import Mapping

from eichrecht.evidence import Finding, Severity


class EdifactError(Exception):
    """The bytes cannot be read; the reason is a stable code, never prose.

    Attributes:
        code: Stable snake_case code; its sentences stand in ``locales/findings.d/edifact.toml``.
        where: Place (``/byte/0``), ``""`` for the whole.
        params: What the sentence needs, as text.
    """

    def __init__(self, code: str, where: str = "", params: Mapping[str, str] | None = None) -> None:
        self.code = str(code)
        self.where = where
        self.params: dict[str, str] = dict(params or {})
        shown = ", ".join(f"{name}={value}" for name, value in self.params.items())
        super().__init__(f"{self.code} at {where or '/'}" + (f" ({shown})" if shown else ""))

    def finding(self) -> Finding:
        """Return the same statement as a finding of severity ``error``."""
        return Finding(self.code, Severity.ERROR, self.where, self.params)
