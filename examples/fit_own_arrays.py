"""As fit_by_name.py, with arrays of one's own: counts `(trial, time, unit)`, behaviour `(trial, time, channel)`."""

import numpy as np

import neurodyn as nd
from neurodyn.data.splits import hold_out_units, split_trials

rng = np.random.default_rng(0)
position = np.cumsum(rng.normal(size=(60, 40, 2)), axis=1) / 5
counts = rng.poisson(np.exp(0.3 * position @ rng.normal(size=(2, 12)) - 0.5))

trials = nd.Trials.from_arrays(counts, bin_s=0.05, behaviour={"position": position})
trials = split_trials(hold_out_units(trials, 0.25, seed=0), (0.6, 0.2, 0.2), seed=0)
model = nd.fit("lfads", trials, generator=16, factors=8, train={"epochs": 5}, progress=False)
for score in nd.evaluate(model, samples=5):
    beside = ", ".join(f"{name} {value:.3f}" for name, value in score.baselines.items())
    print(f"{score.name}: {score.value:.3f} (baselines: {beside})")
