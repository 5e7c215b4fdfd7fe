"""S.A.F.E. XML around records: the transport format of the official program."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

Encoding = Literal["plain", "hex", "base64", "base32"]


@dataclass(frozen=True)
class SafeValue:
    """One ``value`` element.

    Attributes:
        record: The signed record.
        public_key_text: Text of ``publicKey``; ``None`` leaves the element out.
        transaction_id: Groups values into a transaction.
        context: ``Transaction.Begin`` or ``Transaction.End``.
        encoding: Of the record's text.
        key_encoding: Attribute of ``publicKey``.
        format: Attribute of ``signedData``; ``None`` leaves it out.
    """

    record: bytes
    public_key_text: str | None = None
    transaction_id: str | None = None
    context: str | None = None
    encoding: Encoding = "plain"
    key_encoding: str = "hex"
    format: str | None = "OCMF"


def _encoded(value: SafeValue) -> str:
    match value.encoding:
        case "hex":
            return value.record.hex().upper()
        case "base64":
            return base64.b64encode(value.record).decode()
        case "base32":
            return base64.b32encode(value.record).decode()
    return escape(value.record.decode())


def _attributes(**named: str | None) -> str:
    return "".join(f" {name}={quoteattr(text)}" for name, text in named.items() if text is not None)


def safe_xml(values: Sequence[SafeValue], namespace: str | None = None) -> bytes:
    """Return a S.A.F.E. XML document.

    Args:
        values: In document order.
        namespace: Default namespace; the official program wants none, the published schema has one.
    """
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<values{_attributes(xmlns=namespace)}>"]
    for value in values:
        lines.append(f"  <value{_attributes(transactionId=value.transaction_id, context=value.context)}>")
        attributes = _attributes(format=value.format, encoding=value.encoding)
        lines.append(f"    <signedData{attributes}>{_encoded(value)}</signedData>")
        if value.public_key_text is not None:
            attributes = _attributes(encoding=value.key_encoding)
            lines.append(f"    <publicKey{attributes}>{escape(value.public_key_text)}</publicKey>")
        lines.append("  </value>")
    lines.append("</values>\n")
    return "\n".join(lines).encode()
