"""Which block of a completion is the program, on completions written as chat models write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.samplers.code_blocks import answer_of, extract_code

PROGRAM = "def total(xs):\n    return sum(xs)\n"
STDIN = "import sys\n\nn = int(sys.stdin.readline())\nprint(n + 1)\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("Sure!\n```py\nx = 1\n```\nDone.", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```python3\nx = 1\n```", "x = 1\n"),
        ("``` Python\nx = 1\n```", "x = 1\n"),
        ("```python title=a.py\nx = 1\n```", "x = 1\n"),
        ("```{.python}\nx = 1\n```", "x = 1\n"),
        ("~~~python\nx = 1\n~~~", "x = 1\n"),
        ("````python\nx = '''\n```\n'''\n````", "x = '''\n```\n'''\n"),
        ("```python\r\nx = 1\r\ny = 2\r\n```\r\n", "x = 1\ny = 2\n"),
        ("Answer: ```python\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1```\nDone.", "x = 1\n"),
        ("```python\nx = 1\n``` and that is all.\nBye.", "x = 1\n"),
        ("[PYTHON]\nx = 1\n[/PYTHON]\n[TESTS]\nassert x\n[/TESTS]", "x = 1\n"),
        ("[PYTHON]\n```python\nx = 1\n```\n[/PYTHON]", "x = 1\n"),
        ("```python\nx = 1\n```\nBetter:\n```python\nx = 2\n```", "x = 2\n"),
        ("```python\nx = 1\n```\n```text\n3 4\n```", "x = 1\n"),
        ("```python\nx = 1\n```\nIt prints\n```\n3 4\n```", "x = 1\n"),
        ("```python\nx = 1\n```\n```python\n```", "x = 1\n"),
        ("```python\ndef f():\n    return 1", "def f():\n    return 1\n"),
        ("1. So:\n\n   ```python\n   if a:\n       b\n   ```\n2. Done", "if a:\n    b\n"),
        ("```python\n    x = 1\n    y = 2\n```", "x = 1\ny = 2\n"),
        ("```python\nx = 1\n\nOr:\n```python\ny = 2\n```", "y = 2\n"),
        ("```\x0b\nx = 1\n```", "x = 1\n"),
        ("```python\n```", None),
        ("```bash\nls\n```", None),
        ("```java\nclass A {}\n```", None),
        ("x = 1", None),
        ("`x = 1`", None),
        ("", None),
    ],
)
def test_fences_as_models_write_them(text: str, code: str | None) -> None:
    assert extract_code(text, "total") == code


CODE_LLAMA = f"""  Here is a Python function that solves the problem:
```
{PROGRAM}```
Here are some test cases:
```
print(total([1, 2]))  # 3
```
The expected output is:
```
3
```
"""
DEEPSEEK = f"""Here is a solution.

```python
{PROGRAM}```

You can test it:

```python
assert total([1, 2]) == 3
print("ok")
```
"""
QWEN = f"""To solve this, we add the numbers.

### Step 1: the idea
```python
for x in xs: ...
```

### Complete program
```python
{PROGRAM}```

### Example
```python
# Example usage
print(total([1, 2, 3]))
```
**Output**
```
6
```
This runs in O(n).
"""
CUT = f"""```python
{PROGRAM}```
Alternatively:
```python
def total(xs):
    if not xs:
        ret"""
CLASS = "class Solution:\n    def total(self, xs):\n        return sum(xs)\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (CODE_LLAMA, PROGRAM),
        (DEEPSEEK, PROGRAM),
        (QWEN, PROGRAM),
        (CUT, PROGRAM),
        (f"```python\n{CLASS}```\n```python\ns = Solution()\nprint(s.total([1]))\n```", CLASS),
        ("```python\ntotal = sum\n```\n```python\nassert total == sum\n```", "total = sum\n"),
        ("```python\ndef totals(): 1\n```\n```python\nprint(2)\n```", "print(2)\n"),
        ("Plain:\n```\ndef total(xs): ...\n```\n```python\ntotal([])\n```", "def total(xs): ...\n"),
    ],
)
def test_the_block_that_defines_the_entry_point_is_the_program(text: str, code: str) -> None:
    assert extract_code(text, "total") == code


def test_of_several_definitions_the_last_whole_one_counts() -> None:
    better = PROGRAM.replace("sum(xs)", "sum(xs, 0)")
    assert extract_code(f"```python\n{PROGRAM}```\nBetter:\n```python\n{better}```", "total") == better


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{STDIN}```\nInput:\n```\n3\n```\nOutput:\n```\n4\n```",
        f"```python\n{STDIN}```\nA test:\n```python\nassert solve(3) == 4\n```",
        f"The formula:\n```python\nn + 1\n```\nThe program:\n```python\n{STDIN}```",
    ],
)
def test_without_entry_point_the_program_is_what_reads_standard_input(text: str) -> None:
    assert extract_code(text, None) == STDIN


def test_a_fence_in_a_docstring_does_not_end_the_program() -> None:
    program = 'def total(xs):\n    """Add.\n\n    ```python\n    total([1])\n    ```\n    """\n    return sum(xs)\n'
    assert extract_code(f"```python\n{program}```\nDone.", "total") == program


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>\n```python\nx = 1\n```\n</think>\nSo y", "\nSo y"),
        ("First I add.</think>\n\nSo y", "\n\nSo y"),
        ("I add.\n</think>So y", "So y"),
        ("<think>I add and never", ""),
        ("x = '</think>' + y", "x = '</think>' + y"),
        ("no thought", "no thought"),
    ],
)
def test_reasoning_is_not_part_of_the_answer(text: str, answer: str) -> None:
    assert answer_of(text) == answer


def test_a_draft_in_the_reasoning_is_not_the_program() -> None:
    draft = "```python\ndef total(xs): wrong\n```"
    assert extract_code(f"<think>\n{draft}\n</think>\n```python\n{PROGRAM}```", "total") == PROGRAM
    assert extract_code(f"<think>\n{draft}\nand so on", "total") is None


PIECES = [
    "```",
    "```python",
    "~~~",
    "[PYTHON]",
    "[/PYTHON]",
    "<think>",
    "</think>",
    "def f(",
    "input(",
    "x",
    " ",
    "\n",
    "\t",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)), st.sampled_from([None, "f", "f("]))
def test_any_text_is_taken(text: str, entry_point: str | None) -> None:
    code = extract_code(text, entry_point)
    assert code is None or (code.strip() and code.endswith("\n"))


@given(st.lists(st.text(alphabet="abc =()\n    ", min_size=1), min_size=1))
def test_a_block_comes_out_as_it_went_in(bodies: list[str]) -> None:
    bodies = ["#\n" + body for body in bodies]  # begins unindented
    text = "\n".join(f"```python\n{body}\n```" for body in bodies)
    assert extract_code(text, "total") == bodies[-1].rstrip() + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", [*PIECES, "```python\n", "`", "def ", "input ", " \n", "</think>\n", "f:", "def f(\n"]
)
def test_time_grows_linearly(piece: str) -> None:
    text = piece * 100_000  # quadratic work on 10^5 pieces takes minutes
    start = time.process_time()
    extract_code("```python\n" + text, "f")
    extract_code(text, None)
    assert time.process_time() - start < 30  # seconds of CPU: others may work beside it


@pytest.mark.parametrize(
    "text",
    [
        "[PYTHON]def f(x):\n    return x + 1\n[/PYTHON]\nThis adds one.",
        "[PYTHON]\ndef f(x):\n    return x + 1[/PYTHON]",
        "Here:\n```python:main.py\ndef f(x):\n    return x + 1\n```\n",
        "```{.python}\ndef f(x):\n    return x + 1\n```",
    ],
)
def test_marks_with_code_or_a_file_name_behind_them(text: str) -> None:
    assert extract_code(text, "f") == "def f(x):\n    return x + 1\n"
