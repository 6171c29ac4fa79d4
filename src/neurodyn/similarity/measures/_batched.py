"""All pairs at once: each activity is prepared once, and the cross products of many pairs are one matrix product."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float
from neurodyn.similarity.activity import Activity, all_of, check_paired
from neurodyn.similarity.measures.base import SimilarityMeasure

_BLOCK_ENTRIES = 2**24
"""Cross products held at a time, 0.13 GB."""


class BatchedMeasure(SimilarityMeasure):
    """A measure of the cross products XᵀY of two activities, each prepared without knowing the other."""

    @abstractmethod
    def prepared(self, samples: Float[Array, "sample unit"], name: str, least: int) -> tuple[np.ndarray, Any]:
        """Columns `(sample, column)` whose products with another activity's columns are what counts, and whatever else a pair needs.

        Args:
            samples: of one activity, those that all activities of the batch have.
            name: of the activity, for messages.
            least: units of the smallest activity of the batch.
        """

    @abstractmethod
    def of_products(self, products: Any, xs: Sequence[Any], ys: Sequence[Any]) -> Float[Array, "x y"]:
        """Values from cross products `(x, y, column, other_column)` and what `prepared` found; nan where they lost their digits."""

    def pairwise(
        self,
        activities: Sequence[Activity | np.ndarray],
        others: Sequence[Activity | np.ndarray] | None = None,
        *,
        progress: bool = False,
        device: str = "cpu",
    ) -> Float[Array, "activity other"]:
        """As the base's, in blocks of bounded memory beside one prepared copy of every activity.

        Raises:
            InvalidInput: as `fit`, or a device that is not there.
        """
        from rich.console import Console
        from rich.progress import Progress

        _check_device(device)
        first = all_of(activities)
        second = first if others is None else all_of(others)
        for x in {id(each): each for each in (*first, *second)}.values():
            self.checked(x, x)
        for x, y in combinations(first, 2) if others is None else product(first, second):
            check_paired(x, y)
        mirrored = others is None and self.symmetric
        found = np.full((len(first), len(second)), np.nan)
        with Progress(console=Console(stderr=True), disable=not progress, transient=True) as bar:
            task = bar.add_task(self.label, total=found.size)
            for part in _parts(first, second, mirrored):
                for rows, columns, values in self._part(part, first, second, device):
                    found[np.ix_(rows, columns)] = values
                    if mirrored:
                        found[np.ix_(columns, rows)] = values.T
                    bar.advance(task, values.size * (1 if rows == columns or not mirrored else 2))
        if others is None and self.is_metric:
            np.fill_diagonal(found, 0)
        for i, j in np.argwhere(np.isnan(found)):
            found[i, j] = found[j, i] if mirrored and j < i else self.fit(first[i], second[j]).score()
        return found

    def _part(
        self, part: _Part, first: Sequence[Activity], second: Sequence[Activity], device: str
    ) -> Iterator[tuple[list[int], list[int], np.ndarray]]:
        """Places and values of blocks of pairs with the same samples."""
        least = min(each.units for each in (*(first[i] for i in part.rows), *(second[j] for j in part.columns)))

        def stacks(side: Sequence[Activity], places: Sequence[int]) -> list[_Stack]:
            return _stacks({i: self.prepared(part.samples(side[i]), side[i].name, least) for i in places}, device)

        left = stacks(first, part.rows)
        right = left if part.triangle else stacks(second, part.columns)
        chosen = combinations_with_replacement(left, 2) if part.triangle else product(left, right)
        for x, y in chosen:
            blocks = (
                _triangle(len(x.places), x.width, self.is_metric)
                if x is y
                else _rectangle(range(len(x.places)), range(len(y.places)), x.width, y.width)
            )
            for rows, columns in blocks:
                products = x.products(rows, y, columns)
                values = self.of_products(products, [x.beside[i] for i in rows], [y.beside[j] for j in columns])
                yield [x.places[i] for i in rows], [y.places[j] for j in columns], values


# -- which pairs share their samples -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Part:
    """Activities whose pairs all have the same samples."""

    rows: list[int]
    columns: list[int]
    mask: Bool[Array, "condition time"]
    triangle: bool
    """Whether both sides are the same and half the pairs are enough."""

    def samples(self, activity: Activity) -> np.ndarray:
        """The activity's samples of this part, in float64."""
        return activity.samples if self.mask.all() else np.asarray(activity.values[self.mask], np.float64)


def _parts(first: Sequence[Activity], second: Sequence[Activity], mirrored: bool) -> Iterator[_Part]:
    left, right = _by_mask(first), _by_mask(second)
    chosen = combinations_with_replacement(left, 2) if mirrored else product(left, right)
    for a, b in chosen:
        rows, own = left[a]
        columns, other = right[b]
        if not (own & other).any():
            raise InvalidInput(
                f"mask of {second[columns[0]].name}",
                f"no bin with data that {first[rows[0]].name} has too",
                "at least one",
            )
        yield _Part(rows, columns, own & other, mirrored and a == b)


def _by_mask(activities: Sequence[Activity]) -> dict[bytes, tuple[list[int], np.ndarray]]:
    found: dict[bytes, tuple[list[int], np.ndarray]] = {}
    for i, each in enumerate(activities):
        found.setdefault(each.counted.tobytes(), ([], each.counted))[0].append(i)
    return found


# -- blocks of cross products ------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Stack:
    """Prepared activities of one width."""

    places: list[int]
    columns: Any
    """`(activity, column, sample)`; an array, or a tensor on another device."""
    beside: list[Any]

    @property
    def width(self) -> int:
        return int(self.columns.shape[1])

    def products(self, rows: range, other: _Stack, columns: range) -> Any:
        """Cross products `(row, column, width, other_width)` of some activities with some of another stack."""
        x = self.columns[rows.start : rows.stop].reshape(len(rows) * self.width, -1)
        y = other.columns[columns.start : columns.stop].reshape(len(columns) * other.width, -1)
        # One tall product runs at the machine's full speed; many narrow ones do not.
        return (x @ y.T).reshape(len(rows), self.width, len(columns), other.width).swapaxes(1, 2)


def _stacks(prepared: dict[int, tuple[np.ndarray, Any]], device: str) -> list[_Stack]:
    """Prepared activities by width; takes them out of what it is given, so that there is never a second copy of all."""
    widths: dict[int, list[int]] = {}
    for i, (columns, _) in prepared.items():
        widths.setdefault(columns.shape[1], []).append(i)
    found = []
    for width, places in widths.items():
        columns, beside = np.empty((len(places), width, len(prepared[places[0]][0]))), []
        for row, i in enumerate(places):
            own, more = prepared.pop(i)
            columns[row] = own.T
            beside.append(more)
        found.append(_Stack(places, _on(columns, device), beside))
    return found


def _triangle(number: int, width: int, strict: bool) -> Iterator[tuple[range, range]]:
    """Blocks that hold every pair i < j once, and the pairs i = j unless `strict`."""

    def split(low: int, high: int) -> Iterator[tuple[range, range]]:
        if high - low == 1:
            if not strict:
                yield range(low, high), range(low, high)
            return
        middle = (low + high) // 2
        yield from _rectangle(range(low, middle), range(middle, high), width, width)
        yield from split(low, middle)
        yield from split(middle, high)

    return split(0, number)


def _rectangle(rows: range, columns: range, width: int, other_width: int) -> Iterator[tuple[range, range]]:
    """Blocks of bounded size that hold every pair once."""
    side = max(1, int(np.sqrt(_BLOCK_ENTRIES / (width * other_width))))
    wide = max(1, _BLOCK_ENTRIES // (min(side, len(rows)) * width * other_width))
    for i in range(rows.start, rows.stop, side):
        for j in range(columns.start, columns.stop, wide):
            yield range(i, min(i + side, rows.stop)), range(j, min(j + wide, columns.stop))


# -- arrays here, tensors on another device ----------------------------------------------------------------------------


def _check_device(device: str) -> None:
    if device == "cpu":
        return
    import torch

    if not device.startswith("cuda") or not torch.cuda.is_available():
        raise InvalidInput("device", device, "cpu, or cuda where there is one")


def _on(columns: np.ndarray, device: str) -> Any:
    """NumPy computes on the CPU, where its products and singular values are the faster ones; PyTorch elsewhere."""
    if device == "cpu":
        return columns
    import torch

    return torch.from_numpy(columns).to(device)


def as_array(products: Any) -> np.ndarray:
    """Products as an array."""
    return products if isinstance(products, np.ndarray) else np.asarray(products.cpu().numpy())


def singular_values(products: Any) -> np.ndarray:
    """Singular values `(..., value)` of cross products, the largest first."""
    if isinstance(products, np.ndarray):
        return np.linalg.svd(products, compute_uv=False)
    import torch

    return as_array(torch.linalg.svdvals(products))


def squares(products: Any) -> np.ndarray:
    """Sum of squares of each cross product."""
    return as_array((products * products).sum((-2, -1)))
