"""Small SVG plots for the reports, whose stylesheet sets colours and fonts.

A unit of width is about one pixel on a phone; the page scales the plots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH = 360
_LABELS = 116  # width of the label column
_VALUES = 30  # width of the values after the bars
_BAR = 9
_BINS = 20
_ROW = 46  # height of one histogram
_AXIS = 22


def bars(rows: Sequence[tuple[str, Sequence[float]]], names: Sequence[str], title: str) -> str:
    """Horizontal bar chart of values from 0 to 1.

    Args:
        rows: Label of each row and its values, one for each of `names`.
        names: Names of the series.
        title: Description for screen readers.
    """
    height_of_row = len(names) * (_BAR + 2) + 8
    parts = []
    for number, (label, values) in enumerate(rows):
        top = number * height_of_row + 4
        middle = top + (height_of_row - 8) / 2 + 3.5
        parts.append(_text(_LABELS - 6, middle, _short(label), "label", "end"))
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            y = top + place * (_BAR + 2)
            space = WIDTH - _LABELS - _VALUES
            parts.append(_rect(_LABELS, y, space, _BAR, "track"))
            hint = f"{label}: {name} {value:.3f}"
            parts.append(_rect(_LABELS, y, space * value, _BAR, f"series{place}", hint))
            end = WIDTH - _VALUES + 4
            parts.append(_text(end, y + _BAR - 1, f"{value:.2f}", "value", "start"))
    return _svg(len(rows) * height_of_row + 4, parts, title)


def distributions(
    rows: Sequence[tuple[str, bool, Sequence[float]]], threshold: float, title: str
) -> str:
    """A histogram of values from 0 to 1 for each row, with a line at the threshold.

    Args:
        rows: Label, whether values should be at or above the threshold, and the values.
            Values on the wrong side are highlighted.
        threshold: Position of the line.
        title: Description for screen readers.
    """
    parts = []
    for number, (label, above, values) in enumerate(rows):
        base = (number + 1) * _ROW
        parts.append(_line(_LABELS, base, WIDTH - 8, base, "axis"))
        parts.append(_text(_LABELS - 6, base - 18, _short(label), "label", "end"))
        parts.append(_text(_LABELS - 6, base - 6, f"n = {len(values)}", "value", "end"))
        wrong = [value for value in values if (value >= threshold) != above]
        right = [value for value in values if (value >= threshold) == above]
        counts = _counts(right), _counts(wrong)
        most = max(1, *(a + b for a, b in zip(*counts, strict=True)))
        for place, pair in enumerate(zip(*counts, strict=True)):
            y = float(base)
            for kind, count in zip(("right", "wrong"), pair, strict=True):
                height = (_ROW - 12) * count / most
                if count:
                    y -= height
                    left, width = _x(place / _BINS) + 0.5, (WIDTH - 8 - _LABELS) / _BINS - 1
                    hint = f"{label}: {count} from {place / _BINS:.2f}"
                    parts.append(_rect(left, y, width, height, kind, hint))
    bottom = len(rows) * _ROW
    x = _x(threshold)
    parts.append(_line(x, 4, x, bottom, "threshold"))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_text(_x(tick), bottom + 13, f"{tick:g}", "value", "middle"))
    return _svg(bottom + _AXIS, parts, title)


def legend(names: Mapping[str, str]) -> str:
    """Legend as a line of HTML; `names` maps colour classes to labels."""
    items = [f'<span><i class="{escape(c)}"></i>{escape(name)}</span>' for c, name in names.items()]
    return f'<p class="legend">{"".join(items)}</p>'


def _counts(values: Sequence[float]) -> list[int]:
    counts = [0] * _BINS
    for value in values:
        counts[min(_BINS - 1, max(0, int(value * _BINS)))] += 1
    return counts


def _x(value: float) -> float:
    return _LABELS + value * (WIDTH - 8 - _LABELS)


def _short(label: str) -> str:
    return label if len(label) <= 20 else f"{label[:19]}…"


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _rect(x: float, y: float, width: float, height: float, kind: str, hint: str = "") -> str:
    title = f"<title>{escape(hint)}</title>" if hint else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5" '
        f'class="{kind}">{title}</rect>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} class="{kind}">{escape(text)}</text>'
