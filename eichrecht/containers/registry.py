"""The container kinds in the order in which they are tried; a new kind joins here.

Structures with an unmistakable outside come first, records as they stand next, guessed encodings last.
"""

from __future__ import annotations

from eichrecht.containers.archive import CompressedFile, ForeignArchive, TarArchive, ZipArchive
from eichrecht.containers.chargeit import ChargeIt
from eichrecht.containers.chargy_ctr import ChargyCtr
from eichrecht.containers.edifact_files import EdifactFiles, EdifactInText
from eichrecht.containers.encodings import TextEncodings
from eichrecht.containers.hex_blocks import HexBlocks
from eichrecht.containers.json_kinds import BrokenJson, JsonString, JsonSyntax, OcppSignedMeterValue
from eichrecht.containers.kinds import ContainerKind
from eichrecht.containers.mennekes_billing import MennekesBilling
from eichrecht.containers.ocpi_signed_data import OcpiSignedData
from eichrecht.containers.ocpp import OcppMessages
from eichrecht.containers.pdf import PdfFiles
from eichrecht.containers.ptb import Ptb
from eichrecht.containers.qr_image import RasterImage, SvgImage
from eichrecht.containers.safe_xml import SafeXml
from eichrecht.containers.signed_meter_values import SignedMeterValues
from eichrecht.containers.smime import CmsFile, SignedMail
from eichrecht.containers.text import MarkedText, PlainRecords
from eichrecht.containers.xml_kinds import XmlSyntax

KINDS: tuple[ContainerKind, ...] = (
    ZipArchive(),
    TarArchive(),
    CompressedFile(),
    ForeignArchive(),
    PdfFiles(),
    RasterImage(),
    SvgImage(),
    EdifactFiles(),
    CmsFile(),
    SignedMail(),
    MarkedText(),
    OcppMessages(),
    XmlSyntax(),
    MennekesBilling(),
    SignedMeterValues(),
    SafeXml(),
    JsonSyntax(),
    ChargeIt(),
    ChargyCtr(),
    Ptb(),
    OcpiSignedData(),
    OcppSignedMeterValue(),
    JsonString(),
    BrokenJson(),
    EdifactInText(),
    PlainRecords(),
    TextEncodings(),
    HexBlocks(),
)

JSON_KINDS = frozenset({"ocpp", "chargeit", "chargy-ctr", "ptb", "ocpi", "ocpp-signed-meter-value"})
"""Kinds that read objects of JSON. One object may be of several: each is asked, and what all find is judged."""

WITHOUT_REST = frozenset({"byte-order-mark", "json-string", "json-broken", "edifact", "hex-blocks"})
"""Kinds that take the whole payload, or say themselves what they lose: there is no rest to look for evidence in."""
