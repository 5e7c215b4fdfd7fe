"""The formats that are known: built in, and installed as entry points of group ``eichrecht.formats``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from eichrecht.evidence import RecordSpan, SignedRecord
from eichrecht.formats.base import SignedFormat
from eichrecht.formats.codes import FormatCode
from eichrecht.formats.errors import FormatPluginError, NotThisFormatError, UnknownFormatError
from eichrecht.formats.ocmf import OcmfFormat

ENTRY_POINT_GROUP = "eichrecht.formats"
"""Entry point group of plug-ins; an entry names a :class:`SignedFormat` or a class that makes one."""

_BUILT_IN: tuple[SignedFormat, ...] = (OcmfFormat(),)


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
    known: dict[str, SignedFormat] = {built_in.name: built_in for built_in in _BUILT_IN}
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


def decode(format_name: str, content: bytes) -> SignedRecord:
    """Decode one record of the named format.

    Raises:
        UnknownFormatError: No such format.
        FormatError: The record cannot be decoded.
    """
    return format_named(format_name).decode(content)


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
