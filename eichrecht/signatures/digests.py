"""Digests of large messages, kept: an AUTACK's octets are asked for with every message of their interchange and key."""

from __future__ import annotations

import hashlib
from functools import lru_cache

LARGE = 64 * 1024
"""From this size on hashing takes as long as the rest of a check."""


@lru_cache(maxsize=8)
def large_digest(message: bytes, hash_name: str) -> bytes:
    """Return the digest of a message; ``hash_name`` is ``SHA256``, ``SHA384`` or ``SHA512``."""
    return hashlib.new(hash_name.lower(), message).digest()
