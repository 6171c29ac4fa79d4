"""Several leaky rate networks in one batched product a bin, against one after the other: when would stacking seeds pay?

    python benchmarks/stacked_seeds.py [--networks 4] [--bins 300] [--rounds 5] [--json FILE]

The forward loop of the form `potential`, its cost by far the largest of what could be stacked; both give the same activity, which is tested first. Contenders run in
interleaved rounds on one thread, by the process CPU clock. Above 1 stacking is faster.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from interleaved import interleaved, parser, report
from torch import Tensor

from neurodyn.models.parts.leaky_recurrence import Leak, run
from neurodyn.models.parts.nonlinearities import nonlinearity

ALPHA = 0.1
SIZES = (32, 64, 100, 200)
BATCHES = (16, 100)


def one_by_one(leak: Leak, drive: Tensor, weights: Tensor) -> Tensor:
    """Activity `(network, time, trial, unit)`."""
    start = torch.zeros(weights.shape[1])
    return torch.stack([run(leak, each.clone(), w, start).activity[1:] for each, w in zip(drive, weights)])


def stacked(leak: Leak, drive: Tensor, weights: Tensor) -> Tensor:
    """The same with all networks in one product a bin, `(time, network, trial, unit)`."""
    values = drive.transpose(0, 1).contiguous()
    activity = torch.empty_like(values)
    scaled = (ALPHA * weights).transpose(1, 2).contiguous()
    before, state = torch.zeros_like(values[0]), torch.zeros_like(values[0])
    for t in range(len(values)):
        state = values[t].add_(state, alpha=1 - ALPHA).baddbmm_(before, scaled)
        leak.phi.into(state, activity[t])
        before = activity[t]
    return activity


def main() -> None:
    options = parser(__doc__, peers="(none)")
    options.add_argument("--networks", type=int, default=4)
    options.add_argument("--bins", type=int, default=300)
    given = options.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {"networks": given.networks, "bins": given.bins}
    for units in SIZES:
        for trials in BATCHES:
            torch.manual_seed(0)
            leak = Leak(torch.full((units,), ALPHA), "potential", nonlinearity("retanh"))
            weights = torch.randn(given.networks, units, units) / units**0.5
            drive = 0.1 * torch.randn(given.networks, given.bins, trials, units)
            torch.testing.assert_close(
                one_by_one(leak, drive, weights), stacked(leak, drive, weights).transpose(0, 1), rtol=1e-4, atol=1e-5
            )
            timed = interleaved(
                {
                    f"{units} units, {trials} trials, stacked": partial(stacked, leak, drive, weights),
                    f"{units} units, {trials} trials, one by one": partial(one_by_one, leak, drive, weights),
                },
                given.rounds,
            )
            rows = list(timed.values())
            result[f"{units}x{trials}"] = rows[1]["ratio"]
    report(result, given.json)


if __name__ == "__main__":
    main()
