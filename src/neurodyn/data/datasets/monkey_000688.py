"""Macaque motor cortex during reaching, four monkeys over many days, of dandiset 000688."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from neurodyn.config import check_choices, check_range
from neurodyn.data.datasets.base import Archived, Dataset, data_folders
from neurodyn.data.motor.session import AREAS, Task, open_session
from neurodyn.data.motor.trials import cut_trials
from neurodyn.data.splits import hold_out_units, parse_fractions, split_trials
from neurodyn.data.subject_splits import hold_out_subject
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData

DANDISET, VERSION = "000688", "0.250122.1735"
SELECTED = (
    *("C_20150311", "C_20150312", "C_20150313", "C_20150319", "C_20160914", "C_20160915", "C_20160919", "C_20160921"),
    *("C_20161005", "C_20161013", "C_20161021"),
    *("M_20140217", "M_20140218", "M_20140303", "M_20140304", "M_20140306", "M_20140929"),
    *("J_20160405", "J_20160406", "J_20160407"),
    *("T_20130821", "T_20130905", "T_20130909"),
)
"""Centre-out sessions of Safaie et al. 2023 that the archive holds. It lacks one of monkey C (2016-10-14) and has other days of monkey J."""
_TASKS = {"centre_out": "CO", "random_target": "RT"}


@dataclass(frozen=True)
class Monkey000688Config:
    """Which monkeys, sessions, area and window; who is held out."""

    monkeys: tuple[Literal["C", "M", "J", "T"], ...] = ("C", "M", "J")
    """Whose sessions are read. All of these have M1; PMd was recorded in C, M and T."""
    sessions: tuple[str, ...] = ()
    """Sessions by name, e.g. C_20160914. None: of centre-out, those published that are found; of random targets, all that are found."""
    task: Task = "centre_out"
    """`centre_out`: eight targets, a trial each. `random_target`: a trial for each reach of a sequence."""
    area: Literal["M1", "PMd", "both"] = "M1"
    """Whose units make up the population; sessions without one are left out."""
    window: Literal["execution", "preparation", "trial"] = "execution"
    """Around movement onset, 15 bins of 30 ms each: `execution` -0.05 to 0.40 s (of random targets 0 to 0.35 s), `preparation` -0.40 to 0.05 s (centre-out only).
    `trial`: whole trials, masked at their end."""
    bin_s: float = 0.03
    """Bin width in seconds; bins are counted from the start of each trial."""
    behaviour: tuple[Literal["velocity", "position"], ...] = ("velocity", "position")
    """Of the hand: velocity, and position relative to where it is at movement onset."""
    min_rate_hz: float = 1.0
    """Units below this mean rate over the rewarded trials are left out, in every area."""
    artefacts: Literal["keep", "drop"] = "keep"
    """Trials whose hand accelerates above 1500 cm/s² or goes beyond 10 cm: kept with `artefact` in their table, or dropped."""
    heldout_monkey: Literal["C", "M", "J", "T"] | None = None
    """A monkey that is held out: its sessions' trials calibrate or test, none trains."""
    heldout_sessions: tuple[str, ...] = ()
    """The same for single sessions."""
    calibration: float = 0.5
    """Share of a held-out session's trials that few-shot calibration may use; they come first, targets in turns."""
    heldout: float = 0.0
    """Fraction of the units that are held out."""
    heldout_seed: int = 0
    """Seed of the held-out units."""
    split: str = "70/15/15"
    """Shares of train/valid/test trials of the other sessions; targets are spread over them alike."""
    seed: int = 0
    """Seed of the splits."""
    folder: str | None = None
    """Folder with the NWB files or the archive's folders sub-C, sub-M, ... (default: 000688 below the data folders)."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name, low in (("bin_s", True), ("min_rate_hz", False)):
            check_range(f"data.{name}", getattr(self, name), 0, open_low=low)
        for name in ("calibration", "heldout"):
            check_range(f"data.{name}", getattr(self, name), 0, 1, open_high=True)
        parse_fractions(self.split)
        for name in ("monkeys", "behaviour"):
            given = getattr(self, name)
            if not given or len(set(given)) < len(given):
                raise InvalidInput(f"data.{name}", list(given), "at least one, none twice")
        if self.task == "random_target" and self.window == "preparation":
            raise InvalidInput("data.window", "'preparation'", "'execution' or 'trial' for random targets: no delay")
        if self.heldout_monkey is not None and self.heldout_monkey not in self.monkeys:
            raise InvalidInput("data.heldout_monkey", repr(self.heldout_monkey), f"one of data.monkeys {self.monkeys}")
        for name in (*self.sessions, *self.heldout_sessions):
            if name[:1] not in self.monkeys or name[1:2] != "_":
                raise InvalidInput("data.sessions", repr(name), f"MONKEY_DATE of {self.monkeys}", "E.g. C_20160914.")


class Monkey000688(Dataset):
    """Macaque M1 and PMd during centre-out and random-target reaching: four monkeys, 111 sessions (Perich et al., dandiset 000688)."""

    Config: ClassVar = Monkey000688Config
    archived: ClassVar = Archived(
        DANDISET,
        VERSION,
        tuple(f"sub-{name[0]}/sub-{name[0]}_ses-CO-{name[2:]}*.nwb" for name in SELECTED if name[0] != "T"),
    )
    config: Monkey000688Config

    def load(self) -> Trials | list[Trials]:
        """A list with the trials of every session, or of one alone its trials. Table: `condition` (target 0 to 7), `monkey`, `day`.

        Raises:
            MissingData: no file, or not one that was asked for; the message says what to fetch.
            InvalidInput: a file that does not hold what is needed; no session with units in the area; none left to train on.
        """
        from rich.console import Console
        from rich.progress import track

        options, found = self.config, self.files()
        shown = track(
            found.items(), "reading sessions", console=Console(stderr=True), transient=True, disable=len(found) < 3
        )
        several = [each for each in (self._session(name, path) for name, path in shown) if each is not None]
        if not several:
            raise InvalidInput("data.area", repr(options.area), f"an area recorded in {', '.join(found)}")
        held = set(options.heldout_sessions)
        absent = held - {each.session for each in several}
        if absent:
            raise InvalidInput("data.heldout_sessions", sorted(absent), f"some of {[t.session for t in several]}")
        if all("train" not in set(each.table["split"]) for each in several):
            raise InvalidInput("data.heldout_sessions", "every session", "a session that is left to train on")
        return several if len(several) > 1 else several[0]

    def files(self) -> dict[str, Path]:
        """The file of each session, by its name, in the order of monkeys and days.

        Raises:
            MissingData: none is found, or not one that was asked for.
        """
        options, code = self.config, _TASKS[self.config.task]
        places = [Path(options.folder).expanduser()] if options.folder else [f / DANDISET for f in data_folders()]
        found: dict[str, Path] = {}
        for monkey in options.monkeys:
            pattern = f"sub-{monkey}_ses-{code}-*.nwb"
            own = [path for place in places for path in (*place.glob(f"sub-{monkey}/{pattern}"), *place.glob(pattern))]
            for path in sorted(own, key=lambda path: path.name):
                day = path.name.split(f"_ses-{code}-")[1][:8]
                found.setdefault(f"{monkey}_{day}", path)
        wanted = options.sessions or tuple(found if options.task == "random_target" else SELECTED)
        if options.sessions and set(wanted) - set(found):
            raise self._missing(", ".join(sorted(set(wanted) - set(found))), places)
        chosen = {name: path for name, path in found.items() if name in wanted}
        if not chosen:
            other = f", but of {', '.join(found)}: name those you want (sessions=)" if found else ""
            raise self._missing(f"{options.task} session of {', '.join(options.monkeys)}", places, other)
        return chosen

    def check_present(self) -> None:
        """Looks for its files, and reads none.

        Raises:
            MissingData: as `files`.
        """
        self.files()

    def _session(self, name: str, path: Path) -> Trials | None:
        options, (monkey, day) = self.config, name.split("_")
        areas = AREAS if options.area == "both" else (options.area,)
        with open_session(path, options.task, areas) as session:
            if session is None:
                return None
            cut = cut_trials(
                session,
                options.task,
                options.window,
                options.bin_s,
                options.behaviour,
                options.min_rate_hz,
                options.artefacts == "drop",
            )
        trials = dataclasses.replace(
            cut,
            name="monkey_000688",
            session=name,
            table=cut.table.assign(monkey=monkey, day=day),
            provenance={"dandiset": DANDISET, "version": VERSION, "file": path.name, "area": options.area},
        )
        if options.heldout:
            trials = hold_out_units(trials, options.heldout, options.heldout_seed)
        if monkey == options.heldout_monkey or name in options.heldout_sessions:
            return hold_out_subject(trials, options.calibration, options.seed)
        return split_trials(trials, parse_fractions(options.split), seed=options.seed, stratify="condition")

    def _missing(self, what: str, places: list[Path], other: str = "") -> MissingData:
        return MissingData(
            f"monkey_000688: no file of {what} in {', '.join(map(str, places))}{other}. The files (sub-C/sub-C_ses-CO-20160914_behavior+ecephys.nwb, ...) come from "
            f"https://dandiarchive.org/dandiset/{DANDISET}/{VERSION}. `neurodyn data get monkey_000688` fetches the centre-out sessions of monkeys C, M and J "
            "that were published; get others by hand into the archive's folders below 000688 in a data folder, or give the folder that holds them (folder, --data.folder)."
        )
