"""The two-area decision circuit, recorded in one area or both, ready to fit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.datasets.base import Dataset
from neurodyn.data.signal import Signal
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import Randomness
from neurodyn.simulate.linear_nonlinear import LinearNonlinearConfig
from neurodyn.simulate.noise import NoiseConfig
from neurodyn.simulate.two_area import TwoArea as TwoAreaSimulator
from neurodyn.simulate.two_area import TwoAreaConfig as TwoAreaSimulatorConfig
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination, PulseDiscriminationConfig

_PRESET: dict[str, Any] = {"ext": "rec", "recnf_ext": "recnf"}
_BENCHMARK_SEED = {"recnf": 22, "recnf_ext": 22}
_HOLDOUT_SEED_OFFSET = 1000
"""As in the quality benchmark: the held-out units are drawn with the seed plus this."""


@dataclass(frozen=True)
class TwoAreaConfig:
    """Options of the data set `two_area`. The defaults are the quality benchmark's; other couplings are the simulator's options."""

    variant: Literal["rec", "recnf", "ext", "recnf_ext", "no_feedback", "no_coupling"] = "rec"
    """Coupling between the areas. `ext` and `recnf_ext` are rec and recnf with PFC's true input given to the model."""
    trials: int = 500
    """Number of trials."""
    seed: int | None = None
    """Seed of everything that is drawn; empty takes the benchmark's: 22 for recnf, else 21 (0 for legacy randomness)."""
    recorded: Literal["pfc", "ppc", "both"] = "pfc"
    """Area that is recorded. Latents are its S, and `inputs` what drives it: of `pfc` what it receives from PPC; of `ppc` what it receives from PFC, and the
    stimulus. Of `both` latents are PPC's S and PFC's, `inputs` those into PFC, `inputs_to_ppc` what PPC receives from PFC. PFC's spikes are the same as alone."""
    twin: float | None = None
    """Structure J_S' of PFC in a twin: another local circuit with the same spikes and latents under other `inputs`; empty for the circuit itself."""
    repeats: int = 1
    """How often each trial is recorded, with fresh spikes. The table's `latent_trial` names the trial, `repeat` the repeat; splits keep them together."""
    units: int = 30
    """Number of units in each recorded area."""
    heldout: float = 0.25
    """Part of the units held out, drawn."""
    forward: int = 10
    """Bins at the end of the trial that are predicted, never seen."""
    split: tuple[float, float, float] = (3.0, 1.0, 1.0)
    """Shares of train, valid and test, in the order of the trials."""
    randomness: Randomness = "shared"
    """`shared`: one generator for all trials, the benchmark's stream. `per_trial`: a generator a trial, so that a trial does
    not depend on how many there are. `legacy`: the stored study's seeding, with its trial table."""
    noise: Literal["held10ms", "murray", "none"] = "held10ms"
    """Private noise: as in the stored study (held for each bin, more than 5 times the power), as in the model's paper, or none."""
    task: PulseDiscriminationConfig = field(default_factory=PulseDiscriminationConfig)
    """The task."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        for name in ("trials", "units", "repeats"):
            check_range(f"data.{name}", getattr(self, name), 1)
        if self.recorded != "pfc" and self.variant in _PRESET:
            fix = "Use rec or recnf."
            raise InvalidInput(
                "data.variant", self.variant, f"a variant without PFC's input, with recorded={self.recorded}", fix
            )
        if self.seed is not None:
            check_range("data.seed", self.seed, 0)
        check_range("data.forward", self.forward, 0)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_shares("data.split", self.split)


class TwoArea(Dataset):
    """Two-area decision circuit, PFC or PPC or both recorded; truth: rates, latents, inputs."""

    Config: ClassVar = TwoAreaConfig

    def load(self) -> Trials:
        """Simulates the trials, holds units out, and splits them.

        >>> TwoArea.with_options(trials=20, variant="ext").load()
        Trials('two_area', 20 trials: counts spikes(100, 30), external_input series(100, 2); 10 ms bins, 8 of 30 units held out, 10 forward bins)
        """
        c = self.config
        seed = c.seed
        if seed is None:
            seed = 0 if c.randomness == "legacy" else _BENCHMARK_SEED.get(c.variant, 21)
        simulator = TwoAreaSimulator(
            TwoAreaSimulatorConfig(
                preset=_PRESET.get(c.variant, c.variant),
                noise=NoiseConfig(preset=c.noise),
                recorded=c.recorded,
                twin=c.twin,
                spikes=LinearNonlinearConfig(units=c.units),
            ),
            PulseDiscrimination(c.task),
        )
        trials = simulator.simulate(c.trials, seed=seed, randomness=c.randomness, repeats=c.repeats)
        trials = hold_out_units(trials, heldout=self._heldout(trials, seed + _HOLDOUT_SEED_OFFSET))
        different = split_trials(trials.select(slice(None, None, c.repeats)), fractions_of(c.split), by="block")
        trials = dataclasses.replace(
            trials, table=trials.table.assign(split=np.repeat(different.table["split"].to_numpy(), c.repeats))
        )
        signals = dict(trials.signals)
        if c.variant in _PRESET:
            signals["external_input"] = Signal(
                trials.truth["inputs"], "series", "input", trials.bin_s, units="nA", names=("into PFC 0", "into PFC 1")
            )
        return dataclasses.replace(
            trials,
            signals=signals,
            forward=c.forward,
            provenance={"source": "two_area", "options": to_dict(c), **trials.provenance},
        )

    def _heldout(self, trials: Trials, seed: int) -> np.ndarray:
        """The same part of each area; PFC's are the same whatever else is recorded."""
        area = trials.unit_table["area"].to_numpy()
        alone = trials.select([0])
        found = []
        for place, name in enumerate(("PFC", "PPC")):
            units = np.flatnonzero(area == name)
            if len(units):
                own = Trials.from_arrays(alone.counts[..., units], bin_s=trials.bin_s)
                found.append(units[hold_out_units(own, self.config.heldout, seed + place).heldout])
        return np.concatenate(found)
