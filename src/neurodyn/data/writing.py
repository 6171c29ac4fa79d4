"""Files appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    import h5py

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to, and renames it when the block ends well; else nothing is left behind.

    Raises:
        InvalidInput: the folder does not exist or is not writable; the disk is full.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InvalidInput(
            "path", f"{target} in a folder that does not exist", "a folder that exists", "Create it first."
        )
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield beside
        os.replace(beside, target)
    except (OSError, RuntimeError) as error:  # HDF5 reports a failed flush on closing as RuntimeError
        number = _error_number(error)
        if number in _FULL:
            raise InvalidInput(
                "path",
                f"{target}: {os.strerror(number)}",
                "room on the disk for the whole file",
                "Free some space or write elsewhere; nothing was left behind.",
            ) from error
        if number in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise InvalidInput("path", f"{target}: {os.strerror(number)}", "a folder you may write to") from error
        raise
    finally:
        beside.unlink(missing_ok=True)


def refuse_existing(path: str | Path, overwrite: bool) -> None:
    """Raises where a file is there already and may not be replaced.

    Raises:
        InvalidInput: it is there.
    """
    if Path(path).exists() and not overwrite:
        raise InvalidInput(str(path), "a file that is there already", "a new name", "Add overwrite (--overwrite).")


@contextmanager
def folder_made(folder: str | Path) -> Iterator[Path]:
    """Makes a folder and those above it; when the block fails, takes those it made away again, unless something lies in them.

    Raises:
        InvalidInput: no folder can be made there.
    """
    folder = Path(folder)
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput("path", f"{folder}: {error.strerror}", "a folder you may write to") from error
    try:
        yield folder
    except BaseException:
        for each in new:
            if not any(each.iterdir()):
                each.rmdir()
        raise


@contextmanager
def hdf5_written_whole(path: str | Path) -> Iterator[h5py.File]:
    """Gives an HDF5 file to fill, and writes it whole when the block ends well; else nothing is left behind.

    The file is built in memory. HDF5 cannot close a file it failed to write: the process would crash on leaving, after a
    full disk had been reported.

    Raises:
        InvalidInput: as `written_whole`.
    """
    import h5py

    with written_whole(path) as beside:
        with h5py.File(beside.name, "w", driver="core", backing_store=False) as file:
            yield file
            file.flush()
            image = file.id.get_file_image()
        beside.write_bytes(image)


def _error_number(error: BaseException) -> int:
    """The system's error number; HDF5 only has it in its message (`errno = 28`)."""
    number = getattr(error, "errno", None)
    found = re.search(r"errno = (\d+)", str(error))
    return int(number or (found.group(1) if found else 0))
