"""One LFADS training step (forward, backward, clip, AdamW): ours with kernels and without, plain automatic differentiation, and lfads-torch.

    python benchmarks/lfads_step.py [--peers DIR] [--config maze20|small5|two_area] [--batch N] [--rounds 5] [--json FILE]

DIR holds a checkout `lfads-torch` (its requirements besides torch and pytorch-lightning: hydra-core, omegaconf, torchmetrics). Equality is tested first: our loss and
gradients, with kernels and without, against the same equations left to autograd (float64), and our rates against the peer's with the same weights. Contenders then run in interleaved
rounds, in rotating order, on one thread, by the process CPU clock; the ratio is the median over rounds. "same work" is the peer without the metrics and the
Stirling constant that it computes in every step and that no gradient sees. The setting `two_area` is that of the study of two areas, which has no peer's config.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from interleaved import interleaved, parser, report

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec, SessionSpec, SignalSpec
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.models import lfads
from neurodyn.models.lfads import LFADS, LFADSConfig
from neurodyn.models.parts import lagged_encoders
from neurodyn.models.parts.decoder_loop import Controller, Decoded
from neurodyn.models.parts.gru import clipped_gru_step
from neurodyn.models.parts.kernels import kernels
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig

SIZES = {  # Neural Latents Benchmark shapes and the sizes of the peer's own configs: held-in, held-out, observed, forward bins, trials
    "maze20": (137, 45, 35, 10, 256, dict(generator=200, factors=100, inferred_inputs=4, initial_condition=64, initial_condition_encoder=64, input_encoder=64, controller=64, dropout=0.3)),
    "small5": (107, 35, 140, 40, 75, dict(generator=100, factors=40, inferred_inputs=4, initial_condition=100, initial_condition_encoder=100, input_encoder=80, controller=80, dropout=0.02)),
    "two_area": (30, 0, 100, 0, 64, dict(generator=64, factors=20, inferred_inputs=2, initial_condition=64, initial_condition_encoder=64, input_encoder=64, controller=64, dropout=0.3)),
}  # fmt: skip
PEER_CONFIG = {"maze20": "nlb_mc_maze", "small5": "nlb_mc_maze_small"}


def make_batch(name: str, trials: int | None = None) -> Batch:
    """Poisson counts of rate 0.05 in the shape of a benchmark data set."""
    heldin, heldout, seen, forward, usual, _ = SIZES[name]
    trials = trials or usual
    counts = torch.poisson(
        torch.full((trials, seen + forward, heldin + heldout), 0.05), torch.Generator().manual_seed(0)
    )
    observed = Observed(
        {"counts": counts[:, :seen, :heldin].contiguous()},
        torch.ones(trials, seen, dtype=torch.bool),
        seen + forward,
        "counts",
    )
    return Batch(
        observed, {}, {"counts": counts}, torch.ones(trials, seen + forward, dtype=torch.bool), torch.arange(trials)
    )


def make_model(name: str, **changes: object) -> LFADS:
    heldin, heldout, seen, forward, _, sizes = SIZES[name]
    signal = SignalSpec("spikes", "neural", 0.02, (heldin + heldout,), seen + forward)
    session = SessionSpec("one", {"counts": signal}, "counts", heldin + heldout, heldin, seen + forward, forward)
    torch.manual_seed(0)
    return LFADS(LFADSConfig(**{**sizes, "l2_generator": 0.0, "l2_controller": 0.0, **changes}), DataSpec((session,)))


def make_step(model: LFADS, batch: Batch) -> Callable[[], None]:
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=4e-3, fused=True)
    hide, generator = CoordinatedDropout(CoordinatedDropoutConfig(rate=0.3)), torch.Generator().manual_seed(0)
    objective = ELBO(ELBOConfig(kl_scale=1e-7), model)

    def step() -> None:
        optimiser.zero_grad()
        hidden = hide(batch, generator)
        objective(model(hidden.observed), hidden, Step(10)).total.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 200)
        optimiser.step()

    return step


# -- the same equations, left to autograd ----------------------------------------------------------------------------


def plain_sequences(x: torch.Tensor, cells: list[Any], first: list[torch.Tensor]) -> torch.Tensor:
    out = []
    for d, cell in enumerate(cells):
        h, states = first[d].expand(x.shape[2], -1), []
        for t in range(x.shape[1]):
            h = clipped_gru_step(x[d % len(x), t] @ cell.input_weight + cell.bias, h, cell.recurrent_weight, cell.clip)
            states.append(h)
        out.append(torch.stack(states))
    return torch.stack(out)


def plain_decoder(
    first: Any,
    driven: Any,
    recurrent: Any,
    to_factors: Any,
    steps: int,
    *,
    controller: Controller,
    generator_mask: Any,
    clip: float,
) -> Decoded:
    c, g, state, seen = controller, first, controller.first, []
    f = (g if generator_mask is None else g * generator_mask[0]) @ to_factors
    for t in range(steps):
        dropped = f if c.factor_mask is None else f * c.factor_mask[t]
        state = clipped_gru_step(c.encoded[t] + dropped @ c.from_factors, state, c.recurrent, clip)
        posterior = state @ c.to_inputs + c.inputs_bias
        mean, log = posterior.chunk(2, 1)
        u = mean if c.noise is None else mean + torch.exp(log / 2) * c.noise[t]
        g = clipped_gru_step(driven + u @ c.to_generator, g, recurrent, clip)
        f = (g if generator_mask is None else g * generator_mask[t + 1]) @ to_factors
        seen.append((f, g, posterior, u, state))
    return Decoded(*(torch.stack(v) for v in zip(*seen)))


@contextlib.contextmanager
def autograd_only() -> Iterator[None]:
    kept = lagged_encoders.run_stacked, lfads.decode_loop
    lagged_encoders.run_stacked, lfads.decode_loop = plain_sequences, plain_decoder  # type: ignore[assignment]
    try:
        yield
    finally:
        lagged_encoders.run_stacked, lfads.decode_loop = kept


@contextlib.contextmanager
def kernels_are(wish: str) -> Iterator[None]:
    """Within, kernels are `build` (used) or `off`."""
    kept = os.environ.get("NEURODYN_KERNELS")
    os.environ["NEURODYN_KERNELS"] = wish
    try:
        yield
    finally:
        os.environ.pop("NEURODYN_KERNELS") if kept is None else os.environ.update(NEURODYN_KERNELS=kept)


def equality(name: str) -> float:
    """Largest difference of a gradient between our forms and autograd, relative to the largest entry, in float64 on 16 trials."""
    model, batch = make_model(name).double().train(), make_batch(name)
    signals = {"counts": batch.observed.neural[:16].double()}
    observed = Observed(signals, batch.observed.mask[:16], batch.observed.bins, "counts")
    small = Batch(observed, {}, {"counts": batch.targets["counts"][:16].double()}, batch.mask[:16], batch.trial[:16])
    found = []
    for context in (kernels_are("off"), kernels_are("build"), autograd_only()):
        model.zero_grad()
        torch.manual_seed(0)
        with context:
            ELBO(ELBOConfig(), model)(model(small.observed), small, Step(10)).total.backward()
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    *ours, plain = found
    return max(
        ((a - b).abs().max() / b.abs().max().clamp_min(1e-12)).item() for grads in ours for a, b in zip(grads, plain)
    )


# -- the peer --------------------------------------------------------------------------------------------------------


def load_peer(folder: Path, name: str, batch: Batch) -> SimpleNamespace:
    sys.path.insert(0, str(folder / "lfads-torch"))
    from hydra.utils import instantiate
    from lfads_torch import model as peer_model
    from lfads_torch.modules import recons
    from lfads_torch.tuples import SessionBatch
    from omegaconf import OmegaConf

    config = OmegaConf.load(folder / "lfads-torch/configs/model" / f"{PEER_CONFIG[name]}.yaml")
    config.readout.modules[0].out_features = SIZES[name][0] + SIZES[name][1]
    config.dropout_rate = SIZES[name][5]["dropout"]
    for key in ("kl_ic_scale", "kl_co_scale", "l2_gen_scale", "l2_con_scale"):  # some files leave these to a search
        config[key] = 1e-7 if key.startswith("kl") else 0.0
    root = OmegaConf.create({"model": config})
    OmegaConf.resolve(root)
    torch.manual_seed(0)
    model = instantiate(root.model, _convert_="all")
    model.log = model.log_dict = lambda *_, **__: None
    type(model).current_epoch = property(lambda _: 10)
    model.hparams.lr_scheduler = False
    optimiser = model.configure_optimizers()
    trials, seen = batch.observed.neural.shape[:2]
    given = SessionBatch(
        batch.observed.neural,
        batch.targets["counts"],
        torch.zeros(trials, seen, 0),
        torch.zeros(trials, 0, 0),
        torch.zeros(0),
    )

    def step() -> None:
        optimiser.zero_grad()
        model.training_step({0: (given, ())}, 0).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 200)
        optimiser.step()

    def stripped() -> None:
        kept = peer_model.regional_bits_per_spike, recons.Poisson.compute_loss
        nothing = torch.zeros(())
        peer_model.regional_bits_per_spike = lambda *_: (nothing, nothing, nothing)
        recons.Poisson.compute_loss = lambda _, data, p: torch.nn.functional.poisson_nll_loss(
            p[..., 0], data, reduction="none"
        )
        try:
            step()
        finally:
            peer_model.regional_bits_per_spike, recons.Poisson.compute_loss = kept

    return SimpleNamespace(model=model, step=step, stripped=stripped, given=given)


def same_rates(peer: Any, name: str, batch: Batch) -> float:
    """Largest relative difference of rates between our model and the peer's, with the peer's weights and posterior means."""
    ours, w = make_model(name, mode="release").eval(), dict(peer.model.state_dict())

    def cell(mine: Any, theirs: str) -> None:
        mine.input_weight.copy_(w[theirs + ".weight_ih"].t())
        mine.recurrent_weight.copy_(w[theirs + ".weight_hh"].t())
        mine.bias.copy_(w[theirs + ".bias_ih"])

    def linear(mine: Any, theirs: str) -> None:
        mine.weight.copy_(w[theirs + ".weight"])
        mine.bias.copy_(w[theirs + ".bias"])

    with torch.no_grad():
        for way, direction in enumerate(("fwd_gru", "bwd_gru")):
            cell(ours.initial_encoder[way], f"encoder.ic_enc.{direction}.cell")
            cell(ours.input_encoder[way], f"encoder.ci_enc.{direction}.cell")
        cell(ours.controller, "decoder.rnn.cell.con_cell")
        cell(ours.generator.cell, "decoder.rnn.cell.gen_cell")
        linear(ours.initial_posterior, "encoder.ic_linear")
        linear(ours.to_generator, "decoder.ic_to_g0")
        linear(ours.input_posterior, "decoder.rnn.cell.co_linear")
        linear(ours.readouts[0].map, "readout.0")
        ours.factor_weight.copy_(w["decoder.rnn.cell.fac_linear.weight"])
        peer.model.eval()
        expected = peer.model.forward({0: peer.given}, sample_posteriors=False, output_means=True)[
            0
        ].output_params.squeeze(-1)
        peer.model.train()
        made = ours(batch.observed).predictions["counts"].exp().squeeze(-1)
    return ((made - expected).abs() / expected).max().item()


def main() -> None:
    arguments = parser(__doc__, peers="lfads-torch")
    arguments.add_argument("--config", choices=list(SIZES), default="maze20")
    arguments.add_argument("--batch", type=int, help="trials of a batch, instead of the setting's")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    batch = make_batch(options.config, options.batch)
    with kernels_are("build"):
        compiled = kernels(torch.device("cpu"), torch.float32) is not None
    result: dict[str, Any] = {"config": options.config, "trials": len(batch.trial), "kernels": compiled}
    result["gradient_difference"] = equality(options.config)
    assert result["gradient_difference"] < 1e-9, result

    def within(context: Callable[[], contextlib.AbstractContextManager[None]]) -> Callable[[], None]:
        step = make_step(make_model(options.config), batch)

        def run() -> None:
            with context():
                step()

        return run

    contenders: dict[str, Callable[[], None]] = {"neurodyn, kernels": within(lambda: kernels_are("build"))}
    if not compiled:
        contenders = {}
    contenders["neurodyn"] = within(lambda: kernels_are("off"))
    contenders["neurodyn, autograd"] = within(autograd_only)
    if options.peers and options.config in PEER_CONFIG:
        peer = load_peer(options.peers, options.config, batch)
        result["rate_difference_from_peer"] = same_rates(peer, options.config, batch)
        assert result["rate_difference_from_peer"] < 1e-4, result
        contenders |= {"lfads-torch": peer.step, "lfads-torch, same work": peer.stripped}
    report(result | interleaved(contenders, options.rounds), options.json)


if __name__ == "__main__":
    main()
