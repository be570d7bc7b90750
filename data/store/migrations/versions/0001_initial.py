"""The initial schema: files, the tables of the delivery contract, wells, verdicts, plate map and study."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES = {"text": sa.Text, "date": sa.Date, "number": sa.Double, "flag": sa.Boolean}

# Written out, not derived from the contract: a migration must not change when the contract does.
TABLES = {
    "patients": {
        "patient_id": "text",
        "site": "text",
        "sex": "text",
        "birth_year": "number",
        "surgery_on": "date",
        "randomised_on": "date",
        "arm": "text",
        "primary_site": "text",
        "grade": "text",
        "ki67_pct": "number",
        "margin": "text",
        "n_liver_metastases": "number",
        "largest_metastasis_mm": "number",
        "liver_metastases_volume_ml": "number",
        "synchronous_primary": "text",
        "nodal_status": "text",
        "functional": "text",
        "ecog": "text",
        "ppi": "text",
        "egfr": "number",
        "krenning": "text",
        "consent_on": "date",
    },
    "samples": {
        "sample_id": "text",
        "patient_id": "text",
        "specimen": "text",
        "visit": "text",
        "collected_on": "date",
        "received_on": "date",
        "frozen_on": "date",
        "ssa": "text",
    },
    "results": {
        "sample_id": "text",
        "analyte": "text",
        "value": "number",
        "unit": "text",
        "comparator": "text",
        "version": "text",
        "plate": "text",
        "lot": "text",
        "qc": "text",
        "reported_on": "date",
    },
    "controls": {
        "plate": "text",
        "lot": "text",
        "control": "text",
        "nominal": "number",
        "value": "number",
        "unit": "text",
        "version": "text",
    },
    "imaging": {
        "patient_id": "text",
        "scan_on": "date",
        "modality": "text",
        "adequate": "text",
        "finding": "text",
        "scheduled_month": "number",
        "site": "text",
        "largest_lesion_mm": "number",
        "sum_diameters_mm": "number",
    },
    "treatments": {
        "patient_id": "text",
        "kind": "text",
        "started_on": "date",
        "ended_on": "date",
        "cycle": "number",
        "activity_gbq": "number",
    },
    "followup": {
        "patient_id": "text",
        "last_seen_on": "date",
        "status": "text",
        "died_on": "date",
        "death_cause": "text",
    },
    "quality_of_life": {
        "patient_id": "text",
        "assessed_on": "date",
        "instrument": "text",
        "scale": "text",
        "value": "number",
    },
    "adverse_events": {
        "patient_id": "text",
        "started_on": "date",
        "term": "text",
        "grade": "text",
        "related": "text",
    },
    "wells": {
        "plate": "text",
        "instrument": "text",
        "file": "text",
        "row": "number",
        "well": "text",
        "sample_id": "text",
        "target": "text",
        "task": "text",
        "cq": "number",
        "state": "text",
        "omit": "flag",
    },
    "verdicts": {
        "plate": "text",
        "sample_id": "text",
        "verdict": "text",
        "codes": "text",
        "reference_cq": "number",
        "replicate_sd": "number",
        "undetermined_fraction": "number",
    },
    "plate_map": {
        "plate": "text",
        "well": "text",
        "sample_id": "text",
    },
    "study": {
        "name": "text",
        "simulated": "flag",
        "note": "text",
    },
}


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("loaded_at", sa.DateTime, nullable=False),
        sa.Column("n_rows", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    for name, columns in TABLES.items():
        op.create_table(
            name,
            sa.Column("id", sa.Integer, primary_key=True),
            *(sa.Column(column, TYPES[kind]) for column, kind in columns.items()),
            sa.Column("row_key", sa.Text, nullable=False),
            sa.Column("row_digest", sa.String(32), nullable=False),
            sa.Column("file_id", sa.Integer, sa.ForeignKey("files.id"), nullable=False),
            sa.Column("loaded_at", sa.DateTime, nullable=False),
            sa.Column("superseded_at", sa.DateTime),
            sa.Column("superseded_by", sa.Integer, sa.ForeignKey("files.id")),
        )
        op.create_index(f"ix_{name}_row_key", name, ["row_key"])


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)
    op.drop_table("files")
