"""Whatever a CDR holds: reconciliation and pricing answer, they never raise."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ocpi.cdrs.reconcile import as_json, price_cdr, reconcile
from ocpi.objects.cdr import Cdr
from ocpi.transport.json import dumps
from tests.ocpi.cdrs.cdr_samples import BERLIN, full_context, make_cdr, tariff

GOOD = make_cdr(tariffs=[tariff(min_price={"excl_vat": Decimal(1), "incl_vat": Decimal("1.19")})])

ODD = st.sampled_from(
    [
        None,
        "",
        "x" * 100,
        "\n\x00\ud800",
        "2025-03-10T11:00:00Z",
        0,
        -1,
        True,
        1.5,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-0"),
        Decimal("1E+64"),
        Decimal("-1E-64"),
        Decimal("9" * 60),
        Decimal("1E+1000000"),
        Decimal("1E-1000000"),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2025, 1, 1),  # noqa: DTZ001 - a naive one on purpose
        (),
        [],
        {},
        object(),
        GOOD,
    ]
)


def forged(value: Any, path: list[int], odd: Any) -> Any:
    """Return a copy in which the field that the path leads to is something else."""
    if isinstance(value, BaseModel) and path:
        names = list(type(value).model_fields)
        name = names[path[0] % len(names)]
        return value.model_copy(update={name: forged(getattr(value, name), path[1:], odd)})
    if isinstance(value, tuple) and value and path:
        place = path[0] % len(value)
        return (*value[:place], forged(value[place], path[1:], odd), *value[place + 1 :])
    return odd


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.lists(st.integers(0, 60), min_size=1, max_size=6), ODD), min_size=1, max_size=2))
def test_never_raises(changes: list[tuple[list[int], Any]]) -> None:
    cdr: Any = GOOD
    for path, odd in changes:
        cdr = forged(cdr, path, odd)
    assert isinstance(cdr, Cdr)
    dumps(reconcile(cdr, full_context(GOOD)).as_json())
    dumps(reconcile(cdr, full_context(GOOD, credited=GOOD)).as_json())
    dumps(as_json(price_cdr(cdr, time_zone=BERLIN)))
