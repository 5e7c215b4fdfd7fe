"""Cheap construction of the frozen evidence dataclasses on the decoding hot path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, make_dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")


def positional_constructor(kind: type[T]) -> Callable[..., T]:
    """Return a constructor of ``kind`` that takes every field by position and costs about a quarter.

    The generated ``__init__`` of a frozen dataclass calls ``object.__setattr__`` for each field. This one
    fills an unfrozen twin with the same slots by plain assignment and hands it over as ``kind``; CPython
    allows that exactly when both have the same layout. The result is an ordinary, frozen ``kind``. Where an
    interpreter refuses, ``kind`` itself is returned and nothing but speed is lost.

    Args:
        kind: A frozen dataclass with ``slots=True`` and without ``__post_init__``.
    """

    def become(self: Any) -> None:
        self.__class__ = kind

    names = [field.name for field in fields(cast(Any, kind))]
    twin = make_dataclass(
        kind.__name__, [(name, object) for name in names], slots=True, namespace={"__post_init__": become}
    )
    try:
        twin(*names)
    except TypeError:
        return kind
    return cast("Callable[..., T]", twin)
