"""As fit_by_name.py, with an objective and a training loop of one's own: the Poisson likelihood alone, without the KL terms."""

import torch

import neurodyn as nd
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.models.lfads import LFADS, LFADSConfig

trials = nd.load("two_area", trials=60, units=12)
torch.manual_seed(0)
model = LFADS(LFADSConfig(generator=16, factors=8), DataSpec.of(trials.train))
model.prepare([trials.train])  # biases and scales from the training trials
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)


def objective(output, batch):
    """Mean negative log likelihood of all counts, held-out units and forward bins among them."""
    name = batch.observed.neural_name
    nll = model.observation(name).negative_log_likelihood(output.predictions[name], batch.targets[name])
    weight = batch.weight(name).expand_as(nll)
    return (nll * weight).sum() / weight.sum()


batch = Batch.of(trials.train)
for epoch in range(5):
    loss = objective(model(batch.observed), batch)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")
print("rates of the test trials in Hz:", model.infer(trials.test).rates_hz.shape)
