"""Compiled forms of the recurrent loops: built on request, used where they are there, never needed.

They do what the Python loops of `gru.py` and `decoder_loop.py` do, equal to rounding, with everything between two matrix products in one pass and no call from
Python per bin. `build` compiles `kernels.cpp`, plain C++ without PyTorch's headers, with the machine's own compiler into the user's cache folder: a few
seconds, once. Products are those of the BLAS that PyTorch brings.

`NEURODYN_KERNELS=off` leaves them out, `NEURODYN_KERNELS=build` builds them at first use where they are missing.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import platformdirs
import torch
from torch import Tensor

from neurodyn.errors import InvalidInput

_SOURCE = Path(__file__).with_suffix(".cpp")
_FLAGS = ("-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
_TYPES = {torch.float32: ("float", ctypes.c_float, "sgemm_"), torch.float64: ("double", ctypes.c_double, "dgemm_")}
_INTEGERS = {
    "sequence": "time trials inputs size chunk",
    "decoder": "steps trials size width inputs factors chunk constant_drive",
}
_BUFFERS = {
    "sequence": "x wx wh bias gates states reset_states grad_states grad grad_gates grad_wx grad_wh grad_bias work",
    "decoder": "wg w_factors w_cf wc w_inputs b_inputs w_gu driven encoded noise factor_mask generator_mask "
    "g gates reset_g dropped f c gates_c reset_c posterior u scaled_noise seen grad_g grad_posterior grad_u grad_c "
    "d_g d_gates d_f d_c d_gates_c d_posterior d_wg d_w_factors d_w_cf d_wc d_w_inputs d_b_inputs d_w_gu d_driven work",
}
"""The structs of `kernels.cpp` in its order: product, integers, clip, buffers."""


class Kernels:
    """The compiled loops for one floating-point type."""

    def __init__(self, library: ctypes.CDLL, dtype: torch.dtype) -> None:
        name, real, product = _TYPES[dtype]
        self._product = ctypes.cast(getattr(ctypes.CDLL(torch._C.__file__), product), ctypes.c_void_p)
        self._mask = getattr(library, f"keep_mask_{name}")
        self._mask.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_double, ctypes.c_void_p]
        self._structs: dict[str, Any] = {}
        self._functions: dict[str, Any] = {}
        for kind, integers in _INTEGERS.items():
            fields = [("product", ctypes.c_void_p), *((i, ctypes.c_int64) for i in integers.split())]
            fields += [("clip", real), *((buffer, ctypes.c_void_p) for buffer in _BUFFERS[kind].split())]
            self._structs[kind] = type(kind, (ctypes.Structure,), {"_fields_": fields})
            for way in ("forward", "backward"):
                self._functions[f"{kind}_{way}"] = getattr(library, f"{kind}_{way}_{name}")

    def __call__(self, function: str, clip: float | None, **fields: Tensor | int | None) -> None:
        """Runs a loop.

        Args:
            function: `sequence_forward`, `sequence_backward`, `decoder_forward` or `decoder_backward`.
            clip: largest absolute value of a state; None does not clip.
            **fields: members of the struct; tensors are contiguous, and what is left out or None is a null pointer.
        """
        given = {name: value.data_ptr() if isinstance(value, Tensor) else value for name, value in fields.items()}
        loose = [name for name, value in fields.items() if isinstance(value, Tensor) and not value.is_contiguous()]
        assert not loose, loose
        struct = self._structs[function.partition("_")[0]]
        clip = float("inf") if clip is None else clip
        self._functions[function](ctypes.byref(struct(product=self._product, clip=clip, **given)))

    def keep_mask(self, drawn: Tensor, threshold: int, scale: float, mask: Tensor) -> None:
        """Fills `mask` with `scale` where the 16-bit words of `drawn` are below `threshold`, else with 0."""
        self._mask(drawn.data_ptr(), drawn.numel(), threshold, scale, mask.data_ptr())


def kernels(device: torch.device, dtype: torch.dtype) -> Kernels | None:
    """The compiled loops for a device and type; None where the Python loops run."""
    if device.type != "cpu" or dtype not in _TYPES or sys.byteorder != "little":
        return None
    return _loaded(os.environ.get("NEURODYN_KERNELS", ""), dtype)


@functools.cache
def _loaded(wish: str, dtype: torch.dtype) -> Kernels | None:
    if wish == "off":
        return None
    try:
        path = library_path()
        if not path.is_file():
            if wish != "build":
                return None
            build()
        return Kernels(ctypes.CDLL(str(path)), dtype)
    except (
        OSError,
        AttributeError,
        InvalidInput,
    ):  # no compiler, a file that cannot be loaded, a PyTorch that hides its BLAS
        return None


def library_path() -> Path:
    """Where the kernels of this source and this processor lie: in `NEURODYN_CACHE` if set, else in the user's cache folder."""
    folder = Path(os.environ.get("NEURODYN_CACHE") or platformdirs.user_cache_dir("neurodyn"))
    what = b"\0".join([_SOURCE.read_bytes(), " ".join(_FLAGS).encode(), _processor().encode()])
    return folder / "kernels" / f"loops-{hashlib.sha256(what).hexdigest()[:16]}.so"


def _processor() -> str:
    """What `-march=native` depends on: the machines of a cluster may share a cache folder."""
    found = [platform.system(), platform.machine(), platform.processor()]
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        found += sorted({line for line in listing.read_text().splitlines() if line.startswith(("flags", "Features"))})
    return "\n".join(found)


def build() -> Path:
    """Compiles the kernels for this machine; the file appears whole or not at all.

    Raises:
        InvalidInput: no C++ compiler; it fails; the cache folder cannot be written to.
    """
    wanted = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next((found for name in wanted if name and (found := shutil.which(name))), None)
    without = "Without kernels the Python loops give the same results."
    if compiler is None:
        raise InvalidInput("kernels", "no C++ compiler", "c++, g++ or clang++ on the path, or CXX", without)
    target = library_path()
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for native in (["-march=native"], []):
            command = [compiler, *_FLAGS, *native, str(_SOURCE), "-o", str(beside)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                break
        else:
            raise InvalidInput("kernels", f"{compiler}: {done.stderr.strip()[-300:]}", "a compiler of C++17", without)
        os.replace(beside, target)
    except OSError as error:
        raise InvalidInput("kernels", str(error), "a compiler that runs and a cache folder you may write to") from error
    finally:
        beside.unlink(missing_ok=True)
    _loaded.cache_clear()
    return target
