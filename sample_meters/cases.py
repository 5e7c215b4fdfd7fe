"""All sample cases: good records, records as the field has them, forgeries, unlawful sessions."""

from __future__ import annotations

from functools import cache

from sample_meters import _ocmf_bad, _ocmf_good
from sample_meters.demo import DemoSession, demo_sessions
from sample_meters.meter import SampleCase

__all__ = ["DemoSession", "SampleCase", "all_cases", "demo_sessions"]


@cache
def all_cases() -> tuple[SampleCase, ...]:
    """Return every case, byte for byte the same on every run and machine."""
    return (*_ocmf_good.cases(), *_ocmf_bad.cases())
