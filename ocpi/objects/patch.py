"""Bodies of PATCH: some fields of an object, each valid for itself."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import create_model

from ocpi.types import OcpiModel

_REQUIRED_IN_EVERY_PATCH = "last_updated"


@cache
def patch_of(model_type: type[OcpiModel]) -> type[OcpiModel]:
    """Return the model of a PATCH body of an object.

    Every field is optional, except ``last_updated`` where the object has it: a PATCH SHALL contain it
    (2.2.1 mod_sessions, mod_tokens, mod_locations, PATCH). Which fields were sent is ``model_fields_set``.

    Args:
        model_type: e.g. :class:`ocpi.objects.session.Session`.
    """
    fields: dict[str, Any] = {}
    for name, field in model_type.model_fields.items():
        checked: Any = field.annotation
        if field.metadata:
            checked = Annotated[(checked, *field.metadata)]
        fields[name] = (checked, ...) if name == _REQUIRED_IN_EVERY_PATCH else (checked | None, None)
    return create_model(f"{model_type.__name__}Patch", __base__=OcpiModel, __module__=__name__, **fields)
