"""Files appear whole or not at all."""

import errno
import os

import pytest

from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput


def test_the_file_appears_when_the_block_ends_well(tmp_path):
    with written_whole(tmp_path / "x") as beside:
        beside.write_text("done")
        assert not (tmp_path / "x").exists()
    assert (tmp_path / "x").read_text() == "done"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no"), OSError(errno.EIO, "broken")])
def test_nothing_is_left_when_it_ends_badly(tmp_path, error):
    (tmp_path / "x").write_text("before")
    with pytest.raises(type(error)), written_whole(tmp_path / "x") as beside:
        beside.write_text("half")
        raise error
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"x": "before"}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')"),
        RuntimeError("Problems closing file (unable to flush: errno = 28)"),
    ],
)
def test_a_full_disk_is_named(tmp_path, error):
    with pytest.raises(InvalidInput, match="No space left"), written_whole(tmp_path / "x") as beside:
        beside.write_text("half")
        raise error
    assert not list(tmp_path.iterdir())
