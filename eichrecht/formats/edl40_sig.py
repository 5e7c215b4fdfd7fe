"""EDL_40_SIG: the XML element ``signedMeterValue``, which carries the finished 320 bytes and their signature.

Source: facts/meter/safe_formats.md §5 and facts/meter/containers.md §5.2. The bytes are signed as they stand (all
320 of them: the official program zeroes the last ones before it hashes); nothing else in the element is signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from lxml import etree

from eichrecht.containers.encodings import BASE32, BASE64, HEX, decode_base32, decode_base64, decode_hex
from eichrecht.containers.xml_markup import MarkKind, marks
from eichrecht.containers.xml_text import DoctypeError, local_name, parse
from eichrecht.evidence import Finding, RecordSpan, SignedRecord, note, warning
from eichrecht.formats import _edl40 as edl40
from eichrecht.formats._edl40_old import is_old_buffer
from eichrecht.formats._edl40_record import Transport, edl40_record, old_record, split_signature
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

NAME = "EDL_40_SIG"
ELEMENT = b"signedMeterValue"

MAX_RECORD_BYTES = 1 << 16
"""Real elements have a kilobyte; indentation and comments may add to it, but not 64 times."""

_KEY, _SIGNATURE, _METHOD = "publicKey", "meterValueSignature", "signatureMethod"
_ENCODING_METHOD, _VALUE = "encodingMethod", "encodedMeterValue"
_CHILDREN = (_KEY, _SIGNATURE, _METHOD, _ENCODING_METHOD, _VALUE)

_OWN_METHODS = frozenset({"", "edl"})
"""``encodingMethod`` in lower case; the element may also carry OCMF or Alfen records (containers.md §5.2)."""

_DECODERS = {HEX: decode_hex, BASE64: decode_base64, BASE32: decode_base32}
_SIGNATURE_LENGTHS = frozenset({48, 50, 64, 66})
_VALUE_LENGTHS = frozenset({edl40.BUFFER_BYTES})
_DECLARATION = b"<?xml"
_BLANKS = " \t\r\n"


class Edl40SigErrorCode(StrEnum):
    """Why the element cannot be read."""

    NO_ELEMENT = "edl40_sig_no_element"
    ELEMENT_INCOMPLETE = "edl40_sig_element_incomplete"
    RECORD_TOO_LARGE = "edl40_sig_record_too_large"
    NOT_XML = "edl40_sig_not_xml"
    CHILD_MISSING = "edl40_sig_child_missing"
    CHILD_REPEATED = "edl40_sig_child_repeated"
    CHILD_HOLDS_MARKUP = "edl40_sig_child_holds_markup"
    NOT_DECODABLE = "edl40_sig_not_decodable"
    OTHER_METHOD = "edl40_sig_other_method"


class Edl40SigCode(StrEnum):
    """Findings about the element."""

    CHILD_UNSIGNED = "edl40_sig_child_unsigned"
    ENCODING_CONTRADICTED = "edl40_sig_encoding_contradicted"


def elements(content: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield start, end and completeness of each ``signedMeterValue``; an XML declaration before it belongs to it.

    Linear in the text.
    """
    if ELEMENT not in content:
        return
    begin: int | None = None
    previous = 0
    for mark in marks(content):
        if mark.local_name != ELEMENT:
            continue
        if mark.kind is MarkKind.OPEN:
            start = _with_declaration(content, previous, mark.start)
            if begin is not None:
                yield begin, start, False
            begin = start
        elif mark.kind is MarkKind.CLOSE and begin is not None:
            yield begin, mark.end, True
            begin = None
        previous = mark.end
    if begin is not None:
        yield begin, len(content), False


def _with_declaration(content: bytes, since: int, start: int) -> int:
    declaration = content.rfind(_DECLARATION, since, start)
    between = content[declaration:start].rstrip()
    only = declaration >= 0 and between.endswith(b"?>") and between.count(b">") == 1
    return declaration if only else start


class Edl40SigFormat:
    """The format as the pipeline sees it; holds no state."""

    name = NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the elements in a text, but not those that say that they carry another format."""
        return [
            RecordSpan(
                NAME, start, end, "signed_meter_value" if complete else "signed_meter_value_incomplete"
            )
            for start, end, complete in elements(content)
            if not complete or method_of(content[start:end]) in _OWN_METHODS
        ]

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the element that ``content`` holds.

        Raises:
            NotThisFormatError: There is no such element, or it carries another format.
            MalformedRecordError: It is cut off, no XML, or a child is missing, doubled or cannot be decoded.
            LimitExceededError: It is larger than any real one.
        """
        found = next(elements(content), None)
        if found is None:
            raise NotThisFormatError(Edl40SigErrorCode.NO_ELEMENT)
        start, end, complete = found
        if not complete:
            raise MalformedRecordError(Edl40SigErrorCode.ELEMENT_INCOMPLETE, "", {"bytes": str(end - start)})
        children, findings = _children(content[start:end])
        method = _text(children.get(_ENCODING_METHOD)).lower()
        if method not in _OWN_METHODS:
            raise NotThisFormatError(
                Edl40SigErrorCode.OTHER_METHOD, f"/{_ENCODING_METHOD}", {"method": method[:40]}
            )
        return _assemble(content[start:end], children, findings)


def method_of(element: bytes) -> str:
    """Return ``encodingMethod`` of one element in lower case, ``""`` if it has none or cannot be read."""
    try:
        return _text(_children(element)[0].get(_ENCODING_METHOD)).lower()
    except (MalformedRecordError, LimitExceededError):
        return ""


def _children(element: bytes) -> tuple[dict[str, etree._Element], list[Finding]]:
    if len(element) > MAX_RECORD_BYTES:
        limit = {"limit": str(MAX_RECORD_BYTES)}
        raise LimitExceededError(Edl40SigErrorCode.RECORD_TOO_LARGE, "", limit)
    # What the declaration says of the encoding is true only for a file; these bytes may come from another text.
    body = element[element.index(b">") + 1 :] if element.startswith(_DECLARATION) else element
    try:
        root = parse(body.lstrip(), "utf-8")
    except (etree.XMLSyntaxError, DoctypeError):
        raise MalformedRecordError(Edl40SigErrorCode.NOT_XML) from None
    children: dict[str, etree._Element] = {}
    findings: list[Finding] = []
    for child in root:
        name = local_name(child)
        where = f"/{name[:40]}"
        if name not in _CHILDREN:
            findings.append(warning(Edl40SigCode.CHILD_UNSIGNED, where, name=name[:40]))
            continue
        if name in children:
            raise MalformedRecordError(Edl40SigErrorCode.CHILD_REPEATED, where, {"name": name})
        if len(child):
            raise MalformedRecordError(Edl40SigErrorCode.CHILD_HOLDS_MARKUP, where, {"name": name})
        children[name] = child
    return children, findings


def _text(element: etree._Element | None) -> str:
    return "" if element is None else "".join(str(text) for text in element.itertext()).strip(_BLANKS)


def _assemble(element: bytes, children: dict[str, etree._Element], findings: list[Finding]) -> SignedRecord:
    buffer, _ = _octets(children, _VALUE, _VALUE_LENGTHS, findings)
    octets, encoding = _octets(children, _SIGNATURE, _SIGNATURE_LENGTHS, findings)
    signature = split_signature(octets)
    key = _text(children.get(_KEY)) or None
    refusals: list[str] = []
    if any(children[name].get("encoding") is None for name in (_VALUE, _SIGNATURE)):
        refusals.append("error.format.unknown")
    if key is None:
        # The program takes the absent key for one that differs from the key it was given (§0.3).
        refusals.append("app.view.error.publickeynotmatchdata")
    if signature.wide:
        refusals.append("error.invalid.public.key")
    transport = Transport(
        NAME,
        element,
        encoding=encoding,
        algorithm_text=_text(children.get(_METHOD)) or None,
        embedded_key=key,
        findings=tuple(findings),
        refusals=tuple(refusals),
    )
    if not signature.wide and is_old_buffer(buffer):
        return old_record(buffer, signature, transport)
    return edl40_record(buffer, signature, transport)


def _octets(
    children: dict[str, etree._Element], name: str, lengths: frozenset[int], findings: list[Finding]
) -> tuple[bytes, str]:
    """Return the octets behind a child's text, and the encoding that was removed.

    The declared encoding is tried first but never believed; what has the right length is right, and no text has it
    in two encodings.

    Raises:
        MalformedRecordError: The child is missing, or no encoding gives octets of a right length.
    """
    child = children.get(name)
    if child is None:
        raise MalformedRecordError(Edl40SigErrorCode.CHILD_MISSING, f"/{name}", {"name": name})
    text = "".join(_text(child).split()).encode("utf-8")
    declared = (child.get("encoding") or "").lower()
    for encoding in sorted(_DECODERS, key=lambda encoding: encoding != declared):
        decoded = _DECODERS[encoding](text)
        if decoded is not None and len(decoded.content) in lengths:
            if declared not in ("", "plain", encoding):
                shown = {"declared": declared[:20], "actual": encoding}
                findings.append(note(Edl40SigCode.ENCODING_CONTRADICTED, f"/{name}", **shown))
            return decoded.content, encoding
    params = {"name": name, "lengths": ", ".join(str(length) for length in sorted(lengths))}
    raise MalformedRecordError(Edl40SigErrorCode.NOT_DECODABLE, f"/{name}", params)


FORMATS = (Edl40SigFormat(),)
"""What this module adds to the registry."""
