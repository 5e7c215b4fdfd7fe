"""Is what the partner has what we sent? Compared by meaning, since the partner writes its own JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from ocpi.objects.cdr import Cdr
from ocpi.transport.json import JsonError, loads
from ocpi.types import OcpiModel

_CASE_INSENSITIVE = frozenset(
    {
        "country_code", "party_id", "id", "session_id", "uid", "contract_id", "authorization_reference",
        "evse_uid", "evse_id", "connector_id", "tariff_id", "credit_reference_id", "invoice_reference_id",
        "nature", "encoding_method",
    }
)  # fmt: skip
"""CiString fields (mod_cdrs): a partner may store them in another case."""

_IGNORED = frozenset({"last_updated"})
"""Some receivers set their own time of storing; nothing is billed by it."""


def same_content(sent: bytes, received: Cdr) -> bool:
    """Say whether a received CDR means the same as the bytes that were sent.

    Equal by meaning: 1.10 and 1.1; an absent, ``null`` or empty optional field (types chapter, cardinality);
    CiStrings in another case. Fields unknown to OCPI are not compared: a partner may drop or add them.

    Args:
        sent: The exact bytes sent; they were valid when the CDR was made.
        received: What the partner returned.
    """
    try:
        ours = Cdr.model_validate(loads(sent))
    except (JsonError, ValidationError):
        return False  # what cannot be read cannot be shown to be the same: a person decides
    return _same(_known(ours), _known(received), "")


def _known(value: Any) -> Any:
    """Return the fields that the model defines, without those that say nothing (absent, empty, ``false``).

    The only optional booleans of a CDR are ``credit`` and ``home_charging_compensation``, whose absence means
    ``false``.
    """
    if isinstance(value, OcpiModel):
        fields = {name: _known(getattr(value, name)) for name in type(value).model_fields}
        return {
            name: item for name, item in fields.items() if not (item is None or item is False or item == [])
        }
    if isinstance(value, (tuple, list)):
        return [_known(item) for item in value]
    return value


def _same(left: Any, right: Any, name: str) -> bool:
    if name in _IGNORED:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        names = (left.keys() | right.keys()) - _IGNORED
        return all(_same(left.get(key), right.get(key), key) for key in names)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(_same(a, b, name) for a, b in zip(left, right, strict=True))
    if isinstance(left, str) and isinstance(right, str) and name in _CASE_INSENSITIVE:
        return left.lower() == right.lower()
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left == right
    return type(left) is type(right) and bool(left == right)
