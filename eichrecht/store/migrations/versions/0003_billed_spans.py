"""Energy is billed once: the stretches of the meters' registers that a CDR bills.

CDRs of earlier schemas get no rows: their energy is told apart from new energy by their signed records only.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billed_spans",
        sa.Column("cdr_pk", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("register", sa.Text(), nullable=False),
        sa.Column("begin_units", sa.BigInteger(), nullable=False),
        sa.Column("end_units", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("cdr_pk", "position", name="pk_billed_spans"),
        sa.ForeignKeyConstraint(["cdr_pk"], ["cdrs.pk"], name="fk_billed_spans_cdr_pk_cdrs"),
        sa.CheckConstraint("begin_units < end_units", name=op.f("ck_billed_spans_rises")),
    )
    op.create_index("ix_billed_spans_register", "billed_spans", ["register", "begin_units"])
    if op.get_bind().dialect.name == "sqlite":
        frozen = "BEGIN SELECT RAISE(ABORT, 'billed_spans: content is immutable'); END"
        kept = "BEGIN SELECT RAISE(ABORT, 'billed_spans: rows are kept'); END"
    else:
        frozen = "FOR EACH ROW EXECUTE FUNCTION eichrecht_refuse('content is immutable')"
        kept = "FOR EACH ROW EXECUTE FUNCTION eichrecht_refuse('rows are kept')"
    op.execute(
        "CREATE TRIGGER billed_spans_frozen "
        "BEFORE UPDATE OF cdr_pk, position, register, begin_units, end_units ON billed_spans " + frozen
    )
    op.execute("CREATE TRIGGER billed_spans_kept BEFORE DELETE ON billed_spans " + kept)


def downgrade() -> None:
    raise NotImplementedError("evidence is never dropped: restore a backup instead")
