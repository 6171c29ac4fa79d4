"""The compiled loops equal the Python loops, and everything works without them."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from neurodyn.errors import InvalidInput
from neurodyn.models.parts import decoder_loop as decoder_module
from neurodyn.models.parts import gru as gru_module
from neurodyn.models.parts import kernels as module
from neurodyn.models.parts.decoder_loop import Controller, decode_loop
from neurodyn.models.parts.gru import ClippedGRUSequence
from neurodyn.models.parts.kernels import build, kernels, library_path
from neurodyn.models.parts.masks import keep_mask

CPU = torch.device("cpu")
T, B, C, G, U, F = 5, 3, 4, 6, 2, 5
compiler = pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NEURODYN_CACHE", str(folder))
    monkeypatch.delenv("NEURODYN_KERNELS", raising=False)
    module._loaded.cache_clear()
    yield
    module._loaded.cache_clear()


def both(run: Callable[[], list[Tensor]], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Tensor, Tensor]]:
    """Results of the compiled and of the Python loops; those of the weights in chunks of two bins."""
    monkeypatch.setenv("NEURODYN_KERNELS", "build")
    assert kernels(CPU, torch.float64) is not None
    for user in (gru_module, decoder_module):
        monkeypatch.setattr(user, "bins_at_once", lambda time, trials: min(time, 2))
    fast = run()
    monkeypatch.setenv("NEURODYN_KERNELS", "off")
    assert kernels(CPU, torch.float64) is None
    return zip(fast, run())


@compiler
@pytest.mark.parametrize(
    ("dtype", "clip", "data_gradient"), itertools.product((torch.float64, torch.float32), (5.0, 0.3), (True, False))
)
def test_sequences_are_equal(
    dtype: torch.dtype, clip: float, data_gradient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    sizes = ((2, 7, 3, 5), (4, 5, 51), (4, 17, 51), (4, 51), (4, 3, 17))  # 17 states: vectors and a rest
    leaves = [(0.4 * torch.randn(s, dtype=dtype)).requires_grad_() for s in sizes]
    leaves[0].requires_grad_(data_gradient)
    weight = torch.randn(4, 7, 3, 17, dtype=dtype)

    def run() -> list[Tensor]:
        states = ClippedGRUSequence.apply(*leaves, clip)
        return [states, *torch.autograd.grad((states * weight).sum(), leaves[0 if data_gradient else 1 :])]

    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    for fast, plain in both(run, monkeypatch):
        assert torch.allclose(fast, plain, rtol=tolerance, atol=tolerance * plain.abs().max().item())


@compiler
@pytest.mark.parametrize(
    ("with_controller", "with_masks", "constant_drive", "clip", "rates_only"),
    list(itertools.product((True, False), (True, False), (True, False), (5.0, 0.5), (True, False))),
)
def test_decoders_are_equal(
    with_controller: bool,
    with_masks: bool,
    constant_drive: bool,
    clip: float,
    rates_only: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)

    def leaf(*shape: int) -> Tensor:
        return (0.5 * torch.randn(shape, dtype=torch.float64)).requires_grad_()

    def dropout(*shape: int) -> Tensor | None:
        return 2.0 * (torch.rand(shape) > 0.5).double() if with_masks else None

    leaves = [leaf(B, G), leaf(3 * G) if constant_drive else leaf(T, B, 3 * G), leaf(G, 3 * G), leaf(G, F)]
    controller = None
    if with_controller:
        sizes = ((T, B, 3 * C), (B, C), (F, 3 * C), (C, 3 * C), (2 * U, C), (2 * U,), (U, 3 * G))
        given = [leaf(*s) for s in sizes]
        leaves += given
        given[4] = given[4].t()  # as a layer's weight comes
        noise = torch.randn(T, B, U, dtype=torch.float64) if with_masks else None
        controller = Controller(*given, noise, dropout(T, B, F))
    mask = dropout(T + 1, B, G)

    def run() -> list[Tensor]:
        made = decode_loop(*leaves[:4], T, controller=controller, generator_mask=mask, clip=clip)
        shown = [v for v in vars(made).values() if v is not None]
        torch.manual_seed(5)
        used = shown[:1] if rates_only else shown
        total = torch.stack([(v * torch.randn(v.shape, dtype=v.dtype)).sum() for v in used]).sum()
        return [*shown, *(g for g in torch.autograd.grad(total, leaves, allow_unused=True) if g is not None)]

    for fast, plain in both(run, monkeypatch):
        assert torch.allclose(fast, plain, atol=1e-12)


@compiler
@pytest.mark.parametrize("with_mask", [True, False])
def test_decoders_without_a_map_are_equal(with_mask: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    sizes = (
        (B, G),
        (3 * G,),
        (G, 3 * G),
        (T, B, 3 * C),
        (B, C),
        (G, 3 * C),
        (C, 3 * C),
        (C, 2 * U),
        (2 * U,),
        (U, 3 * G),
    )
    leaves = [(0.5 * torch.randn(size, dtype=torch.float64)).requires_grad_() for size in sizes]
    mask = 2.0 * (torch.rand(T + 1, B, G) > 0.5).double() if with_mask else None
    weights = torch.randn(2, T, B, G, dtype=torch.float64)

    def run() -> list[Tensor]:
        controller = Controller(*leaves[3:], None, None)
        made = decode_loop(*leaves[:3], None, T, controller=controller, generator_mask=mask)
        total = (torch.stack([made.factors, made.generator]) * weights).sum()
        return [made.factors, made.generator, *torch.autograd.grad(total, leaves)]

    for fast, plain in both(run, monkeypatch):
        assert torch.allclose(fast, plain, atol=1e-12)


@compiler
def test_masks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> list[Tensor]:
        torch.manual_seed(3)
        return [keep_mask((41, 7), rate, dtype=t) for rate in (0.0, 0.3) for t in (torch.float32, torch.float64)]

    for fast, plain in both(run, monkeypatch):
        assert torch.equal(fast, plain)


@compiler
def test_single_precision_keeps_its_digits_and_not_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """One unit whose first step is tanh(v), and one whose first step is sigmoid(v)."""
    monkeypatch.setenv("NEURODYN_KERNELS", "build")
    v = torch.cat([torch.linspace(-40, 40, 20001), torch.logspace(-8, 0, 2000), torch.tensor([torch.nan])])

    def step(block: int, bias: float, first: float) -> Tensor:
        wx, b = torch.zeros(1, 1, 3), torch.zeros(1, 3)
        wx[..., block], b[..., 0] = 1, bias
        h0 = torch.full((1, len(v), 1), first)
        return ClippedGRUSequence.apply(v.view(1, 1, -1, 1), wx, torch.zeros(1, 1, 3), b, h0, 5.0).flatten()

    for made, exact in ((step(2, -200, 0), v.double().tanh()), (step(0, 0, 1), v.double().sigmoid())):
        assert made[-1].isnan()
        assert ((made - exact).abs() / exact.abs().clamp_min(1e-30))[:-1].max() < 3e-7


@compiler
def test_they_are_built_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path))
    assert kernels(CPU, torch.float32) is None
    assert not any(tmp_path.iterdir())
    assert build() == library_path()
    assert [p.name for p in library_path().parent.iterdir()] == [library_path().name]
    assert kernels(CPU, torch.float32) is not None
    assert kernels(CPU, torch.float16) is None
    assert kernels(torch.device("cuda"), torch.float32) is None
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "other"))
    module._loaded.cache_clear()
    library_path().parent.mkdir(parents=True)
    library_path().write_bytes(b"no library")
    assert kernels(CPU, torch.float32) is None


def test_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "new"))
    monkeypatch.setenv("NEURODYN_KERNELS", "build")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert kernels(CPU, torch.float32) is None
    with pytest.raises(InvalidInput, match="no C\\+\\+ compiler"):
        build()
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(InvalidInput, match="not today"):
        build()
    assert not any((tmp_path / "new" / "kernels").iterdir())
