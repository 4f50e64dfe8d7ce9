"""The labels of figures: short enough to fit, each with its own colour and line style."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from .figure import BLUE, GREEN, GREY, LINES, ORANGE, PALETTE, PURPLE, SKY, VERMILION

_LONGEST = 60  # characters
# Methods keep their colour over all figures.
_OF_METHODS = {
    "conself": BLUE,
    "wo_cw": SKY,
    "wo_cc": GREEN,
    "self_dpo": ORANGE,
    "self_sft": PURPLE,
    "pfpo": VERMILION,
    "curriculum_by_metric": "#000000",
    "base": GREY,
}


@dataclass(frozen=True)
class Names:
    """The names of labels in a figure.

    Attributes:
        shared: their common beginning, shown once: ``curriculum_by_metric metric``; "" if there is none.
        of: label -> the rest of it, unique and cut to about 60 characters.
    """

    shared: str
    of: Mapping[str, str]


def names(labels: Sequence[str]) -> Names:
    """Return the names of a figure's labels."""
    each = list(dict.fromkeys(labels))
    words = zip(*(re.split(r"(?<=[ =])", label) for label in each), strict=False)
    start = "".join(word for word, *_ in takewhile(lambda same: len(set(same)) == 1, words)) if len(each) > 1 else ""
    rests = [label.removeprefix(start) for label in each]
    if not all(rest and not rest.startswith("_") for rest in rests):  # matplotlib leaves these out of a legend
        start, rests = "", each
    found = {label: cut(rest) for label, rest in zip(each, rests, strict=True)}
    if len(set(found.values())) < len(found):  # the distinguishing part was cut out
        found = {label: f"{i}: {name}" for i, (label, name) in enumerate(found.items(), 1)}
    return Names(cut(start.rstrip(" =")), found)


def cut(text: str) -> str:
    """Return a text on one line, with an ellipsis in the middle if it is too long to leave room for a panel."""
    line = " ".join(text.split())
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[: half - 1]}…{line[-half:]}"


def colours(labels: Sequence[str]) -> dict[str, str]:
    """Return label -> colour: the method's own if it has one label; the labels of a sweep get shades in order.

    Labels without a method take unused colours in turn.
    """
    each = list(dict.fromkeys(labels))
    count = Counter(_method(label) for label in each)
    swept = sorted(label for label in each if count[_method(label)] > 1)
    shades = mpl.colormaps["viridis"](np.linspace(0, 0.88, len(swept)))  # the end of the map is too light on white
    found = {label: to_hex(shade) for label, shade in zip(swept, shades, strict=True)}
    single = [label for label in each if label not in found]
    found |= {label: _OF_METHODS[_method(label)] for label in single if _method(label) in _OF_METHODS}
    free = [colour for colour in PALETTE if colour not in found.values()] or list(PALETTE)
    rest = [label for label in single if label not in found]
    found |= {label: free[i % len(free)] for i, label in enumerate(rest)}
    return {label: found[label] for label in each}


def lines(labels: Sequence[str]) -> dict[str, str]:
    """Return label -> line style, which distinguishes the settings of a method without colours."""
    found: dict[str, str] = {}
    for label in labels:
        same = sum(_method(other) == _method(label) for other in found)
        found[label] = LINES[same % len(LINES)]
    return found


def _method(label: str) -> str:
    return label.split(" ", maxsplit=1)[0]
