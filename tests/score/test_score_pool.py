"""Pool files: what they may hold, and what their writer is told who made a mistake."""

import ast
import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.pool_files.file import content, read_pool
from conself.pool_files.lines import parse
from conself.sandbox import Limits, execute
from conself.sandbox.jobs import Job

CALL = {"id": "a", "entry_point": "f", "inputs": [[1]], "candidates": [{"code": "def f(x): return x"}]}
STDIN = {"id": "b", "entry_point": None, "inputs": ["1\n"], "candidates": [{"code": "print(input())"}]}

LIMITS = Limits(cpu_seconds=2.0, wall_seconds=10.0, memory_mb=1024, output_kb=1024, max_timeouts=2)


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(row + "\n" if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def with_candidate(**keys: Any) -> dict[str, Any]:
    return {**CALL, "candidates": [{"code": "x = 1", **keys}]}


def test_a_call_and_a_stdin_problem(tmp_path: Path) -> None:
    rich = {
        "id": "a",
        "entry_point": "f",
        "prefix": "import math",
        "statement": "Do it.",
        "source": "mine",  # a key of the user's own
        "inputs": [[1, "b", [None, True], {"k": 1.5}], [], {"py": "({1, 2},)"}],
        "candidates": [
            {"code": "def f(): pass", "text": "Here:\n```", "mean_nll": 0.25, "mean_token_entropy": 1, "passed": True},
            {"code": None, "token_logprobs": [-1.0, -0.5, 0], "passed": False},
        ],
    }
    one, two = read_pool(write(tmp_path / "pool.jsonl", rich, "", STDIN))
    assert (one.problem.id, one.problem.entry_point, one.problem.prefix) == ("a", "f", "import math")
    assert one.problem.statement == "Do it."
    arguments = [ast.literal_eval(text) for text in one.problem.inputs]
    assert arguments == [(1, "b", [None, True], {"k": 1.5}), (), ({1, 2},)]
    first, second = one.candidates
    assert (first.code, first.text, first.mean_nll, first.mean_token_entropy) == (
        "def f(): pass",
        "Here:\n```",
        0.25,
        1,
    )
    assert (second.code, second.text, second.mean_nll, second.n_tokens) == (None, "", 0.5, 3)
    assert [c.index for c in one.candidates] == [0, 1]
    assert one.passed == (True, False)
    assert (two.problem.entry_point, two.problem.inputs, two.passed) == (None, ("1\n",), None)
    assert two.candidates[0].text == "print(input())"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{not json", ["no JSON", "write one object per line"]),
        ("[" * 10**5, ["nested too deeply"]),
        ([1], ["the line is [1]", "a JSON object with the keys id, entry_point"]),
        ('{"id": "a", "id": "b"}', ["id appears twice in one object: keep one"]),
        ({k: v for k, v in CALL.items() if k != "id"}, ["id is missing: give each problem an id"]),
        ({k: v for k, v in CALL.items() if k != "entry_point"}, ["entry_point is missing", "null for programs"]),
        ({k: v for k, v in CALL.items() if k != "inputs"}, ["inputs is missing"]),
        ({k: v for k, v in CALL.items() if k != "candidates"}, ["candidates is missing"]),
        ({**CALL, "id": 7.5}, ["id is 7.5: it must be text, or an int"]),
        ({**CALL, "id": True}, ["id is True: it must be text, or an int"]),
        ({**CALL, "id": " "}, ["id is ' '"]),
        ({**CALL, "id": "\ud800"}, ["id has a lone surrogate"]),
        ({**CALL, "entry_point": "a b"}, ["entry_point is 'a b': it must be the name of a function, or null"]),
        ({**CALL, "entry_point": "class"}, ["entry_point is 'class': it must be", "no keyword of Python"]),
        ({**CALL, "entry_point": "None"}, ["entry_point is 'None'", "no keyword of Python"]),
        ({**CALL, "entry_point": "\uff49\uff53"}, ["entry_point is '\uff49\uff53'", "no keyword of Python"]),
        ({**CALL, "entry_point": "\ud800"}, ["entry_point is '\\ud800': it must be the name of a function"]),
        ({**CALL, "entrypoint": "f"}, ["entrypoint is no key: write entry_point"]),
        ({**CALL, "prefix": None}, ["prefix is None: it must be text"]),
        ({**CALL, "statement": 1}, ["statement is 1: it must be text"]),
        ({**CALL, "inputs": []}, ["inputs is []: it must be a list of at least one"]),
        ({**CALL, "inputs": "1"}, ["inputs is '1': it must be a list"]),
        ({**CALL, "inputs": [[1], 2]}, ["inputs[1] is 2: it must be a JSON array of positional arguments"]),
        ({**CALL, "inputs": [{"py": "[1]"}]}, ["inputs[0] is not the literal of a tuple", "not of list"]),
        ({**CALL, "inputs": [{"py": "(1"}]}, ["inputs[0] is not the literal of a tuple"]),
        ({**CALL, "inputs": [{"py": "(open('x'),)"}]}, ["inputs[0] is not the literal of a tuple"]),
        ({**CALL, "inputs": [[math.nan]]}, ["inputs[0]: nan has no literal; leave this input out"]),
        ({**STDIN, "inputs": [[1]]}, ["inputs[0] is [1]: it must be text for stdin; to call a function, name it"]),
        ({**STDIN, "inputs": ["\ud800"]}, ["inputs[0] has a lone surrogate"]),
        ({**CALL, "candidates": []}, ["candidates is []: it must be a list of at least one, to be compared"]),
        ({**CALL, "candidates": ["x"]}, ["candidates[0] is 'x': it must be a JSON object with the keys code"]),
        ({**CALL, "candidates": [{"text": "x"}]}, ["candidates[0].code is missing", "or null where"]),
        (with_candidate(code=1), ["candidates[0].code is 1: it must be text, or null"]),
        (with_candidate(text=[]), ["candidates[0].text is []"]),
        (with_candidate(meanNLL=1.0), ["candidates[0].meanNLL is no key: write mean_nll"]),
        (with_candidate(mean_nll="1"), ["candidates[0].mean_nll is '1': it must be a finite number of nats per token"]),
        (with_candidate(mean_nll=-1.5), ["candidates[0].mean_nll is -1.5", "at least 0"]),
        (with_candidate(mean_nll=math.nan), ["candidates[0].mean_nll is nan"]),
        (with_candidate(mean_token_entropy=math.inf), ["candidates[0].mean_token_entropy is inf"]),
        (with_candidate(mean_nll=10**400), ["candidates[0].mean_nll is 1000", "at least 0 and at most 1000000"]),
        (
            json.dumps(with_candidate(mean_nll=-1)).replace("-1", "9" * 5000),
            ["candidates[0].mean_nll is int too long to be shown", "at most 1000000"],
        ),
        (with_candidate(mean_nll=1.7e308), ["candidates[0].mean_nll is 1.7e+308", "at most 1000000"]),
        (with_candidate(mean_token_entropy=10**400), ["candidates[0].mean_token_entropy is 1000", "at most 1000000"]),
        (with_candidate(mean_token_entropy=1000001), ["candidates[0].mean_token_entropy is 1000001"]),
        (with_candidate(token_logprobs=[-(10**400)]), ["candidates[0].token_logprobs is [-1000", "from -1000000 to 0"]),
        (with_candidate(token_logprobs=[-1e308, -1e308]), ["candidates[0].token_logprobs is [-1e+308, -1e+308]"]),
        (with_candidate(token_logprobs=[-math.inf]), ["candidates[0].token_logprobs is [-inf]"]),
        (
            json.dumps(CALL).replace("[[1]]", f"[[{'9' * 100_001}]]"),
            ["an int of 100001 digits, more than 100000: leave it out"],
        ),
        (with_candidate(mean_nll=True), ["candidates[0].mean_nll is True"]),
        (with_candidate(token_logprobs=[0.5]), ["candidates[0].token_logprobs is [0.5]", "none above 0"]),
        (with_candidate(token_logprobs=[None, -1]), ["candidates[0].token_logprobs is [None, -1]"]),
        (with_candidate(token_logprobs=[-1], mean_nll=1), ["both mean_nll and token_logprobs: give one"]),
        (with_candidate(passed=1), ["candidates[0].passed is 1: it must be true or false, or null"]),
        (
            {**CALL, "candidates": [{"code": "a", "passed": True}, {"code": "b"}, {"code": "c", "passed": False}]},
            ["candidates[1].passed is missing, and 2 of 3 candidates have it", "for all candidates", "or for none"],
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_line_key_and_remedy(row: Any, words: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "pool.jsonl", STDIN, "", row)
    with pytest.raises(ValueError, match=r"pool\.jsonl, line 3: ") as told:
        read_pool(path)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400
    for word in words:
        assert word in str(told.value)


def test_the_largest_nats_are_taken() -> None:
    """A masked token's log-probability is often -9999."""
    rows = [with_candidate(mean_nll=10**6, mean_token_entropy=1e6), with_candidate(token_logprobs=[-1e6, -9999] * 2000)]
    one, two = (parse(row).candidates[0] for row in rows)
    assert (one.mean_nll, one.mean_token_entropy, two.mean_nll) == (1e6, 1e6, 504999.5)


def test_an_entry_point_is_found_as_python_spells_it() -> None:
    """The parser makes ff of a ligature; a word that is a keyword in some places only is a name like others."""
    code = "def \ufb00(x): return x\ndef match(x): return -x"
    for name, found, value in (("\ufb00", "ff", "1"), ("ff", "ff", "1"), ("match", "match", "-1")):
        problem = parse({**CALL, "entry_point": name}).problem
        assert problem.entry_point == found
        job = Job("a", (code,), problem.entry_point, problem.inputs)
        (result,) = execute([job], LIMITS, workers=1)
        assert [outcome.value for outcome in result.rows[0]] == [value]


def test_an_id_that_comes_twice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 3: id 'a' is that of line 1 too: give each problem an id of its own"):
        read_pool(write(tmp_path / "pool.jsonl", CALL, STDIN, CALL))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none.jsonl': set pool to a .jsonl"):
        read_pool(tmp_path / "none.jsonl")
    with pytest.raises(ValueError, match="is empty: write a JSON object per problem"):
        read_pool(write(tmp_path / "empty.jsonl", "", ""))
    (tmp_path / "latin.jsonl").write_bytes(b'{"id": "\xe9"}\n')
    with pytest.raises(ValueError, match=r"line 1: no UTF-8 .*: save the file as UTF-8"):
        read_pool(tmp_path / "latin.jsonl")


def test_gzipped_files(tmp_path: Path) -> None:
    packed = gzip.compress((json.dumps(CALL) + "\n" + json.dumps(STDIN)).encode())
    (tmp_path / "pool.jsonl.gz").write_bytes(packed)
    assert [line.problem.id for line in read_pool(tmp_path / "pool.jsonl.gz")] == ["a", "b"]
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[:-12])
    with pytest.raises(ValueError, match="cut off: copy it again"):
        read_pool(tmp_path / "cut.jsonl.gz")
    with pytest.raises(ValueError, match="is no whole gzip file"):
        read_pool(write(tmp_path / "plain.jsonl.gz", CALL))


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "bom.jsonl").write_text(json.dumps(CALL), encoding="utf-8-sig")
    assert read_pool(tmp_path / "bom.jsonl")[0].problem.id == "a"


def test_a_program_that_is_no_utf8_does_not_compile_and_can_be_stored() -> None:
    candidate = parse(with_candidate(code="x = '\ud800'")).candidates[0]
    assert candidate.code is None
    assert candidate.text == "x = '\\ud800'"


def test_infinity_has_a_literal() -> None:
    problem = parse({**CALL, "inputs": [json.loads("[1e999, [-1e999]]")]}).problem
    assert ast.literal_eval(problem.inputs[0]) == (math.inf, [-math.inf])


def test_content_follows_what_is_said_and_not_how(tmp_path: Path) -> None:
    one = read_pool(write(tmp_path / "one.jsonl", CALL))
    two = read_pool(write(tmp_path / "two.jsonl", json.dumps(dict(reversed(CALL.items())), indent=None)))
    other = read_pool(write(tmp_path / "other.jsonl", {**CALL, "inputs": [[2]]}))
    assert content(one) == content(two) != content(other)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=3))
def test_arguments_arrive_as_json_has_them(values: list[Any]) -> None:
    row = json.loads(json.dumps({**CALL, "inputs": [values]}))
    assert ast.literal_eval(parse(row).problem.inputs[0]) == tuple(row["inputs"][0])


def test_what_is_read_can_be_executed() -> None:
    line = parse({**CALL, "inputs": [["\ud800"], [1e999], {"py": f"({'9' * 5000},)"}]})
    job = Job("a", ("def f(x): return x",), "f", line.problem.inputs)
    (result,) = execute([job], LIMITS, workers=1)
    values = [outcome.value for outcome in result.rows[0]]
    assert values[:2] == ['"\\ud800"', '{"f":"inf"}']
    assert values[2].startswith('{"i":"')
