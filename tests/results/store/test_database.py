"""The store's database: opened, migrated, and what is told when it fails."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, select, text

from hil.bench.summary import summarize
from hil.errors import ConfigError, RecordingError
from hil.results.store import migration
from hil.results.store.database import Store
from hil.results.store.indexing import import_records
from hil.results.store.query import Wanted, count, read
from hil.results.store.schema import HEAD, METADATA, RUN, VERSION_TABLE


def test_the_newest_migration_leaves_the_tables_that_the_code_uses(place):
    with Store.open(place, create=True) as store, store.reading() as connection:
        options = {
            "compare_type": True,
            "version_table": VERSION_TABLE,
            "include_name": lambda name, kind, _parents: (
                kind != "table" or name != VERSION_TABLE
            ),
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
    assert migration.revisions()[0] == HEAD


def test_a_store_of_the_first_revision_is_brought_up_to_date(tmp_path):
    dump = Path(__file__).with_name("revision_0001.sql")
    path = tmp_path / "hil.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    with Store.open(str(path)) as store, store.reading() as connection:
        first, second = read(connection, Wanted())
        assert (first.device, second.device) == ("board-b", "board-a")
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))
        assert found.scalar_one() == HEAD


def test_a_further_revision_keeps_the_rows(place, tmp_path, run_folder, monkeypatch):
    with Store.open(place, create=True) as store:
        import_records(store, run_folder() / "records.jsonl", summarize=summarize)
    scripts = tmp_path / "100%" / "migrations"
    shutil.copytree(migration._SCRIPTS, scripts)
    (scripts / "versions" / "r0002_more.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision = '0002'\ndown_revision = '0001'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('hil_run') as table:\n"
        "        table.add_column(sa.Column('more', sa.Text()))\n"
        "        table.alter_column('host', new_column_name='machine')\n"
    )
    monkeypatch.setattr(migration, "_SCRIPTS", scripts)
    with Store.open(place) as store:
        with store.writing() as connection:
            migration.upgrade(connection)
        with store.reading() as connection:
            columns = {
                each["name"] for each in inspect(connection).get_columns(RUN.name)
            }
            assert {"more", "machine"} <= columns
            assert count(connection, Wanted()) == 3
    monkeypatch.undo()
    with pytest.raises(ConfigError, match=r"made by a newer hil[\s\S]*0002[\s\S]*0001"):
        Store.open(place)


def test_processes_that_come_at_once_make_one_store(place, processes):
    code = """
from hil.results.store.database import Store
Store.open(place, create=True).close()
"""
    processes.starmap(exec, [(code, {"place": place})] * 4, chunksize=1)
    Store.open(place).close()


def test_looking_does_not_make_a_store(place, tmp_path):
    with pytest.raises(ConfigError, match=r"no store yet[\s\S]*hil results import"):
        Store.open(place)
    assert not list(tmp_path.glob("*.db"))


def test_other_tables_of_the_database_are_left_alone(postgres_place):
    with (
        Store.open(postgres_place, create=True) as store,
        store.reading() as connection,
    ):
        names = inspect(connection).get_table_names()
    assert sorted(names) == ["hil_record", "hil_run", VERSION_TABLE]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (" ", "an empty name"),
        ("mysql://root@db/hil", "mysql://hil"),
        ("sqlite://", "sqlite://"),
        ("postgresql://u:secret@h:port/db", "a URL that cannot be read"),
    ],
)
def test_what_can_be_no_store_is_refused(place, found):
    with pytest.raises(ConfigError, match="this is no store") as caught:
        Store.open(place)
    assert caught.value.found == found
    assert "secret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told_without_the_password():
    pytest.importorskip("psycopg")
    url = "postgres://me:secret@127.0.0.1:1/hil?application_name=hush"
    with pytest.raises(RecordingError, match="cannot be reached") as caught:
        Store.open(url)
    told = str(caught.value)
    assert caught.value.where == "postgresql://me@127.0.0.1:1/hil"
    assert "--store and HIL_STORE" in told
    assert "secret" not in told
    assert "hush" not in told


def test_a_file_that_is_something_else_is_told_and_left_as_it_is(tmp_path):
    path = tmp_path / "hil.db"
    path.write_bytes(b"no database\n" * 100)
    with pytest.raises(RecordingError, match=r"damaged[\s\S]*move the file away"):
        Store.open(str(path), create=True)
    assert path.read_bytes() == b"no database\n" * 100


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="the store cannot be made"):
        Store.open(str(tmp_path / "file" / "hil.db"), create=True)


def test_an_sqlite_file_that_another_process_writes_is_told_and_can_be_read(tmp_path):
    path = str(tmp_path / "hil.db")
    with Store.open(path, create=True, patience_seconds=0.1) as store:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE").close()
            with pytest.raises(RecordingError, match="locked by another process"):
                _add_run(store)
            with store.reading() as connection:
                assert count(connection, Wanted()) == 0
        _add_run(store)


def test_a_table_that_another_client_holds_is_told(postgres_place):
    with (
        Store.open(postgres_place, create=True, patience_seconds=0.1) as store,
        Store.open(postgres_place) as other,
    ):
        with other.writing() as connection:
            connection.execute(text("LOCK TABLE hil_run"))
            with pytest.raises(RecordingError, match="locked by another process"):
                _add_run(store)
        _add_run(store)


def test_a_connection_that_is_cut_leaves_nothing_half_written(postgres_place):
    kill = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def kill_others(connection):
        with Store.open(postgres_place) as other, other.writing() as killer:
            killer.execute(kill)
        connection.execute(select(RUN.c.id))

    with (
        Store.open(postgres_place, create=True) as store,
        pytest.raises(RecordingError, match="terminating connection"),
    ):
        _add_run(store, then=kill_others)
    with Store.open(postgres_place) as store, store.reading() as connection:
        assert connection.execute(select(RUN.c.id)).all() == []


_RUN = {
    "identity": "00",
    "name": "a run",
    "host": "here",
    "path": "/records.jsonl",
    "indexed_bytes": 0,
    "indexed_sha256": "",
}


def _add_run(store, *, then=lambda _connection: None):
    with store.writing() as connection:
        connection.execute(insert(RUN).values(_RUN))
        then(connection)
