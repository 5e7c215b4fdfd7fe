"""What only a person decides: held CDRs are released or given up, stopped deliveries replayed or accepted.

Each method is one database transaction; who decided and why is stored with the CDR.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from eichrecht.service.chain import utc_now
from eichrecht.store.cdrs import Override, StoredCdr
from eichrecht.store.database import Database, Transaction
from eichrecht.store.deliveries import Delivery
from eichrecht.store.errors import InvalidTransition, NotFound
from ocpi.cdrs.codes import CdrFinding
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import Role
from ocpi.transport import json
from ocpi.versions import V2_2_1

STOPPED = "delivery_stopped"
"""Code of an accepted delivery that stopped without an error of its own."""


class Decisions:
    """Decisions about the CDRs of one CPO."""

    def __init__(
        self,
        database: Database,
        country_code: str,
        party_id: str,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Set what every call uses.

        Args:
            database: Open database.
            country_code, party_id: The CPO.
            clock: For tests.
        """
        self._database = database
        self._party = (country_code, party_id)
        self._clock = clock

    async def release(self, cdr_id: str, codes: Sequence[str], *, by: str, reason: str) -> StoredCdr:
        """Release a held CDR; it is delivered from then on.

        A CDR that was held because its eMSP was unknown goes to the eMSP that has connected since.

        Args:
            cdr_id: The CDR.
            codes: Findings that are accepted; may be empty if only the partner was missing.
            by, reason: Who decides, and why.

        Raises:
            StoreError: No such CDR, it is not held, an error is still open, or nobody can take it.
        """
        async with self._database.transaction() as tx:
            now = self._clock()  # under the write lock: the time of the release orders GET /cdrs
            overrides = [Override(code, by, reason, now) for code in codes]
            stored = await tx.cdrs.get(*self._party, cdr_id)
            token = V2_2_1.load(Cdr, json.loads(stored.body)).cdr_token
            partner = await tx.partners.by_party(Role.EMSP, token.country_code, token.party_id)
            if partner is None:
                return await tx.cdrs.release(stored.pk, overrides, now)
            missing = str(CdrFinding.TOKEN_OWNER_NOT_ROUTED)
            settled = [
                Override(missing, "eichrecht", "the eMSP is connected by now", now)
                for finding in stored.findings
                if finding.code == missing
            ]
            return await tx.cdrs.release(stored.pk, [*overrides, *settled], now, partner_id=partner.id)

    async def discard(self, cdr_id: str) -> StoredCdr:
        """Give up a held CDR, so that its session can come in again with a new ``cdr_id``.

        Raises:
            StoreError: No such CDR, it is not held, or another one waits for it.
        """
        async with self._database.transaction() as tx:
            stored = await tx.cdrs.get(*self._party, cdr_id)
            return await tx.cdrs.discard(stored.pk)

    async def replay(self, cdr_id: str) -> StoredCdr:
        """Start a stopped delivery again; where the partner may have the CDR, it is asked first.

        Raises:
            StoreError: No such CDR, it has no delivery, or the delivery is not stopped.
        """
        async with self._database.transaction() as tx:
            stored, delivery = await self._with_delivery(tx, cdr_id)
            await tx.deliveries.replay(delivery.id, self._clock())
            return await tx.cdrs.by_pk(stored.pk)

    async def accept(self, cdr_id: str, *, by: str, reason: str) -> StoredCdr:
        """Take a stopped delivery for delivered, as agreed with the partner.

        Raises:
            StoreError: No such CDR, it has no delivery, or the delivery is not stopped.
        """
        async with self._database.transaction() as tx:
            now = self._clock()
            stored, delivery = await self._with_delivery(tx, cdr_id)
            decision = Override(delivery.last_error or STOPPED, by, reason, now)
            await tx.deliveries.accept(delivery.id, decision, now)
            return await tx.cdrs.by_pk(stored.pk)

    async def _with_delivery(self, tx: Transaction, cdr_id: str) -> tuple[StoredCdr, Delivery]:
        stored = await tx.cdrs.get(*self._party, cdr_id)
        try:
            return stored, await tx.deliveries.for_cdr(stored.pk)
        except NotFound as error:
            raise InvalidTransition(f"CDR {stored.id} is {stored.state}: it has no delivery") from error
