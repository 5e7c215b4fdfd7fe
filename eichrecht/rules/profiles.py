"""Rule profiles: whose rules a judgement follows."""

from __future__ import annotations

from enum import StrEnum


class Profile(StrEnum):
    """Whose rules are applied."""

    STRICT = "strict"
    """The specifications and the law as written; the default, and the only profile to bill by."""
    SAFE_1_4_1 = "safe-1.4.1"
    """What the official S.A.F.E. program 1.4.1 decides, its mistakes included; for comparison."""
