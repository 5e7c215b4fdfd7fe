"""Mennekes: a charging process by itself, or a whole bill (``*.metra.xml``) with the processes of its periods.

Source: facts/meter/safe_formats.md §10. Each process is cut out byte by byte; of the bill around it only the bounds
of its billing period go along, as claims. Name, address and supplier are no business of a verification.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.kinds import Found, Opener, Payload, joined, within
from eichrecht.containers.xml_markup import complete_elements
from eichrecht.containers.xml_text import XmlRoot, local_name
from eichrecht.evidence import Layer, Part, problem

_BILL, _PERIOD, _PROCESS = "Billing", "BillingPeriod", "ChargingProcess"
_BOUNDS = (("Begin", "billing_begin"), ("End", "billing_end"))


class MennekesBilling:
    """Well-formed XML of these roots; processes in damaged XML are found like records in any other text."""

    name = "mennekes-billing"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        xml = payload.xml
        if xml is None or not xml.roots:
            return None
        if any(local_name(root.element) not in (_BILL, _PROCESS) for root in xml.roots):
            return None
        several = len(xml.roots) > 1
        found = joined(
            within(_from_root(xml.source, root, opener), where=f"/{index}" if several else "")
            for index, root in enumerate(xml.roots)
        )
        return found if found.parts else None


def _from_root(source: bytes, root: XmlRoot, opener: Opener) -> Found:
    text = source[root.start : root.end]
    spans = list(complete_elements(text, _PROCESS.encode()))
    processes = list(root.element.iter(f"{{*}}{_PROCESS}"))
    claims: list[tuple[tuple[str, str], ...]] = [()] * len(spans)
    if len(processes) == len(spans):  # not so if processes are nested; their format refuses those
        claims = [tuple(_claims(process)) for process in processes]
    granted = opener.grant_records(opener.grant_entries(len(spans)))
    whole = local_name(root.element) == _PROCESS
    parts = tuple(
        _part(text[start:end], claims[index], opener, "" if whole else f"/{_BILL}/{_PROCESS}/{index}")
        for index, (start, end) in enumerate(spans[:granted])
    )
    return Found(parts) if whole else within(Found(parts), Layer("mennekes-billing", "billing_root"))


def _part(content: bytes, claims: tuple[tuple[str, str], ...], opener: Opener, where: str) -> Part:
    spans = opener.recognise(content)
    if len(spans) == 1 and (spans[0].start, spans[0].end) == (0, len(content)):
        return Part(content, spans[0].format, spans[0].reason, where=where, claims=claims)
    unrecognised = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content))
    return Part(content, where=where, claims=claims, findings=(unrecognised,))


def _claims(process: etree._Element) -> Iterator[tuple[str, str]]:
    """Return the bounds of the period in which a process is listed."""
    period = next(process.iterancestors(f"{{*}}{_PERIOD}"), None)
    if period is None:
        return
    for name, claim in _BOUNDS:
        bound = next(period.iterchildren(f"{{*}}{name}"), None)
        text = "" if bound is None else (bound.text or "").strip()
        if text:
            yield claim, text[:60]
