"""Stand-ins for flash tools: real programs on PATH that write down their arguments."""

from __future__ import annotations

import os

import pytest


class Bin:
    """A folder that comes first on PATH."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "argv"

    def add(self, tool, script=""):
        """Make *tool*; it logs its arguments, one a line, then runs *script*."""
        path = self.folder / tool
        path.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "${{0##*/}}" "$@" >> {self.log}\n{script}\n'
        )
        path.chmod(0o755)
        return path

    @property
    def argv(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def tools_on_path(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return Bin(folder)
