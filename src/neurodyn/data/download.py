"""Fetches data files from their public origin, each pinned by its sha256."""

from __future__ import annotations

from pathlib import Path

from neurodyn.data.datasets.base import Remote, data_folders
from neurodyn.data.writing import folder_made, written_whole
from neurodyn.errors import InvalidInput, MissingData


def fetch(remote: Remote, folder: str | Path | None = None, *, progress: bool = False) -> Path:
    """The path of a remote's file, downloaded unless it is there already and whole.

    It is downloaded to a temporary file and moved only when its sha256 is right, so an interrupted download leaves nothing
    that could be taken for the file, and calling again starts afresh.

    Args:
        remote: what to fetch.
        folder: data folder to put it in (default: the user's data folder).
        progress: show a progress bar.

    Raises:
        MissingData: the origin cannot be reached; the message names it and where to put the file by hand.
        InvalidInput: the file has another sha256 than the one pinned; the disk is full.
    """
    import pooch
    import requests

    target = (data_folders()[-1] if folder is None else Path(folder)) / remote.file
    if target.exists() and pooch.file_hash(str(target)) == remote.sha256:
        return target
    try:
        with folder_made(target.parent), written_whole(target) as beside:
            pooch.HTTPDownloader(progressbar=progress, timeout=30)(remote.url, str(beside), None)
            found = pooch.file_hash(str(beside))
            if found != remote.sha256:
                raise InvalidInput(
                    remote.url,
                    f"a file with sha256 {found}",
                    f"sha256 {remote.sha256}",
                    "The file at the origin has changed, or the download broke; try again.",
                )
    except requests.RequestException as error:
        raise MissingData(
            f"{remote.file} could not be fetched from {remote.url} ({type(error).__name__}). "
            f"Check the network, or put the file at {target} by hand."
        ) from error
    return target
