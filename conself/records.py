"""The plain records that stages exchange.

They hold no expected outputs: those are in :mod:`conself.oracles`, which training code cannot import. The tabular
(Parquet) form of each record is in :mod:`conself.store.tables`. ``Outcome`` and its ``Status`` are defined by the
sandbox, which imports nothing of this package; every status except OK compares as the single value CRASH
(docs/method.md#traces).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.sandbox import UNREADABLE, Outcome, Status

__all__ = [
    "UNREADABLE",
    "Candidate",
    "ModelRef",
    "Outcome",
    "Pool",
    "PreferencePair",
    "Problem",
    "Status",
    "Trace",
    "Uncertainty",
    "Undefined",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem without an oracle.

    ``entry_point`` names the function (or method of ``class Solution``) to call; None means a stdin program.
    ``inputs`` holds, per test input, the Python literal of the tuple of positional arguments (``"([1, 2], 3)"``)
    for call problems, or the text on standard input for stdin problems. ``prefix`` is code put before every program
    when it is executed: imports that the data set grants.
    """

    id: str
    statement: str
    starter_code: str
    entry_point: str | None
    inputs: tuple[str, ...]
    source: str
    difficulty: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sampled program: train on ``text`` (the completion as sampled), execute ``code`` (None: no code block).

    ``mean_nll`` and ``mean_token_entropy`` are in nats per token, of the untempered model distribution;
    the entropy is over its top ``entropy_top_k`` tokens, renormalised. Black-box models leave them None.
    ``observation_asks`` counts the questions for the problem's observations: 0 for the direct prompt alone, 1, or 2 if
    the first answer had too few.
    """

    problem_id: str
    index: int
    observation: str | None
    text: str
    code: str | None
    finish_reason: str
    mean_nll: float | None
    mean_token_entropy: float | None
    entropy_top_k: int | None
    n_tokens: int
    observation_asks: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """The outcomes of candidate ``index`` of a problem, one per input, in the problem's input order."""

    problem_id: str
    index: int
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class InputOrigin:
    """The origin of an added input: ``index`` in ``Problem.inputs``, made from input ``parent``.

    ``operators`` are the changes, in order (``conself.amplifications``).
    """

    problem_id: str
    index: int
    parent: int
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """A problem with its K candidates and their K traces, joined in memory, in candidate order."""

    problem: Problem
    candidates: Sequence[Candidate]
    traces: Sequence[Trace]


@dataclass(frozen=True, slots=True)
class Undefined:
    """The reason why a metric has no value for a problem."""

    reason: str


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """One metric of one problem; higher = more uncertain. ``value`` is None exactly when ``reason`` is not."""

    problem_id: str
    metric: str
    value: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether each of a problem's answers is right, in order; ``difficulty`` in the benchmark's words, or "".

    ``base`` says whether each is right on the original benchmark's inputs alone, if the benchmark has more inputs.
    """

    problem_id: str
    difficulty: str
    passed: tuple[bool, ...]
    base: tuple[bool, ...] | None = None


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """A winner and a loser of one problem; ``prompt`` is the rendered direct prompt, chosen/rejected are texts.

    SFT data is the same record with ``rejected`` None: a pair without a loser. ``winner_weight`` is R(y_w) in [0, 1],
    the candidates' support for the winner by its ranking; None if the ranking gives no weight.
    """

    problem_id: str
    prompt: str
    chosen: str
    rejected: str | None
    chosen_index: int
    rejected_index: int | None
    winner_weight: float | None


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model: a hub id or local folder ``name``, its ``revision``, and a PEFT ``adapter`` folder or None.

    ``revision`` is a branch, tag or commit of a hub id; None where ``name`` is a folder, or what an endpoint calls its
    model. ``dtype`` (``float32``, ``bfloat16``, ``float16``), ``attention`` (a transformers ``attn_implementation``)
    and ``quantization`` of the base (``nf4``, ``int8`` or None) stand here because they change the numbers that come
    out.
    """

    name: str
    revision: str | None
    adapter: str | None
    dtype: str
    attention: str
    quantization: str | None


@dataclass(frozen=True, slots=True)
class GradedReply:
    """The grade of a reply with tests, by a reference solution and its mutants.

    ``accurate`` is 1 if all tests are right, 0, or None if the reply cannot be read; ``killed`` is the share of mutants
    that fail one of its tests, None without mutants.
    """

    problem_id: str
    accurate: int | None
    killed: float | None
