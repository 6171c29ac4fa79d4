"""One NDT training step (mask, forward, backward, clip, AdamW) of the published network: ours and the public implementation's.

    python benchmarks/ndt_step.py [--peers DIR] [--config maze5|m1] [--rounds 5] [--json FILE]

DIR holds a checkout `neural-data-transformers` (its requirement besides torch: yacs). Equality is tested first: rates and gradients of the same masked batch with the
same weights and without dropout. Contenders then run in interleaved rounds, in rotating order, on one thread, by the process CPU clock; the ratio is the median over rounds.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from interleaved import interleaved, parser, report

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec, SessionSpec, SignalSpec
from neurodyn.data.transforms.masking import Masking
from neurodyn.models.ndt import NDT
from neurodyn.models.parts.ndt_config import NDTConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.poisson import Poisson, PoissonConfig

SIZES = {"maze5": (137, 45, 140, 40, 64), "m1": (106, 36, 32, 8, 64)}
"""Held-in and held-out units, observed and forward bins, trials a batch."""
DROPOUT, CONTEXT = 0.5, 30
"""Middle of the published search ranges."""


def make_batch(name: str) -> Batch:
    """Poisson counts of rate 0.05 in the shape of a data set."""
    heldin, heldout, seen, forward, trials = SIZES[name]
    counts = torch.poisson(torch.full((trials, seen + forward, heldin + heldout), 0.05))
    counts[0, 0, 0] = 3
    mask = torch.ones(trials, seen + forward, dtype=torch.bool)
    observed = Observed({"counts": counts[:, :seen, :heldin].contiguous()}, mask[:, :seen], seen + forward, "counts")
    return Batch(observed, {}, {"counts": counts}, mask, torch.arange(trials))


def make_model(name: str) -> NDT:
    heldin, heldout, seen, forward, _ = SIZES[name]
    signal = SignalSpec("spikes", "neural", 0.005, (heldin + heldout,), seen + forward)
    session = SessionSpec("one", {"counts": signal}, "counts", heldin + heldout, heldin, seen + forward, forward)
    drops = {f"{kind}dropout": DROPOUT for kind in ("", "embedding_", "rate_")}
    return NDT(
        NDTConfig(mode="release", context_forward=CONTEXT, context_backward=CONTEXT, **drops), DataSpec((session,))
    )


def make_step(model: NDT, batch: Batch) -> Callable[[], None]:
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=5e-5, fused=True)
    hide, generator = Masking(model.config.masking), torch.Generator().manual_seed(0)
    objective = Poisson(PoissonConfig(), model)

    def step() -> None:
        optimiser.zero_grad()
        masked = hide(batch, generator)
        objective(model(masked.observed), masked, Step()).total.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 200)
        optimiser.step()

    return step


def load_peer(folder: Path, name: str, batch: Batch) -> types.SimpleNamespace:
    root = folder / "neural-data-transformers"
    package = types.ModuleType("src")  # its files one by one: the package's own start-up wants a cluster
    package.__path__ = [str(root / "src")]
    sys.modules["src"] = package
    sys.path.insert(0, str(root))
    from src.config.default import get_config
    from src.mask import Masker
    from src.model import NeuralDataTransformer

    heldin, heldout, seen, forward, _ = SIZES[name]
    changes: list[Any] = []
    for field in ("DROPOUT", "DROPOUT_RATES", "DROPOUT_EMBEDDING"):
        changes += [f"MODEL.{field}", DROPOUT]
    config = get_config(
        [str(root / "configs/mc_maze.yaml")],
        [*changes, "MODEL.CONTEXT_FORWARD", CONTEXT, "MODEL.CONTEXT_BACKWARD", CONTEXT],
    )
    model = NeuralDataTransformer(config.MODEL, seen + forward, heldin + heldout, torch.device("cpu"), 5).train()
    masker = Masker(config.TRAIN, torch.device("cpu"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=5e-5)
    counts = batch.targets["counts"]
    spikes, heldout_spikes = counts[:, :seen, :heldin].long(), counts[:, :seen, heldin:].long()

    def step() -> None:
        x, y = masker.mask_batch(
            spikes,
            max_spikes=5,
            should_mask=True,
            heldout_spikes=heldout_spikes,
            forward_spikes=counts[:, seen:].long(),
        )
        loss = model(x, mask_labels=y)[0].mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 200)
        optimiser.step()

    return types.SimpleNamespace(model=model, step=step)


def differences(peer: Any, ours: NDT, batch: Batch) -> dict[str, float]:
    """Largest difference of rates (relative) and of gradients (to their largest entry) on one masked batch, with the peer's weights and without dropout."""
    w = peer.model.state_dict()
    names = {
        "query_key_value.weight": "self_attn.in_proj_weight",
        "query_key_value.bias": "self_attn.in_proj_bias",
        "attention_out.weight": "self_attn.out_proj.weight",
        "attention_out.bias": "self_attn.out_proj.bias",
        **{f"feedforward_in.{p}": f"linear1.{p}" for p in ("weight", "bias")},
        **{f"feedforward_out.{p}": f"linear2.{p}" for p in ("weight", "bias")},
        **{f"attention_norm.{p}": f"norm1.{p}" for p in ("weight", "bias")},
        **{f"feedforward_norm.{p}": f"norm2.{p}" for p in ("weight", "bias")},
    }
    pairs = {"position": "pos_encoder.pos_embedding.weight"}
    pairs |= {f"norm.{p}": f"transformer_encoder.norm.{p}" for p in ("weight", "bias")}
    pairs |= {f"decoders.0.0.{p}": f"decoder.0.{p}" for p in ("weight", "bias")}
    for i in range(len(ours.layers)):
        pairs |= {f"layers.{i}.{a}": f"transformer_encoder.layers.{i}.{b}" for a, b in names.items()}
    ours.load_state_dict({a: w[b] for a, b in pairs.items()}, strict=False)
    assert set(pairs) == {name for name, _ in ours.named_parameters()}
    masked = Masking(ours.config.masking)(batch, torch.Generator().manual_seed(1))
    _, seen, heldin = masked.observed.neural.shape
    whole = torch.zeros_like(batch.targets["counts"])
    whole[:, :seen, :heldin] = masked.observed.neural
    labels = torch.where(masked.weight("counts") > 0, batch.targets["counts"], torch.tensor(-100.0))
    peer.model.eval(), ours.eval()
    loss, expected, *_ = peer.model(whole, mask_labels=labels)
    loss.mean().backward()
    output = ours(masked.observed)
    Poisson(PoissonConfig(), ours)(output, masked, Step()).total.backward()
    theirs = dict(peer.model.named_parameters())
    gradients = [
        ((p.grad - theirs[pairs[n]].grad).abs().max() / theirs[pairs[n]].grad.abs().max().clamp_min(1e-9)).item()
        for n, p in ours.named_parameters()
        if n != "layers.0.query_key_value.bias" and "query_key_value.bias" not in n  # keys' biases have none: noise
    ]
    rates = output.predictions["counts"].squeeze(-1)
    ours.zero_grad(), peer.model.zero_grad()
    peer.model.train(), ours.train()
    return {"rates": (rates - expected).expm1().abs().max().item(), "gradients": max(gradients)}


def main() -> None:
    arguments = parser(__doc__, peers="neural-data-transformers")
    arguments.add_argument("--config", choices=list(SIZES), default="maze5")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch = make_batch(options.config)
    model = make_model(options.config)
    result: dict[str, Any] = {"config": options.config, "trials": len(batch.trial)}
    contenders: dict[str, Callable[[], None]] = {"neurodyn": make_step(model, batch)}
    if options.peers:
        peer = load_peer(options.peers, options.config, batch)
        result |= differences(peer, model, batch)
        assert result["rates"] < 1e-4 and result["gradients"] < 1e-3, result
        contenders["neural-data-transformers"] = peer.step
    report(result | interleaved(contenders, options.rounds), options.json)


if __name__ == "__main__":
    main()
