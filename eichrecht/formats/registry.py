"""The formats that are known: built in, and installed as entry points of group ``eichrecht.formats``.

A built-in format is a module of this package that has a ``FORMATS`` tuple; it joins by being there.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from eichrecht.evidence import Finding, RecordSpan, SignedRecord
from eichrecht.formats._claims import with_claims
from eichrecht.formats.base import ContextualFormat, SessionFormat, SignedFormat, Surroundings
from eichrecht.formats.codes import FormatCode
from eichrecht.formats.errors import FormatPluginError, NotThisFormatError, UnknownFormatError

ENTRY_POINT_GROUP = "eichrecht.formats"
"""Entry point group of plug-ins; an entry names a :class:`SignedFormat` or a class that makes one."""

_FIRST = "ocmf"
"""Asked first: nearly every record is one."""


def _built_in() -> list[SignedFormat]:
    package = __name__.rpartition(".")[0]
    names = [module.name for module in pkgutil.iter_modules(import_module(package).__path__)]
    names = [name for name in names if not name.startswith("_")]
    names.sort(key=lambda name: (name != _FIRST, name))
    found: list[SignedFormat] = []
    for name in names:
        found += getattr(import_module(f"{package}.{name}"), "FORMATS", ())
    return found


def _load(entry: EntryPoint) -> SignedFormat:
    try:
        loaded = entry.load()
        candidate = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:  # a plug-in may fail in any way; the operator must learn which one it was
        params = {"plugin": entry.name, "reason": type(error).__name__}
        raise FormatPluginError(FormatCode.PLUGIN_BROKEN, "", params) from error
    if not isinstance(candidate, SignedFormat):
        raise FormatPluginError(
            FormatCode.PLUGIN_BROKEN, "", {"plugin": entry.name, "reason": "not a SignedFormat"}
        )
    return candidate


@cache
def formats() -> Mapping[str, SignedFormat]:
    """Return the registered formats by name, built-in ones first.

    Raises:
        FormatPluginError: A plug-in cannot be loaded, or takes the name of a format that exists already
            (a record must never be decoded by whichever package happened to be installed last).
    """
    known: dict[str, SignedFormat] = {built_in.name: built_in for built_in in _built_in()}
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        plugin = _load(entry)
        if plugin.name in known:
            params = {"plugin": entry.name, "format": plugin.name}
            raise FormatPluginError(FormatCode.PLUGIN_NAME_TAKEN, "", params)
        known[plugin.name] = plugin
    return MappingProxyType(known)


def format_named(name: str) -> SignedFormat:
    """Return the format of this name.

    Raises:
        UnknownFormatError: No such format.
        FormatPluginError: See :func:`formats`.
    """
    try:
        return formats()[name]
    except KeyError:
        raise UnknownFormatError(FormatCode.FORMAT_UNKNOWN, "", {"format": name}) from None


def recognise(content: bytes) -> tuple[RecordSpan, ...]:
    """Return the records of all formats in ``content``, in document order.

    Spans never overlap, except that several formats may claim exactly the same span (the containers try
    them in this order). Of overlapping spans the one that starts first, then the longer one, is kept.

    Raises:
        FormatPluginError: See :func:`formats`.
    """
    spans = [span for known in formats().values() for span in known.find(content)]
    spans.sort(key=lambda span: (span.start, -span.end))
    kept: list[RecordSpan] = []
    for span in spans:
        if not kept or span.start >= kept[-1].end or (span.start, span.end) == (kept[-1].start, kept[-1].end):
            kept.append(span)
    return tuple(kept)


def decode(format_name: str, content: bytes, surroundings: Surroundings | None = None) -> SignedRecord:
    """Decode one record of the named format.

    Args:
        format_name: Name of the format.
        content: The record.
        surroundings: What stood beside it. Formats that do not look at it themselves are compared with its claims.

    Raises:
        UnknownFormatError: No such format.
        FormatError: The record cannot be decoded.
    """
    known = format_named(format_name)
    if surroundings is None:
        return known.decode(content)
    if isinstance(known, ContextualFormat):
        return known.decode_in(content, surroundings)
    return with_claims(known.decode(content), surroundings.claims)


def decode_any(content: bytes) -> SignedRecord | None:
    """Decode the one record that ``content`` holds and begins with, whatever its format.

    The formats are asked in their order, and the first that knows the content as its own decides.

    Returns:
        The record; ``None`` if no format knows the content.

    Raises:
        FormatError: The format that knows the content cannot decode it.
        FormatPluginError: See :func:`formats`.
    """
    for known in formats().values():
        try:
            return known.decode(content)
        except NotThisFormatError:
            continue
    return None


def compare(records: Sequence[SignedRecord]) -> Sequence[Finding]:
    """Return what the records' own format says about them as one session; see :class:`SessionFormat`.

    Args:
        records: Records of one session, begin first; those of several formats have no common rules.
    """
    known = formats().get(records[0].format) if len({record.format for record in records}) == 1 else None
    return known.compare(records) if len(records) > 1 and isinstance(known, SessionFormat) else ()
