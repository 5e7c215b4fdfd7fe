"""All sample cases: good records, records as the field has them, forgeries, unlawful sessions.

The simulated meters of further formats join by being there: a module of this package with a function ``cases``.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

import sample_meters
from sample_meters import _ocmf_bad, _ocmf_good
from sample_meters.demo import DemoSession, demo_sessions
from sample_meters.meter import SampleCase

__all__ = ["DemoSession", "SampleCase", "all_cases", "demo_sessions"]


@cache
def all_cases() -> tuple[SampleCase, ...]:
    """Return every case, byte for byte the same on every run and machine."""
    found = [*_ocmf_good.cases(), *_ocmf_bad.cases()]
    names = sorted(module.name for module in pkgutil.iter_modules(sample_meters.__path__))
    for name in names:
        if not name.startswith("_") and name != "cases":
            module = import_module(f"sample_meters.{name}")
            found += getattr(module, "cases", tuple)()
    return tuple(found)
