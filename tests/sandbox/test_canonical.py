import json
import math
from collections import Counter, OrderedDict, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.sandbox.canonical import TooLong, canonical, is_canonical


class Liar:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class Text(str): ...


class NameLiar(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        return "int"


class Tally(Counter[str]): ...


class Disguised(metaclass=NameLiar): ...


def _recursive_list() -> list[Any]:
    inner: list[Any] = [1]
    outer = [inner]
    inner += [outer, inner]
    return outer


def _recursive_default() -> defaultdict[str, Any]:
    value: defaultdict[str, Any] = defaultdict(list)
    value["a"] = [value]
    return value


def _recursive_dict() -> dict[str, Any]:
    value: dict[str, Any] = {"a": ()}
    value["a"] = (value,)
    return value


BY_HAND: list[tuple[object, str]] = [
    (None, "null"),
    (True, "true"),
    (0, "0"),
    (2**63 - 1, "9223372036854775807"),
    (-(2**63) + 1, "-9223372036854775807"),
    (2**63, '{"i":"8000000000000000"}'),
    (-(2**64), '{"i":"-10000000000000000"}'),
    (1.0, '{"f":"1.0"}'),
    (-0.0, '{"f":"-0.0"}'),
    (math.nan, '{"f":"nan"}'),
    (-math.inf, '{"f":"-inf"}'),
    (1e100, '{"f":"1e+100"}'),
    (complex(-0.0, 2), '{"c":["-0.0","2.0"]}'),
    ('a"\né\ud800', '"a\\"\\n\\u00e9\\ud800"'),
    (b"\x00\xff", '{"b":"00ff"}'),
    (bytearray(b"a"), '{"B":"61"}'),
    ([], "[]"),
    ([1, [2.5, "x"]], '[1,[{"f":"2.5"},"x"]]'),
    ((), '{"t":[]}'),
    ((1, (2,)), '{"t":[1,{"t":[2]}]}'),
    ({10, 9, "a"}, '{"s":["a",10,9]}'),
    (frozenset([2, 1]), '{"S":[1,2]}'),
    ({"b": 1, "a": [2], 3: None}, '{"d":[["a",[2]],["b",1],[3,null]]}'),
    (Counter("aba"), '{"d":[["a",2],["b",1]]}'),
    (defaultdict(list, {1: [2]}), '{"d":[[1,[2]]]}'),
    (OrderedDict([("b", ()), ("a", 1)]), '{"d":[["a",1],["b",{"t":[]}]]}'),
    (_recursive_default(), '{"d":[["a",[{"r":2}]]]}'),
    (Tally("a"), '{"d":[["a",1]]}'),
    (_recursive_list(), '[[1,{"r":2},{"r":1}]]'),
    (_recursive_dict(), '{"d":[["a",{"t":[{"r":2}]}]]}'),
    (Liar(), '{"O":["Liar",null]}'),
    (Text("a"), '"a"'),
    (Disguised(), '{"O":["Disguised",null]}'),
    ([len, range(3)], '[{"o":"builtin_function_or_method"},{"x":["range",[0,1,3]]}]'),
]


@pytest.mark.parametrize(("value", "text"), BY_HAND, ids=[text for _, text in BY_HAND])
def test_by_hand(value: object, text: str) -> None:
    assert canonical(value) == text
    assert is_canonical(text)


def test_shared_but_not_enclosing_containers_are_written_out() -> None:
    shared = [1]
    assert canonical([shared, shared]) == "[[1],[1]]"


def test_nesting_below_100_levels_is_opaque() -> None:
    value: object = 0
    for _ in range(5000):
        value = (value,)
    text = canonical(value)
    assert text.count("t") == 100 + 1  # one in the word tuple
    assert '{"o":"tuple"}' in text
    assert is_canonical(text)


def test_limit_stops_values_that_grow_exponentially() -> None:
    value: list[Any] = []
    for _ in range(80):
        value = [value, value]
    with pytest.raises(TooLong):
        canonical(value, 10_000)
    with pytest.raises(TooLong):
        canonical("x" * 100, 50)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**65)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.lists(children, max_size=4).map(tuple)
        | st.dictionaries(st.integers() | st.text() | st.tuples(st.floats(allow_nan=False)), children, max_size=4)
        | st.sets(st.integers() | st.text(), max_size=4)
        | st.frozensets(st.integers() | st.booleans(), max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_text_is_compact_ascii_json_that_the_check_accepts(value: object) -> None:
    text = canonical(value)
    assert text.isascii()
    assert json.dumps(json.loads(text), separators=(",", ":")) == text
    assert is_canonical(text)


@given(st.lists(st.integers() | st.text(), unique=True), st.randoms())
def test_order_of_insertion_changes_nothing(items: list[int | str], rng: Any) -> None:
    shuffled = list(items)
    rng.shuffle(shuffled)
    assert canonical(set(items)) == canonical(set(shuffled))
    assert canonical(dict.fromkeys(items)) == canonical(dict.fromkeys(shuffled))


@given(values, values)
def test_equal_text_only_for_equal_values(left: object, right: object) -> None:
    if canonical(left) == canonical(right):
        assert repr(left) == repr(right) or left == right


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.5",
        "NaN",
        "[1, 2]",
        "01",
        "-0",
        str(2**63),
        '{"q":1}',
        '{"t":1}',
        '{"t":[],"s":[]}',
        '{"f":"1"}',
        '{"d":[[1]]}',
        '{"i":"ff"}',
        '{"b":"xy"}',
        '{"r":1}',
        '"\\u0041"',
        '"a',
        "[" * 100_000,
        "9" * 10_000,
        "[" * 300 + "]" * 300,
    ],
    ids=lambda text: text[:12],
)
def test_other_text_is_not_canonical(text: str) -> None:
    assert not is_canonical(text)
