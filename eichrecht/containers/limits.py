"""Limits of unwrapping, each with the reason for its value."""

from __future__ import annotations

MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Largest accepted document. The largest known real file (a month of records) is below 1 MB; PDF receipts
with pictures stay below this."""

MAX_STRUCTURED_BYTES = 8 * 1024 * 1024
"""Largest XML or JSON text that is parsed into a tree. Trees of minimal elements take some 30 times their
text in memory (240 MB here); ``MAX_ENTRIES`` ordinary records fit."""

MAX_DEPTH = 8
"""Most layers around a record. The deepest nesting to be expected is seven: ZIP, bzip2, TAR, OCPI, Base64,
S.A.F.E. XML, hex."""

MAX_DECODED_BYTES = 4 * MAX_DOCUMENT_BYTES
"""Most bytes looked at over all layers and attempts together. Every layer of text shrinks or keeps it, so
honest documents need at most about three times their own size; archives have limits of their own below."""

MAX_GROWTH = 40
FREE_GROWTH_BYTES = 8 * 1024 * 1024
"""Most bytes looked at for each byte of the document, above a size that every document may reach. An archive of
real records grows tenfold when unpacked, and a TAR in it counts twice; a bomb must not cost more than its size."""

MAX_ENTRIES = 10_000
"""Most entries (S.A.F.E. values, OCPI signed values) taken out of one document. Real files hold some hundred;
larger sets come as several files."""

MAX_RECORDS = 3 * MAX_ENTRIES
"""Most records cut out of texts in one document, over all attempts: an OCPI entry can hold a record twice."""

FREE_RECORDS = 1_000
BYTES_PER_RECORD = 96
"""Bytes looked at for each record cut out, above a number that every document may hold. The shortest real records
(ALFEN, with a small curve) have 270 bytes; a thousand empty ones of 11 bytes cost as much as a thousand real ones."""

SHORTEST_RECORD = 16
"""Strings of broken JSON below this many bytes are not looked into; the shortest real record is longer."""

SHORTEST_EVIDENCE = 64
"""Texts beside the records below this many bytes are not opened: a signature alone has 96 hexadecimal digits, and
dates, names and addresses are shorter."""

MAX_XML_ROOTS = 1_000
"""Most XML documents read from one text. Two occur; each costs some 4 kB of parser memory or more."""

MAX_MEMBER_BYTES = 16 * 1024 * 1024
"""Largest file taken out of an archive or a PDF; twice what is parsed as XML or JSON, and enough for an
archive in an archive."""

MAX_EXPANSION = 200
"""Most bytes made of one compressed byte, above ``FREE_EXPANSION_BYTES``. Signed records hold random digits,
so real ones shrink to a tenth at best; Deflate alone can reach 1,032, bzip2 45,000."""

FREE_EXPANSION_BYTES = 1024 * 1024
"""Up to this size the ratio does not matter: a TAR of two small files is nearly all zeros."""

MAX_STREAMS = 2_000
"""Most compressed streams in one file one behind the other. Parallel compressors write one per 64 kB at the
least, so 32 MB have 512."""

MAX_XZ_MEMORY = 80 * 1024 * 1024
"""Most memory for an xz or LZMA dictionary: ``xz -9`` needs 65 MB."""

MAX_KEY_FILE = 32 * 1024
"""Largest member taken for a key file: an ML-DSA-87 key in hexadecimal, as PEM with text around, has 8 kB."""

MAX_BESIDE_KEYS = 256
"""Most keys of one archive that serve the records in it; every key is a trial per record."""

MAX_IMAGE_PIXELS = 80_000_000
"""Most pixels of all images of a document together: a picture of the largest ordinary phone camera (50 million),
or six of the usual 12 million. Searching a million takes some 20 ms; Pillow's own limit is 89 million."""

MAX_SCANS_PIXELS = 10 * MAX_IMAGE_PIXELS
"""Most pixels times scans of a progressive JPEG: writers make about ten scans, an attacker a hundred thousand,
and each costs a pass over the whole picture."""

MAX_CODES = 64
"""Most codes taken out of one image; a long record is spread over up to 16."""

SVG_SIDE = 2_000
"""Side in pixels of the square on which an SVG is drawn: a code of 177 modules on a tenth of it can be read."""

MAX_PDF_OBJECTS = 20_000
"""Most objects of a PDF looked at while searching it for files and pictures."""

MAX_PDF_STREAM = MAX_MEMBER_BYTES
"""Most bytes made of one stream of a PDF."""

MAX_PDF_PAGES = 50
"""Most pages searched for pictures and text; receipts have a few, and files are found without the pages."""
