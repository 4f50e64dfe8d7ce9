"""TACO: 25,443 training and 1,000 test problems of programming contests; the paper trains on it."""

from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.apps_format.dataset import AppsFormat


@dataclass(frozen=True)
class Taco(AppsFormat):
    """BAAI/TACO: ``split`` is ``train`` or ``test``, which is the validation set. Settings: see AppsFormat."""

    source: ClassVar[str] = "TACO"
