"""The pipeline: document, records, signature, key trust, rules, verdict."""

from eichrecht.verification.pipeline import Verifier

__all__ = ["Verifier"]
