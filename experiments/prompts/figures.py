"""What became of the answers to one wording, and of two wordings on the same problems. Pure functions."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from conself.agreement.comparison import Comparison
from conself.agreement.traces import agreement_of, trace_keys
from conself.records import Candidate, Pool, Status, Verdict
from conself.statistics.pass_rates import estimate, paired, pass_rates

ECHO = re.compile(r"(key |potential )?(point|constraint|hint|pitfall|strategy|property|edge case|algorithm)s?\b", re.I)
"""How an observation begins that repeats the list of what one may be."""


@dataclass(frozen=True)
class Answered:
    """A problem with its answers, what they did, and which passed."""

    pool: Pool
    passed: tuple[bool, ...]

    @property
    def verdict(self) -> Verdict:
        """The record that pass rates are worked out from."""
        return Verdict(self.pool.problem.id, self.pool.problem.difficulty, self.passed)


def figures(answered: Sequence[Answered], comparison: Comparison, programs: int) -> dict[str, Any]:
    """Figures of one wording, with ``programs`` answers to each observation.

    ``failures`` is the share of programs whose first failing input ends so; a program that ran on all inputs counts for
    none. ``behaviours`` is the mean number of distinct traces per problem, crashed programs left out. Shares of
    observations are of problems, and null where none were asked for.
    """
    drawn = [candidate for each in answered for candidate in each.pool.candidates]
    failures = Counter(
        name
        for each in answered
        for candidate, trace in zip(each.pool.candidates, each.pool.traces, strict=True)
        if candidate.code is not None and (name := _first_failure(trace.outcomes)) is not None
    )
    agreed = [agreement_of(trace_keys(each.pool, comparison)) for each in answered]
    tokens = [candidate.n_tokens for candidate in drawn]
    return {
        "problems": len(answered),
        "answers": len(drawn),
        "pass_rate": asdict(estimate(pass_rates([each.verdict for each in answered], 1))),
        "solved": sum(any(each.passed) for each in answered) / len(answered),
        "without_code": sum(candidate.code is None for candidate in drawn) / len(drawn),
        "failures": {name: count / len(drawn) for name, count in failures.most_common()},
        "crashed": sum(sum(each.crashed) for each in agreed) / len(drawn),
        "behaviours": sum(len(each.clusters) for each in agreed) / len(answered),
        "tokens": sum(tokens) / len(drawn),
        "cut": sum(candidate.finish_reason == "length" for candidate in drawn) / len(drawn),
        **of_observations((each.pool.candidates for each in answered), programs),
    }


def _first_failure(outcomes: Sequence[Any]) -> str | None:
    for outcome in outcomes:
        if outcome.status is not Status.OK:
            return outcome.value if outcome.status is Status.EXCEPTION else str(outcome.status.value)
    return None


def of_observations(groups: Iterable[Sequence[Candidate]], programs: int) -> dict[str, float | None]:
    """Shares of problems with two equal observations, and with an echo; null where no observations were asked for.

    A group holds the candidates of a problem, ``programs`` to each observation.
    """
    firsts = (group[::programs] for group in groups)
    return equal_and_echoed([[c.observation for c in group if c.observation is not None] for group in firsts])


def equal_and_echoed(lists: Sequence[Sequence[str]]) -> dict[str, float | None]:
    """The same shares of lists of observations; empty lists are left out."""
    asked = [[_plain(text) for text in texts] for texts in lists if texts]
    if not asked:
        return {"equal_observations": None, "echoes": None}
    return {
        "equal_observations": sum(len(set(texts)) < len(texts) for texts in asked) / len(asked),
        "echoes": sum(any(ECHO.match(text) for text in texts) for texts in asked) / len(asked),
    }


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")


def differences(before: Sequence[Verdict], after: Sequence[Verdict]) -> dict[str, Any]:
    """How the second wording does on the problems of the first: see :func:`conself.statistics.pass_rates.paired`."""
    return asdict(paired(before, after))


def table(found: Mapping[str, Mapping[str, Any]], against: Mapping[str, Mapping[str, Any]]) -> str:
    """All wordings as a Markdown table; ``against`` holds the differences of all but the first to the first."""
    lines = [
        "| wording | pass rate | difference | solved | no code | crashed | failures | behaviours | tokens | cut |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in found.items():
        failures = ", ".join(f"{kind} {share:.3f}" for kind, share in list(row["failures"].items())[:4])
        shares = [row[key] for key in ("solved", "without_code", "crashed")]
        cells = [
            name,
            _interval(row["pass_rate"]),
            f"{_interval(against[name]['difference'])}, p {against[name]['p']:.2g}" if name in against else "",
            *(f"{share:.3f}" for share in shares),
            failures,
            f"{row['behaviours']:.2f}",
            f"{row['tokens']:.0f}",
            f"{row['cut']:.3f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    guided = {name: row for name, row in found.items() if row["echoes"] is not None}
    lines += [
        f"\n{name}: two equal observations in {row['equal_observations']:.3f} of the problems, "
        f"an echo of the list of kinds in {row['echoes']:.3f}."
        for name, row in guided.items()
    ]
    return "\n".join(lines) + "\n"


def _interval(of: Mapping[str, float]) -> str:
    return f"{of['mean']:.3f} [{of['low']:.3f}, {of['high']:.3f}]"
