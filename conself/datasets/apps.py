"""APPS: 5,000 training and 5,000 test problems, introductory, interview and competition."""

from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.apps_format.dataset import AppsFormat


@dataclass(frozen=True)
class Apps(AppsFormat):
    """codeparrot/apps: ``split`` is ``train`` or ``test``. Settings: see AppsFormat."""

    source: ClassVar[str] = "APPS"
