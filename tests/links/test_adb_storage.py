from __future__ import annotations

import pytest

from hil.deadline import Deadline
from hil.errors import MalformedFrame
from hil.links.adb_storage import (
    Digest,
    digest_command,
    digest_of,
    free_bytes,
    space_command,
)
from hil.tools import run

TOYBOX = b"""\
Filesystem       1K-blocks     Used Available Use% Mounted on
/dev/block/dm-41 112968456 41234567  71733889  37% /data
"""
TOOLBOX = b"""\
Filesystem               Size     Used     Free   Blksize
/data                   12.4G     3.1G   500.5M   4096
"""
BROKEN_LINE = b"""\
Filesystem           1024-blocks    Used Available Capacity Mounted on
/dev/block/platform/soc/by-name/userdata
                      11284300   4000000   7284300      35% /data
"""


@pytest.mark.parametrize(
    ("text", "free"),
    [
        (TOYBOX, 71733889 * 1024),
        (TOOLBOX, int(500.5 * 1024 * 1024)),
        (BROKEN_LINE, 7284300 * 1024),
        (b"", None),
        (b"df: not found\n", None),
        (b"Filesystem 1K-blocks Used Available\n", None),
        (b"Filesystem 1K-blocks Used Available\n/data 1 2 many\n", None),
        (b"Filesystem 512-blocks Used Available\n/data 9 4 5\n", 5 * 512),
    ],
)
def test_free_space_is_read_from_what_df_prints(text: bytes, free: int | None) -> None:
    assert free_bytes(text) == free


def test_df_is_asked_of_the_nearest_folder_that_exists(tmp_path) -> None:
    (tmp_path / "a b").mkdir()
    script = space_command(f"{tmp_path}/a b/$(id)/none/file").replace(
        "df -k", "printf '%s|'"
    )
    done = run(["sh", "-c", script], deadline=Deadline(10), check=False)
    assert done.stdout.decode().split("|")[0] == f"{tmp_path}/a b"


def test_a_digest_is_made_by_whatever_tool_there_is(tmp_path) -> None:
    (tmp_path / "it's").write_bytes(b"abc")
    script = digest_command(str(tmp_path / "it's"))
    done = run(["sh", "-c", script], deadline=Deadline(10))
    assert digest_of(done.exit_code, done.stdout, where="x") == Digest(
        algorithm="sha256",
        hex="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )
    only_md5 = script.replace("sha256sum", "no-such-tool")
    done = run(["sh", "-c", only_md5], deadline=Deadline(10))
    assert digest_of(done.exit_code, done.stdout, where="x") == Digest(
        algorithm="md5", hex="900150983cd24fb0d6963f7d28e17f72"
    )
    none = only_md5.replace("md5sum", "no-such-tool")
    done = run(["sh", "-c", none], deadline=Deadline(10), check=False)
    assert digest_of(done.exit_code, done.stdout, where="x") is None


@pytest.mark.parametrize(
    ("code", "text", "shown"),
    [
        (0, b"", "nothing"),
        (0, b"\x1b[2Jabc -\n", r"\x1b[2Jabc -"),
        (0, b"g" * 64, "g" * 64),
        (1, b"0" * 64, "0" * 64),
    ],
)
def test_an_answer_that_is_no_digest_is_refused(
    code: int, text: bytes, shown: str
) -> None:
    with pytest.raises(MalformedFrame, match="is no digest of a file") as caught:
        digest_of(code, text, where="/data/a on phone")
    assert (caught.value.found, caught.value.where) == (shown, "/data/a on phone")
