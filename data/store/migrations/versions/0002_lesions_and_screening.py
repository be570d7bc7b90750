"""Lesions by assessment, and the values at screening by which eligibility is judged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written out, not derived from the contract: a migration must not change when the contract does.
LESIONS = {
    "patient_id": sa.Text,
    "scan_on": sa.Date,
    "lesion": sa.Text,
    "role": sa.Text,
    "organ": sa.Text,
    "node": sa.Text,
    "diameter_mm": sa.Double,
    "state": sa.Text,
}
SCREENING = {
    "haemoglobin_g_dl": sa.Double,
    "leucocytes_e9_l": sa.Double,
    "platelets_e9_l": sa.Double,
    "bilirubin_uln": sa.Double,
    "creatinine_umol_l": sa.Double,
    "primary_resected": sa.Text,
    "extrahepatic_disease": sa.Text,
    "mri_on": sa.Date,
    "petct_on": sa.Date,
}


def upgrade() -> None:
    op.create_table(
        "lesions",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(column, kind) for column, kind in LESIONS.items()),
        sa.Column("row_key", sa.Text, nullable=False),
        sa.Column("row_digest", sa.String(32), nullable=False),
        sa.Column("file_id", sa.Integer, sa.ForeignKey("files.id"), nullable=False),
        sa.Column("loaded_at", sa.DateTime, nullable=False),
        sa.Column("superseded_at", sa.DateTime),
        sa.Column("superseded_by", sa.Integer, sa.ForeignKey("files.id")),
    )
    op.create_index("ix_lesions_row_key", "lesions", ["row_key"])
    for column, kind in SCREENING.items():
        op.add_column("patients", sa.Column(column, kind))


def downgrade() -> None:
    for column in reversed(SCREENING):
        op.drop_column("patients", column)
    op.drop_table("lesions")
