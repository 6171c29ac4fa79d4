"""`neurodyn analyse --physics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.cli._analysed import session_of

if TYPE_CHECKING:
    from neurodyn.cli.analyse import Options
    from neurodyn.dynamics.physics import Physics

_LEADING_MODES = 8


def physics(options: Options) -> dict[str, Any]:
    """Modes, energies, landscape and information of latents that obey the Langevin equation."""
    from neurodyn import assessment
    from neurodyn.analysis.fixed_points import KEPT
    from neurodyn.analysis.langevin import langevin_physics
    from neurodyn.cli._console import console, working
    from neurodyn.data.writing import folder_made, written_whole
    from neurodyn.estimator import Estimator
    from neurodyn.reporting.langevin import Langevin, physics_html
    from neurodyn.reporting.page import document
    from neurodyn.reporting.plot import to_json

    estimator = Estimator.load(options.run)
    with working(f"Looking at the physics of {options.run} ..."):
        trials = session_of(assessment.parts_of(estimator).test or [], options.session)
        found = langevin_physics(estimator.model_, trials, samples=options.samples, seed=options.seed)
    written = {"run": str(options.run), "seed": options.seed, **found.as_mapping()}
    section = {"name": Langevin.name, "title": Langevin.title, "lead": Langevin.lead, "html": physics_html(found)}
    folder = options.out or (options.run / KEPT).parent
    with folder_made(folder):
        with written_whole(folder / "physics.json") as beside:
            beside.write_text(to_json(written))
        with written_whole(folder / "physics.html") as beside:
            beside.write_text(document(f"Physics of {options.run}", "", [section]), encoding="utf-8")
    if options.json:
        return written
    _print_physics(found)
    console().print(f"figures: {folder / 'physics.html'}", highlight=False, soft_wrap=True)
    return written


def _print_physics(found: Physics) -> None:
    """The modes that carry most variance, and the means of energies and information."""
    from rich.table import Table

    from neurodyn.cli._console import console

    modes, energies, kl = found.modes[0], found.energies, found.information
    means = [f"{name} {float(np.nanmean(values)):.3g}" for name, values in energies.mean.items()]
    parts = [f"{name} {float(values.mean()):.3g}" for name, values in kl.parts.items()]
    note = (
        f"energy in units of the temperature: {', '.join(means)}; mean squared velocity {energies.kinetic_ratio.mean():.3g} times that of equilibrium; "
        f"KL in nats a trial: {', '.join(parts)}"
    )
    table = Table(title="Modes that carry most variance", title_justify="left", caption=note, caption_justify="left")
    table.add_column("damping")
    for heading in ("frequency (Hz)", "undamped (Hz)", "damping ratio", "decay (ms)", "share of variance"):
        table.add_column(heading, justify="right")
    for i in range(min(len(modes), _LEADING_MODES)):
        values = modes.frequency_hz[i], modes.undamped_hz[i], modes.damping_ratio[i], 1000 * modes.decay_s[i]
        table.add_row(modes.regime[i], *(f"{value:.3g}" for value in values), f"{modes.share[i]:.1%}")
    console().print(table)
