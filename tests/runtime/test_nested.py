"""Parts within parts are changed, and what does not change stays the same object."""

from dataclasses import dataclass

from conself.runtime.nested import changed_within


@dataclass(frozen=True)
class Leaf:
    n: int


@dataclass(frozen=True)
class Branch:
    left: object
    right: object


def doubled(part: object) -> object | None:
    return Leaf(2 * part.n) if isinstance(part, Leaf) and part.n > 1 else None


def test_every_such_part_is_changed_at_any_depth() -> None:
    tree = Branch(Leaf(2), Branch("text", Leaf(3)))
    assert changed_within(tree, doubled) == Branch(Leaf(4), Branch("text", Leaf(6)))
    assert changed_within(Leaf(5), doubled) == Leaf(10)


def test_what_does_not_change_is_the_same_object() -> None:
    same = Branch(Leaf(1), "text")
    assert changed_within(same, doubled) is same
    tree = Branch(Leaf(2), same)
    assert changed_within(tree, doubled).right is same


def test_a_class_is_no_part() -> None:
    assert changed_within(Leaf, doubled) is Leaf
