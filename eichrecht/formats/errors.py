"""Errors of the formats stage: raised only when a record cannot be decoded at all.

Everything a reader of a decoded record should know is a finding on the record instead.

::

    FormatError
    ├── NotThisFormatError     the content does not start like a record of this format
    ├── MalformedRecordError   it starts like one, but a section cannot be read
    ├── LimitExceededError     it is larger or deeper than any real record
    ├── UnknownFormatError     nobody registered a format of that name
    └── FormatPluginError      an installed format plug-in cannot be used
"""

from __future__ import annotations

from collections.abc import Mapping

from eichrecht.evidence import Finding, Severity


class FormatError(Exception):
    """A record cannot be decoded; the reason is a stable code, never prose.

    Attributes:
        code: Stable snake_case code; its sentences stand in ``locales/findings.d/formats.toml``.
        where: Section or place that could not be read (``/payload``, ``/signature``), ``""`` for the whole.
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


class NotThisFormatError(FormatError):
    """The content does not start like a record of this format."""


class MalformedRecordError(FormatError):
    """The content starts like a record, but one of its sections cannot be read."""


class LimitExceededError(FormatError):
    """The record exceeds a named limit (size, depth, number of readings)."""


class UnknownFormatError(FormatError):
    """No format is registered under the name asked for."""


class FormatPluginError(FormatError):
    """An installed plug-in (group ``eichrecht.formats``) cannot be loaded or takes a used name."""
