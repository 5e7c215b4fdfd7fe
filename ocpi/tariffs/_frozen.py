"""Frozen dataclasses made quickly.

A frozen dataclass sets every field through ``object.__setattr__``, which costs most of the time that pricing a
short session takes. Here the fields are set on a draft with the same slots, which then becomes the frozen class;
the result is the same object as its own constructor makes, and just as immutable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, make_dataclass
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """Return a constructor with the parameters of a frozen dataclass with slots, several times as fast.

    Args:
        cls: Without ``__post_init__`` and default factories: neither would run.

    Raises:
        TypeError: The class is none of these.
    """
    kind = cast("type[Any]", cls)
    if hasattr(kind, "__post_init__") or not hasattr(kind, "__slots__"):
        raise TypeError(f"{kind.__name__} is no plain dataclass with slots")
    items = fields(kind)
    if any(item.default_factory is not MISSING for item in items):
        raise TypeError(f"{kind.__name__} has a default factory")

    def become(draft: Any) -> None:
        draft.__class__ = kind

    draft = make_dataclass(
        f"{kind.__name__}Draft",
        [(item.name, Any, field(default=item.default)) for item in items],
        namespace={"__post_init__": become},
        slots=True,
    )
    return cast("Callable[P, T]", draft)
