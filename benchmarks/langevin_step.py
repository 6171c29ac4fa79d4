"""One LangevinFlow training step (coordinated dropout, forward, loss, backward, Adam) at the sizes of mc_maze in bins of 20 ms: ours and the public code's.

    python benchmarks/langevin_step.py [--peers DIR] [--rounds 5] [--json FILE]

DIR holds a checkout `LangevinFlow_CCN` (its requirements besides torch: pytorch-lightning, numpy). Equality is tested first: loss and gradients of our mode `release`
and of the public code, with the same weights, noise and hidden entries and without other dropout. Contenders then run in interleaved rounds, in rotating order, on one thread,
by the process CPU clock; the ratio is the median over rounds. `neurodyn` is the default model with the same 280 latent dimensions. Last come the parts of mode `release` (forward and
backward), each with its floor: the time that its matrix products alone would take at the speed of one large product.
"""

from __future__ import annotations

import statistics
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from interleaved import interleaved, parser, report

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec, SessionSpec, SignalSpec
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.models.langevin_flow import LangevinFlow
from neurodyn.models.parts.dropped_gru import dropped_gru
from neurodyn.models.parts.langevin_config import LangevinFlowConfig
from neurodyn.models.parts.published_langevin import PublishedLangevin
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig

HELDIN, UNITS, SEEN, BINS, TRIALS, SIZE = 137, 182, 35, 45, 256, 280
KEPT, DROPOUT, DAMPING, RATE, DECAY, EPOCH = 0.5, 0.05, 0.55, 3e-3, 2e-5, 100
"""As published for mc_maze; the ramps at epoch 100 of 500."""
PUBLISHED = ELBOConfig(kl_scale=0.1, kl_unit="entry", kl_start_epoch=1, kl_increase_epochs=499, loss_scale=1.0)


def make_batch() -> Batch:
    """Poisson counts of rate 0.1."""
    counts = torch.poisson(torch.full((TRIALS, BINS, UNITS), 0.1))
    mask = torch.ones(TRIALS, BINS, dtype=torch.bool)
    observed = Observed({"counts": counts[:, :SEEN, :HELDIN].contiguous()}, mask[:, :SEEN], BINS, "counts")
    return Batch(observed, {}, {"counts": counts}, mask, torch.arange(TRIALS))


def make_model(mode: str) -> LangevinFlow:
    """With a kernel that is not zero in mode `release`, so that its gradient is of an ordinary size."""
    signal = SignalSpec("spikes", "neural", 0.02, (UNITS,), BINS)
    session = SessionSpec("one", {"counts": signal}, "counts", UNITS, HELDIN, BINS, BINS - SEEN)
    torch.manual_seed(0)
    model = LangevinFlow(LangevinFlowConfig(mode=mode, size=SIZE), DataSpec((session,)))
    if model.published is not None:
        torch.nn.init.normal_(model.published.potential.kernel)
    return model.train()


def make_step(model: LangevinFlow, batch: Batch) -> Callable[[], None]:
    published = model.published is not None
    objective = ELBO(PUBLISHED if published else ELBOConfig(**model.objective_defaults), model)
    kind = torch.optim.Adam if published else torch.optim.AdamW
    optimiser = kind(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    hide = CoordinatedDropout(CoordinatedDropoutConfig(1 - KEPT, 1 - KEPT if published else 0.0))
    generator = torch.Generator().manual_seed(0)

    def step() -> None:
        optimiser.zero_grad()
        hidden = hide(batch, generator)
        objective(model(hidden.observed), hidden, Step(EPOCH)).total.backward()
        optimiser.step()

    return step


# -- the peer --------------------------------------------------------------------------------------------------------


def load_peer(folder: Path, batch: Batch) -> types.SimpleNamespace:
    package = types.ModuleType("nlb_lightning")  # its one file that is needed: the package's own start-up wants more
    package.__path__ = [str(folder / "LangevinFlow_CCN" / "nlb_lightning")]
    sys.modules["nlb_lightning"] = package
    from nlb_lightning.models import LangevinAutoencoder

    model = LangevinAutoencoder(HELDIN, SIZE, UNITS, BINS - SEEN, RATE, DECAY, DROPOUT, DAMPING, KEPT).train()
    type(model).current_epoch = property(lambda _: EPOCH)
    model.log = lambda *_, **__: None
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE, weight_decay=DECAY)
    given = batch.observed.neural, batch.targets["counts"], None

    def step() -> None:
        optimiser.zero_grad()
        model.training_step(given, 0).backward()
        optimiser.step()

    return types.SimpleNamespace(model=model, step=step, given=given)


def pairs(ours: PublishedLangevin, theirs: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor, list[torch.Tensor]]]:
    """Every parameter of ours with those of the peer that it is made of, in order."""
    names = {
        "potential.kernel": ["potential.conv_z"],
        "decoder.query_key_value.weight": ["decoder.self_attn.in_proj_weight"],
        "decoder.query_key_value.bias": ["decoder.self_attn.in_proj_bias"],
    }
    heads = ("z_means", "z_logvar", "v_means", "v_logvar")
    renamed = {
        "attention_out": "self_attn.out_proj",
        "feedforward_in": "linear1",
        "feedforward_out": "linear2",
        "attention_norm": "norm1",
        "feedforward_norm": "norm2",
    }
    for part in ("weight", "bias"):
        names[f"initial_posterior.{part}"] = [f"linear_{head}.{part}" for head in heads]
        names |= {f"decoder.{a}.{part}": [f"decoder.{b}.{part}"] for a, b in renamed.items()}
    known = dict(theirs.named_parameters())
    for name, value in ours.named_parameters():
        yield name, value, [known.pop(other) for other in names.get(name, [name])]
    assert not known, known


def differences(peer: Any, model: LangevinFlow, batch: Batch) -> dict[str, float]:
    """Relative difference of the loss, and largest difference of a gradient to its largest entry, on one batch with the same weights, noise and hidden entries."""
    ours = model.published
    assert ours is not None
    with torch.no_grad():
        for _, value, others in pairs(ours, peer.model):
            value.copy_(torch.cat(others))
        torch.nn.init.normal_(ours.potential.kernel)
        peer.model.potential.conv_z.copy_(ours.potential.kernel)
    hidden = CoordinatedDropout(CoordinatedDropoutConfig(1 - KEPT, 1 - KEPT))(batch, torch.Generator().manual_seed(1))
    weight = hidden.weight("counts")[:, :SEEN, :HELDIN]
    kept_process = peer.model.cd.process_batch
    peer.model.cd.process_batch = lambda _: (hidden.observed.neural, weight)
    drops = [m for m in peer.model.modules() if isinstance(m, torch.nn.Dropout)]
    for part in drops:
        part.p = 0.0
    peer.model.decoder.self_attn.dropout = ours.dropout = ours.decoder.dropout = 0.0
    torch.manual_seed(1)
    expected = peer.model.training_step(peer.given, 0)
    expected.backward()
    torch.manual_seed(1)  # both draw z, v and every step's velocity in this order
    found = ELBO(PUBLISHED, model)(model(hidden.observed), hidden, Step(EPOCH)).total
    found.backward()
    largest = 0.0
    for name, value, others in pairs(ours, peer.model):
        mine, theirs = value.grad, torch.cat([other.grad for other in others])
        if name == "decoder.query_key_value.bias":  # keys' biases have no gradient: noise
            mine, theirs = (x.view(3, -1)[[0, 2]] for x in (mine, theirs))
        largest = max(largest, ((mine - theirs).abs().max() / theirs.abs().max()).item())
    peer.model.cd.process_batch = kept_process
    for part in drops:
        part.p = DROPOUT
    peer.model.decoder.self_attn.dropout = ours.dropout = ours.decoder.dropout = DROPOUT
    ours.zero_grad(), peer.model.zero_grad()
    return {"loss": ((found - expected) / expected).abs().item(), "gradients": largest}


# -- the parts -------------------------------------------------------------------------------------------------------


def parts(ours: PublishedLangevin, batch: Batch) -> dict[str, tuple[Callable[[], None], float]]:
    """Each part forward and backward, and the floating-point operations of its matrix products."""
    counts, steps = batch.observed.neural, BINS * TRIALS
    keep = torch.full((BINS, TRIALS, SIZE), 1.0)
    posterior = tuple(torch.randn(TRIALS, SIZE, requires_grad=True) for _ in range(4))
    latents = torch.randn(TRIALS, BINS, 3 * SIZE, requires_grad=True)
    noise, width = torch.randn(BINS + 1, TRIALS, SIZE), 3 * SIZE

    def encoder() -> None:
        dropped_gru(counts, ours.order(SEEN, BINS), ours.encoder, keep).sum().backward()

    def path() -> None:
        positions, velocities, kl = ours.path(posterior, noise)
        (torch.stack(positions).sum() + torch.stack(velocities).sum() + kl["path"].sum()).backward()

    def decoder() -> None:
        ours.decode(latents).sum().backward()

    feedforward = ours.decoder.feedforward_in.out_features
    each_token = 4 * width**2 + 2 * width * feedforward + width * UNITS + 2 * width * BINS
    return {
        "encoder": (encoder, 2 * 3 * SIZE * (3 * steps * SIZE + 2 * SEEN * TRIALS * HELDIN)),
        "path": (path, 3 * 2 * (BINS - 1) * TRIALS * SIZE**2),
        "decoder": (decoder, 3 * 2 * steps * each_token),
    }


def product_rate() -> float:
    """Floating-point operations a second of one large product."""
    rows, inner, columns = BINS * TRIALS, 3 * SIZE, 9 * SIZE
    a, b = torch.randn(rows, inner), torch.randn(inner, columns)
    return 2 * rows * inner * columns / _median_seconds(lambda: a @ b)


def _median_seconds(work: Callable[[], Any], rounds: int = 5) -> float:
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def part_times(ours: PublishedLangevin, batch: Batch) -> dict[str, dict[str, float]]:
    found = {}
    for name, (work, operations) in parts(ours, batch).items():
        seconds = _median_seconds(work)
        floor = operations / product_rate()
        found[name] = {"cpu_ms": round(1e3 * seconds, 1), "floor_ms": round(1e3 * floor, 1)}
        print(f"  {name:8s} {1e3 * seconds:8.1f} ms   floor {1e3 * floor:8.1f} ms   {seconds / floor:5.2f} x the floor")
    return found


def main() -> None:
    options = parser(__doc__, peers="LangevinFlow_CCN").parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch, release = make_batch(), make_model("release")
    result: dict[str, Any] = {"trials": TRIALS, "size": SIZE}
    contenders = {}
    if options.peers:
        peer = load_peer(options.peers, batch)
        result |= differences(peer, release, batch)
        assert result["loss"] < 1e-5 and result["gradients"] < 1e-3, result
        contenders["LangevinFlow_CCN"] = peer.step
    contenders["neurodyn, release"] = make_step(release, batch)
    contenders["neurodyn"] = make_step(make_model("default"), batch)
    result |= interleaved(contenders, options.rounds)
    assert release.published is not None
    result["parts"] = part_times(release.published, batch)
    report(result, options.json)


if __name__ == "__main__":
    main()
