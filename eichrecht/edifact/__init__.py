"""EDIFACT: octets to segments with exact places, envelopes with every count checked, MSCONS as typed values."""

from eichrecht.edifact.envelope import read_file
from eichrecht.edifact.errors import EdifactError
from eichrecht.edifact.interchange import (
    EdifactFile,
    Group,
    Interchange,
    Message,
    MessageType,
    Party,
)
from eichrecht.edifact.lexer import looks_like_edifact, tokenize
from eichrecht.edifact.syntax import RawInterchange, Segment, Segments, Span, Syntax, Tokens

__all__ = [
    "EdifactError",
    "EdifactFile",
    "Group",
    "Interchange",
    "Message",
    "MessageType",
    "Party",
    "RawInterchange",
    "Segment",
    "Segments",
    "Span",
    "Syntax",
    "Tokens",
    "looks_like_edifact",
    "read_file",
    "tokenize",
]
