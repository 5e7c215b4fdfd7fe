"""Findings of the evidence stages: the same type that ``ocpi`` uses, so that a CDR carries both kinds."""

from ocpi.findings import Finding, Severity, note, problem, warning

__all__ = ["Finding", "Severity", "note", "problem", "warning"]
