"""Running the demo: handshake, tariff, sessions, delivery, and a table of what became of each."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from eichrecht.billing.codes import BillingCode
from eichrecht.demo.material import ENERGY_TARIFF, TIME_TARIFF, DemoSession
from eichrecht.demo.processes import DemoError, Processes
from eichrecht.verification.codes import VerificationCode
from ocpi.transport import json

DELIVERY_TIMEOUT_S = 60
"""How long the demo waits for the last CDR to arrive."""

EXPECTED_STATES = {"deliver": "delivered", "refuse": "refused", "hold": "held"}
"""State in the table of each outcome that ``sample_meters`` expects."""


CONSEQUENCES = {
    BillingCode.TRANSACTION_NOT_VALID,
    BillingCode.ENERGY_NOT_BILLABLE,
    VerificationCode.TRANSACTION_RECORD_NOT_VALID,
}
"""Findings that only sum up others; nobody can act on them."""

KEY_CODES = {BillingCode.KEY_NOT_CONFIRMED, VerificationCode.NO_KEY}
"""Findings that a key from the operator settles."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What became of one session.

    Attributes:
        session: As fed in.
        state: ``delivered``, ``refused``, ``held`` or where its delivery stands.
        answer: The operator API's answer.
    """

    session: DemoSession
    state: str
    answer: dict[str, Any]

    @property
    def as_expected(self) -> bool:
        """Whether the chain did what the sample was made for; real records have no expectation."""
        return self.session.expected is None or EXPECTED_STATES[self.session.expected] == self.state

    @property
    def cdr(self) -> dict[str, Any] | None:
        """The CDR as the operator API shows it."""
        found = self.answer.get("cdr")
        return found if isinstance(found, dict) else None

    @property
    def reasons(self) -> tuple[dict[str, Any], ...]:
        """Findings of severity error, the causes before what merely follows from them."""
        errors = [item for item in self.answer["findings"] if item["severity"] == "error"]
        return tuple(sorted(errors, key=lambda item: item["code"] in CONSEQUENCES))

    @property
    def needs_key(self) -> bool:
        """Whether it failed for want of a key that the operator vouches for."""
        return any(item["code"] in KEY_CODES for item in self.reasons)


class Demo:
    """One run of the demo against running processes."""

    def __init__(self, processes: Processes, say: Callable[..., None]) -> None:
        """Set what the run uses.

        Args:
            processes: Started service and eMSP.
            say: Hears the key of a text and its parameters at each step.
        """
        self._processes = processes
        self._say = say
        self._http = httpx2.Client(
            base_url=f"{processes.service_url}/api/v1",
            headers={"Authorization": f"Bearer {processes.operator_token}"},
            timeout=DELIVERY_TIMEOUT_S,
        )

    def run(self, sessions: list[DemoSession]) -> list[DemoResult]:
        """Take the sessions through the chain.

        Raises:
            DemoError: A step failed that must not fail.
        """
        with self._http:
            self._connect()
            for tariff in (ENERGY_TARIFF, TIME_TARIFF):
                answer = self._call("PUT", "/tariffs", tariff)
                self._say("tariff_pushed", id=tariff["id"], partners=len(answer["pushed"]))
            answers = [(session, self._take(session)) for session in sessions]
            return [DemoResult(session, self._settle(answer), answer) for session, answer in answers]

    def _connect(self) -> None:
        body = {"versions_url": self._processes.emsp_versions_url, "token": self._processes.emsp_token_a}
        partner = self._call("POST", "/partners", body)
        self._say("handshake_done", version=partner["version"])

    def _take(self, session: DemoSession) -> dict[str, Any]:
        if session.public_key is not None:
            key = {"charge_point": session.evse_id, "public_key": session.public_key, "note": "demo"}
            if session.meter_serial is not None:
                key["meter_serial"] = session.meter_serial
            self._call("POST", "/keys", key)
        encoded = base64.b64encode(session.document.content).decode()
        body = {"facts": session.facts, "signed_data_base64": encoded, "source": session.document.source}
        return self._call("POST", "/sessions", body)

    def _settle(self, answer: dict[str, Any]) -> str:
        """Wait until a ready CDR is delivered; return where it ended."""
        if answer["outcome"] != "ready":
            return str(answer["outcome"])
        deadline = time.monotonic() + DELIVERY_TIMEOUT_S
        while True:
            state = self._call("GET", f"/cdrs/{answer['cdr']['id']}")["state"]
            if state != "ready" or time.monotonic() > deadline:
                return str(state)
            time.sleep(0.1)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body)
        try:
            response = self._http.request(method, path, content=content)
            value = json.loads(response.content)
        except (httpx2.TransportError, json.JsonError) as error:
            raise DemoError(f"{method} {path}: {error}") from error
        if response.is_error:
            problem = value.get("error") or {}
            raise DemoError(f"{method} {path}: HTTP {response.status_code}: {problem.get('detail') or value}")
        return dict(value)
