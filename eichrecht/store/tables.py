"""All tables, as SQLAlchemy Core. The migrations build the same schema (a test compares them) plus triggers.

Conventions: instants are :class:`UtcDateTime`, amounts :class:`ExactDecimal`, documents and wire bodies are
bytes exactly as received or sent. ``identity`` columns hold the lower-cased key of an OCPI object, because
CiStrings compare without regard to case (types chapter, CiString) while the spelling is preserved.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
)
from sqlalchemy.sql.elements import ColumnElement

from eichrecht.store.states import CdrState, DeliveryState
from eichrecht.store.types import ExactDecimal, JsonText, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def identity(country_code: str, party_id: str, object_id: str) -> str:
    """Return the key of an OCPI object that is unique per party, without regard to case.

    The parts are joined by a tab, which no CiString may contain (types chapter), so keys cannot collide.

    Raises:
        ValueError: A part holds a control character.
    """
    parts = (country_code, party_id, object_id)
    if any(char < " " for part in parts for char in part):
        raise ValueError("control characters are not allowed in an OCPI id")
    return "\t".join(parts).lower()


def _partial_unique(name: str, condition: ColumnElement[bool], *columns: Column[str]) -> Index:
    return Index(name, *columns, unique=True, sqlite_where=condition, postgresql_where=condition)


evidence_documents = Table(
    "evidence_documents",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("size_bytes", Integer, nullable=False),
)
"""Bytes as received, addressed by their SHA-256. Never updated, never deleted (triggers)."""

evidence_arrivals = Table(
    "evidence_arrivals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sha256", Text, ForeignKey("evidence_documents.sha256"), nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)
"""Each time a document came in: the same bytes may come from the back end and later from a driver."""

operator_keys = Table(
    "operator_keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("charge_point", Text, nullable=False, index=True),
    Column("meter_serial", Text, nullable=True, index=True),
    Column("key_text", Text, nullable=False),
    Column("spki", LargeBinary, nullable=False),
    Column("fingerprint", Text, nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("valid_from", UtcDateTime, nullable=True),
    Column("valid_to", UtcDateTime, nullable=True),
    Column("note", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    CheckConstraint("source IN ('register', 'operator')", name="source"),
)
"""Key ring rows; ``valid_to`` is exclusive; NULL bounds are open."""

tariff_versions = Table(
    "tariff_versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("identity", Text, nullable=False),
    Column("country_code", Text, nullable=False),
    Column("party_id", Text, nullable=False),
    Column("tariff_id", Text, nullable=False),
    Column("last_updated", UtcDateTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("withdrawn_at", UtcDateTime, nullable=True),
    Column("stored_at", UtcDateTime, nullable=False),
    UniqueConstraint("identity", "last_updated"),
)
"""Every version of every tariff (OCPI has no version field: gotcha 25). ``body`` never changes (trigger)."""

_partial_unique("uq_tariff_versions_current", tariff_versions.c.current.is_(True), tariff_versions.c.identity)

partners = Table(
    "partners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("versions_url", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("endpoints", JsonText, nullable=False),
    Column("roles", JsonText, nullable=False),
    Column("token", Text, nullable=True),
    Column("base64_tokens", Boolean, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    Column("settings", JsonText, nullable=False),
    CheckConstraint("state IN ('registered', 'unregistered')", name="state"),
)
"""OCPI partners (``ocpi.registration.Partner``) and our settings for each. ``token`` is the one that we send,
in clear; ``number`` gives the order of first registration."""

issued_tokens = Table(
    "issued_tokens",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("partner_id", Text, nullable=True, index=True),
    Column("expires", UtcDateTime, nullable=True),
    CheckConstraint("purpose IN ('invitation', 'pending', 'partner')", name="purpose"),
)
"""Tokens that partners present, as SHA-256. ``partner_id`` may name a partner about to be registered."""

cdrs = Table(
    "cdrs",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("identity", Text, nullable=False, unique=True),
    Column("country_code", Text, nullable=False),
    Column("party_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("session_identity", Text, nullable=True, index=True),
    Column("session_id", Text, nullable=True),
    Column("partner_id", Text, ForeignKey("partners.id"), nullable=True),
    Column("state", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_sha256", Text, nullable=False),
    Column("last_updated", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("listed_at", UtcDateTime, nullable=True),
    Column("currency", Text, nullable=False),
    Column("total_cost_excl_vat", ExactDecimal, nullable=False),
    Column("total_cost_incl_vat", ExactDecimal, nullable=True),
    Column("total_energy_kwh", ExactDecimal, nullable=False),
    Column("credit", Boolean, nullable=False),
    Column("credit_reference_id", Text, nullable=True),
    Column("credited", Boolean, nullable=False, server_default=false()),
    Column("follows_pk", Integer, ForeignKey("cdrs.pk"), nullable=True),
    Column("findings", JsonText, nullable=False),
    Column("overrides", JsonText, nullable=False),
    Column("receipt_token", Text, nullable=False, unique=True),
    CheckConstraint(f"state IN ({', '.join(repr(str(s)) for s in CdrState)})", name="state"),
    Index("ix_cdrs_partner_listed", "partner_id", "listed_at", "pk"),
)
"""CDRs with the exact bytes that are sent. Content never changes, rows are never deleted (triggers)."""

_partial_unique(
    "uq_cdrs_billed_session",
    and_(
        cdrs.c.credit.is_(False),
        cdrs.c.credited.is_(False),
        cdrs.c.state != CdrState.DISCARDED.value,
    ),
    cdrs.c.session_identity,
)

cdr_evidence = Table(
    "cdr_evidence",
    metadata,
    Column("cdr_pk", Integer, ForeignKey("cdrs.pk"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sha256", Text, ForeignKey("evidence_documents.sha256"), nullable=False, index=True),
)
"""The documents that a CDR rests on, in order."""

billed_records = Table(
    "billed_records",
    metadata,
    Column("cdr_pk", Integer, ForeignKey("cdrs.pk"), primary_key=True),
    Column("record_sha256", Text, primary_key=True),
    Column("released", Boolean, nullable=False, server_default=false()),
)
"""The signed records that a CDR bills, by the SHA-256 of their signed bytes: a record is billed once, whatever
session it is given for. ``released``: its CDR is credited or discarded."""

_partial_unique(
    "uq_billed_records_once", billed_records.c.released.is_(False), billed_records.c.record_sha256
)

billed_spans = Table(
    "billed_spans",
    metadata,
    Column("cdr_pk", Integer, ForeignKey("cdrs.pk"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("register", Text, nullable=False),
    Column("begin_units", BigInteger, nullable=False),
    Column("end_units", BigInteger, nullable=False),
    Column("released", Boolean, nullable=False, server_default=false()),
    Index("ix_billed_spans_register", "register", "begin_units"),
    CheckConstraint("begin_units < end_units", name="rises"),
)
"""The stretches of rising registers that a CDR bills, in micro-watt-hours: energy is billed once, however often and
in whatever records the meter signed it."""

session_intakes = Table(
    "session_intakes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("identity", Text, nullable=False, index=True),
    Column("country_code", Text, nullable=False),
    Column("party_id", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("request_sha256", Text, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("evidence_sha256", Text, ForeignKey("evidence_documents.sha256"), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("cdr_pk", Integer, ForeignKey("cdrs.pk"), nullable=True, index=True),
    Column("findings", JsonText, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    CheckConstraint("outcome IN ('ready', 'held', 'refused')", name="outcome"),
)
"""Every session that came in for billing and what became of it. Append-only (triggers)."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cdr_pk", Integer, ForeignKey("cdrs.pk"), nullable=False),
    Column("partner_id", Text, ForeignKey("partners.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("doubted", Boolean, nullable=False, server_default=false()),
    Column("lease_owner", Text, nullable=True),
    Column("lease_until", UtcDateTime, nullable=True),
    Column("location", Text, nullable=True),
    Column("last_error", Text, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=True),
    UniqueConstraint("cdr_pk", "partner_id"),
    CheckConstraint("kind = 'cdr'", name="kind"),
    CheckConstraint(f"state IN ({', '.join(repr(str(s)) for s in DeliveryState)})", name="state"),
    Index("ix_deliveries_due", "state", "due_at"),
    Index("ix_deliveries_partner_finished", "partner_id", "finished_at"),
)
"""The ledger: one row per CDR and partner. ``doubted`` stays true once an outcome was ever unknown."""

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("delivery_id", Integer, ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=True),
    Column("outcome", Text, nullable=True),
    Column("http_status", Integer, nullable=True),
    Column("ocpi_status", Integer, nullable=True),
    Column("response_sha256", Text, nullable=True),
    Column("detail", Text, nullable=True),
    CheckConstraint("kind IN ('post', 'ask')", name="kind"),
)
"""The audit record: a row per contact. Written before the POST, completed once, never changed (triggers)."""
