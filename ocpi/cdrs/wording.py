"""Places of a CDR in the words of the version that it was written in; inside, everything is canonical."""

from __future__ import annotations

from dataclasses import replace

from ocpi.cdrs.report import Difference
from ocpi.findings import Finding

_TAXES = {"excl_vat": "before_taxes", "incl_vat": "after_taxes"}
"""2.3.0 writes the amount before taxes and the taxes; their sum has no field, so it is named for what it is."""

_WHOLE_2_1_1 = {"/end_date_time": "/stop_date_time", "/total_cost/excl_vat": "/total_cost"}
_PREFIX_2_1_1 = {"/cdr_token": "/auth_id", "/cdr_location": "/location"}


def place_in(version: str, place: str) -> str:
    """Return a canonical place (``/total_cost/excl_vat``) in the words of an OCPI version."""
    if version == "2.3.0":
        head, slash, last = place.rpartition("/")
        return head + slash + _TAXES.get(last, last)
    if version == "2.1.1":
        if place in _WHOLE_2_1_1:
            return _WHOLE_2_1_1[place]
        for prefix, own in _PREFIX_2_1_1.items():
            if place == prefix or place.startswith(prefix + "/"):
                # the token is one text there; the location keeps its parts
                return own if own == "/auth_id" else own + place.removeprefix(prefix)
    return place


def finding_in(version: str, finding: Finding) -> Finding:
    """Return a finding whose place, and the field that its sentence names, are in the words of a version."""
    params = dict(finding.params)
    if "field" in params:
        params["field"] = place_in(version, "/" + params["field"]).removeprefix("/")
    return replace(finding, where=place_in(version, finding.where), params=params)


def difference_in(version: str, difference: Difference) -> Difference:
    """Return a difference whose field is in the words of a version."""
    return replace(difference, field=place_in(version, difference.field))
