"""Reads a pickled list of tensor records without running anything that is in the pickle.

A pickle can call any function. This reader knows five names, those of records of torch tensors; any other name is refused. Tensors'
bytes go through `torch.load(weights_only=True)`.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput


def read_tensor_records(path: Path) -> list[dict[str, np.ndarray]]:
    """The arrays of each record of a pickled `{"data": [record, ...]}`, where a record is a torch_geometric `Data` of tensors.

    Raises:
        InvalidInput: the pickle names anything else, or is damaged.
    """
    try:
        with path.open("rb") as file:
            records = _TensorUnpickler(file).load()["data"]
        return [{name: np.asarray(tensor) for name, tensor in r._store._mapping.items()} for r in records]
    except InvalidInput:
        raise
    except (pickle.UnpicklingError, EOFError, KeyError, AttributeError, RuntimeError, ValueError, IndexError) as error:
        raise InvalidInput(
            str(path), f"a damaged file ({error})", "the file as published", "Fetch it again."
        ) from error


class _Record:
    """Stands for an object whose attributes are all that matters."""


class _TensorUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        from torch._utils import _rebuild_tensor_v2

        known: dict[tuple[str, str], Any] = {
            ("torch_geometric.data.data", "Data"): _Record,
            ("torch_geometric.data.storage", "GlobalStorage"): _Record,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor_v2,
            ("torch.storage", "_load_from_bytes"): _storage,
            ("collections", "OrderedDict"): OrderedDict,
        }
        if (module, name) not in known:
            raise InvalidInput(
                "pickle",
                f"a name that is not of tensors: {module}.{name}",
                "records of tensors only",
                "It is not read, since it could run code.",
            )
        return known[module, name]


def _storage(data: bytes) -> Any:
    import torch

    return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
