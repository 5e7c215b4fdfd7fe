"""What a version is for the rest of the package: how an object is read from and written to the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from ocpi.errors import InvalidObject, NotExpressible, Problem
from ocpi.findings import Finding, Severity
from ocpi.types import OcpiModel

M = TypeVar("M", bound=OcpiModel)

MAX_PROBLEMS = 20
"""Problems listed per object: enough to mend it, few enough for a ``status_message`` and a log line."""


@dataclass(frozen=True, slots=True)
class Read(Generic[M]):
    """An object as it was read.

    Attributes:
        model: Canonical object.
        findings: What had to be understood in another way than it was written; ``where`` points into the data.
    """

    model: M
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """An object as it can be written.

    Attributes:
        data: Plain data for :func:`ocpi.transport.json.dumps`; ``None`` if the version has no such object.
        findings: What the version cannot say: ``error`` = the object means something else or is ``None``,
            ``warning`` = something is lost that no price depends on, ``note`` = the same in other words.
            ``where`` points into the canonical object.
    """

    data: dict[str, Any] | None
    findings: tuple[Finding, ...] = ()

    @property
    def faithful(self) -> bool:
        """Whether the written object means the same wherever a price depends on it."""
        return self.data is not None and not any(f.severity is Severity.ERROR for f in self.findings)


class WireVersion(Protocol):
    """One OCPI version on the wire. Implementations hold differences only, never copies of the models."""

    @property
    def number(self) -> str:
        """Version number as in the versions endpoint, e.g. ``2.2.1``."""

    @property
    def base64_tokens(self) -> bool:
        """Whether the Authorization header carries the token base64-encoded (2.2.1 and later)."""

    def load(self, model_type: type[M], data: Any) -> M:
        """Read an object from parsed JSON (:func:`ocpi.transport.json.loads`).

        Raises:
            InvalidObject: The data do not fit; every problem with its JSON pointer.
        """

    def load_patch(self, model_type: type[OcpiModel], data: Any) -> OcpiModel:
        """Read the body of a PATCH of an object (:mod:`ocpi.objects.patch`).

        Raises:
            InvalidObject: As :meth:`load`.
        """

    def dump(self, model: OcpiModel) -> dict[str, Any]:
        """Write an object as plain data for :func:`ocpi.transport.json.dumps`.

        Numbers are ``Decimal`` or ``int``, DateTimes are text, fields that are ``None`` are left out
        (null and omitted mean the same: transport chapter, cardinality), unknown fields stay.

        Raises:
            TypeError: The object holds a value that is no exact JSON (a ``float``, for instance).
            NotExpressible: The version cannot say it without changing what it costs (:meth:`write` tells all).
        """

    def read(self, model_type: type[M], data: Any) -> Read[M]:
        """Read an object and report what had to be understood in another way (:class:`Read`).

        Raises:
            InvalidObject: As :meth:`load`.
        """

    def write(self, model: OcpiModel) -> Written:
        """Write an object and report what cannot be said (:class:`Written`).

        Raises:
            TypeError: As :meth:`dump`.
        """


def faithful_data(written: Written, model: OcpiModel, number: str) -> dict[str, Any]:
    """Return the data of an object that lost nothing a price depends on.

    Raises:
        NotExpressible: It did.
    """
    if written.data is None or not written.faithful:
        raise NotExpressible(type(model).__name__, number, written.findings)
    return written.data


def problems_of(error: ValidationError) -> tuple[Problem, ...]:
    """Turn pydantic's errors into problems with JSON pointers; received values are left out."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    # A list whose items are all wrong is also reported as too short; only the items' problems are real.
    parents = {item["loc"][:depth] for item in found for depth in range(len(item["loc"]))}
    real = [item for item in found if item["type"] != "too_short" or item["loc"] not in parents]
    return tuple(
        Problem(pointer(item["loc"]), item["msg"].removeprefix("Value error, "))
        for item in real[:MAX_PROBLEMS]
    )


def pointer(location: tuple[int | str, ...]) -> str:
    """Return the JSON pointer (RFC 6901) of a place."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def validate(model_type: type[M], data: Any) -> M:
    """Validate data as they are against the canonical model.

    Raises:
        InvalidObject: They do not fit.
    """
    if not isinstance(data, dict):
        raise InvalidObject(model_type.__name__, (Problem("", "must be a JSON object"),))
    try:
        return model_type.model_validate(data)
    except ValidationError as error:
        raise InvalidObject(model_type.__name__, problems_of(error)) from error


def plain(value: Any) -> Any:
    """Return JSON-like data without enums and tuples; refuse what has no exact JSON."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        raise TypeError("a binary float has no exact JSON")
    return value


def canonical_data(model: OcpiModel) -> dict[str, Any]:
    """Return an object in the words of the canonical model.

    Raises:
        TypeError: It holds a value that is no exact JSON.
    """
    data: dict[str, Any] = plain(model.model_dump(mode="python", exclude_none=True))
    return data
