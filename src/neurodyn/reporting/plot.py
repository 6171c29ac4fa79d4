"""Plots as plain plotly dictionaries, and how they are written into the page.

Figures are written as JSON beside an empty `div`; `page.js` draws them. Numbers keep a
thousandth of their array's range or better, which is finer than a pixel and keeps the file small.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

INK, MUTED, FAINT = "#1b1f24", "#5c6670", "#d5dade"
MODEL, TRUTH, BASELINE = "#0072b2", "#1b1f24", "#9aa3ab"
"""The same three colours everywhere: what the model says, what is true or observed, what a baseline says."""
CATEGORIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#6b6b6b")
"""Okabe and Ito's palette (its yellow and black replaced, which vanish on white or mean truth here)."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
DECADES = 100.0
"""Ratio of the largest to the smallest of positive values from which they keep digits of their own: their axis may be logarithmic."""
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


def colours(n: int, *, ordered: bool = False) -> list[str]:
    """`n` colours that a colour-blind reader can tell apart; more than eight, or ordered ones, run along a perceptual scale."""
    if n <= len(CATEGORIES) and not ordered:
        return list(CATEGORIES[:n])
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["viridis"](x)) for x in np.linspace(0, 0.9, n)]


def faded(colour: str, opacity: float) -> str:
    """A `#rrggbb` colour as `rgba(...)`."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def axis(title: str = "", **given: Any) -> dict[str, Any]:
    """A quiet axis: a thin line, ticks outside, no grid."""
    base: dict[str, Any] = {
        "title": {"text": title, "font": {"size": 12}, "standoff": 6},
        "showgrid": False,
        "zeroline": False,
        "showline": True,
        "linecolor": MUTED,
        "linewidth": 1,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": MUTED,
        "tickfont": {"size": 11},
        "nticks": 6,
        "automargin": True,
    }
    return base | given


def log_axis(values: np.ndarray, title: str = "", **given: Any) -> dict[str, Any]:
    """A logarithmic axis over positive values, labelled at 1, 2 and 5 of each decade, or at decades where there are many."""
    positive = values[np.isfinite(values) & (values > 0)]
    low, high = (float(np.log10(f(positive))) for f in (np.min, np.max)) if positive.size else (0.0, 1.0)
    margin = 0.05 * max(high - low, 0.1)
    low, high = low - margin, high + margin
    steps = (1, 2, 5) if high - low < 2.5 else (1,)
    ticks = [s * 10.0**d for d in range(int(np.floor(low)), int(np.ceil(high)) + 1) for s in steps]
    ticks = [t for t in ticks if low <= np.log10(t) <= high]
    marks = {"tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks]} if len(ticks) > 1 else {}
    return axis(title, type="log", range=[low, high], **marks) | given


def stacked_axis(last: bool, title: str, **given: Any) -> dict[str, Any]:
    """The x axis of one of several panels one above the other: only the last is labelled, and all move together."""
    return axis(title if last else "", showticklabels=last, matches="x", **given)


def grid(rows: int, columns: int, *, gap_x: float = 0.08, gap_y: float = 0.14) -> list[tuple[list[float], list[float]]]:
    """Domains (x, y) of panels in reading order, the first at the top left."""
    width, height = (1 - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    found = []
    for row in range(rows):
        top = 1.0 - row * (height + gap_y)
        for column in range(columns):
            left = column * (width + gap_x)
            found.append(([left, min(left + width, 1.0)], [max(top - height, 0.0), min(top, 1.0)]))
    return found


def panel(layout: dict[str, Any], number: int, domain: tuple[list[float], list[float]], **given: Any) -> dict[str, str]:
    """Adds panel `number` (from 1) to a layout and returns the axes its traces name.

    Args:
        layout: changed in place.
        number: of the panel.
        domain: x and y, from `grid`.
        given: `x` and `y`: axes from `axis`; `title`: text above the panel.
    """
    tag = "" if number == 1 else str(number)
    layout[f"xaxis{tag}"] = given.get("x", axis()) | {"domain": domain[0], "anchor": f"y{tag}"}
    if number == 1:
        layout["xaxis"].pop("matches", None)  # an axis may not match itself
    layout[f"yaxis{tag}"] = given.get("y", axis()) | {"domain": domain[1], "anchor": f"x{tag}"}
    if given.get("title"):
        layout.setdefault("annotations", []).append(
            note(given["title"], domain[0][0], domain[1][1], yanchor="bottom", xanchor="left", yshift=3)
        )
    return {"xaxis": f"x{tag}", "yaxis": f"y{tag}"}


def note(text: str, x: float, y: float, **given: Any) -> dict[str, Any]:
    """A text without an arrow, in paper coordinates unless told otherwise."""
    base = {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False}
    return base | {"font": {"size": 12, "color": INK}} | given


def line(x: Any, y: Any, colour: str, **given: Any) -> dict[str, Any]:
    """A line trace; gaps (NaN) stay gaps."""
    style = {"color": colour, "width": given.pop("width", 1.6), "dash": given.pop("dash", "solid")}
    base = {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": style, "connectgaps": False}
    return base | {"showlegend": False} | given


def vertical(x: float, axes: Mapping[str, str], colour: str = MUTED, dash: str = "dot") -> dict[str, Any]:
    """A vertical line through a panel."""
    return {
        "type": "line",
        "xref": axes["xaxis"],
        "yref": f"{axes['yaxis']} domain",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": {"color": colour, "width": 1, "dash": dash},
    }


def side_by_side(values: np.ndarray, bin_s: float, *, gap_bins: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Trials one after another with a gap between: seconds and values, `(trial * (time + gap),)`, from `(trial, time)`."""
    trials, bins = values.shape
    padded = np.full((trials, bins + gap_bins), np.nan)
    padded[:, :bins] = values
    return (np.arange(padded.size) + 0.5) * bin_s, padded.ravel()


def average(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    return np.where(finite.any(0), np.where(finite, values, 0).sum(0) / np.maximum(finite.sum(0), 1), np.nan)


def figure(
    traces: Sequence[Mapping[str, Any]],
    layout: Mapping[str, Any],
    *,
    height: int,
    label: str,
    caption: str,
    choices: Sequence[tuple[str, Sequence[Mapping[str, Any]]]] = (),
    webgl: bool = False,
) -> str:
    """HTML of one figure with its caption.

    Args:
        traces: plotly traces.
        layout: plotly layout; the page's own style is under it.
        height: pixels.
        label: what a screen reader says in place of the picture.
        caption: HTML under the figure: what is shown, on which split, how many.
        choices: for a picker above the figure: its label, and what it changes in each trace.
        webgl: whether the figure needs WebGL; without it the page hides the figure and says so.
    """
    style: dict[str, Any] = {
        "font": {"family": FONT, "size": 12, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 52, "r": 14, "t": 34, "b": 44},
        "height": height,
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
    }
    spec = {
        "data": [dict(trace) for trace in traces],
        "layout": style | dict(layout),
        "choices": [{"label": name, "update": list(update)} for name, update in choices],
    }
    needs = ' data-needs="webgl"' if webgl else ""
    kind = ' class="screen-only"' if webgl else ""  # a scene prints as an empty box
    return (
        f'<figure{kind}><div class="plot" role="img" aria-label="{escape(label)}" style="height:{height}px"{needs}></div>'
        f'<script type="application/json">{to_json(spec)}</script><figcaption>{caption}</figcaption></figure>'
    )


def to_json(value: Any) -> str:
    """Compact JSON that may stand inside a `<script>`; numbers that are not finite become null."""
    return json.dumps(_plain(value), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return _rounded(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value


def _to_digits(values: np.ndarray) -> Any:
    """Every value to four digits of its own."""
    exponent = np.floor(np.log10(np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))))
    listed = np.vectorize(lambda v, e: round(v, 3 - int(e)) if np.isfinite(v) else None, otypes=[object])(
        values, exponent
    )
    return listed.tolist()


def _rounded(values: np.ndarray) -> Any:
    """Numbers to a thousandth or less of what they span; positive ones over several decades to four digits each."""
    if values.dtype.kind != "f":
        return values.tolist()
    exact = values.astype(float)
    finite = np.isfinite(exact)
    small = float(exact[finite].min()) if finite.any() else 0.0
    if small > 0 and exact[finite].max() > DECADES * small:  # for a logarithmic axis
        return _to_digits(exact)
    span = float(np.ptp(exact[finite])) if finite.any() else 0.0
    span = span or (float(np.abs(exact[finite]).max()) if finite.any() else 0.0)
    decimals = 3 - int(np.floor(np.log10(span))) if span > 0 else 0
    rounded = np.round(exact, decimals) if decimals < 300 else exact
    if decimals <= 0:
        rounded = np.where(finite, rounded, 0).astype(np.int64)
    listed = rounded.astype(object)
    listed[~finite] = None
    return listed.tolist()
