"""The CDRs (or tariffs) in a JSON text: one, a list, either in an OCPI response, or one per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def objects_in(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every object of a parsed JSON text with its JSON pointer; ``""`` for one that stands alone.

    Args:
        value: An object, a list of objects, or the envelope of an OCPI response around either. What is no object
            is yielded too: whoever reads it says so.
    """
    place = ""
    if is_envelope(value):
        value, place = value["data"], "/data"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{place}/{index}", item
    else:
        yield place, value


def is_envelope(value: Any) -> bool:
    """Return whether a parsed JSON text is the envelope of an OCPI response (transport, Response format)."""
    return isinstance(value, dict) and "status_code" in value and "data" in value
