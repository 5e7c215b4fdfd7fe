"""Which octets of a file something (a signature) covers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from eichrecht.edifact.syntax import Span


class Coverage:
    """A set of octets, given as spans in any order; overlapping and adjacent ones become one."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(span for span in spans if span[0] < span[1]):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The covered octets as disjoint spans in order."""
        return tuple(zip(self._starts, self._ends, strict=True))

    def includes(self, span: Span) -> bool:
        """Say whether every octet of a span is covered; an empty span is where its neighbours are."""
        index = bisect_right(self._starts, span[0]) - 1
        return index >= 0 and span[1] <= self._ends[index]

    def includes_all(self, spans: Iterable[Span]) -> bool:
        """Say whether every octet of all spans is covered."""
        return all(map(self.includes, spans))
