"""What the worker needs of a partner, and the only ways in which a contact can go wrong.

::

    DeliveryError
    ├── NotDelivered     the CDR certainly did not arrive: send again later
    ├── MaybeDelivered   nobody knows: ask before sending again
    ├── Rejected         the partner read it and refused it
    └── CannotAsk        the question "do you have it?" got no usable answer
"""

# ruff: noqa: N818 - the names say what happened (NotDelivered), which an Error suffix would only lengthen

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from eichrecht.store.claims import NO_ANSWER, Answer
from ocpi.objects.cdr import Cdr


class DeliveryError(Exception):
    """Base of all; carries what came back.

    Attributes:
        code: Stable snake_case reason (a :class:`eichrecht.delivery.codes.DeliveryCode` or a transport code).
        answer: What came back.
    """

    def __init__(self, code: str, answer: Answer | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.answer = answer or NO_ANSWER


class NotDelivered(DeliveryError):
    """The request certainly had no effect (no connection, refused before processing)."""


class MaybeDelivered(DeliveryError):
    """The outcome is unknown (time-out, broken connection, server error, unreadable answer)."""


class CannotAsk(DeliveryError):
    """A GET got no usable answer; says nothing of whether the CDR is there.

    Attributes:
        temporary: Asking again later may help (no connection, 401, 429, 502-504). Where it is ``False`` the
            partner answered something that will stay meaningless (405, 500, an OCPI error, another object).
    """

    def __init__(self, code: str, answer: Answer | None = None, *, temporary: bool) -> None:
        super().__init__(code, answer)
        self.temporary = temporary


class Rejected(DeliveryError):
    """The partner refused the CDR.

    Attributes:
        permanent: Sending the same bytes again cannot succeed.
        duplicate: The refusal may mean that the partner has it already (HTTP 409).
    """

    def __init__(
        self, code: str, answer: Answer | None = None, *, permanent: bool, duplicate: bool = False
    ) -> None:
        super().__init__(code, answer)
        self.permanent = permanent
        self.duplicate = duplicate


@dataclass(frozen=True, slots=True)
class Posted:
    """The partner acknowledged the CDR.

    Attributes:
        location: ``Location`` header, absolute; ``None`` if the partner left it out (gotcha 33).
        duplicate: The partner said that it had the CDR before.
        answer: What came back.
    """

    location: str | None
    duplicate: bool = False
    answer: Answer = NO_ANSWER


class CdrClient(Protocol):
    """The Receiver interface of one partner's CDRs module (mod_cdrs, Receiver Interface)."""

    @property
    def cdrs_endpoint(self) -> str:
        """URL of the partner's CDRs Receiver endpoint."""

    async def post_cdr(self, body: bytes) -> Posted:
        """POST exactly these bytes to the CDRs endpoint, once: no retries inside.

        Raises:
            NotDelivered: See there.
            MaybeDelivered: See there.
            Rejected: See there.
        """

    async def get_cdr(self, location: str) -> Cdr | None:
        """GET a CDR; ``None`` only for HTTP 404 (mod_cdrs, Receiver Interface, GET).

        Raises:
            CannotAsk: Any other answer, or none.
        """


class NoRoute(Exception):
    """``client_for`` raises it: the partner is not registered or offers no CDRs Receiver endpoint now."""


ClientFor = Callable[[str], Awaitable[CdrClient]]
"""Returns the client of a partner by its id; raises :class:`NoRoute`."""
