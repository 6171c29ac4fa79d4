"""Windows at whose boundaries credit ends, truly and as in the release."""

from __future__ import annotations

import dataclasses

import pytest
from torch import Tensor

from leaky_networks import FORMS, case, differentiated, exact, found, same
from neurodyn.errors import InvalidInput
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.eprop import Eprop
from neurodyn.learning.truncated_bptt import TruncatedBPTT, TruncatedBPTTConfig

BINS = 9


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("window", [1, 2, 3, 4, 8])
def test_state_and_activity_are_detached_at_boundaries(form: str, window: int) -> None:
    made = case(form, nonlinearity="retanh")

    def boundary(bin: int) -> bool:
        return bin > 0 and (BINS - bin) % window == 0

    def current(bin: int, activity: Tensor, weights: Tensor) -> Tensor:
        return exact(bin, activity.detach() if boundary(bin) else activity, weights)

    def leak(bin: int, state: Tensor) -> Tensor:
        return state.detach() if boundary(bin) else state

    expected = differentiated(made, current, leak=leak).gradients
    same(found(TruncatedBPTT(TruncatedBPTTConfig(window=window)), made), expected)
    assert float((expected["recurrent"] - found(BPTT(), made)["recurrent"]).abs().max()) > 1e-4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("window", [1, 3, 4])
def test_the_release_detaches_activity_alone(form: str, window: int) -> None:
    """Credit then crosses boundaries through the leak; with windows of one bin that is e-prop."""
    made = case(form)

    def current(bin: int, activity: Tensor, weights: Tensor) -> Tensor:
        return exact(bin, activity.detach() if (BINS - bin) % window == 0 else activity, weights)

    gradients = found(TruncatedBPTT(TruncatedBPTTConfig(window=window, leaks=True)), made)
    same(gradients, differentiated(made, current).gradients)
    if window == 1:
        same(gradients, found(Eprop(), made))


@pytest.mark.parametrize("leaks", [False, True])
def test_a_window_longer_than_the_trials_is_exact(leaks: bool) -> None:
    made = case()
    same(found(TruncatedBPTT(TruncatedBPTTConfig(window=BINS + 1, leaks=leaks)), made), found(BPTT(), made))


def test_a_window_without_bins_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"rule\.window"):
        TruncatedBPTTConfig(window=0)


def test_windows_are_counted_from_the_last_bin() -> None:
    """A residual in the last bin reaches the inputs of its own window only."""
    made = case(penalty=0.0, mask=False)
    target = made.model(made.batch.observed).predictions["target"][..., 0].detach().clone()
    target[:, -1] += 1
    late = dataclasses.replace(made, batch=dataclasses.replace(made.batch, targets={"target": target}))
    gradients = found(TruncatedBPTT(TruncatedBPTTConfig(window=4)), late)
    assert float(gradients["initial"].abs().max()) == 0 < float(gradients["bias"].abs().max())
    assert float(found(BPTT(), late)["initial"].abs().max()) > 1e-6
