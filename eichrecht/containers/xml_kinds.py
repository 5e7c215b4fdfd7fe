"""The syntax report of XML; the containers written in XML have modules of their own."""

from __future__ import annotations

from eichrecht.containers.kinds import Found, Opener, Payload


class XmlSyntax:
    """Says what is wrong with a text that is meant as XML; unwraps nothing itself.

    Markup that begins only after other text is reported only if it could be read: a stray ``<values`` inside
    a record does not make a file broken XML.
    """

    name = "xml"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        xml = payload.xml
        if xml is None or not xml.findings or (xml.embedded and not xml.roots):
            return None
        return Found(findings=xml.findings)
