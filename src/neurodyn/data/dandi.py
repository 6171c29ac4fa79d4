"""Fetches recordings from the DANDI archive (https://dandiarchive.org), through the archive's own client."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodyn.data.datasets.base import Archived, data_folders
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.writing import folder_made
from neurodyn.errors import InvalidInput, MissingData

_SHA256 = "dandi:sha2-256"
"""Name of the digest in the archive's metadata."""
_INFO = "https://api.dandiarchive.org/api/info/"
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class Fetched:
    """The files of a recording on this machine."""

    paths: tuple[Path, ...]
    """In the order of the patterns: of the benchmark, training file, then test file."""
    already: bool
    """All were there before; the network was not used."""


def fetch(protocol: Protocol, folder: str | Path | None = None, *, progress: bool = False) -> Fetched:
    """The training and test files of a recording of the benchmark; see `fetch_files`. The version is the one the protocol pins."""
    patterns = tuple(f"sub-{protocol.subject}/{name}" for name in (protocol.train_pattern, protocol.test_pattern))
    return fetch_files(Archived(protocol.dandiset, protocol.version, patterns), folder, progress=progress)


def fetch_files(archived: Archived, folder: str | Path | None = None, *, progress: bool = False) -> Fetched:
    """Files of a dandiset, in the archive's own folders (`000140/sub-Jenkins/...`), downloaded unless they are there already.

    What has arrived of a file lies beside its place under a hidden name that ends in `.part`; after an interruption the download goes on from there. A
    file appears under its name only when its sha256 is the one the archive gives for it.

    Args:
        archived: what is fetched.
        folder: data folder to put it in (default: the user's data folder); without it, every data folder is searched first.
        progress: show a progress bar on stderr.

    Raises:
        MissingData: the archive's client is not installed, the archive cannot be reached or does not give the files; the message names its page and
            where to put them by hand.
        InvalidInput: a file has another sha256 than the archive says; the disk is full.
    """
    places = [Path(folder)] if folder is not None else data_folders()
    for place in places:
        found = [sorted((place / archived.dandiset).glob(pattern)) for pattern in archived.patterns]
        if all(found):
            return Fetched(tuple(path for paths in found for path in paths), True)
    target = places[-1] / archived.dandiset
    paths: list[Path] = []
    with _explained(archived, target):
        dandiset = _client().get_dandiset(archived.dandiset, archived.version)
        for pattern in archived.patterns:
            assets = list(dandiset.get_assets_by_glob(pattern))
            if not assets:
                raise _missing(archived, target, f"there is no {pattern} in it")
            paths += [
                _download(asset, target / Path(pattern).with_name(Path(asset.path).name), progress) for asset in assets
            ]
    return Fetched(tuple(paths), False)


def _client() -> Any:
    """The archive's client, once the archive has answered: the client itself tries for a minute before it gives up."""
    os.environ.setdefault("DANDI_NO_ET", "1")  # it would report its use to a third server
    try:
        from dandi.dandiapi import DandiAPIClient
    except ImportError as error:
        raise MissingData(
            'These recordings come from the DANDI archive, whose client is not installed: pip install "neurodyn[dandi]"'
        ) from error
    import requests

    logging.getLogger("dandi").setLevel(logging.CRITICAL)  # what went wrong is in our own message
    requests.get(_INFO, timeout=15).raise_for_status()
    return DandiAPIClient.for_dandi_instance("dandi")


@contextmanager
def _explained(archived: Archived, target: Path) -> Iterator[None]:
    """Turns what the client raises into what to do about it."""
    import requests

    try:
        yield
    except (requests.RequestException, RuntimeError) as error:  # the client's own errors are RuntimeErrors
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403):
            raise _missing(archived, target, "it is not open to everyone (an embargo?)") from error
        why = str(error) if isinstance(error, RuntimeError) else type(error).__name__
        raise _missing(archived, target, why) from error


def _missing(archived: Archived, target: Path, why: str) -> MissingData:
    page = f"https://dandiarchive.org/dandiset/{archived.dandiset}/{archived.version}"
    return MissingData(
        f"Dandiset {archived.dandiset} could not be fetched: {why}. Check the network and try again (a download goes on where it "
        f"stopped), or get the files from {page} and put them there by hand: {', '.join(str(target / each) for each in archived.patterns)}."
    )


def _download(asset: Any, target: Path, progress: bool) -> Path:
    """One file, from where an earlier try stopped."""
    if target.exists():
        return target
    sha256 = asset.get_raw_digest(_SHA256)
    part = target.with_name(f".{target.name}.{sha256[:12]}.part")
    with folder_made(target.parent):
        with _shown(target.name, asset.size, progress) as show:
            _fill(part, asset, show)
        import pooch

        found = pooch.file_hash(str(part))
        if found != sha256:
            part.unlink()
            raise InvalidInput(
                target.name,
                f"a file with sha256 {found}",
                f"sha256 {sha256}",
                "The download broke; nothing was kept, try again.",
            )
        os.replace(part, target)
    return target


def _fill(part: Path, asset: Any, show: Callable[[int], None]) -> None:
    """Adds what is missing of a file, trying again as long as something arrives."""
    import requests

    read = asset.get_download_file_iter()
    while (there := part.stat().st_size if part.exists() else 0) < asset.size:
        try:
            with part.open("ab") as file:
                show(there)
                for block in read(there):
                    file.write(block)
                    show(file.tell())
            if part.stat().st_size == there:
                raise requests.ConnectionError("nothing more arrives")
        except requests.RequestException:
            if part.stat().st_size == there:
                raise
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise InvalidInput(
                "path",
                f"{part.parent}: no room left on the disk",
                f"{asset.size / 1e6:.0f} MB for {Path(asset.path).name}",
                "Free some space and try again: the download goes on where it stopped.",
            ) from error
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()


@contextmanager
def _shown(name: str, size: int, progress: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar to tell how many bytes have arrived."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task(name, total=size)
        yield lambda done: bar.update(task, completed=done)
