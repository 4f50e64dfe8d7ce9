"""A tiny model that can write programs and tests, for its words are some: a real model of two roles in a second."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from conself.generated_tests.reader import TestReader
from conself.online.calibration import Calibration
from conself.online.loop import Report, reinforce
from conself.online.settings import Loop, Method
from conself.online.testing import Testing
from conself.online.updates.alternate import Alternate
from conself.prompts.tester import TesterTexts
from conself.rankings.b4 import B4
from conself.rankings.codet import CodeT
from conself.records import ModelRef
from conself.rewards.reward import Reward
from conself.rewards.selected import Selected
from conself.tester_rewards.zerocoder import ZeroCoder
from tests.online.loop_world import method
from tests.online.online_world import LIMITS, grading, problems
from tests.online.stopping import STOP, Stopping
from tests.training.training_world import SHAPE, build

PAD, END, UNKNOWN = 0, 1, 2
DOUBLE, TRIPLE, CRASH = (
    f"```python\ndef f(x): return {body}\n```" for body in ("2 * x", "3 * x if x > 1 else 2", "x.y")
)
MEANT, OTHER, FALSE = (f'[{{"input": [{given}], "expected": {claim}}}]' for given, claim in ((4, 8), (1, 2), (3, 7)))
SAID = [DOUBLE, DOUBLE + " ", TRIPLE, CRASH, MEANT, OTHER, FALSE, "no idea"]
"""What the model can say, a token each; of the programs two double, of the tests two are right for them."""
TEXTS = TesterTexts(starter="{starter_code}", function="{statement} x7", stdin="{statement} x7")


STYLE = Stopping(system=None, observe="{statement} {n}", program="{statement}", guided="{statement} {observation}")


def speaking(said: list[str], folder: Path) -> ModelRef:
    """A tiny model whose words are some for prompts and those that are given, as a folder that the library loads."""
    words = {"<pad>": PAD, "<end>": END, "<unk>": UNKNOWN, **{f"x{i}": i for i in range(3, 16)}}
    vocabulary = words | {f"{text}{STOP}": len(words) + place for place, text in enumerate(said)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<end>",
        unk_token="<unk>",
        chat_template="{% for m in messages %}{{ m['content'] }} {% endfor %}",
        auto_map={"AutoTokenizer": [None, "none.None"]},
    ).save_pretrained(folder)
    config = Qwen2Config(**SHAPE, tie_word_embeddings=True)
    config.vocab_size = len(vocabulary)
    build(Qwen2ForCausalLM, config).save_pretrained(folder)
    return ModelRef(name=str(folder), revision=None, adapter=None, dtype="float32", attention="sdpa", quantization=None)


def with_testers(**changes: Any) -> Testing:
    """Six replies of up to six words to each problem."""
    made = Testing(
        n=6,
        max_new_tokens=6,
        prompts=TEXTS,
        reader=TestReader(5, 4096),
        column="reply",
        ranking=CodeT(0.5),
        n_mutants=4,
        mutants=LIMITS,
        tester_reward=ZeroCoder(0.0, 0.5, True, "convex", -1.0),
        update=Alternate(),
        frozen=False,
        calibration=None,
    )
    return replace(made, **changes)


def both(steps: int, reward: Reward | None = None, **changes: Any) -> Method:
    """Three problems a step, eight programs to each."""
    made = method(steps)
    chosen = with_testers(**changes)
    loop = Loop(steps=steps, problems=3, scale_advantages=True, snapshot_every=None)
    how = replace(made.rollouts, max_new_tokens=6)
    return replace(made, loop=loop, rollouts=how, grading=grading(reward or Selected(chosen.ranking)), testing=chosen)


def calibrated(steps: int, calibration: Calibration) -> Method:
    """The same with B4, whose prior a calibration chooses."""
    return both(steps, Selected(B4(4, 3)), ranking=B4(4, 3), calibration=calibration)


def train_both(model: ModelRef, out: Path, chosen: Method, logger: Any = None) -> Report:
    """One training on five problems."""
    out.mkdir(exist_ok=True)
    return reinforce(problems(5), model, STYLE, chosen, out, Console(quiet=True), logger)
