"""Mouse visual cortex during videos: ten mice, thousands of neurons each, five pairs of mice that saw the same videos."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.data.datasets.base import Dataset, data_folders
from neurodyn.data.sensorium import mapping
from neurodyn.data.sensorium.folder import MouseFolder, Tier, find_mice, open_mouse
from neurodyn.data.sensorium.scan import TierScan, scan_tier
from neurodyn.data.sensorium.trials import Behaviour, Reading, read_mouse, stimulus_table
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData

FOLDER = "sensorium2023"


@dataclass(frozen=True)
class Sensorium2023Config:
    """Which mice, which of them are held out, and how their files become trials."""

    folder: str | None = None
    """Where the mice's folders lie, in it or one level below (default: `sensorium2023` in the data folder)."""
    mice: tuple[str, ...] = ()
    """Animals (`29228`) or recordings (`29228-2-10`) to read; empty for all that are there."""
    heldout: tuple[str, ...] = ("29228", "29755")
    """Those that nothing is trained on, where they are read: subjects for zero-shot tests."""
    train_tiers: tuple[Tier, ...] = ("train",)
    """Tiers that are split `train` for the other mice."""
    valid_tiers: tuple[Tier, ...] = ("oracle",)
    """Tiers that are split `valid`."""
    test_tiers: tuple[Tier, ...] = ()
    """Tiers that are split `test`; responses of the test tiers were released for five mice."""
    heldout_test_tiers: tuple[Tier, ...] = ("train",)
    """Tiers of the held-out mice that are split `test`; tier `train` is the one whose videos a pair shares."""
    heldout_calibration_tiers: tuple[Tier, ...] = ("oracle",)
    """Tiers of the held-out mice that few-shot calibration may use (split `calibration`)."""
    statistics: Literal["per_neuron", "official"] = "per_neuron"
    """What responses are scaled by: one standard deviation a neuron, from tier `train`; or the published ones, one a neuron and frame, over all tiers."""
    frame: tuple[int, int] | None = (32, 64)
    """Height and width that frames are resized to; None leaves them as they are, 36 x 64."""
    behaviour: tuple[Behaviour, ...] = ("pupil", "running")
    """What is brought along as behaviour: pupil dilation, running speed, pupil position."""
    stimuli: Literal["videos", "mapping"] = "videos"
    """What says which trials showed the same: the videos' frames, or the published mapping files."""
    mapping: str | None = None
    """Folder of the mapping files. Trials that they name must exist; with `stimuli: videos` they must show the same video, too."""
    require_pairs: bool = True
    """Whether each held-out mouse must have a partner that was shown the same."""
    bad_trials: Literal["refuse", "exclude"] = "refuse"
    """What to do with trials that cannot be used (damaged files, no valid frame, lengths that disagree): an error, or go without them and say how many."""
    units: int | None = None
    """Only so many units of each mouse, evenly spread over the recording, for a quick look."""
    trials: int | None = None
    """Only the first so many trials of each tier, for a quick look."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in ("units", "trials"):
            if getattr(self, name) is not None:
                check_range(f"data.{name}", getattr(self, name), 1)
        if self.frame is not None:
            check_range("data.frame", min(self.frame), 1)
        if self.stimuli == "mapping" and self.mapping is None:
            raise InvalidInput("data.mapping", None, "the folder of the mapping files", "Or set data.stimuli=videos.")
        for splits in (self._fields(False), self._fields(True)):
            tiers = Counter(tier for field in splits for tier in getattr(self, field))
            if not tiers:
                raise InvalidInput(f"data.{next(iter(splits))}", (), "one tier at least")
            if max(tiers.values()) > 1:
                raise InvalidInput(
                    f"data.{', '.join(splits)}", f"{tiers.most_common(1)[0][0]!r} twice", "each tier once"
                )

    @staticmethod
    def _fields(heldout: bool) -> dict[str, str]:
        """Name of the split that each list of tiers makes."""
        if heldout:
            return {"heldout_test_tiers": "test", "heldout_calibration_tiers": "calibration"}
        return {"train_tiers": "train", "valid_tiers": "valid", "test_tiers": "test"}

    def reading(self, heldout: bool) -> Reading:
        """How the files of a mouse become trials."""
        splits = {tier: split for field, split in self._fields(heldout).items() for tier in getattr(self, field)}
        return Reading(splits, self.statistics, self.frame, self.behaviour, self.bad_trials, self.units, self.trials)


class Sensorium2023(Dataset):
    """Mouse V1, two-photon, responses to 10 s videos at 30 Hz: ten mice, 7440 to 8285 neurons each (Turishcheva et al. 2023, arXiv:2305.19654)."""

    Config: ClassVar = Sensorium2023Config
    by_hand: ClassVar = (
        "The ten mice are published by the competition on GIN (https://gin.g-node.org/pollytur/Sensorium2023Data and "
        "https://gin.g-node.org/pollytur/sensorium_2023_dataset) under CC BY-NC-ND 4.0; their authors ask to be contacted before new analyses of them are "
        "published. Unpack the archives in the folder sensorium2023 of the data folder, or give their folder (folder, --data.folder)."
    )

    config: Sensorium2023Config

    def load(self) -> list[Trials]:
        """One `Trials` a mouse, read when asked for. Its table holds `trial` (the index in the file names), `tier`, `split`, `bins`, and `stimulus`: what was shown.

        The first time, every video and response file is read once (minutes for all ten mice), for the valid frames and the videos' identities. That is kept.

        Raises:
            MissingData: no mouse's folder is there, or one is not whole.
            InvalidInput: a mouse that is not there; as `read_mouse` and `mapping.compare`; mapping files that contradict the videos; held-out mice without a partner.
        """
        mice = self._mice()
        heldout = [name for name in self._named(self.config.heldout, self._paths(), "data.heldout") if name in mice]
        readings = {name: self.config.reading(name in heldout) for name in mice}
        scans = {name: self._scans(mouse, readings[name].splits) for name, mouse in mice.items()}
        stimuli = self._stimuli(mice, scans)
        sessions = []
        for name, mouse in mice.items():
            shown = dict(zip(stimuli[name]["trial"].tolist(), stimuli[name]["stimulus"].tolist(), strict=True))
            sessions.append(read_mouse(mouse, scans[name], readings[name], shown))
            for left in sessions[-1].provenance["left_out"]:
                warnings.warn(
                    f"mouse {name}, tier {left['tier']}: {left['trials']} trials left out, {left['why']}", stacklevel=2
                )
        if self.config.require_pairs:
            _check_partners(sessions, heldout)
        return sessions

    def check_present(self) -> None:
        """Looks for the mice's folders, and reads none.

        Raises:
            MissingData: there is none.
        """
        self._paths()

    def compare_mapping(self) -> pd.DataFrame:
        """The mapping files beside what the videos say; see `mapping.compare`. Of the ten mice, every line should agree.

        Raises:
            InvalidInput: no folder of mapping files is given; as `mapping.compare`.
            MissingData: as `load` and `mapping.compare`.
        """
        if self.config.mapping is None:
            raise InvalidInput("data.mapping", None, "the folder of the mapping files")
        mice = self._mice()
        tables = {name: stimulus_table(self._scans(mouse, ())) for name, mouse in mice.items()}
        return mapping.compare(Path(self.config.mapping).expanduser(), _by_animal(mice, tables))

    def _paths(self) -> dict[str, Path]:
        folders = [folder / FOLDER for folder in data_folders()]
        if self.config.folder is not None:
            folders = [Path(self.config.folder).expanduser()]
        for folder in folders:
            if found := find_mice(folder):
                return found
        raise MissingData(
            f"sensorium2023: no folder dynamic<animal>-<session>-<scan>-Video-<hash> in {', '.join(map(str, folders))}. {self.by_hand}"
        )

    def _mice(self) -> dict[str, MouseFolder]:
        paths = self._paths()
        chosen = self._named(self.config.mice, paths, "data.mice") or list(paths)
        return {name: open_mouse(paths[name]) for name in paths if name in chosen}

    def _scans(self, mouse: MouseFolder, tiers: Iterable[Tier]) -> dict[Tier, TierScan]:
        """What the tiers hold that are read; `train`, which responses are scaled by; and `oracle` for mapping files, which name both."""
        needed: tuple[Tier, ...] = ("train",) if self.config.mapping is None else ("train", "oracle")
        return {tier: scan_tier(mouse, tier) for tier in dict.fromkeys((*needed, *tiers))}

    @staticmethod
    def _named(wanted: Sequence[str], present: Mapping[str, object], field: str) -> list[str]:
        """Full names of the recordings that are wanted, by animal or by full name."""
        found = []
        for name in wanted:
            matching = [full for full in present if name in (full, full.split("-", 1)[0])]
            if not matching:
                raise InvalidInput(
                    field, repr(name), f"one of {', '.join(present)}", "None is held out with heldout=()."
                )
            found += matching
        return found

    def _stimuli(
        self, mice: Mapping[str, MouseFolder], scans: Mapping[str, Mapping[Tier, TierScan]]
    ) -> dict[str, pd.DataFrame]:
        tables = {name: stimulus_table(each) for name, each in scans.items()}
        if self.config.mapping is None:
            return tables
        folder, by_animal = Path(self.config.mapping).expanduser(), _by_animal(mice, tables)
        if self.config.stimuli == "mapping":
            listed = mapping.listed_stimuli(folder, by_animal)
            return {name: listed[mouse.animal] for name, mouse in mice.items()}
        compared = mapping.compare(folder, by_animal)
        wrong = compared[compared["agree"] < compared["listed"]]
        if len(wrong):
            file, listed, _, agree = wrong.iloc[0]
            raise InvalidInput(
                file,
                f"{listed - agree} of {listed} lines that do not agree with the videos",
                "trials that showed the same video",
                "Set data.stimuli=mapping to take the files' word for it.",
            )
        return tables


def _by_animal(mice: Mapping[str, MouseFolder], tables: Mapping[str, Any]) -> dict[str, Any]:
    """The same by animal, as mapping files name mice."""
    animals = Counter(mouse.animal for mouse in mice.values())
    twice = next((animal for animal, times in animals.items() if times > 1), None)
    if twice is not None:
        raise InvalidInput(
            "data.mapping", f"two recordings of {twice}", "one an animal: mapping files name animals only"
        )
    return {mouse.animal: tables[name] for name, mouse in mice.items()}


def _check_partners(sessions: Sequence[Trials], heldout: Sequence[str]) -> None:
    shown = {
        trials.session: set(trials.table["stimulus"][trials.table["split"] != "calibration"]) for trials in sessions
    }
    alone = [
        name for name in heldout if not any(shown[name] & others for other, others in shown.items() if other != name)
    ]
    if alone:
        raise InvalidInput(
            "data.heldout",
            f"{', '.join(alone)}, without a partner that was shown the same videos",
            "pairs of mice, such as 29228 and 29755",
            "Load its partner too, or set data.require_pairs=false.",
        )
