"""Bounds of what strangers may make the service do: the public check needs no account.

Verification takes processor time and an upload takes memory. Both are bounded for all strangers together, in a
process; so partners, operators and the delivery of CDRs go on while somebody floods the check. Limits per client
belong into the proxy in front, which knows who the client is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import anyio.to_thread

MAX_INSIDE = 24
"""Public checks under way, uploads included: at most this many times 33 MB of uploads are in memory."""

MAX_AT_ONCE = 2
"""Public checks that verify at the same time. More threads would not verify faster (one interpreter lock), but
take turns away from everything else."""

READ_TIMEOUT_S = 60
"""How long an upload may take in all; a file of usual size takes well below a second, and an upload that drips
holds a place."""

RETRY_AFTER_S = 10
"""What a client that is turned away is told to wait."""

T = TypeVar("T")


class Busy(Exception):  # noqa: N818 - names the state, as in HTTP
    """All places are taken; try again after ``RETRY_AFTER_S``."""


class Admission:
    """Places for public checks in this process."""

    def __init__(self, *, inside: int = MAX_INSIDE, at_once: int = MAX_AT_ONCE) -> None:
        """Set the bounds."""
        self._free = inside
        self._limiter = anyio.CapacityLimiter(at_once)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place, from before the body is read until the answer stands.

        Raises:
            Busy: There is none; nobody waits here, because waiting holds memory too.
        """
        if self._free < 1:
            raise Busy
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def run(self, work: Callable[[], T]) -> T:
        """Run work in a thread, when its turn has come."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)
