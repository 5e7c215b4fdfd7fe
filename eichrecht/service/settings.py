"""Settings of the service, from the environment (``EICHRECHT_...``) and the command line."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from eichrecht.billing.policy import BillingPolicy


class Settings(BaseSettings):
    """Everything that a deployment decides.

    Attributes:
        database: SQLite file, or a SQLAlchemy URL.
        public_url: Where partners and drivers reach the service, without a slash at the end. All links start
            with it; the Host header of a request is never trusted for that.
        country_code, party_id: The CPO's OCPI party.
        name: The CPO's business name.
        operator_token: Token of the operator API; without one the operator API is closed.
        allow_loopback_partners: Also call partners over plain http on this machine (demo and tests).
        worker: Deliver from this process; ``False`` where ``eichrecht worker`` runs elsewhere.
        require_confirmed_key, allow_unsigned_split, bill_uncertified_time, bill_uncertified_parking,
            bill_rounded_energy, allow_other_identification, allow_record_gap, allow_implausible,
            allow_other_tariff_text: See :class:`~eichrecht.billing.policy.BillingPolicy`.
    """

    model_config = SettingsConfigDict(env_prefix="EICHRECHT_", extra="ignore", frozen=True)

    database: str = Field(default="eichrecht.sqlite")
    public_url: str = "http://127.0.0.1:8000"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    country_code: str = Field(default="DE", min_length=2, max_length=2)
    party_id: str = Field(default="CPO", min_length=3, max_length=3)
    name: str = "Charge point operator"
    operator_token: str | None = None
    allow_loopback_partners: bool = False
    worker: bool = True
    require_confirmed_key: bool = True
    allow_unsigned_split: bool = False
    bill_uncertified_time: bool = False
    bill_uncertified_parking: bool = False
    bill_rounded_energy: bool = False
    allow_other_identification: bool = False
    allow_record_gap: bool = False
    allow_implausible: bool = False
    allow_other_tariff_text: bool = False

    @property
    def policy(self) -> BillingPolicy:
        """What must hold before a CDR may leave."""
        return BillingPolicy(
            require_confirmed_key=self.require_confirmed_key,
            allow_unsigned_split=self.allow_unsigned_split,
            bill_uncertified_time=self.bill_uncertified_time,
            bill_uncertified_parking=self.bill_uncertified_parking,
            bill_rounded_energy=self.bill_rounded_energy,
            allow_other_identification=self.allow_other_identification,
            allow_record_gap=self.allow_record_gap,
            allow_implausible=self.allow_implausible,
            allow_other_tariff_text=self.allow_other_tariff_text,
        )

    @property
    def base_url(self) -> str:
        """``public_url`` without a slash at the end."""
        return self.public_url.rstrip("/")

    @property
    def database_address(self) -> str:
        """The database as the store opens it; a plain file name is taken relative to the working folder."""
        return self.database if "://" in self.database else str(Path(self.database))
