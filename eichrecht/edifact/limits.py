"""Limits of reading EDIFACT, each with the reason for its value."""

from __future__ import annotations

MAX_FILE_BYTES = 32 * 1024 * 1024
"""Largest accepted file, the same as the largest document of the containers stage. Market partners keep interchanges
below a few megabytes."""

MAX_INTERCHANGES = 1_000
"""Most interchanges of one file. One is usual, some dozen occur in archives; each may bring service characters of its
own, for which a pattern is compiled (about a millisecond)."""

MAX_SEGMENTS = 2_000_000
"""Most segments of one file. Segments of real MSCONS have about 28 octets, so the largest file has 1.2 million."""

MAX_STRUCTURES = 200_000
"""Most segments of one interchange that begin or end a message or group. The shortest real message has 300 octets, so
the largest file has 110,000 messages."""

MAX_MALFORMED = 1_000
"""Segments with line breaks or control characters after which reading stops. A file folded by a mail gateway has
them everywhere; what is wrong with it is clear long before."""

MAX_SEGMENT_BYTES = 64 * 1024
"""Longest segment. The longest legal one of the standards in use has nine texts of 512 characters."""

MAX_ELEMENTS = 256
"""Most elements (repetitions counted) of a segment. The largest service segment (UNB) has 11, v4 repeats up to 99."""

MAX_COMPONENTS = 64
"""Most components of an element. The largest composite of the standard has fewer than 20."""

MAX_FINDINGS_PER_CODE = 20
"""Findings of one code that are kept per interchange or message; the others are counted."""
