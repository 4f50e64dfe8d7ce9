"""Primitives: typed steps that problems ask for, with all the ways in which the corpus writes them.

A form is code for one step. Its variables are fixed by type (``xs`` a list of ints, ``n`` an int, ``s`` a string;
``r``, ``t``, ``x``, ``c``, ``w``, ``i``, ``d`` are scratch) and ``{k}``, ``{k+1}``, ``{k-1}`` stand for the step's
parameter. The last line of a form is the expression with the step's value, the lines before it are statements.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type of a value between two steps; the value of each member is the variable's name in programs."""

    LIST = "xs"
    INT = "n"
    STR = "s"


class Style(StrEnum):
    """The style of a form; observations name styles."""

    COMPREHENSION = "comprehension"
    LOOP = "loop"
    BUILTIN = "builtin"
    SLICING = "slicing"
    ARITHMETIC = "arithmetic"


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of a step's argument and value."""

    takes: Kind
    gives: Kind


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a step (see the module's text)."""

    style: Style
    code: str


@dataclass(frozen=True, slots=True)
class Noise:
    """The corpus's noise in writing a primitive.

    ``right`` is the share of correct forms (equally likely among themselves), ``dominant`` the share of the first
    buggy form. The rest is the primitive's other buggy forms or, if ``confused``, correct code of another known
    primitive of the same signature. ``weight`` is the primitive's weight when compositions are drawn.
    """

    label: str
    right: float
    dominant: float
    confused: bool
    weight: float


EASY = Noise("easy", right=0.95, dominant=0.03, confused=False, weight=1.0)
# Traps are drawn twice as often: the base model then solves about half of its own kind, which leaves room to improve.
TRAP_OF_3 = Noise("trap", right=0.52, dominant=0.38, confused=False, weight=2.0)
TRAP_OF_4 = Noise("trap", right=0.62, dominant=0.28, confused=False, weight=2.0)
RARE = Noise("rare", right=0.03, dominant=0.05, confused=True, weight=0.25)
SYSTEMATIC = Noise("systematic", right=0.22, dominant=0.70, confused=False, weight=1.0)
UNSEEN = Noise("unseen", right=1.0, dominant=0.0, confused=False, weight=1.0)


@dataclass(frozen=True, slots=True)
class Primitive:
    """One operation: ``ks`` are its parameter's values (empty: no parameter).

    ``paraphrases`` are imperative phrases, each of which names this operation and no other; ``correct[0]`` is the
    reference; ``bugs[0]`` is the dominant bug; ``pitfalls`` are clauses that an observation may name.
    """

    name: str
    signature: Signature
    noise: Noise
    ks: tuple[int, ...]
    paraphrases: tuple[str, ...]
    correct: tuple[Form, ...]
    bugs: tuple[Form, ...]
    pitfalls: tuple[str, ...]

    @property
    def unseen(self) -> bool:
        """Whether the corpus never contains this primitive."""
        return self.noise is UNSEEN


def fill(template: str, k: int | None) -> str:
    """Fill a template with its parameter; a template without a parameter is returned unchanged."""
    if k is None:
        return template
    return template.replace("{k}", str(k)).replace("{k+1}", str(k + 1)).replace("{k-1}", str(k - 1))


def comprehension(code: str) -> Form:
    """Build a form that is a comprehension or a generator expression."""
    return Form(Style.COMPREHENSION, code)


def loop(code: str) -> Form:
    """Build a form with a ``for`` or ``while`` statement."""
    return Form(Style.LOOP, code)


def builtin(code: str) -> Form:
    """Build a form that uses a builtin function or method."""
    return Form(Style.BUILTIN, code)


def slicing(code: str) -> Form:
    """Build a form of slices or an index."""
    return Form(Style.SLICING, code)


def arithmetic(code: str) -> Form:
    """Build a form of operators and conditional expressions."""
    return Form(Style.ARITHMETIC, code)


def unseen(
    name: str, takes: Kind, gives: Kind, ks: tuple[int, ...], paraphrases: tuple[str, ...], *correct: Form
) -> Primitive:
    """Build a primitive that the corpus never contains; it needs neither bugs nor pitfalls."""
    return Primitive(name, Signature(takes, gives), UNSEEN, ks, paraphrases, correct, (), ())
