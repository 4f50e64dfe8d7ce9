"""Kappa disagreement: how far candidates agree beyond what their habits alone would bring about."""

from collections import Counter
from dataclasses import dataclass

from conself.consensus import Consensus, kappa
from conself.metrics.agreement import incomplete
from conself.records import Pool, Undefined
