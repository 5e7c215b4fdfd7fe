"""What the tests of version conversion have in common."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from eichrecht import locales
from ocpi.findings import Finding
from ocpi.transport.json import dumps, loads


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    for finding in findings:
        for language in locales.LANGUAGES:
            assert "?" not in locales.sentence(finding, language), finding  # every parameter is there
    return [(finding.code, finding.severity.value, finding.where) for finding in findings]


def over_the_wire(data: Any) -> Any:
    return loads(dumps(data))


def element(*parts: dict[str, Any], **restrictions: Any) -> dict[str, Any]:
    return {"price_components": list(parts), **({"restrictions": restrictions} if restrictions else {})}


restrictions = st.fixed_dictionaries(
    {},
    optional={
        "start_time": st.sampled_from(["08:00", "22:00"]),
        "min_current": st.just(16),
        "min_kwh": st.just(10),
        "reservation": st.just("RESERVATION"),
    },
)
