"""The tables of the store, as the newest migration leaves them.

One row of `hil_run` is a records.jsonl and how far it was read; one row of `hil_record`
is one line of it. The names carry a prefix, since a database may hold other things.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

HEAD: Final = "0001"
VERSION_TABLE: Final = "hil_schema_version"
METADATA: Final = MetaData()

# SQLite numbers rows by itself only where the type is INTEGER.
_KEY: Final = BigInteger().with_variant(Integer(), "sqlite")

RUN: Final = Table(
    "hil_run",
    METADATA,
    Column("id", _KEY, primary_key=True),
    # sha256 of the first line: a folder that was moved or copied is the same run.
    Column("identity", String(64), nullable=False),
    Column("name", Text, nullable=False),
    # A path means something on its own machine only.
    Column("host", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("environment", Text),
    Column("indexed_bytes", BigInteger, nullable=False),
    Column("indexed_sha256", String(64), nullable=False),
    UniqueConstraint("identity", name="hil_run_identity"),
)

RECORD: Final = Table(
    "hil_record",
    METADATA,
    Column("id", _KEY, primary_key=True),
    Column("run_id", _KEY, ForeignKey("hil_run.id"), nullable=False),
    Column("line_offset", BigInteger, nullable=False),
    Column("line_bytes", BigInteger, nullable=False),
    Column("run", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("engine", Text),
    Column("threads", BigInteger),
    Column("cores", Text),
    Column("delegate", Text),
    Column("window_index", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("problem", Text),
    # ISO 8601 in UTC with milliseconds: sorts as text, on every database alike.
    Column("started_utc", String(32), nullable=False),
    Column("model_sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("time_basis", Text, nullable=False),
    # In microseconds, or in instructions where that is the basis.
    Column("latency_n", BigInteger),
    Column("latency_median", Double),
    Column("latency_p90", Double),
    Column("latency_p95", Double),
    Column("latency_min", Double),
    Column("latency_max", Double),
    Column("latency_low", Double),
    Column("latency_high", Double),
    Column("latency_p99", Double),
    Column("latency_mad", Double),
    Column("latency_cycles", Double),
    Column("latency_clock_hz", BigInteger),
    Column("latency_timer_step", Double),
    Column("latency_timer_overhead", Double),
    Column("latency_interval_over", Text),
    Column("latency_doubts", Text),  # JSON: a list of sentences
    Column("arena_bytes", BigInteger),
    Column("stack_bytes", BigInteger),
    Column("flash_bytes", BigInteger),
    Column("peak_rss_bytes", BigInteger),
    Column("other_memory", Text),  # JSON: the names that have no column
    Column("accuracy_metric", Text),
    Column("accuracy_n", BigInteger),
    Column("accuracy_correct", BigInteger),
    Column("accuracy_low", Double),
    Column("accuracy_high", Double),
    Column("agreement_reference", Text),
    Column("agreement_n", BigInteger),
    Column("agreement_identical", BigInteger),
    Column("agreement_label_flips", BigInteger),
    Column("agreement_max_lsb", BigInteger),
    Column("agreement_max_relative", Double),
    # What makes an import idempotent, whoever else imports at the same time.
    UniqueConstraint("run_id", "line_offset", name="hil_record_line"),
    Index("hil_record_started", "started_utc"),
    Index("hil_record_run", "run"),
)
