"""A database that holds the store: opened, brought up to date, its errors made ours."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from hil.deadline import Deadline
from hil.errors import ConfigError, RecordingError
from hil.results.store.schema import HEAD, VERSION_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.errors import HilError

DEFAULT_PLACE: Final = "runs/hil.db"
PATIENCE_SECONDS: Final = 30.0

_CONNECT_SECONDS = 10
_POSTGRES = {"postgresql", "postgres", "postgresql+psycopg"}
_WRITES: Final = "hil_writes"
_ANEW = "hil results import FOLDER makes it anew: the run folders hold everything"
_LOCKED = "database is locked"  # SQLite's words
_LOCKED_SQLSTATE = "55P03"
_RETRY_SECONDS = 0.02


class Store:
    """An open store; read and written in transactions."""

    def __init__(self, engine: Engine, *, where: str, patience_seconds: float) -> None:
        """Keep the *engine*; *where* names the place in errors, without a password."""
        self.where = where
        self._patience_seconds = patience_seconds
        self._engine = engine

    @classmethod
    def open(
        cls,
        place: str,
        *,
        create: bool = False,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Store:
        """Open the store at *place*: the path of an SQLite file, or a database's URL.

        Where it is older than this hil it is migrated; where there is none, *create*
        makes it. A lock is waited for as long as *patience_seconds*. Raises
        ConfigError for a place that cannot be one, or whose store is newer than this
        hil, and RecordingError for a database that fails.
        """
        url = _url(place)
        where = _shown(url)
        _check_file(url, where, create=create)
        engine = _engine(url, where, patience_seconds)
        store = cls(engine, where=where, patience_seconds=patience_seconds)
        with contextlib.ExitStack() as undo:
            undo.callback(store.close)
            store._bring_up_to_date(create=create)
            undo.pop_all()
        return store

    def close(self) -> None:
        """Let go of all connections; may be called any number of times."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the store."""
        with self._errors_made_ours(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection whose changes are kept together or not at all."""
        with (
            self._errors_made_ours(),
            self._engine.connect() as connection,
            connection.execution_options(**{_WRITES: True}).begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def _errors_made_ours(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # another process was first: the writer's own affair
        except DBAPIError as exc:
            raise _ours(exc.orig, self.where) from exc
        except sqlite3.Error as exc:  # of a connection that is only being set up
            raise _ours(exc, self.where) from exc

    def _bring_up_to_date(self, *, create: bool) -> None:
        with self.reading() as connection:
            revision = _revision(connection)
        if revision == HEAD:
            return
        if revision is None and not create:
            raise _no_store(self.where)
        # Loading alembic takes longer than most queries; it is rarely needed.
        from hil.results.store import migration  # noqa: PLC0415

        if revision is not None and revision not in migration.revisions():
            raise ConfigError(
                "the store was made by a newer hil",
                where=self.where,
                found=f"revision {revision}",
                allowed=f"up to {HEAD}",
                remedy="upgrade hil, or import the run folders into another --store",
            )
        if self._engine.dialect.name == "sqlite":
            self._let_readers_and_a_writer_be_at_once()
        with self.writing() as connection:
            migration.upgrade(connection)

    def _let_readers_and_a_writer_be_at_once(self) -> None:
        """Switch SQLite's file to its write-ahead log, which the file remembers.

        SQLite's own timeout does not count here: another process at the same point is
        an error at once.
        """
        deadline = Deadline(self._patience_seconds)
        while True:
            try:
                with self.reading() as connection:
                    _driver(connection).execute("PRAGMA journal_mode=WAL").close()
                    return
            except RecordingError as exc:
                if _LOCKED not in (exc.found or "") or deadline.expired:
                    raise
                time.sleep(min(_RETRY_SECONDS, deadline.remaining))


def _url(place: str) -> URL:
    if not place.strip():
        raise ConfigError(
            "this is no store",
            found="an empty name",
            allowed="the path of a file, or postgresql://USER@HOST/DATABASE",
        )
    if "://" not in place:
        return URL.create("sqlite", database=str(Path(place).absolute()))
    try:
        url = make_url(place)
    except (ArgumentError, ValueError) as exc:
        # The text may hold a password, so it is not shown.
        raise ConfigError(
            "this is no store",
            found="a URL that cannot be read",
            allowed="postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
            remedy="write signs such as @ / : in a password as %40 %2F %3A",
        ) from exc
    if url.drivername in _POSTGRES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and url.database not in {None, "", ":memory:"}:
        return url
    raise ConfigError(
        "this is no store",
        found=f"{url.drivername}://{url.database or ''}",
        allowed="the path of a file, sqlite:///FILE or postgresql://USER@HOST/DATABASE",
    )


def _shown(url: URL) -> str:
    """Return the place as it may be printed: without password and options."""
    if url.drivername == "sqlite":
        return str(url.database)
    bare = URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
    )
    return bare.render_as_string()


def _check_file(url: URL, where: str, *, create: bool) -> None:
    """Connecting would make an SQLite file; that is done on purpose only."""
    if url.drivername != "sqlite":
        return
    path = Path(where)
    if not create and not path.exists():
        raise _no_store(where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise RecordingError(
            "the store cannot be made", where=where, found=exc.strerror or str(exc)
        ) from exc


def _no_store(where: str) -> ConfigError:
    return ConfigError(
        "there is no store yet",
        where=where,
        remedy="hil results import FOLDER makes it; --store or HIL_STORE name another",
    )


def _engine(url: URL, where: str, patience_seconds: float) -> Engine:
    if url.drivername == "sqlite":
        engine = create_engine(url, connect_args={"timeout": patience_seconds})
        event.listen(engine, "connect", _take_over_transactions)
        event.listen(engine, "begin", _begin)
        return engine
    options = f"-c lock_timeout={round(patience_seconds * 1000)}"
    defaults = {"connect_timeout": str(_CONNECT_SECONDS), "options": options}
    try:
        return create_engine(url.set(query={**defaults, **url.query}))
    except ImportError as exc:
        raise ConfigError(
            "PostgreSQL's driver is not installed",
            where=where,
            found=str(exc),
            remedy="pip install 'hil[postgres]'",
        ) from exc


def _take_over_transactions(connection: sqlite3.Connection, _record: object) -> None:
    # Python's module would begin transactions late, and end them before DDL.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=NORMAL").close()


def _begin(connection: Connection) -> None:
    """Begin; a writer takes SQLite's lock at once, since an upgrade may fail."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _driver(connection: Connection) -> sqlite3.Connection:
    """Return Python's own connection: a mode is not changed inside a transaction."""
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - our own constant
    return found.scalar_one_or_none()


def _ours(said: BaseException | None, where: str) -> HilError:
    """Return what a database's error means for the person at the terminal."""
    text_ = " ".join(str(said).split())
    low = text_.lower()
    state = getattr(said, "sqlstate", None)
    if _LOCKED in low or state == _LOCKED_SQLSTATE:
        what = "the store is locked by another process"
        remedy = "do it again when that one is done; what was imported stays"
    elif "not a database" in low or "malformed" in low:
        what = "the store is damaged, or the file is something else"
        remedy = f"move the file away; {_ANEW}"
    elif state is None and "connect" in low:
        what = "the database cannot be reached"
        remedy = "start the server, or check --store and HIL_STORE"
    else:
        what = "the store failed"
        remedy = f"nothing is half written; {_ANEW}"
    return RecordingError(what, where=where, found=text_, remedy=remedy)
