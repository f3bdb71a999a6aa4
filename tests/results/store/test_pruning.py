"""Runs taken out of the store, and folders that must not be deleted."""

from __future__ import annotations

import shutil

import pytest

from hil.bench.summary import summarize
from hil.errors import ConfigError, RecordingError
from hil.results.run_folder import RunFolder
from hil.results.store import pruning
from hil.results.store.database import Store
from hil.results.store.indexing import import_records
from hil.results.store.query import Wanted, count, read_runs


@pytest.fixture
def store(place):
    with Store.open(place, create=True) as opened:
        yield opened


@pytest.fixture
def add(store, run_folder):
    """Make a run folder and import it: its row."""

    def add_run(name, **changes):
        path = run_folder(name, 2, **changes)
        import_records(store, path / "records.jsonl", summarize=summarize)
        with store.reading() as connection:
            (run,) = read_runs(connection, Wanted(run=name))
        return path, run

    return add_run


def test_runs_are_found_by_age_and_by_a_folder_that_is_gone(store, add):
    add("20260101-000000-old", started_utc="2025-01-01")
    gone, _ = add("20260101-000000-gone")
    shutil.rmtree(gone)
    add("20260101-000000-kept")
    found = pruning.find_prunable(store, missing=True, before="2025-06")
    assert sorted(run.name[16:] for run in found) == ["gone", "old"]
    assert [
        run.name[16:] for run in pruning.find_prunable(store, missing=True, before=None)
    ] == ["gone"]


def test_of_another_machines_runs_none_is_missing(store, add, monkeypatch):
    path, run = add("20260101-000000-x")
    shutil.rmtree(path)
    monkeypatch.setattr("platform.node", lambda: "another")
    assert pruning.find_prunable(store, missing=True, before=None) == []
    assert pruning.why_kept(run) == f"it is on {run.host}"


def test_what_is_forgotten_leaves_its_folder_and_comes_back(store, add):
    path, run = add("20260101-000000-x")
    add("20260101-000000-y")
    pruning.forget(store, [run])
    with store.reading() as connection:
        assert count(connection, Wanted()) == 2
    file = path / "records.jsonl"
    assert import_records(store, file, summarize=summarize).added == 2


def test_a_folder_is_deleted_only_where_it_is_asked_for(add):
    path, run = add("20260101-000000-x")
    assert pruning.why_kept(run) is None
    pruning.delete_folder(run)
    assert not path.exists()
    with pytest.raises(ConfigError, match=r"not deleted[\s\S]*it is gone"):
        pruning.delete_folder(run)


def test_a_folder_with_a_name_of_its_own_is_kept(add):
    path, run = add("baseline")
    assert "not the name of a run folder" in pruning.why_kept(run)
    with pytest.raises(ConfigError, match="not the name of a run folder"):
        pruning.delete_folder(run)
    assert path.exists()


def test_a_folder_that_holds_more_than_the_store_is_kept(add, record):
    path, run = add("20260101-000000-x")
    RunFolder(path).append(record())
    assert pruning.why_kept(run) == "it holds lines that are not in the store"


def test_a_folder_with_another_run_or_behind_a_link_is_kept(add, tmp_path):
    path, run = add("20260101-000000-x")
    (path / "records.jsonl").write_bytes(b"{}\n")
    assert pruning.why_kept(run) == "another run is in it now"
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    assert pruning.why_kept(run) == "it is a symbolic link"


def test_a_folder_that_cannot_be_deleted_is_told(add, monkeypatch):
    _, run = add("20260101-000000-x")

    def refuse(_path):
        raise PermissionError(13, "Permission denied", "records.jsonl")

    # As root nothing is refused, so the refusal is made.
    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(RecordingError, match=r"cannot be deleted[\s\S]*Permission"):
        pruning.delete_folder(run)
