"""Each signed record is billed once: the records that a CDR bills, unique until it is credited or discarded.

CDRs of schema 0001 get no rows: their records are told apart from new ones by their session only.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billed_records",
        sa.Column("cdr_pk", sa.Integer(), nullable=False),
        sa.Column("record_sha256", sa.Text(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("cdr_pk", "record_sha256", name="pk_billed_records"),
        sa.ForeignKeyConstraint(["cdr_pk"], ["cdrs.pk"], name="fk_billed_records_cdr_pk_cdrs"),
    )
    where = sa.text("released IS FALSE")
    op.create_index(
        "uq_billed_records_once",
        "billed_records",
        ["record_sha256"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    if op.get_bind().dialect.name == "sqlite":
        frozen = "BEGIN SELECT RAISE(ABORT, 'billed_records: content is immutable'); END"
        kept = "BEGIN SELECT RAISE(ABORT, 'billed_records: rows are kept'); END"
    else:
        frozen = "FOR EACH ROW EXECUTE FUNCTION eichrecht_refuse('content is immutable')"
        kept = "FOR EACH ROW EXECUTE FUNCTION eichrecht_refuse('rows are kept')"
    op.execute(
        "CREATE TRIGGER billed_records_frozen BEFORE UPDATE OF cdr_pk, record_sha256 ON billed_records "
        + frozen
    )
    op.execute("CREATE TRIGGER billed_records_kept BEFORE DELETE ON billed_records " + kept)


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped: restore a backup instead")
