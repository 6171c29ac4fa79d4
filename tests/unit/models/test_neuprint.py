"""NeuPRINT: what a token knows, what an entry is predicted from, and sessions that join."""

import dataclasses

import numpy as np
import pytest
import torch

import neurodyn.models.neuprint as module
from neurodyn import config as configs
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.estimator import Estimator
from neurodyn.models.neuprint import NeuPRINT, NeuPRINTConfig
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig
from neurodyn.observations.squared_error import SquaredError
from neurodyn.observations.zero_inflated_gamma import ZeroInflatedGamma
from neurodyn.simulate.datasets.cell_types import CellTypes

SMALL = {"embedding": 6, "feedforward": 8}
TRAIN = {"epochs": 2, "batch_size": 4}


@pytest.fixture(scope="module")
def sessions() -> list[Trials]:
    return CellTypes.with_options(sessions=3, units=10, windows=6, bins=16).load()


def built(sessions: list[Trials], **options: object) -> NeuPRINT:
    torch.manual_seed(0)
    model = NeuPRINT(NeuPRINTConfig(**{**SMALL, **options}), DataSpec.of(sessions))  # type: ignore[arg-type]
    model.prepare([t.train for t in sessions])
    return model.eval()


def rates(model: NeuPRINT, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return model(batch.observed).predictions["fluorescence"][..., 0]


def moved(batch: Batch, trial: int, bin_: int, unit: int) -> Batch:
    values = batch.observed.neural.clone()
    values[trial, bin_, unit] += 5
    return batch.with_seen(values)


def test_widths_are_those_of_the_published_token(sessions: list[Trials]) -> None:
    behaviour = BehaviourConfig(fusion="concatenate")
    teacher = NeuPRINT(NeuPRINTConfig(mode="release", behaviour=behaviour), DataSpec.of(sessions[0]))
    assert teacher.width == 5 + 64 + 5 + 2 and teacher.uses_privileged
    student = NeuPRINT(NeuPRINTConfig(), DataSpec.of(sessions[0]))
    assert student.width == 73 and not student.uses_privileged
    assert isinstance(student.observation("fluorescence"), SquaredError)
    assert student.embeddings[0].abs().max() <= student.config.resolved_range


def test_the_likelihood_is_chosen_with_its_options(sessions: list[Trials]) -> None:
    options = {"name": "zero_inflated_gamma", "loc": 0.5}
    model = NeuPRINT(configs.from_dict(NeuPRINTConfig, {"observation": options}), DataSpec.of(sessions[0]))
    likelihood = model.observation("fluorescence")
    assert isinstance(likelihood, ZeroInflatedGamma) and likelihood.config.loc == 0.5
    assert configs.from_dict(NeuPRINTConfig, configs.to_dict(model.config)) == model.config
    with pytest.raises(UnknownName, match="gamma"):
        NeuPRINTConfig(observation="gama")


def test_an_entry_is_predicted_from_what_is_around_it(sessions: list[Trials]) -> None:
    """Its own value says nothing of it; the neuron's next bin and other neurons' same bin depend on it."""
    model, batch = built(sessions[:1]), Batch.of(sessions[0])
    changed = rates(model, moved(batch, 2, 7, 3)) != rates(model, batch)
    assert not changed[2, 7, 3] and changed[2, 8, 3]
    assert changed[2, 7, [u for u in range(10) if u != 3]].all()
    assert not changed[[t for t in range(6) if t != 2]].any() and not changed[2, 9:].any() and not changed[2, :7].any()


def test_as_released_an_entry_sees_itself(sessions: list[Trials]) -> None:
    model, batch = built(sessions[:1], mode="release"), Batch.of(sessions[0])
    assert (rates(model, moved(batch, 2, 7, 3)) != rates(model, batch))[2, 7, 3]
    assert len(model.transforms()) == 1 and model.transforms()[0].config.always == "last_unit"  # type: ignore[attr-defined]


def test_hidden_entries_say_nothing(sessions: list[Trials]) -> None:
    model, batch = built(sessions[:1]), Batch.of(sessions[0])
    hidden = torch.rand(batch.observed.neural.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    one = batch.with_seen(batch.observed.neural, hidden=hidden)
    other = batch.with_seen(torch.where(hidden, 9.0, batch.observed.neural), hidden=hidden)
    assert torch.equal(rates(model, one), rates(model, other)) and not torch.equal(
        rates(model, one), rates(model, batch)
    )


def test_chunks_of_neurons_change_nothing(sessions: list[Trials], monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = built(sessions[:1], dropout=0.0).train(), Batch.of(sessions[0])
    found = []
    for tokens in (2**18, 3 * 6 * 16):
        monkeypatch.setattr(module, "TOKENS_AT_A_TIME", tokens)
        model.zero_grad()
        output = model(batch.observed)
        output.predictions["fluorescence"].square().sum().backward()
        found.append(
            [output.predictions["fluorescence"], output.hidden["layer_1"], *(p.grad for p in model.parameters())]
        )
    assert output.hidden["layer_1"].shape == (6, 16, model.width)
    for one, other in zip(*found):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_embeddings_are_in_recorded_order(sessions: list[Trials]) -> None:
    """Permuting neurons between held-in and held-out ones moves their embeddings along."""
    held = dataclasses.replace(sessions[0], heldin=np.array([1, 4, 5, 8]))
    model = built([held])
    found = model.embeddings_of(0)
    order = torch.as_tensor(held.unit_order)
    assert torch.equal(found[order], model.embeddings[0]) and not torch.equal(found, model.embeddings[0])


def test_neighbours_are_used_where_positions_are_known(sessions: list[Trials]) -> None:
    trials, bare = sessions[0], dataclasses.replace(sessions[0], unit_table=type(sessions[0].unit_table)())
    with_positions, without = built([trials], neighbour_radius_um=150.0), built([bare], neighbour_radius_um=150.0)
    assert torch.isfinite(with_positions.get_buffer("position_0")).all()
    assert torch.isnan(without.get_buffer("position_0")).all()
    batch = Batch.of(trials)
    assert (
        not torch.equal(rates(with_positions, batch), rates(without, batch)) and rates(without, batch).isfinite().all()
    )


@pytest.mark.parametrize("fusion", ["add", "concatenate"])
def test_a_teacher_is_told_of_behaviour_and_stands_its_absence(sessions: list[Trials], fusion: str) -> None:
    model, batch = built(sessions[:1], behaviour=BehaviourConfig(fusion=fusion)), Batch.of(sessions[0])  # type: ignore[arg-type]
    with torch.no_grad():
        told = model(batch.observed, batch.privileged).predictions["fluorescence"]
        missing = {name: torch.full_like(values, torch.nan) for name, values in batch.privileged.items()}
        blind = model(batch.observed, missing).predictions["fluorescence"]
        alone = model(batch.observed).predictions["fluorescence"]
    assert torch.equal(blind, alone) and blind.isfinite().all() and not torch.equal(told, blind)


def test_sessions_join_by_their_embeddings_alone(sessions: list[Trials]) -> None:
    fitted = Estimator("neuprint", train=TRAIN, progress=False, **SMALL).fit(sessions[:2])
    before = {name: values.clone() for name, values in fitted.model_.state_dict().items()}
    adapted = fitted.adapt(sessions[2], train=TRAIN)
    after = adapted.model_.state_dict()
    assert all(torch.equal(after[name], values) for name, values in before.items())
    model = adapted.model_
    assert isinstance(model, NeuPRINT)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {"embeddings.2"}
    whole = fitted.model_.infer(sessions[0]).arrays()
    assert all(np.array_equal(values, model.infer(sessions[0]).arrays()[name]) for name, values in whole.items())
    assert torch.isfinite(model.get_buffer("position_2")).all()


def test_data_without_a_population_are_refused() -> None:
    task = Trials.from_arrays(bin_s=0.1, inputs=np.ones((4, 5, 1)), targets=np.ones((4, 5, 1)))
    with pytest.raises(InvalidInput, match="neural"):
        NeuPRINT(NeuPRINTConfig(), DataSpec.of(task))


def test_behaviour_is_refused_by_a_student(sessions: list[Trials]) -> None:
    batch = Batch.of(sessions[0])
    with pytest.raises(InvalidInput, match="privileged"):
        built(sessions[:1])(batch.observed, batch.privileged)
