"""Several sessions: maps that meet, sessions by name, equal weights, and what is refused."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from neurodyn.api import evaluate, fit
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.splits import hold_out_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.learning.bptt import BPTT
from neurodyn.models.lfads import LFADS, LFADSConfig
from neurodyn.models.parts.stitching import SharedAverages
from neurodyn.models.parts.trial_averages import SharedRows, trial_averages
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig
from neurodyn.simulate.linear_nonlinear import LinearNonlinear
from neurodyn.simulate.lorenz import Lorenz, LorenzConfig
from neurodyn.training.batches import Batches

SMALL = dict(
    generator=8, factors=6, inferred_inputs=1, initial_condition=4, initial_condition_encoder=6, input_encoder=6, controller=5
)  # fmt: skip
CONDITIONS, BINS = 8, 20


def two_sessions(
    trials: tuple[int, int] = (64, 48), units: int = 14, gain: float = 1.0, seed: int = 0, heldout: float = 0.0
) -> list[Trials]:
    """The same units under two names, in another order, each in trials of its own."""
    generator = np.random.default_rng(seed)
    time = np.arange(BINS)[None, :, None]
    phase = np.arange(CONDITIONS)[:, None, None] * 2 * np.pi / CONDITIONS
    latents = np.concatenate(
        [np.sin(0.4 * time + phase), np.cos(0.3 * time - phase), np.cos(0.2 * time) * np.cos(phase)], 2
    )
    rates = gain * np.exp(latents @ generator.normal(0, 0.6, (3, units)) - 0.3)
    found = []
    for name, n in zip("ab", trials):
        order = np.arange(units) if name == "a" else generator.permutation(units)
        condition = np.arange(n) % CONDITIONS
        session = Trials.from_arrays(
            generator.poisson(rates[condition][..., order]),
            bin_s=0.02,
            conditions=condition,
            truth={"order": np.tile(order, (n, 1)), "latents": latents[condition]},
            session=name,
        )
        found.append(hold_out_units(session, heldout) if heldout else session)
    return found


def build(sessions: list[Trials], seed: int = 0, **config: object) -> LFADS:
    torch.manual_seed(seed)
    return LFADS(LFADSConfig(**{**SMALL, **config}), DataSpec.of(sessions))


def entered(model: LFADS, trials: Trials, session: int) -> torch.Tensor:
    observed = Batch.of(trials, session=session).observed
    return model.read_in[session](observed.neural, observed.mask)


def means(values: torch.Tensor, trials: Trials) -> np.ndarray:
    condition = np.asarray(trials.conditions)
    return np.stack([values[condition == c].mean(0).numpy() for c in range(CONDITIONS)])


@pytest.mark.parametrize("mode", ["default", "release"])
def test_the_same_neurons_in_another_order_enter_alike(mode: str) -> None:
    """The two maps are fitted to trials of their own; then both see the same trials, each in its session's order."""
    sessions = two_sessions((320, 240))
    model = build(sessions, mode=mode)
    counts = sessions[0].counts[..., sessions[1].truth["order"][0].astype(int)]
    signal = dataclasses.replace(sessions[0].neural, values=counts)
    matched = dataclasses.replace(sessions[0], signals={"counts": signal})

    def correlations() -> list[float]:
        a, b = (entered(model, t, i).detach().flatten(0, 1).T for i, t in enumerate((sessions[0], matched)))
        return [float(torch.corrcoef(torch.stack(pair))[0, 1]) for pair in [*zip(a, b), (a.flatten(), b.flatten())]]

    assert correlations()[-1] < 0.5
    model.prepare(sessions)
    *channels, whole = correlations()
    assert min(channels[:3]) > 0.95 and whole > 0.95
    assert not any(p.requires_grad for r in model.read_in for p in r.parameters())


def test_a_mean_readout_starts_where_the_read_in_came_from() -> None:
    """Factors that equal the shared channels read out as the units' log rates, held-out units too; the published form has counts there."""
    sessions = two_sessions((320, 240), heldout=0.25)
    for mode in ("default", "release"):
        model = build(sessions, mode=mode)
        model.prepare(sessions)
        for i, trials in enumerate(sessions):
            level = np.concatenate([trials.counts[..., trials.unit_order][:, 3:].mean((0, 1))])
            bias = model.readouts[i].map.bias.detach().numpy()
            if mode == "release":
                assert np.allclose(bias, level, atol=0.2)
                weight = model.read_in[i].map.weight.detach()
                product = weight @ model.readouts[i].map.weight.detach()[: weight.shape[1]]
                assert torch.allclose(product, torch.eye(6), atol=1e-3)
                continue
            assert np.allclose(bias, np.log(level + 1e-3), atol=0.15)
            shared = entered(model, trials, i)
            with torch.no_grad():
                made = means(model.readouts[i](shared)[..., 0].exp(), trials)[:, 3:]
            wanted = means(torch.as_tensor(trials.counts[..., trials.unit_order]).double(), trials)[:, 3:]
            for unit in range(trials.units):
                assert np.corrcoef(made[..., unit].ravel(), wanted[..., unit].ravel())[0, 1] > 0.6


def test_an_other_width_than_the_factors_starts_the_readout_normally() -> None:
    sessions = two_sessions()
    model = build(sessions, stitch=4)
    model.prepare(sessions)
    plain = build(sessions, stitch=4)
    assert model.channels == 4 and model.read_in[0].map.weight.shape == (4, 14)
    assert torch.equal(model.readouts[1].map.weight, plain.readouts[1].map.weight / 2)


def test_the_units_of_the_first_session_may_be_the_channels() -> None:
    sessions = two_sessions((320, 240))
    model = build(sessions, stitch=0)
    model.prepare(sessions)
    assert model.read_in[0].map is None and model.read_in[1].map.weight.shape == (14, 14)
    a, b = (means(entered(model, t, i).detach(), t)[:, 4:] for i, t in enumerate(sessions))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.9


def test_unknown_counts_and_masked_bins_move_no_map() -> None:
    sessions = two_sessions()
    mask = np.ones((64, BINS), bool)
    mask[::3, 15:] = False
    known = np.random.default_rng(1).random(sessions[0].counts.shape) > 0.2

    def maps(other: float) -> list[torch.Tensor]:
        values = np.where(known & mask[..., None], sessions[0].counts, other)
        neural = dataclasses.replace(sessions[0].neural, values=values, mask=known)
        first = dataclasses.replace(sessions[0], signals={"counts": neural}, mask=mask)
        found = [trial_averages(first, lambda v, m: v)[0], trial_averages(sessions[1], lambda v, m: v)[0]]
        return [*found[0].conditions.values(), found[0].mean, found[0].covariance]

    for one, other in zip(maps(0), maps(3)):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())


def test_averages_are_causal_windows_of_conditions() -> None:
    trials = two_sessions()[0]
    values = np.zeros_like(trials.counts)
    values[:, 8] = 1
    signal = dataclasses.replace(trials.neural, values=values)
    seen, units = trial_averages(dataclasses.replace(trials, signals={"counts": signal}), lambda v, m: v)
    response = units.conditions["0"][:, 0]
    assert len(response) == BINS - 3 and torch.equal(seen.conditions["0"], units.conditions["0"])
    window = np.exp(-0.5 * (np.arange(6) - 2.5) ** 2)
    assert np.allclose(response[5:11], window / window.sum(), atol=1e-6)
    assert response[:5].abs().max() == 0 and response[11:].abs().max() == 0


def test_without_shared_conditions_time_and_behaviour_align_and_it_says_so() -> None:
    generator = np.random.default_rng(0)
    velocity = [np.cumsum(generator.normal(0, 0.3, (60, BINS, 2)), 1) for _ in range(2)]
    weight = generator.normal(0, 0.4, (2, 12))
    bump = np.exp(-0.5 * ((np.arange(BINS) - 10) / 3) ** 2)[None, :, None] * generator.normal(0, 0.5, 12)
    order = generator.permutation(12)

    def session(name: str, v: np.ndarray, units: np.ndarray, **more: object) -> Trials:
        rates = np.exp(np.clip(v @ weight + bump, -3, 2))[..., units]
        return Trials.from_arrays(generator.poisson(rates), bin_s=0.02, behaviour={"velocity": v}, session=name, **more)

    sessions = [session("a", velocity[0], np.arange(12)), session("b", velocity[1], order)]
    model = build(sessions)
    with pytest.warns(UserWarning, match="sessions a, b share no condition.*average over trials.*'velocity'"):
        model.prepare(sessions)
    back = np.argsort(order)
    a, b = (r.map.weight.detach().numpy() for r in model.read_in)
    first = [np.corrcoef(a[k], b[k][back])[0, 1] for k in range(3)]
    assert min(first) > 0.8
    windows = [dataclasses.replace(t, table=pd.DataFrame({"start_bin": np.arange(60) * BINS})) for t in sessions]
    bare = [dataclasses.replace(t, signals={"counts": t.neural}) for t in windows]
    with pytest.warns(UserWarning, match="start unaligned"):
        build(bare).prepare(bare)
    assert SharedRows.of([trial_averages(t, lambda v, m: v)[0] for t in windows]).series == ("velocity",)


def test_few_averages_are_filled_up_with_the_sessions_own_components() -> None:
    sessions = [
        dataclasses.replace(t.select(np.arange(12)), table=pd.DataFrame({"condition": ["x"] * 12}))
        for t in two_sessions()
    ]
    sessions = [
        dataclasses.replace(t, signals={"counts": dataclasses.replace(t.neural, values=t.counts[:, :6])}, mask=t.mask[:, :6], truth={})
        for t in sessions
    ]  # fmt: skip
    model = build(sessions)
    model.prepare(sessions)
    for i, trials in enumerate(sessions):
        weight = model.read_in[i].map.weight
        assert torch.linalg.matrix_rank(weight) == 6
        assert torch.isfinite(model(Batch.of(trials, session=i).observed).predictions["counts"]).all()


def test_averages_that_sessions_join_by_are_kept_with_the_weights() -> None:
    sessions = two_sessions()
    model = build(sessions)
    model.prepare(sessions)
    again = build(sessions, seed=1)
    again.load_state_dict(model.state_dict())
    kept, loaded = model.shared_averages.averages(), again.shared_averages.averages()
    assert kept is not None and loaded is not None
    assert sorted(loaded.conditions) == sorted(map(str, range(CONDITIONS)))
    assert all(torch.equal(kept.conditions[label], loaded.conditions[label]) for label in kept.conditions)
    without = {n: v for n, v in model.state_dict().items() if not n.startswith("shared_averages")}
    empty = build(sessions)
    empty.load_state_dict(without)
    assert empty.shared_averages.averages() is None and SharedAverages().averages() is None


def test_sessions_weigh_equally_whatever_their_size() -> None:
    sessions = two_sessions((96, 12))
    model = build(sessions, dropout=0.0).eval()
    objective = ELBO(ELBOConfig(), model)
    whole = tuple(Batch.of(t, session=i) for i, t in enumerate(sessions))
    losses = BPTT().gradients(model, objective, whole, Step())
    together = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    each = [BPTT().gradients(model, objective, (batch,), Step()) for batch in whole]
    assert torch.allclose(losses.total, torch.stack([x.total for x in each]).mean())
    assert float(each[0].total.detach()) != pytest.approx(float(each[1].total.detach()), rel=1e-3)
    for name, gradient in together.items():
        assert torch.allclose(gradient, model.get_parameter(name).grad / 2, rtol=1e-4, atol=1e-4), name
    dealt = Batches(sessions, 24, seed=0)
    assert [len({len(dealt.at(0, i)[s].mask) for i in range(dealt.steps)}) for s in range(2)] == [1, 1]
    assert dealt.steps == 8


def test_sessions_are_found_by_name_not_by_order() -> None:
    a, b = (split_trials(t, (0.6, 0.2, 0.2)) for t in two_sessions(heldout=0.25))
    fitted = fit("lfads", [a, b], train={"epochs": 2}, progress=False, **SMALL)
    straight, turned = fitted.transform([a.test, b.test]), fitted.transform([b.test, a.test])
    assert np.array_equal(straight[0].rates, turned[1].rates) and np.array_equal(straight[1].rates, turned[0].rates)
    assert not np.allclose(straight[0].latents[:4], straight[1].latents[:4])
    assert fitted.score([a.test, b.test]) == pytest.approx(fitted.score([b.test, a.test]), rel=1e-6)
    scores = [
        {
            (s.name, s.context["session"]): s.value
            for s in evaluate(fitted, order, baselines=False, samples=0, metrics=["co_bps"])
        }
        for order in ([a, b], [b, a], b)
    ]
    assert scores[0] == pytest.approx(scores[1]) and len(scores[0]) == 2
    assert scores[2] == {key: pytest.approx(value) for key, value in scores[0].items() if key[1] == "b"}
    stranger = dataclasses.replace(b, session="c")
    with pytest.raises(InvalidInput, match="c"):
        fitted.transform(stranger)
    with pytest.raises(InvalidInput, match="'c'"):
        evaluate(fitted, [a, stranger], baselines=False)


def test_sessions_may_differ_in_length() -> None:
    a, b = two_sessions()
    short = dataclasses.replace(
        b, signals={"counts": dataclasses.replace(b.neural, values=b.counts[:, :15])}, mask=b.mask[:, :15], truth={}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fitted = fit("lfads", [a, short], train={"epochs": 1}, progress=False, **SMALL)
    assert [found.rates.shape[1] for found in fitted.transform([a, short])] == [20, 15]


def test_what_cannot_be_stitched_is_refused() -> None:
    a, b = two_sessions()

    def named(trials: Trials, names: list[str]) -> Trials:
        return dataclasses.replace(trials, signals={"counts": dataclasses.replace(trials.neural, names=tuple(names))})

    mine, theirs = [f"a{i}" for i in range(14)], [f"b{i}" for i in range(13)] + ["a3"]
    with pytest.raises(InvalidInput, match=r"'a3' in the sessions 'a' and 'b'.*Rename it") as refused:
        DataSpec.of([named(a, mine), named(b, theirs)])
    assert refused.value.field == "unit names"
    numbers = list(map(str, range(14)))
    assert DataSpec.of([named(a, numbers), named(b, numbers)]).sessions[0].unit_names == ()
    spec = DataSpec.of(named(a, mine))
    assert DataSpec.from_mapping(spec.as_mapping()) == spec and spec.sessions[0].unit_names == tuple(mine)
    slow = dataclasses.replace(b, signals={"counts": dataclasses.replace(b.neural, bin_s=0.05)})
    with pytest.raises(InvalidInput, match="one bin width"):
        DataSpec.of([a, slow])
    with pytest.raises(InvalidInput, match="a different name"):
        DataSpec.of([a, a])
    inputs = [
        Trials.from_arrays(t.counts, bin_s=0.02, inputs=np.ones((len(t), BINS, n)), session=t.session)
        for n, t in enumerate((a, b), 1)
    ]
    with pytest.raises(InvalidInput, match="equally wide"):
        build(inputs, known_inputs=True)
    unseen = dataclasses.replace(b, table=b.table.assign(split="test"))
    with pytest.raises(InvalidInput, match="session 'b'"):
        fit("lfads", [a, unseen], progress=False, **SMALL)


def lorenz_sessions(trials: tuple[int, int], units: int = 32, seed: int = 0) -> list[Trials]:
    """One Lorenz system, started from twenty states; in each session other units see it in other trials."""
    config = LorenzConfig(conditions=20)
    whole = Lorenz(config).simulate(sum(trials), seed=seed)
    order = np.random.default_rng(seed + 100).permutation(sum(trials))
    found = []
    for i, rows in enumerate(np.split(order, [trials[0]])):
        generator = np.random.default_rng(seed + 7 + i)
        readout = LinearNonlinear(dataclasses.replace(config.spikes, units=units), 3, generator)
        latents = whole.truth["latents"][rows]
        rates = readout.rates(latents)
        session = Trials.from_arrays(
            generator.poisson(rates),
            bin_s=config.bin_s,
            conditions=np.asarray(whole.conditions)[rows],
            truth={"rates": rates, "latents": latents},
            session="ab"[i],
        )
        found.append(split_trials(hold_out_units(session, 0.25), (0.6, 0.15, 0.25)))
    return found


@pytest.mark.slow
def test_stitching_helps_a_session_of_few_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty trials of session b beside two hundred of a: co-smoothing is not worse than alone, and a decoder of a's latents reads b's."""
    a, b = lorenz_sessions((200, 60))

    def transfer(fitted: object) -> float:
        x, y = (fitted.transform(t).latents for t in (a.train, b.test))  # type: ignore[attr-defined]
        design = [np.c_[z.reshape(-1, z.shape[2]), np.ones(z[..., 0].size)] for z in (x, y)]
        truth = [t.truth["latents"].reshape(-1, 3) for t in (a.train, b.test)]
        error = truth[1] - design[1] @ np.linalg.lstsq(design[0], truth[0], rcond=None)[0]
        return float(1 - (error**2).sum() / ((truth[1] - truth[1].mean(0)) ** 2).sum())

    def co_smoothing(fitted: object) -> float:
        return next(s.value for s in evaluate(fitted, b, baselines=False, metrics=["co_bps"]))  # type: ignore[arg-type]

    train = {"epochs": 40}
    stitched, alone = (fit("lfads", data, train=train, progress=False) for data in ([a, b], b))
    monkeypatch.setattr(LFADS, "_stitch", lambda *_: None)
    unaligned = fit("lfads", [a, b], train=train, progress=False)
    assert co_smoothing(stitched) > co_smoothing(alone)
    assert transfer(stitched) > 0.95 and transfer(stitched) > transfer(unaligned) + 0.05
