"""What every recording of the Neural Latents Benchmark is: its files, its session, its tensors, its trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from neurodyn import registry
from neurodyn.config import check_choices, check_range
from neurodyn.data.binning import whole_bins
from neurodyn.data.check import Finding
from neurodyn.data.datasets.base import Dataset, data_folders
from neurodyn.data.nlb import cache
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nlb.release import compare
from neurodyn.data.nlb.session import Session, read_session
from neurodyn.data.nlb.tensors import Tensors, build
from neurodyn.data.nlb.trials import to_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData


@dataclass(frozen=True)
class NLBConfig:
    """Which of a recording's splits."""

    bin_s: float = 0.005
    """Bin width in seconds; the benchmark scores 0.005 and 0.02."""
    phase: Literal["val", "test"] = "val"
    """`val`: train on the trials of split train, evaluate on val. `test`: train on both, predict the trials whose targets are withheld."""
    folder: str | None = None
    """Folder with the NWB files (default: where `neurodyn data get` puts them)."""
    valid_every: int = 5
    """Every so many-th training trial is kept for stopping and choosing."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        check_range("data.bin_s", self.bin_s, 0, open_low=True)
        check_range("data.valid_every", self.valid_every, 2)


class NLBDataset(Dataset):
    """A recording of the Neural Latents Benchmark; a leaf declares its `protocol` and nothing else."""

    protocol: ClassVar[Protocol]
    config: NLBConfig

    @property
    def name(self) -> str:
        """Its registered name."""
        return registry.name_of(type(self))

    @property
    def bin_ms(self) -> int:
        """Bin width in ms.

        Raises:
            InvalidInput: it is not a whole number of ms, or windows are not whole numbers of bins.
        """
        bin_ms = whole_bins(self.config.bin_s, 0.001, "data.bin_s")
        self.protocol.bins(bin_ms)
        return bin_ms

    def files(self) -> list[Path]:
        """The file of test trials, where it is at hand, and the file of training trials.

        Raises:
            MissingData: the file of training trials is in none of the folders searched, or, in phase test, that of test trials.
            InvalidInput: several files fit.
        """
        below = [folder / self.protocol.folder for folder in data_folders()]
        folders = [Path(self.config.folder).expanduser()] if self.config.folder else below
        train, test = None, None
        for folder in folders:  # the first with both, else the first with the training file
            found = self._matching(folder, self.protocol.train_pattern)
            beside = None if found is None else self._matching(folder, self.protocol.test_pattern)
            if train is None or beside is not None:
                train, test = found, beside
            if test is not None:
                break
        if train is None:
            raise self._missing(self.protocol.train_pattern, folders)
        if test is None and self.config.phase == "test":
            raise self._missing(self.protocol.test_pattern, [train.parent])
        return [train] if test is None else [test, train]

    def check_present(self) -> None:
        """Looks for its files, and reads none.

        Raises:
            MissingData: as `files`.
        """
        self.files()

    def session(self) -> Session:
        """The recording as its files hold it; close it when done.

        Raises:
            MissingData: as `files`.
            InvalidInput: as `session.read_session`.
        """
        return read_session(self.files(), self.protocol)

    def findings(self) -> list[Finding]:
        """Where the files differ from the published release, and what reading and cutting them finds; for `neurodyn data check`."""
        with self.session() as session:
            found, noted = compare(session, self.protocol), session.notes
        try:
            more = [note for note in self.tensors().provenance["notes"] if note not in noted]
        except InvalidInput as error:
            return [Finding("warning", "cannot be cut", str(error)), *found]
        return found + [Finding("note", "on cutting", note) for note in more]

    def tensors(self) -> Tensors:
        """The split's tensors, taken from the cache where the same files were cut with the same parameters before.

        Raises:
            MissingData: as `files`.
            InvalidInput: as `session.read_session` and `tensors.build`.
        """
        bin_ms, phase, files = self.bin_ms, self.config.phase, self.files()
        checksums = {path.name: cache.sha256(path) for path in files}
        stored = cache.place(self.protocol, self.name, bin_ms, phase, checksums)
        tensors = cache.read(stored)
        if tensors is None:
            with read_session(files, self.protocol) as session:
                made = build(session, self.protocol, self.name, bin_ms, phase)
            origin = {"dandiset": self.protocol.dandiset, "version": self.protocol.version, "sha256": checksums}
            tensors = dataclasses.replace(made, provenance={**made.provenance, **origin})
            try:
                stored.parent.mkdir(parents=True, exist_ok=True)
                cache.write(tensors, stored)
            except (InvalidInput, OSError):  # a cache that cannot be written costs time, not the result
                pass
        return tensors

    def load(self, files: Sequence[Any] | None = None) -> Trials:
        """The split's trials: training rows are `train` and `valid`, evaluated rows `test`. See `trials.to_trials`.

        Args:
            files: open `pynwb.NWBFile` objects (streamed from the archive, say) or paths, in place of the files on disk; nothing is cached then.

        Raises:
            MissingData, InvalidInput: as `tensors`.
        """
        if files is None:
            return to_trials(self.tensors(), self.config.valid_every)
        with read_session(files, self.protocol) as session:
            made = build(session, self.protocol, self.name, self.bin_ms, self.config.phase)
        return to_trials(made, self.config.valid_every)

    def _matching(self, folder: Path, pattern: str) -> Path | None:
        found = sorted(folder.glob(pattern)) if folder.is_dir() else []
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise InvalidInput(str(folder), names, f"one file {pattern}", "Move the others elsewhere.")
        return found[0] if found else None

    def _missing(self, pattern: str, folders: list[Path]) -> MissingData:
        return MissingData(
            f"{self.name}: no file {pattern} in {', '.join(map(str, folders))}. It comes from dandiset {self.protocol.dandiset} "
            f"(https://dandiarchive.org/dandiset/{self.protocol.dandiset}/{self.protocol.version}). Fetch it with `neurodyn data get {self.name}`, "
            "put it there by hand, set NEURODYN_DATA to the data folder, or give the folder of the files (folder, --data.folder)."
        )
