"""One target per parser: a function of bytes that must end, and raise nothing but the parser's own errors.

The formats come from the registry, so a new one is a target by being there.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from eichrecht.containers.kinds import ContainerKind
from eichrecht.containers.limits import MAX_PDF_OBJECTS, MAX_PDF_PAGES, MAX_PDF_STREAM, SVG_SIDE
from eichrecht.containers.pdf import PdfFiles
from eichrecht.containers.qr_image import SvgImage
from eichrecht.containers.registry import KINDS
from eichrecht.containers.svg_markup import clean_svg
from eichrecht.containers.text import PlainRecords
from eichrecht.containers.unwrap import Unwrapped, unwrap
from eichrecht.containers.workers import pdf_files
from eichrecht.evidence import Document
from eichrecht.formats import registry
from eichrecht.formats.base import ContextualFormat, SealedFormat, SignedFormat, Surroundings
from eichrecht.formats.errors import FormatError
from eichrecht.formats.tariff_text import read_tariff_text
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.der import DerError, read_element, read_lenient_signature, read_oid, read_signature
from eichrecht.signatures.errors import KeyProblem
from eichrecht.signatures.keys import read_key
from eichrecht.signatures.spki import explain, read_spki
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from eichrecht.verification.report import results_as_json
from fuzz.wrappings import CARRIERS, SEED_ONLY, WRAPPINGS, attached, pictured
from ocpi.transport import json
from sample_meters._sealing import EXPONENT, SealKey
from sample_meters.cases import all_cases
from sample_meters.keys import sample_key

CORPUS = Path(__file__).resolve().parent / "corpus"
"""One folder per target: small documents of the sample meters, and whatever once broke a parser."""

MAX_SEED_BYTES = 6000
"""Larger samples make slow seeds, and say nothing that a smaller one does not say."""

MAX_PARTS = 10_000
"""No seed and no mutation of one has so many records; more would be a limit that does not hold."""

SEEDS_PER_TARGET = 12
"""Kept in the corpus for each target; the sample meters have many that differ in values only."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser under test.

    Attributes:
        name: ``format-OCMF``, ``containers``, ``keytext``, ...; also the folder of its corpus.
        run: Feeds it; whatever it raises is a bug.
    """

    name: str
    run: Callable[[bytes], None]

    def seeds(self) -> list[bytes]:
        """Return the corpus that is kept, without the names."""
        return [path.read_bytes() for path in sorted((CORPUS / self.name).glob("*")) if path.is_file()]


def targets() -> dict[str, Target]:
    """Return all targets by name."""
    found = [Target(f"format-{name}", partial(_format, known)) for name, known in registry.formats().items()]
    found += [
        Target(container_target(kind), partial(_container, kind)) for kind in KINDS if _is_our_own(kind)
    ]
    found += [
        Target("containers", _containers),
        Target("pdf", _pdf),
        Target("svg", _svg),
        Target("keytext", _keytext),
        Target("der", _der),
        Target("names", _names),
        Target("verify", _verify),
        *_optional(),
    ]
    return {target.name: target for target in found}


def _optional() -> Iterator[Target]:
    """Parsers below a format, and stages beside the formats: a target each once they are there."""
    for name, steps, error in (
        ("sml", ("eichrecht.formats._sml.read_frame",), "eichrecht.formats.errors.FormatError"),
        (
            "edifact",
            ("eichrecht.edifact.envelope.read_file", "eichrecht.edifact.mscons.read_all"),
            "eichrecht.edifact.errors.EdifactError",
        ),
    ):
        try:
            functions = [_named(step) for step in steps]
            expected = _named(error)
        except (ImportError, AttributeError):
            continue
        yield Target(name, partial(_call, partial(_in_turn, functions), expected))


def _named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _in_turn(functions: Sequence[Callable[[Any], Any]], data: Any) -> None:
    for function in functions:
        data = function(data)


def _require(holds: bool, what: object) -> None:
    if not holds:
        raise AssertionError(what)


def _call(parse: Callable[[bytes], object], expected: type[Exception], data: bytes) -> None:
    try:
        parse(data)
    except expected:
        return


def _format(known: SignedFormat, data: bytes) -> None:
    end = 0
    for span in known.find(data):
        _require(end <= span.start < span.end <= len(data), span)
        end = span.end
    for content in (data, *(data[span.start : span.end] for span in known.find(data)[:3])):
        try:
            record = known.decode(content)
            _require(record.format == known.name, record.format)
        except FormatError as error:
            error.finding()
        if isinstance(known, ContextualFormat):
            around = Surroundings(
                data[-72:], (("evse_id", "DE*SMP*E0001"), ("meter_id", "1"), ("serial", ""))
            )
            _call(partial(known.decode_in, surroundings=around), FormatError, content)
        if isinstance(known, SealedFormat):
            _call(partial(known.unseal, modulus=SealKey().modulus, exponent=EXPONENT), FormatError, content)


def _containers(data: bytes) -> None:
    found = unwrap(Document("fuzz", data), registry.recognise)
    _require(len(found.parts) < MAX_PARTS, len(found.parts))


def container_target(kind: ContainerKind) -> str:
    """Return the target of a container kind."""
    return f"container-{type(kind).__name__}"


def _is_our_own(kind: ContainerKind) -> bool:
    """Whether a kind reads by itself; the others start a process for each input, and have targets of their own."""
    return not isinstance(kind, PdfFiles | SvgImage)


def _container(kind: ContainerKind, data: bytes) -> None:
    found = unwrap(Document("fuzz", data), registry.recognise, kinds=(kind, PlainRecords()))
    _require(len(found.parts) < MAX_PARTS, len(found.parts))


def _pdf(data: bytes) -> None:
    """Search as the worker does; what its library raises the worker reports, so only time and size are looked at."""
    limits = (MAX_PDF_OBJECTS, MAX_PDF_PAGES, MAX_PDF_STREAM, MAX_PDF_STREAM)
    for mode in ("files", "pages"):
        sent = io.BytesIO()
        try:
            pdf_files.search(data, mode, limits, pdf_files.Output(sent, MAX_PDF_STREAM))
        except Exception:  # noqa: S112 - see above
            continue
        _require(len(sent.getvalue()) < 2 * MAX_PDF_STREAM, len(sent.getvalue()))


def _svg(data: bytes) -> None:
    clean_svg(data, SVG_SIDE)


_ALGORITHMS = [
    algorithm
    for name in ("ECDSA-secp256r1-SHA256", "ECDSA-secp192k1-SHA256", "EdDSA-Ed25519", "RS256", "PS256")
    if (algorithm := parse_algorithm(name)) is not None
]


def _keytext(data: bytes) -> None:
    for text in (data, data.decode("utf-8", "replace")):
        try:
            material = read_key(text)
        except KeyProblem as error:
            error.finding()
            continue
        _require(len(material.fingerprints) == len(material.possible_keys()), material)
        for algorithm in _ALGORITHMS:
            _call(lambda _, chosen=algorithm, key=material: key.for_algorithm(chosen), KeyProblem, data)  # type: ignore[misc]  # defaults bind the loop's names


def _der(data: bytes) -> None:
    strictly = read_signature(data)
    _require(strictly is None or read_lenient_signature(data) == strictly, strictly)
    explain(data)
    for strict in (True, False):
        _call(partial(read_element, at=0, strict=strict), DerError, data)
    _call(read_oid, DerError, data)
    _call(read_spki, DerError, data)


def _names(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    parse_algorithm(text)
    read_tariff_text(text)


_VERIFIER = Verifier(
    keys=[SuppliedKey(sample_key("secp256r1").text(), "fuzz"), SuppliedKey(SealKey().text(), "fuzz")]
)


def _verify(data: bytes) -> None:
    verdict = _VERIFIER.verify(Document("fuzz", data))
    for language in ("de", "en"):
        json.dumps(results_as_json([verdict], language))


def sample_seeds(target: str) -> list[bytes]:
    """Return documents of the sample meters that are good seeds for a target."""
    cases = sorted(all_cases(), key=lambda case: (len(case.content), case.name))
    if target.startswith("format-"):
        cases = [case for case in cases if case.format == target.removeprefix("format-")]
    if target in ("keytext", "der"):
        return _key_seeds(binary=target == "der")
    if target in ("pdf", "svg"):
        return [attached(_SMALL)] if target == "pdf" else [pictured("svg", _SMALL)]
    if target.startswith("container-"):
        return _container_seeds(target, [case.content for case in cases])
    if target == "names":
        return [b"ECDSA-secp256r1-SHA256", b"RSASSA-PSS-SHA256", b"ML-DSA-65", b"001;EUR;0;35;5;30"]
    contents = [case.content for case in cases if len(case.content) <= MAX_SEED_BYTES]
    if target.startswith("format-"):
        # A format sees what the containers have unwrapped.
        name = target.removeprefix("format-")
        parts = [
            part.content
            for content in contents
            for part in unwrap(Document("seed", content), registry.recognise).parts
            if part.format == name
        ]
        contents = [content for content in parts if len(content) <= MAX_SEED_BYTES]
    elif target == "sml":
        contents = [seed for name in ("EDL_40_P", "ISA_EDL_40_P") for seed in sample_seeds(f"format-{name}")]
    elif target == "edifact":
        return []
    return _spread(list(dict.fromkeys(contents)))


_SMALL = b'OCMF|{"FV":"1.0","PG":"T1"}|{"SD":"3006"}'
"""The outline of a record, for seeds that are mostly wrapping."""


def _container_seeds(target: str, contents: Sequence[bytes]) -> list[bytes]:
    """Return documents that the kind takes for its own, alone and with records in the plain."""
    (kind,) = (kind for kind in KINDS if container_target(kind) == target)
    small = [content for content in contents if len(content) <= MAX_SEED_BYTES]
    wraps = (*WRAPPINGS.values(), *CARRIERS, *SEED_ONLY)
    made = [*(wrap(_SMALL) for wrap in wraps), *(pictured(kind, _SMALL) for kind in ("png", "jpeg"))]
    taken = []
    for content in (*made, *small):
        found = unwrap(Document("seed", content), registry.recognise, kinds=(kind, PlainRecords()))
        plain = unwrap(Document("seed", content), registry.recognise, kinds=(PlainRecords(),))
        if _outline(found) != _outline(plain):
            taken.append(content)
    return _spread(list(dict.fromkeys(taken)) or small[:90:30])


def _outline(found: Unwrapped) -> list[object]:
    return [
        *(part.layers for part in found.parts),
        *(f.code for f in found.findings if "tried" not in f.params),
    ]


def _spread(contents: list[bytes]) -> list[bytes]:
    """Return some of many, from the smallest to the largest."""
    step = max(1, -(-len(contents) // SEEDS_PER_TARGET))
    return contents[::step]


def _key_seeds(*, binary: bool) -> list[bytes]:
    texts = [
        sample_key(curve).text(shape) for curve in ("secp256r1", "secp192r1") for shape in ("spki-hex", "pem")
    ]
    texts += [
        sample_key("secp256r1").text(shape) for shape in ("spki-base64", "spki-base32", "raw-xy-hex", "oca")
    ]
    texts.append(SealKey().text())
    if not binary:
        return [text.encode() for text in texts]
    return [bytes.fromhex(text) for text in texts if text.startswith("30")]
