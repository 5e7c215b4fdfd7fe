"""The container kinds in the order in which they are tried; a new kind joins here.

Structures with an unmistakable outside come first, records as they stand next, guessed encodings last.
"""

from __future__ import annotations

from eichrecht.containers.encodings import TextEncodings
from eichrecht.containers.json_kinds import BrokenJson, JsonString, JsonSyntax, OcppSignedMeterValue
from eichrecht.containers.kinds import ContainerKind
from eichrecht.containers.ocpi_signed_data import OcpiSignedData
from eichrecht.containers.safe_xml import SafeXml
from eichrecht.containers.text import MarkedText, PlainRecords
from eichrecht.containers.xml_kinds import XmlSyntax

KINDS: tuple[ContainerKind, ...] = (
    MarkedText(),
    XmlSyntax(),
    SafeXml(),
    JsonSyntax(),
    OcpiSignedData(),
    OcppSignedMeterValue(),
    JsonString(),
    BrokenJson(),
    PlainRecords(),
    TextEncodings(),
)
