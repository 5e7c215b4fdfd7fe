"""Where a partner may keep a CDR: the URLs at which it can be asked.

OCPI lets the receiver choose the URL and tell it in ``Location`` (mod_cdrs, Receiver Interface). If the
answer with the ``Location`` was lost, it can often be derived: from how the partner named earlier CDRs (a
proof, since the partner itself uses that pattern), or from habit (a guess: a 404 there means nothing).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from eichrecht.store.claims import Claim, KnownLocation

MAX_PLACES = 6
"""Most URLs asked for one CDR: stored, two learned, two guessed, and one to spare."""

LEARNED_PATTERNS = 2
"""Latest patterns believed: a partner that moved uses the newest, the other covers the time of moving."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL to ask.

    Attributes:
        url: Absolute.
        definite: A 404 here proves that the partner does not have the CDR.
    """

    url: str
    definite: bool


def learn_pattern(known: KnownLocation) -> str | None:
    """Return the URL pattern with ``{id}``, ``{country_code}``, ``{party_id}``; ``None`` if none shows.

    Only whole path segments count, and the id must stand in exactly one: a pattern that only happens to
    contain the letters of the id is none.
    """
    if _origin(known.location) is None:
        return None
    parts = urlsplit(known.location)
    segments = parts.path.split("/")
    names = {"id": known.cdr_id, "country_code": known.country_code, "party_id": known.party_id}
    found = [i for i, segment in enumerate(segments) if unquote(segment).lower() == known.cdr_id.lower()]
    if len(found) != 1 or parts.query or parts.fragment or "{" in parts.path:
        return None
    segments[found[0]] = "{id}"
    for name in ("country_code", "party_id"):
        places = [i for i, segment in enumerate(segments) if unquote(segment).lower() == names[name].lower()]
        if len(places) == 1 and places[0] < found[0]:
            segments[places[0]] = "{" + name + "}"
    return f"{parts.scheme}://{parts.netloc}{'/'.join(segments)}"


def places(claim: Claim, cdrs_endpoint: str) -> tuple[Place, ...]:
    """Return where to ask for a CDR, best first, each URL once.

    Only URLs at the origin of the partner's CDRs endpoint: the question carries our token, and a ``Location``
    that points elsewhere must not lead it there.
    """
    candidates = [Place(claim.location, True)] if claim.location else []
    for pattern in _patterns(claim.known_locations):
        candidates.append(Place(_fill(pattern, claim), True))
    base = cdrs_endpoint.rstrip("/")
    candidates.append(Place(_fill(base + "/{id}", claim), False))
    candidates.append(Place(_fill(base + "/{country_code}/{party_id}/{id}", claim), False))
    unique = {place.url: place for place in reversed(candidates)}  # the earlier, stronger one wins
    home = _origin(cdrs_endpoint)
    return tuple(place for place in candidates if unique[place.url] is place and _origin(place.url) == home)[
        :MAX_PLACES
    ]


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port; ``None`` if the URL is not an absolute HTTP URL."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            return None
        return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None


def _patterns(known: Iterable[KnownLocation]) -> list[str]:
    patterns: list[str] = []
    for item in known:
        pattern = learn_pattern(item)
        if pattern is not None and pattern not in patterns:
            patterns.append(pattern)
        if len(patterns) == LEARNED_PATTERNS:
            break
    return patterns


def _fill(pattern: str, claim: Claim) -> str:
    return (
        pattern.replace("{country_code}", quote(claim.country_code, safe=""))
        .replace("{party_id}", quote(claim.party_id, safe=""))
        .replace("{id}", quote(claim.cdr_id, safe=""))
    )
