"""Fit a model by name to data by name, and print its scores beside those of simpler models.

The sizes are tiny, so that it ends in seconds; leave `trials`, `generator` and `epochs` out for the real ones.
"""

import neurodyn as nd

trials = nd.load("two_area", trials=60, units=12)
model = nd.fit("lfads", trials, generator=16, factors=8, train={"epochs": 5}, progress=False)
for score in nd.evaluate(model, samples=5):
    beside = ", ".join(f"{name} {value:.3f}" for name, value in score.baselines.items())
    print(f"{score.name}: {score.value:.3f} (baselines: {beside})")
