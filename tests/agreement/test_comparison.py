import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.comparison import MAX_DEPTH, Comparison

METHOD = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
EXACT = Comparison(list_equals_tuple=False, numbers="by_type", floats="digits", float_digits=17, split_whitespace=False)


def same(one: str, other: str, comparison: Comparison = METHOD, is_stdout: bool = False) -> bool:
    return comparison.equal(one, other, is_stdout)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[1,2]", '{"t":[1,2]}'),
        ('[{"t":[1]},[]]', '{"t":[[1],{"t":[]}]}'),
        ('{"d":[[{"t":[1]},2]]}', '{"d":[[[1],2]]}'),
        ('{"f":"0.1"}', '{"f":"0.1000004"}'),
        ('{"f":"1234567.0"}', '{"f":"1234570.0"}'),
        ('{"f":"-0.0"}', '{"f":"0.0"}'),
        ('{"f":"nan"}', '{"f":"nan"}'),
        ('{"c":["0.0","1.0"]}', '{"c":["-0.0","1.0000001"]}'),
        ('{"d":[[1,"a"],[2,"b"]]}', '{"d":[[2,"b"],[1,"a"]]}'),
        ('{"s":[1,2]}', '{"s":[2,1]}'),
        # recorded order is by exact text; after rounding both sets hold 0.3 and 0.30001 and must sort alike
        ('{"s":[{"f":"0.29999999"},{"f":"0.30001"}]}', '{"s":[{"f":"0.30001"},{"f":"0.3"}]}'),
        ('"\\u00e9"', '"é"'),
        ('{"x":["deque",[1]]}', '{"x":["deque",[1]]}'),
        ('{"O":["Node",null,"next",null,"val",1]}', '{"O":["Node",null,"next",null,"val",1]}'),
        ("null", "null"),
    ],
)
def test_equal_values_have_equal_keys(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "true"),
        ("1", '{"f":"1.0"}'),
        ("0", "false"),
        ("0", "null"),
        ("1", '"1"'),
        ('""', "null"),
        ("[]", "null"),
        ("[]", '{"s":[]}'),
        ('{"s":[]}', '{"d":[]}'),
        ('{"s":[1]}', '{"S":[1]}'),
        ('{"b":"ff"}', '{"B":"ff"}'),
        ('{"i":"ff"}', '{"b":"ff"}'),
        ('{"i":"8000000000000000"}', '{"i":"8000000000000001"}'),
        ("9007199254740993", "9007199254740992"),
        ('{"f":"inf"}', '{"f":"-inf"}'),
        ('{"f":"0.1"}', '{"f":"0.100001"}'),
        ('{"f":"1.0"}', '{"c":["1.0","0.0"]}'),
        ("[1,2]", "[2,1]"),
        ("[[1],2]", "[1,[2]]"),
        ('{"o":"function"}', '{"o":"function"}'),  # what cannot be read equals nothing
        ('[1,{"o":"function"}]', '[1,{"o":"function"}]'),
        ('{"o":"function"}', '"function"'),
        ('{"x":["deque",[1]]}', '{"x":["iterator",[1]]}'),
        ('{"x":["deque",[1]]}', "[1]"),
        ('{"O":["Node",null,"val",1]}', '{"O":["Tree",null,"val",1]}'),
        ('{"O":["Node",null,"val",1]}', '{"O":["Node",null,"val",2]}'),
        ('{"O":["Node",null,"val",1]}', '{"O":["Node",null,"key",1]}'),
        ('{"r":1}', '{"r":2}'),
        ('"a b"', '"a  b"'),
        ('{"d":[[1,2]]}', '{"s":[[1,2]]}'),
        ('"[1]"', "[1]"),
    ],
)
def test_different_values_have_different_keys(one: str, other: str) -> None:
    assert not same(one, other)


def test_settings_decide() -> None:
    assert not same("[1]", '{"t":[1]}', EXACT)
    assert not same('{"f":"0.1"}', '{"f":"0.10000000000000002"}', EXACT)
    two = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=2, split_whitespace=True)
    assert same('{"f":"0.123"}', '{"f":"0.119"}', two)  # both 0.12


def test_standard_output_compares_by_tokens() -> None:
    assert same('"1 2\\n3\\n"', '" 1\\t2  3"', is_stdout=True)
    assert not same('"1 2"', '"12"', is_stdout=True)
    assert not same('"1.0"', '"1"', is_stdout=True)
    assert not same('"1 2\\n"', '"1 2"', EXACT, is_stdout=True)
    assert same('""', '"\\n"', is_stdout=True)


@pytest.mark.parametrize(
    "value", ["", "nonsense", "1.5", "NaN", '{"x":1}', '{"f":1}', '{"c":["1.0"]}', '{"s":3}', "{}"]
)
def test_text_that_is_not_canonical_equals_itself_only(value: str) -> None:
    assert same(value, value)
    assert not same(value, value + " ")
    assert not same(value, json.dumps(value))


def test_hostile_values_are_cheap() -> None:
    start = time.process_time()
    deep, deeper = "[" * 50_000 + "]" * 50_000, "[" * 50_001 + "]" * 50_001
    assert same(deep, deep)
    assert not same(deep, deeper)
    assert same("9" * 100_000, "9" * 100_000)  # more digits than int() agrees to parse
    assert time.process_time() - start < 2


def test_depth_is_what_nests_and_not_what_is_written() -> None:
    flat = "[" + ",".join(["[]"] * 1000) + ',"' + "[" * 1000 + '"]'
    assert same(flat, flat.replace("[", '{"t":[', 1)[:-1] + "]}")
    half = MAX_DEPTH // 2
    assert same("[" * half + "]" * half, '{"t":[' * half + "]}" * half)  # a tuple is two levels of JSON
    dicts = '{"d":[[1,' * 100, "]]}" * 100  # a dict is three
    assert same(f'{dicts[0]}{{"t":[]}}{dicts[1]}', f"{dicts[0]}[]{dicts[1]}")


@pytest.mark.parametrize("digits", [0, 18])
def test_float_digits_out_of_range(digits: int) -> None:
    with pytest.raises(ValueError, match=rf"float_digits must lie in 1\.\.17, got {digits}"):
        Comparison(
            list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=digits, split_whitespace=True
        )


def _tagged(tag: str) -> Any:
    return lambda content: {tag: content}


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.text(max_size=4),
    st.floats().map(lambda x: {"f": repr(x)}),
)
_NODES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(_tagged("t")),
        st.lists(inner, max_size=3).map(lambda items: {"s": sorted(items, key=json.dumps)}),
        st.lists(st.tuples(inner, inner).map(list), max_size=3).map(
            lambda items: {"d": sorted(items, key=lambda kv: json.dumps(kv[0]))}
        ),
    ),
    max_leaves=8,
)


def _text(node: Any) -> str:
    return json.dumps(node, separators=(",", ":"))


def _as_lists(node: Any) -> Any:
    if isinstance(node, dict):
        [(tag, content)] = node.items()
        return _as_lists(content) if tag == "t" else {tag: _as_lists(content)}
    return [_as_lists(item) for item in node] if isinstance(node, list) else node


@given(_NODES)
def test_tuples_turned_into_lists_change_no_key(node: Any) -> None:
    assert same(_text(node), _text(_as_lists(node)))


@given(_NODES, _NODES)
def test_exact_settings_tell_everything_apart(one: Any, other: Any) -> None:
    normal = [_text(node).replace('"-0.0"', '"0.0"') for node in (one, other)]
    if normal[0] == normal[1]:
        assert same(_text(one), _text(other), EXACT)
    elif "{" not in normal[0]:  # sets and dicts may differ in text by order alone
        assert not same(_text(one), _text(other), EXACT)


@given(st.lists(st.integers(), unique=True, max_size=6).flatmap(lambda x: st.tuples(st.just(x), st.permutations(x))))
def test_order_in_sets_and_dicts_does_not_count(items: tuple[list[int], list[int]]) -> None:
    one, other = items
    assert same(_text({"s": one}), _text({"s": other}))
    assert same(_text({"d": [[x, -x] for x in one]}), _text({"d": [[x, -x] for x in other]}))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_exact_floats_survive(number: float) -> None:
    key = EXACT.key(_text({"f": repr(number)}), is_stdout=False)
    assert float(key.removeprefix('{"f":').removesuffix("}")) == number
