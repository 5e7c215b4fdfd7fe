"""Limits of unwrapping, each with the reason for its value."""

from __future__ import annotations

MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Largest accepted document. The largest known real file (a month of records) is below 1 MB; PDF receipts
with pictures stay below this."""

MAX_STRUCTURED_BYTES = 8 * 1024 * 1024
"""Largest XML or JSON text that is parsed into a tree. Trees of minimal elements take some 30 times their
text in memory (240 MB here); ``MAX_RECORDS`` ordinary records fit."""

MAX_DEPTH = 5
"""Most layers around a record. The deepest real nesting known is four: OCPI, Base64, S.A.F.E. XML, hex."""

MAX_DECODED_BYTES = 4 * MAX_DOCUMENT_BYTES
"""Most bytes looked at over all layers and attempts together. Every layer shrinks or keeps its text, so
honest documents need at most about three times their own size."""

MAX_RECORDS = 10_000
"""Most records taken out of one document. Real files hold some hundred; larger sets come as several files."""
