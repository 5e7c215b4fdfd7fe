"""SML, the Smart Message Language: transport frames and the messages in them.

Transport (version 1): ``1b1b1b1b 01010101``, the messages, ``1b1b1b1b 1a``, the number of fill bytes and a
CRC-16/X.25 over everything before it. Inside, a tag-length-value tree. Source: facts/meter/safe_formats.md §2 and §11.

Nothing of SML is signed as such: a format builds its signed bytes from the values found here, so a reader must not
believe anything that does not reach those bytes.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias

from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError

ESCAPE = b"\x1b\x1b\x1b\x1b"
START = ESCAPE + b"\x01\x01\x01\x01"
_END_MARK = 0x1A
_END_BYTES = 8
_MAX_FILL = 3

MAX_FRAME_BYTES = 1 << 16
"""Real frames have 300 to 600 bytes; EDL40 certificates and load profiles would stay below 64 KiB."""

MAX_DEPTH = 8
"""Lists inside lists: message, body, GetList, value list, entry, value, time, timestamp are eight."""

_OPEN_RESPONSE, _GET_LIST_RESPONSE = 0x0101, 0x0701
_MESSAGE_MEMBERS, _OPEN_MEMBERS, _LIST_MEMBERS, _ENTRY_MEMBERS = 6, 6, 7, 7
_OCTETS, _BOOLEAN, _SIGNED, _UNSIGNED, _LIST = 0, 4, 5, 6, 7
_MAX_INTEGER_BYTES = 8
_MAX_LENGTH_BYTES = 4
_NAME_BYTES = 6
_ABSENT = b"\x01"
_INDEX, _TIMESTAMP, _LOCAL_TIMESTAMP = 1, 2, 3

SmlValue: TypeAlias = "bytes | int | bool | list[SmlValue] | None"


class SmlErrorCode(StrEnum):
    """Why an SML frame cannot be read."""

    NO_FRAME = "sml_no_frame"
    FRAME_INCOMPLETE = "sml_frame_incomplete"
    FRAME_TOO_LARGE = "sml_frame_too_large"
    CHECKSUM_WRONG = "sml_checksum_wrong"
    STRUCTURE_BROKEN = "sml_structure_broken"
    NESTED_TOO_DEEP = "sml_nested_too_deep"
    NO_VALUE_LIST = "sml_no_value_list"


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """A transport frame in a text; ``complete`` if its end sequence is there, ``end`` exclusive."""

    start: int
    end: int
    complete: bool


@dataclass(frozen=True, slots=True)
class SmlTime:
    """An SML time.

    Attributes:
        is_index: It is an operating-seconds index, no time of day.
        seconds: The index, or seconds since 1970.
        offset_min: Sum of local and season offset; ``None`` if the time does not say.
    """

    is_index: bool
    seconds: int
    offset_min: int | None = None


@dataclass(frozen=True, slots=True)
class SmlEntry:
    """One entry of a value list; members that are absent are ``None``."""

    name: bytes
    status: int | None
    time: SmlTime | None
    unit: int | None
    scaler: int | None
    value: SmlValue
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class SmlValueList:
    """A GetList response."""

    server_id: bytes | None
    list_name: bytes | None
    entries: tuple[SmlEntry, ...]
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class SmlFile:
    """The messages of one frame that matter: its value lists, and the meters that its open responses name."""

    lists: tuple[SmlValueList, ...]
    opened_by: tuple[bytes, ...]


# --- transport


def find_frames(content: bytes) -> list[FrameSpan]:
    """Return the transport frames in ``content``; one that is cut off ends where the next begins, or at the end."""
    found: list[FrameSpan] = []
    start = content.find(START)
    while start >= 0:
        end, complete = _end_of(content, start)
        found.append(FrameSpan(start, end, complete))
        start = content.find(START, end)
    return found


def _end_of(content: bytes, start: int) -> tuple[int, bool]:
    """Return where the frame that begins at ``start`` ends, and whether by its end sequence."""
    position = start + len(START)
    while (mark := content.find(ESCAPE, position)) >= 0:
        after = content[mark + 4 : mark + 8]
        if after == ESCAPE:
            position = mark + 8
        elif after == START[4:]:
            return mark, False
        elif after[:1] == bytes((_END_MARK,)):
            end = mark + _END_BYTES
            return min(end, len(content)), end <= len(content)
        else:
            # One more 1b may stand before the sequence that is meant: data may end with it.
            position = mark + 1 if after[:1] == ESCAPE[:1] else mark + 4
    return len(content), False


def unwrap_frame(frame: bytes) -> bytes:
    """Return the messages of one complete frame: checked, fill bytes and doubled escapes removed.

    Raises:
        MalformedRecordError: ``sml_frame_incomplete``, ``sml_checksum_wrong``, ``sml_structure_broken`` (escape
            sequences or fill bytes).
        LimitExceededError: Larger than :data:`MAX_FRAME_BYTES`.
    """
    if len(frame) > MAX_FRAME_BYTES:
        raise LimitExceededError(SmlErrorCode.FRAME_TOO_LARGE, "", {"limit": str(MAX_FRAME_BYTES)})
    end, complete = _end_of(frame, 0)
    if not frame.startswith(START) or not complete or end != len(frame):
        raise MalformedRecordError(SmlErrorCode.FRAME_INCOMPLETE, "", {"bytes": str(len(frame))})
    if crc16_x25(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
        raise MalformedRecordError(SmlErrorCode.CHECKSUM_WRONG)
    body = _undouble(frame[len(START) : -_END_BYTES])
    fill = frame[-3]
    if fill > _MAX_FILL or fill > len(body):
        raise _broken(len(frame) - 3)
    return body[: len(body) - fill]


def _undouble(body: bytes) -> bytes:
    pieces: list[bytes] = []
    position = copied = 0
    while (mark := body.find(ESCAPE, position)) >= 0:
        if body[mark + 4 : mark + 8] == ESCAPE:
            pieces.append(body[copied : mark + 4])
            position = copied = mark + 8
        elif body[mark + 4 : mark + 5] == ESCAPE[:1]:
            position = mark + 1
        else:
            raise _broken(len(START) + mark)  # data that look like an escape sequence must be doubled
    return b"".join((*pieces, body[copied:])) if pieces else body


_MIRRORED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def crc16_x25(data: bytes) -> int:
    """Return the CRC-16/X.25 (polynomial 1021 reflected, initial FFFF, inverted) of ``data``.

    The standard library has the same polynomial from the other end: with every octet mirrored it gives the
    mirrored checksum, a hundred times as fast as a loop over the octets.
    """
    high, low = crc_hqx(data.translate(_MIRRORED), 0xFFFF).to_bytes(2, "big")
    return (_MIRRORED[low] << 8 | _MIRRORED[high]) ^ 0xFFFF


# --- tag, length, value


def _broken(position: int) -> FormatError:
    return MalformedRecordError(SmlErrorCode.STRUCTURE_BROKEN, "", {"position": str(position)})


def _head(body: bytes, position: int) -> tuple[int, int, int]:
    """Return type, length (of the value, or elements of a list) and the position behind the tag-length field."""
    first = position
    length = 0
    kind = -1
    for _ in range(_MAX_LENGTH_BYTES):
        if position >= len(body):
            raise _broken(position)
        octet = body[position]
        position += 1
        kind = octet >> 4 & 7 if kind < 0 else kind
        length = length << 4 | octet & 0x0F
        if not octet & 0x80:
            break
    else:
        raise _broken(first)
    if kind != _LIST:
        length -= position - first
    if length < 0 or length > len(body) - position:
        raise _broken(first)  # an element takes a byte at least, so this bounds lists as well
    return kind, length, position


def _value(body: bytes, position: int, depth: int) -> tuple[SmlValue, int]:
    if body[position : position + 1] == _ABSENT:  # most members are left out
        return None, position + 1
    kind, length, after = _head(body, position)
    if kind == _LIST:
        if depth >= MAX_DEPTH:
            raise LimitExceededError(SmlErrorCode.NESTED_TOO_DEEP, "", {"limit": str(MAX_DEPTH)})
        members: list[SmlValue] = []
        for _ in range(length):
            member, after = _value(body, after, depth + 1)
            members.append(member)
        return members, after
    octets = body[after : after + length]
    after += length
    if kind == _OCTETS:
        return octets or None, after
    if kind in (_SIGNED, _UNSIGNED) and 1 <= length <= _MAX_INTEGER_BYTES:
        return int.from_bytes(octets, "big", signed=kind == _SIGNED), after
    if kind == _BOOLEAN and length == 1:
        return octets != b"\0", after
    raise _broken(position)


def _message(body: bytes, position: int) -> tuple[list[SmlValue], int]:
    """Return the members of one message but its last, the end mark 00, and the position behind it."""
    kind, length, after = _head(body, position)
    if kind != _LIST or length != _MESSAGE_MEMBERS:
        raise _broken(position)
    members: list[SmlValue] = []
    for _ in range(_MESSAGE_MEMBERS - 1):
        member, after = _value(body, after, 1)
        members.append(member)
    if body[after : after + 1] != b"\0":
        raise _broken(after)
    return members, after + 1


# --- messages


@lru_cache(maxsize=1)
def read_frame(frame: bytes) -> SmlFile:
    """Return the messages of one frame that matter.

    The last frame is remembered: two formats travel as SML, and whose telegram it is can only be told by reading it.

    Raises:
        MalformedRecordError: See :func:`unwrap_frame`; or ``sml_structure_broken``: the messages are none.
        LimitExceededError: Too large or too deep.
    """
    body = unwrap_frame(frame)
    lists: list[SmlValueList] = []
    opened: list[bytes] = []
    position = 0
    while position < len(body):
        begin = position
        members, position = _message(body, position)
        content = members[3]
        match content:
            case [int() as tag, [*parts]] if tag == _GET_LIST_RESPONSE:
                lists.append(_value_list(parts, begin))
            case [int() as tag, [*parts]] if tag == _OPEN_RESPONSE and len(parts) == _OPEN_MEMBERS:
                server = parts[3]
                if isinstance(server, bytes):
                    opened.append(server)
            case [int(), _]:
                pass
            case _:
                raise _broken(begin)
    return SmlFile(tuple(lists), tuple(opened))


def _value_list(parts: Sequence[SmlValue], begin: int) -> SmlValueList:
    match parts:
        case [
            _,
            bytes() | None as server,
            bytes() | None as name,
            _,
            [*entries],
            bytes() | None as signature,
            _,
        ]:
            return SmlValueList(server, name, tuple(_entry(entry, begin) for entry in entries), signature)
    raise _broken(begin)


def _entry(entry: SmlValue, begin: int) -> SmlEntry:
    match entry:
        case [
            bytes() as name,
            int() | None as status,
            [*_] | None as time,
            int() | None as unit,
            int() | None as scaler,
            value,
            bytes() | None as signature,
        ] if len(name) == _NAME_BYTES:
            return SmlEntry(name, status, time_of(time), unit, scaler, value, signature)
    raise _broken(begin)


def time_of(value: SmlValue) -> SmlTime | None:
    """Return an SML time; ``None`` for anything else."""
    match value:
        case [int() as tag, int() as seconds] if tag in (_INDEX, _TIMESTAMP):
            return SmlTime(tag == _INDEX, seconds)
        case [int() as tag, [int() as seconds, int() as local, int() as season]] if tag == _LOCAL_TIMESTAMP:
            return SmlTime(False, seconds, local + season)
    return None
