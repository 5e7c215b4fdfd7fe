"""First schema: evidence, keys, tariffs, partners, CDRs and the delivery ledger.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")

CDR_STATES = "'held', 'ready', 'delivered', 'failed', 'discarded'"
DELIVERY_STATES = "'pending', 'leased', 'sending', 'in_doubt', 'delivered', 'failed', 'held'"

# Columns that never change once written, per table; an UPDATE that names one of them is refused.
FROZEN = {
    "evidence_documents": ("sha256", "content", "size_bytes"),
    "evidence_arrivals": ("id", "sha256", "source", "received_at"),
    "tariff_versions": (
        "identity", "country_code", "party_id", "tariff_id", "last_updated", "body", "stored_at"
    ),
    "cdrs": (
        "pk", "identity", "country_code", "party_id", "id", "session_identity", "session_id", "body",
        "body_sha256", "last_updated", "created_at", "currency", "total_cost_excl_vat", "total_cost_incl_vat",
        "total_energy_kwh", "credit", "credit_reference_id", "follows_pk", "receipt_token"
    ),
    "cdr_evidence": ("cdr_pk", "position", "sha256"),
    "session_intakes": (
        "id", "identity", "country_code", "party_id", "session_id", "request_sha256", "facts",
        "evidence_sha256", "outcome", "cdr_pk", "findings", "received_at"
    ),
    "delivery_attempts": ("id", "delivery_id", "kind", "worker", "started_at"),
}  # fmt: skip

# Rows of these tables are never deleted.
KEPT = (*FROZEN, "deliveries")


def upgrade() -> None:
    _evidence_and_keys()
    _tariffs_and_partners()
    _cdrs()
    _intakes()
    _deliveries()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _evidence_and_keys() -> None:
    op.create_table(
        "evidence_documents",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_evidence_documents"),
    )
    op.create_table(
        "evidence_arrivals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_arrivals"),
        sa.ForeignKeyConstraint(
            ["sha256"], ["evidence_documents.sha256"], name="fk_evidence_arrivals_sha256_evidence_documents"
        ),
    )
    op.create_index("ix_evidence_arrivals_sha256", "evidence_arrivals", ["sha256"])
    op.create_table(
        "operator_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("charge_point", sa.Text(), nullable=False),
        sa.Column("meter_serial", sa.Text(), nullable=True),
        sa.Column("key_text", sa.Text(), nullable=False),
        sa.Column("spki", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("valid_from", INSTANT, nullable=True),
        sa.Column("valid_to", INSTANT, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operator_keys"),
        sa.CheckConstraint("source IN ('register', 'operator')", name=op.f("ck_operator_keys_source")),
    )
    for column in ("charge_point", "meter_serial", "fingerprint"):
        op.create_index(f"ix_operator_keys_{column}", "operator_keys", [column])


def _tariffs_and_partners() -> None:
    op.create_table(
        "tariff_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("country_code", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("tariff_id", sa.Text(), nullable=False),
        sa.Column("last_updated", INSTANT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tariff_versions"),
        sa.UniqueConstraint("identity", "last_updated", name="uq_tariff_versions_identity_last_updated"),
    )
    _partial_unique("uq_tariff_versions_current", "tariff_versions", "identity", "current IS TRUE")
    op.create_table(
        "partners",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("versions_url", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("endpoints", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("base64_tokens", sa.Boolean(), nullable=False),
        sa.Column("updated", INSTANT, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_partners"),
        sa.UniqueConstraint("number", name="uq_partners_number"),
        sa.CheckConstraint("state IN ('registered', 'unregistered')", name=op.f("ck_partners_state")),
    )
    op.create_table(
        "issued_tokens",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=True),
        sa.Column("expires", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name="pk_issued_tokens"),
        sa.CheckConstraint(
            "purpose IN ('invitation', 'pending', 'partner')", name=op.f("ck_issued_tokens_purpose")
        ),
    )
    op.create_index("ix_issued_tokens_partner_id", "issued_tokens", ["partner_id"])


def _cdrs() -> None:
    op.create_table(
        "cdrs",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("country_code", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("session_identity", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("partner_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("last_updated", INSTANT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("listed_at", INSTANT, nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_cost_excl_vat", sa.Text(), nullable=False),
        sa.Column("total_cost_incl_vat", sa.Text(), nullable=True),
        sa.Column("total_energy_kwh", sa.Text(), nullable=False),
        sa.Column("credit", sa.Boolean(), nullable=False),
        sa.Column("credit_reference_id", sa.Text(), nullable=True),
        sa.Column("credited", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("follows_pk", sa.Integer(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("overrides", sa.Text(), nullable=False),
        sa.Column("receipt_token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name="pk_cdrs"),
        sa.UniqueConstraint("identity", name="uq_cdrs_identity"),
        sa.UniqueConstraint("receipt_token", name="uq_cdrs_receipt_token"),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name="fk_cdrs_partner_id_partners"),
        sa.ForeignKeyConstraint(["follows_pk"], ["cdrs.pk"], name="fk_cdrs_follows_pk_cdrs"),
        sa.CheckConstraint(f"state IN ({CDR_STATES})", name=op.f("ck_cdrs_state")),
    )
    op.create_index("ix_cdrs_session_identity", "cdrs", ["session_identity"])
    op.create_index("ix_cdrs_partner_listed", "cdrs", ["partner_id", "listed_at", "pk"])
    _partial_unique(
        "uq_cdrs_billed_session",
        "cdrs",
        "session_identity",
        "credit IS FALSE AND credited IS FALSE AND state != 'discarded'",
    )
    op.create_table(
        "cdr_evidence",
        sa.Column("cdr_pk", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cdr_pk", "position", name="pk_cdr_evidence"),
        sa.ForeignKeyConstraint(["cdr_pk"], ["cdrs.pk"], name="fk_cdr_evidence_cdr_pk_cdrs"),
        sa.ForeignKeyConstraint(
            ["sha256"], ["evidence_documents.sha256"], name="fk_cdr_evidence_sha256_evidence_documents"
        ),
    )
    op.create_index("ix_cdr_evidence_sha256", "cdr_evidence", ["sha256"])


def _intakes() -> None:
    op.create_table(
        "session_intakes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("country_code", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("request_sha256", sa.Text(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("evidence_sha256", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cdr_pk", sa.Integer(), nullable=True),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_session_intakes"),
        sa.ForeignKeyConstraint(
            ["evidence_sha256"],
            ["evidence_documents.sha256"],
            name="fk_session_intakes_evidence_sha256_evidence_documents",
        ),
        sa.ForeignKeyConstraint(["cdr_pk"], ["cdrs.pk"], name="fk_session_intakes_cdr_pk_cdrs"),
        sa.CheckConstraint(
            "outcome IN ('ready', 'held', 'refused')", name=op.f("ck_session_intakes_outcome")
        ),
    )
    for column in ("identity", "cdr_pk"):
        op.create_index(f"ix_session_intakes_{column}", "session_intakes", [column])


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cdr_pk", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("doubted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint("cdr_pk", "partner_id", name="uq_deliveries_cdr_pk_partner_id"),
        sa.ForeignKeyConstraint(["cdr_pk"], ["cdrs.pk"], name="fk_deliveries_cdr_pk_cdrs"),
        sa.ForeignKeyConstraint(["partner_id"], ["partners.id"], name="fk_deliveries_partner_id_partners"),
        sa.CheckConstraint("kind = 'cdr'", name=op.f("ck_deliveries_kind")),
        sa.CheckConstraint(f"state IN ({DELIVERY_STATES})", name=op.f("ck_deliveries_state")),
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "due_at"])
    op.create_index("ix_deliveries_partner_finished", "deliveries", ["partner_id", "finished_at"])
    op.create_table(
        "delivery_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("ocpi_status", sa.Integer(), nullable=True),
        sa.Column("response_sha256", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_attempts"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_delivery_attempts_delivery_id_deliveries"
        ),
        sa.CheckConstraint("kind IN ('post', 'ask')", name=op.f("ck_delivery_attempts_kind")),
    )
    op.create_index("ix_delivery_attempts_delivery_id", "delivery_attempts", ["delivery_id"])


def _partial_unique(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], unique=True, sqlite_where=where, postgresql_where=where)


def _sqlite_triggers() -> None:
    for table, columns in FROZEN.items():
        op.execute(
            f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: content is immutable'); END"
        )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: rows are kept'); END"
        )
    op.execute(
        "CREATE TRIGGER delivery_attempts_once BEFORE UPDATE ON delivery_attempts "
        "WHEN OLD.outcome IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'delivery_attempts: an outcome is written once'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION eichrecht_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '%: %', TG_TABLE_NAME, TG_ARGV[0] "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table, columns in FROZEN.items():
        op.execute(
            f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {', '.join(columns)} ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION eichrecht_refuse('content is immutable')"
        )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION eichrecht_refuse('rows are kept')"
        )
    op.execute(
        "CREATE TRIGGER delivery_attempts_once BEFORE UPDATE ON delivery_attempts FOR EACH ROW "
        "WHEN (OLD.outcome IS NOT NULL) "
        "EXECUTE FUNCTION eichrecht_refuse('an outcome is written once')"
    )


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped: restore a backup instead")
