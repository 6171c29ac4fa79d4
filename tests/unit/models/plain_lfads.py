"""LFADS written once more, plainly and bin by bin, from the equations: what the fast form must equal, gradients included."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from neurodyn.models.lfads import LFADS


def gru(cell: torch.nn.Module, x: Tensor, h: Tensor) -> Tensor:
    """One clipped GRU step, equation by equation."""
    size = h.shape[1]
    wx, wh, b = (p.split(size, dim=-1) for p in (cell.input_weight, cell.recurrent_weight, cell.bias))
    z = torch.sigmoid(x @ wx[0] + b[0] + h @ wh[0])
    r = torch.sigmoid(x @ wx[1] + b[1] + h @ wh[1])
    n = torch.tanh(x @ wx[2] + b[2] + (r * h) @ wh[2])
    return (z * h + (1 - z) * n).clamp(-cell.clip, cell.clip)


def encode(cells: torch.nn.ModuleList, starts: Tensor, x: Tensor) -> list[list[Tensor]]:
    """States of each network at every bin of `x (time, trial, unit)`, the second one read from the end."""
    out = []
    for way, cell in enumerate(cells):
        h, states = starts[way].expand(x.shape[1], -1), [torch.empty(0)] * len(x)
        for t in range(len(x)) if way == 0 else range(len(x) - 1, -1, -1):
            h = gru(cell, x[t], h)
            states[t] = h
        out.append(states)
    return out


def terms(model: LFADS, counts: Tensor, bins: int, masks: Iterator[Tensor]) -> dict[str, Tensor]:
    """Log rates `(trial, time, unit)` and KLs, with dropout masks in the order they are drawn; noise is drawn after them: code, then inputs."""
    c = model.config
    x = counts.transpose(0, 1) * next(masks)
    first = encode(model.initial_encoder, model.initial_encoder_start, x)
    e = torch.cat([first[0][-1], first[1][0]], 1) * next(masks)
    mu, log = model.initial_posterior(e).split(c.initial_condition, 1)
    var = log.exp() + c.posterior_variance_floor
    g = model.to_generator(mu + var.sqrt() * torch.randn_like(mu))
    v = c.initial_condition_prior_variance
    kl_ic = ((var + (mu - model.initial_prior.mean) ** 2) / v - 1 - var.log() + math.log(v)).sum(1) / 2

    second = encode(model.input_encoder, model.input_encoder_start, x)
    nothing = torch.zeros_like(second[0][0])
    seen = len(x)
    encodings = []
    for t in range(seen):
        forward = second[0][t - c.lag] if t >= c.lag else nothing
        backward = second[1][t + c.lag] if t + c.lag < seen else nothing
        encodings.append(torch.cat([forward, backward], 1))
    encodings = torch.stack(encodings) * next(masks)
    encodings = torch.cat([encodings, torch.zeros(bins - seen, *encodings.shape[1:], dtype=x.dtype)])
    noise = torch.empty(bins, x.shape[1], c.inferred_inputs, dtype=x.dtype).normal_()
    factor_masks, generator_masks = next(masks), next(masks)
    to_factors = model.factor_weight / model.factor_weight.norm(dim=1, keepdim=True)
    f = (g * generator_masks[0]) @ to_factors.T
    state = model.controller_start.expand(x.shape[1], -1)
    etas, means, logs = [], [], []
    for t in range(bins):
        state = gru(model.controller, torch.cat([encodings[t], f * factor_masks[t]], 1), state)
        m, s = model.input_posterior(state).split(c.inferred_inputs, 1)
        g = gru(model.generator.gru, m + torch.exp(s / 2) * noise[t], g)
        f = (g * generator_masks[t + 1]) @ to_factors.T
        etas.append(model.readouts[0].map(f))
        means.append(m)
        logs.append(s)
    tau, nu = model.input_prior.log_time_constant.exp(), model.input_prior.log_variance.exp()
    alpha = torch.exp(-1 / tau)
    kl_u = torch.zeros(x.shape[1], dtype=x.dtype)
    for t in range(bins):
        s2 = logs[t].exp()
        if t == 0:
            scale, square = nu / (1 - alpha**2), s2 + means[0] ** 2
        else:
            scale, square = nu, s2 + alpha**2 * logs[t - 1].exp() + (means[t] - alpha * means[t - 1]) ** 2
        entropy = 0.5 * (1 + math.log(2 * math.pi) + logs[t])
        kl_u = kl_u + (0.5 * (torch.log(2 * math.pi * scale) + square / scale) - entropy).sum(1)
    return {"eta": torch.stack(etas, 1), "kl_initial_condition": kl_ic, "kl_inputs": kl_u}
