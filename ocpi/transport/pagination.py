"""Pagination of all list GETs (transport chapter, pagination)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import urlencode

from ocpi.types import format_datetime, parse_datetime

TOTAL_COUNT = "X-Total-Count"
LIMIT = "X-Limit"

DEFAULT_PAGE_LIMIT = 100
"""Objects per page: a CDR with signed data takes up to 100 kB, so a page stays below 10 MB."""

_COUNT = re.compile(r"[0-9]{1,15}")  # fits any database integer
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s;,=]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]*))?)*)")
_REL_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"next\"|next(?=\s|;|$))", re.IGNORECASE)

MAX_LINK_CHARACTERS = 4096
"""Longest Link header that is read: a URL has at most 255 characters by specification, plus its query."""

T = TypeVar("T")


class QueryError(ValueError):
    """A query parameter of a list GET is not as the specification asks."""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What a list GET asks for.

    Attributes:
        date_from: ``last_updated`` at or after this instant.
        date_to: ``last_updated`` before this instant.
        offset: Objects to skip, in order of creation.
        limit: Objects wanted at most; ``None`` leaves it to the server.
    """

    date_from: datetime | None = None
    date_to: datetime | None = None
    offset: int = 0
    limit: int | None = None

    def includes(self, last_updated: datetime) -> bool:
        """Tell whether an object belongs to the list: date_from inclusive, date_to exclusive."""
        return (self.date_from is None or self.date_from <= last_updated) and (
            self.date_to is None or last_updated < self.date_to
        )

    def params(self) -> dict[str, str]:
        """Return the query parameters; an offset of 0 is left out."""
        result: dict[str, str] = {}
        if self.date_from is not None:
            result["date_from"] = format_datetime(self.date_from)
        if self.date_to is not None:
            result["date_to"] = format_datetime(self.date_to)
        if self.offset:
            result["offset"] = str(self.offset)
        if self.limit is not None:
            result["limit"] = str(self.limit)
        return result

    @classmethod
    def read(cls, params: Mapping[str, str], *, max_limit: int) -> PageQuery:
        """Read the query of a request; unknown parameters are ignored.

        Args:
            params: Query parameters.
            max_limit: The server's page size: used where no limit or a greater one is asked for.

        Raises:
            QueryError: A parameter cannot be read.
        """
        limit = _count(params, "limit", max_limit)
        if limit < 1:
            raise QueryError("limit must be at least 1")
        return cls(
            date_from=_date(params, "date_from"),
            date_to=_date(params, "date_to"),
            offset=_count(params, "offset", 0),
            limit=min(limit, max_limit),
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list as a storage returns it.

    Attributes:
        items: In order of creation, oldest first.
        total: All objects that match the filters and that this partner may see.
    """

    items: Sequence[T]
    total: int


def page_headers(url: str, query: PageQuery, page: Page[T], *, max_limit: int) -> dict[str, str]:
    """Return the headers of a page.

    ``Link`` stands only when this is not the last page; it carries all filters, the next offset and the
    effective limit. ``X-Limit`` is the server's page size, not the number returned.

    Args:
        url: Public URL of the list, without query.
        query: As read with :meth:`PageQuery.read`.
        page: The page that is returned.
        max_limit: The server's page size.
    """
    result = {TOTAL_COUNT: str(page.total), LIMIT: str(max_limit)}
    next_offset = query.offset + len(page.items)
    if page.items and next_offset < page.total:
        following = replace(query, offset=next_offset)
        result["Link"] = f'<{url}?{urlencode(following.params())}>; rel="next"'
    return result


def next_link(header: str | None) -> str | None:
    """Return the URL of ``rel="next"`` of a Link header (RFC 8288), ``None`` on the last page."""
    if header is None or len(header) > MAX_LINK_CHARACTERS:
        return None
    for link in _LINK.finditer(header):
        if _REL_NEXT.search(link.group(2)):
            return link.group(1).strip()
    return None


def _count(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not _COUNT.fullmatch(text):
        raise QueryError(f"{name} must be a non-negative integer")
    return int(text)


def _date(params: Mapping[str, str], name: str) -> datetime | None:
    text = params.get(name)
    if text is None:
        return None
    try:
        return parse_datetime(text)
    except ValueError as error:
        raise QueryError(f"{name} {error}") from error
