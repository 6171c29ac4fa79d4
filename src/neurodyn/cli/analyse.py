"""Analyse what a run has learned: the fixed points of its dynamics, how deviations and pulses propagate, where it goes when it runs free, the physics of its latents, the cell types that its embeddings of neurons tell, or how a network learned its task.

usage: neurodyn analyse RUN --fixed-points [--inputs zero,mean,period,condition] [--starts N] [--seed N] [--json]
       neurodyn analyse RUN [--fixed-points] [--residuals] [--perturb] [--free-run] [--noise-response]
                           [--twins] [--messages] [--seed N] [--json]
       neurodyn analyse RUN --physics [--samples N] [--seed N] [--json]
       neurodyn analyse RUN --cell-types [--epochs N] [--seed N] [--json]
       neurodyn analyse RUN --gradients [--rule NAME] [--seed N] [--json]
       neurodyn analyse RUN --spectrum [--json]
       neurodyn analyse RUN --errors [--json]
       neurodyn analyse RUN --matched RUN ... [--levels E ...] [--json]
       neurodyn analyse RUN --similarity DATA [--measures NAME ...] [--lag-s S] [--json]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from neurodyn.cli._options import Flag, parse
from neurodyn.config import check_range
from neurodyn.errors import InvalidInput

_ANALYSES = {
    "fixed_points": "_analyse_fixed_points",
    "residuals": "_analyse_dynamics",
    "perturb": "_analyse_dynamics",
    "free_run": "_analyse_dynamics",
    "noise_response": "_analyse_dynamics",
    "twins": "_analyse_dynamics",
    "messages": "_analyse_dynamics",
    "physics": "_analyse_physics",
    "cell_types": "_analyse_cell_types",
    "gradients": "_analyse_task",
    "spectrum": "_analyse_task",
    "errors": "_analyse_task",
    "matched": "_analyse_task",
    "similarity": "_analyse_task",
}
"""The module beside this one whose function of the option's name does each."""


@dataclass(frozen=True)
class Options:
    """Analyse what a run has learned."""

    run: Positional[Path]
    """Folder of a run."""
    fixed_points: Flag = False
    """Look for fixed points from the states that the training trials visit; for models with dynamics."""
    residuals: Flag = False
    """Compare how trial-to-trial deviations propagate in the data, in spikes drawn from the model, by the model's own Jacobian, and in the true system; for models with dynamics."""
    perturb: Flag = False
    """Push the true system and the model by the same pulses, with everything else as it was; for models of simulated circuits."""
    free_run: Flag = False
    """Let the model run free for long: Lyapunov exponents, power spectra and attractor, beside the true system's."""
    noise_response: Flag = False
    """Push the model with white noise, let it rest, and count where it ends: its attractors, without a search."""
    twins: Flag = False
    """Score the model against every circuit that makes the same spikes; for models of two_area recorded in PFC."""
    messages: Flag = False
    """Cut each message between areas: how much worse the receiver's spikes are predicted; for multi_area_lfads."""
    physics: Flag = False
    """Look at modes, energies, landscape and information of latents that obey the Langevin equation, on the test trials; for langevin_flow in its default mode."""
    cell_types: Flag = False
    """Tell cell types from the embeddings of neurons; for neuprint. Classifiers are trained on the sessions that the run began with and tested on those that `neurodyn adapt` added."""
    gradients: Flag = False
    """Compare the gradient of the run's learning rule with the exact one at every kept step, on training trials; for runs with --train.checkpoint-steps."""
    spectrum: Flag = False
    """Eigenvalues of the recurrent weights before and after training, and how the weights changed; for task_rnn."""
    errors: Flag = False
    """Measure the run on its test trials at every kept step."""
    matched: tuple[Path, ...] = ()
    """Further runs of the same task: where each first reaches the same errors on the first run's test trials."""
    levels: tuple[float, ...] = ()
    """With --matched, the errors; by default eight that all runs reach."""
    similarity: str = ""
    """Data set with recorded condition averages: how alike to them the network is at every kept step, over lags, and beside what knows no condition."""
    measures: tuple[str, ...] = ("procrustes", "procrustes:without_mean")
    """With --similarity, names of measures, options after colons; :without_mean at the end takes the mean over conditions out first."""
    lag_s: float = 0.0
    """With --similarity, how much later the network is looked at than the recording, from the event that both are aligned to."""
    rule: str = ""
    """With --gradients, another rule than the run's, at the weights that the run's rule led to."""
    inputs: tuple[str, ...] = ("zero", "mean")
    """Constant inputs: zero, mean, period (the mean in each of the task's periods), condition (the mean over each condition's trials)."""
    starts: int = 1024
    """Visited states to start from, for each input."""
    samples: int = 4
    """Posterior samples of each trial, for the physics."""
    epochs: int | None = None
    """Of the search for the neurons' embeddings, with all else frozen; by default the model's."""
    seed: int = 0
    """Seed of the starts, of the posterior samples, and of the classifiers."""
    session: str = ""
    """Session whose trials are used; empty takes the first."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for `fixed_points.h5`, `.json` and `.html`, `physics.json` and `.html`, and the other analyses' `.json`; empty takes `analysis` in the run's folder, where `neurodyn report` finds them."""
    json: Flag = False
    """One JSON object on stdout: the analysis, or each by its name where several were asked for."""

    def __post_init__(self) -> None:
        check_range("starts", self.starts, 1)
        check_range("samples", self.samples, 1)
        check_range("seed", self.seed, 0)
        if self.epochs is not None:
            check_range("epochs", self.epochs, 1)


def run(arguments: Sequence[str]) -> None:
    """Makes the analyses that were asked for, one after the other; each writes its files and prints its table."""
    options = parse(Options, arguments, "neurodyn analyse")
    asked = [name for name in _ANALYSES if getattr(options, name)]
    if not asked:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in _ANALYSES)
        raise InvalidInput("analysis", "none", "at least one", f"Add some of {flags}.")
    found = {}
    for name in asked:
        analyse: Callable[[Options], dict[str, Any]] = getattr(import_module(f"neurodyn.cli.{_ANALYSES[name]}"), name)
        found[name] = analyse(options)
    if options.json:
        from neurodyn.cli._console import print_json

        print_json(found[asked[0]] if len(asked) == 1 else {"run": str(options.run), **found})
