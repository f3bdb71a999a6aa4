"""The first tables: runs, and one row for each line of their records.jsonl."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "hil_run",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text()),
        sa.Column("indexed_bytes", sa.BigInteger(), nullable=False),
        sa.Column("indexed_sha256", sa.String(64), nullable=False),
        sa.UniqueConstraint("identity", name="hil_run_identity"),
    )
    op.create_table(
        "hil_record",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("run_id", _KEY, sa.ForeignKey("hil_run.id"), nullable=False),
        sa.Column("line_offset", sa.BigInteger(), nullable=False),
        sa.Column("line_bytes", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text()),
        sa.Column("threads", sa.BigInteger()),
        sa.Column("cores", sa.Text()),
        sa.Column("delegate", sa.Text()),
        sa.Column("window_index", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("started_utc", sa.String(32), nullable=False),
        sa.Column("model_sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("time_basis", sa.Text(), nullable=False),
        sa.Column("latency_n", sa.BigInteger()),
        sa.Column("latency_median", sa.Double()),
        sa.Column("latency_p90", sa.Double()),
        sa.Column("latency_p95", sa.Double()),
        sa.Column("latency_min", sa.Double()),
        sa.Column("latency_max", sa.Double()),
        sa.Column("latency_low", sa.Double()),
        sa.Column("latency_high", sa.Double()),
        sa.Column("latency_p99", sa.Double()),
        sa.Column("latency_mad", sa.Double()),
        sa.Column("latency_cycles", sa.Double()),
        sa.Column("latency_clock_hz", sa.BigInteger()),
        sa.Column("latency_timer_step", sa.Double()),
        sa.Column("latency_timer_overhead", sa.Double()),
        sa.Column("latency_interval_over", sa.Text()),
        sa.Column("latency_doubts", sa.Text()),
        sa.Column("arena_bytes", sa.BigInteger()),
        sa.Column("stack_bytes", sa.BigInteger()),
        sa.Column("flash_bytes", sa.BigInteger()),
        sa.Column("peak_rss_bytes", sa.BigInteger()),
        sa.Column("other_memory", sa.Text()),
        sa.Column("accuracy_metric", sa.Text()),
        sa.Column("accuracy_n", sa.BigInteger()),
        sa.Column("accuracy_correct", sa.BigInteger()),
        sa.Column("accuracy_low", sa.Double()),
        sa.Column("accuracy_high", sa.Double()),
        sa.Column("agreement_reference", sa.Text()),
        sa.Column("agreement_n", sa.BigInteger()),
        sa.Column("agreement_identical", sa.BigInteger()),
        sa.Column("agreement_label_flips", sa.BigInteger()),
        sa.Column("agreement_max_lsb", sa.BigInteger()),
        sa.Column("agreement_max_relative", sa.Double()),
        sa.UniqueConstraint("run_id", "line_offset", name="hil_record_line"),
    )
    op.create_index("hil_record_started", "hil_record", ["started_utc"])
    op.create_index("hil_record_run", "hil_record", ["run"])
