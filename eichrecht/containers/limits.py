"""Limits of unwrapping, each with the reason for its value."""

from __future__ import annotations

MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Largest accepted document. The largest known real file (a month of records) is below 1 MB; PDF receipts
with pictures stay below this."""

MAX_STRUCTURED_BYTES = 8 * 1024 * 1024
"""Largest XML or JSON text that is parsed into a tree. Trees of minimal elements take some 30 times their
text in memory (240 MB here); ``MAX_ENTRIES`` ordinary records fit."""

MAX_DEPTH = 5
"""Most layers around a record. The deepest real nesting known is four: OCPI, Base64, S.A.F.E. XML, hex."""

MAX_DECODED_BYTES = 4 * MAX_DOCUMENT_BYTES
"""Most bytes looked at over all layers and attempts together. Every layer shrinks or keeps its text, so
honest documents need at most about three times their own size."""

MAX_ENTRIES = 10_000
"""Most entries (S.A.F.E. values, OCPI signed values) taken out of one document. Real files hold some hundred;
larger sets come as several files."""

MAX_RECORDS = 3 * MAX_ENTRIES
"""Most records cut out of texts in one document, over all attempts: an OCPI entry can hold a record twice."""

SHORTEST_RECORD = 16
"""Strings of broken JSON below this many bytes are not looked into; the shortest real record is longer."""

MAX_XML_ROOTS = 1_000
"""Most XML documents read from one text. Two occur; each costs some 4 kB of parser memory or more."""
