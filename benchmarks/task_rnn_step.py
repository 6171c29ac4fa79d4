"""One update of the leaky rate network (forward, credit, Adam) by BPTT and by e-prop: ours and the public implementation's.

    python benchmarks/task_rnn_step.py [--peers DIR] [--units 200] [--batch 100] [--bins 300] [--rounds 5] [--json FILE]

DIR holds a checkout `LearningRuleSimilarities`. Equality is tested first, in float64: losses and all gradients from the same weights and trials. Contenders then run in
interleaved rounds, in rotating order, on one thread, by the process CPU clock; the ratio is the median over rounds. Without peers only our own rules are timed.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from interleaved import interleaved, parser, report

from neurodyn import registry
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec, SessionSpec, SignalSpec
from neurodyn.models.task_rnn import TaskRNN, TaskRNNConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.task import Task, TaskConfig

CHANNELS, OUTPUTS, BIN_S, PENALTY = 3, 2, 0.01, 1.0
THEIRS = {"bptt": 0, "eprop": 1}
"""Their number of each rule."""
NAMES = {
    "input": "fc_x2ah.weight",
    "bias": "fc_x2ah.bias",
    "recurrent": "fc_h2ah.weight",
    "output": "fc_h2y.weight",
    "output_bias": "fc_h2y.bias",
    "initial": "ah0",
}
"""Their name of each parameter."""


def make_batch(trials: int, bins: int) -> Batch:
    torch.manual_seed(0)
    stimulus, target = torch.randn(trials, bins, CHANNELS), torch.randn(trials, bins, OUTPUTS)
    mask, counted = torch.ones(trials, bins, dtype=torch.bool), torch.rand(trials, bins, OUTPUTS) < 0.8
    observed = Observed({"stimulus": stimulus}, mask, bins)
    return Batch(observed, {}, {"target": target}, mask, torch.arange(trials), known={"target": counted})


def make_model(units: int, bins: int) -> TaskRNN:
    torch.manual_seed(0)
    signals = {
        "stimulus": SignalSpec("series", "stimulus", BIN_S, (CHANNELS,), bins),
        "target": SignalSpec("series", "target", BIN_S, (OUTPUTS,), bins),
    }
    spec = DataSpec((SessionSpec("task", signals, None, 0, 0, bins, 0),))
    return TaskRNN(TaskRNNConfig(units=units, mode="release"), spec).train()


def make_step(rule_name: str, model: TaskRNN, batch: Batch) -> Callable[[], Any]:
    rule = registry.load("learning_rules", rule_name)()
    rule.prepare(model, 0)
    objective = Task(TaskConfig(activity_penalty=PENALTY), model)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-4, fused=True)

    def step(update: bool = True) -> Any:
        optimiser.zero_grad()
        losses = rule.gradients(model, objective, [batch], Step())
        if update:
            optimiser.step()
        return losses.total.detach()

    return step


def their_step(folder: Path, number: int, ours: TaskRNN, batch: Batch) -> tuple[Any, Callable[[], Any]]:
    sys.path.insert(0, str(folder / "LearningRuleSimilarities" / "multisys_pipeline" / "models"))
    from model_architectures import CTRNN

    given = {name: value.detach().clone() for name, value in ours.named_parameters()}
    model = CTRNN(
        CHANNELS, len(given["bias"]), OUTPUTS, Wahx=given["input"], Wahh=given["recurrent"], Wyh=given["output"],
        bah=given["bias"], by=given["output_bias"], ah0=given["initial"], LEARN_ah0=True, activation_function="retanh",
        gain_Wh2h=1.0, learning_mode=number, Tau=10.0,
    )  # fmt: skip
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-4)
    stimulus, target, counted = batch.observed.signals["stimulus"], batch.targets["target"], batch.known["target"]
    noise = torch.zeros(*stimulus.shape[:2], len(given["bias"]))

    def step(update: bool = True) -> Any:
        said = model({"input": stimulus, "activity_noise": noise, "conn_density": -1})
        main = torch.sum((said["output"][counted == 1] - target[counted == 1]) ** 2) / torch.sum(counted == 1)
        total = main + PENALTY * torch.mean(said["activity"].flatten() ** 2)
        optimiser.zero_grad()
        total.backward()
        if update:
            optimiser.step()
        return total.detach()

    return model, step


def check_equal(rule: str, folder: Path, units: int, batch: Batch) -> float:
    """Largest difference of a gradient, as a part of its block's largest entry, in float64.

    In float32 a unit within rounding of the kink of φ falls to either side, and its gradient with it.
    """
    torch.set_default_dtype(torch.float64)
    try:
        ours = make_model(units, batch.observed.bins).double()
        signals, targets = (
            {n: v.double() for n, v in given.items()} for given in (batch.observed.signals, batch.targets)
        )
        observed = dataclasses.replace(batch.observed, signals=signals)
        exact = dataclasses.replace(batch, observed=observed, targets=targets)
        theirs, step = their_step(folder, THEIRS[rule], ours, exact)
        theirs.double().Tau = theirs.Tau.double()
        torch.testing.assert_close(make_step(rule, ours, exact)(False), step(False), rtol=1e-12, atol=0)
    finally:
        torch.set_default_dtype(torch.float32)
    given = dict(theirs.named_parameters())
    pairs = [(value.grad, given[NAMES[name]].grad) for name, value in ours.named_parameters()]
    worst = max(float((mine - other).abs().max() / other.abs().max()) for mine, other in pairs)
    assert worst < 1e-10, f"{rule}: gradients differ by {worst:.1e}"
    return worst


def main() -> None:
    options = parser(__doc__, peers="LearningRuleSimilarities")
    options.add_argument("--units", type=int, default=200)
    options.add_argument("--batch", type=int, default=100)
    options.add_argument("--bins", type=int, default=300)
    options.add_argument("--rules", nargs="*", default=["bptt", "eprop"])
    given = options.parse_args()
    torch.set_num_threads(1)
    batch = make_batch(given.batch, given.bins)
    result: dict[str, Any] = {"units": given.units, "batch": given.batch, "bins": given.bins}
    for rule in given.rules:
        model = make_model(given.units, given.bins)
        contenders = {f"{rule}, ours": make_step(rule, model, batch)}
        if given.peers is not None and rule in THEIRS:
            result[f"{rule}_gradients_differ_by"] = check_equal(rule, given.peers, given.units, batch)
            _, step = their_step(given.peers, THEIRS[rule], model, batch)
            contenders[f"{rule}, theirs"] = step
        timed = interleaved(contenders, given.rounds)
        result[rule] = timed
        if len(timed) > 1:
            result[f"{rule}_ratio"] = timed[f"{rule}, theirs"]["ratio"]
    report(result, given.json)


if __name__ == "__main__":
    main()
