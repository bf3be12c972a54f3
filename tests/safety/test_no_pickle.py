"""What runs code on loading is neither written in the source nor obeyed when it comes in a model folder."""

from __future__ import annotations

import ast
import pickle
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from genir.errors import GenirError
from genir.models.causal import load_causal
from genir.models.dsi import load_dsi
from genir.models.seq2seq import load_model
from tests.heads.tiny_lms import random_model, words_tokenizer
from tests.models import tiny

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for room in ("genir", "fixtures", "claims", "examples") for path in (ROOT / room).rglob("*.py"))
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
BUILTINS = {"eval", "exec", "compile", "__import__"}


def offences(source: str) -> Iterator[str]:
    """Every way to run code out of data that ``source`` holds, as it is written there."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names) if any(name.name.split(".")[0] in MODULES for name in names):
                yield ast.unparse(node)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield ast.unparse(node)
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="load")):
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr="load"), keywords=options) if "np.load" in ast.unparse(node):
                if not any(option.arg == "allow_pickle" and ast.unparse(option.value) == "False" for option in options):
                    yield ast.unparse(node)
            case ast.keyword(arg="trust_remote_code" | "allow_pickle", value=value) if ast.unparse(value) != "False":
                yield ast.unparse(node)
            case ast.keyword(arg="use_safetensors", value=value) if ast.unparse(value) != "True":
                yield ast.unparse(node)


def test_no_source_runs_code_out_of_data() -> None:
    assert len(SOURCES) > 100
    found = {f"{path.relative_to(ROOT)}: {what}" for path in SOURCES for what in offences(path.read_text("utf-8"))}
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import os, joblib",
        "torch.load(path)",
        "torch.load(path, weights_only=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "exec(text)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=given)",
        "AutoModel.from_pretrained(name, use_safetensors=False)",
    ],
)
def test_the_search_finds_each_of_them(line: str) -> None:
    assert list(offences(line))


@pytest.mark.parametrize(
    "line",
    ["model.eval()", "np.load(path, allow_pickle=False)", "re.compile(text)", "load_file(path)", "json.load(stream)"],
)
def test_and_nothing_else(line: str) -> None:
    assert list(offences(line)) == []


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return Path.touch, (self.mark,)


PICKLES = (
    "pytorch_model.bin",
    "model.bin",
    "pytorch_model.pt",
    "training_args.bin",
    "optimizer.pt",
    "model.safetensors",
)


def test_the_bomb_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "mark")))
    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("instead", [True, False], ids=["instead", "beside"])
def test_a_pickle_in_a_model_folder_is_never_read(tmp_path: Path, instead: bool) -> None:
    """Beside safetensors it is left alone, and in their place, under any name, the folder is refused."""
    whole = tiny.write_base(tmp_path / "whole", ["d0", "d1"])
    mark = tmp_path / "mark"
    for name in PICKLES:
        folder = tmp_path / name
        shutil.copytree(whole, folder)
        if instead:
            (folder / "model.safetensors").unlink()
        elif name == "model.safetensors":
            continue
        (folder / name).write_bytes(pickle.dumps(Bomb(mark)))
        if instead:
            for load in (load_dsi, load_model):
                with pytest.raises(GenirError, match=r"^expected (safetensors weights|whole safetensors)"):
                    load(folder)
        else:
            assert load_dsi(folder).docids == ("d0", "d1")
        assert not mark.exists()


def test_a_pickled_language_model_is_never_read(tmp_path: Path) -> None:
    random_model("llama").config.save_pretrained(tmp_path / "lm")
    words_tokenizer("a").save_pretrained(tmp_path / "lm")
    for name in PICKLES:
        (tmp_path / "lm" / name).write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
        with pytest.raises(GenirError, match=r"^expected a causal language model in "):
            load_causal(tmp_path / "lm")
        assert not (tmp_path / "mark").exists()
        (tmp_path / "lm" / name).unlink()


def test_code_in_a_model_folder_is_not_run(tmp_path: Path) -> None:
    """A folder may name a class of its own in config.json and tokenizer_config.json; it is not imported."""
    folder = tiny.write_base(tmp_path / "model", ["d0"])
    (folder / "evil.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'mark')!r}).touch()\nclass Evil: pass\n"
    )
    for name in ("config.json", "tokenizer_config.json"):
        text = (folder / name).read_text().rstrip().removesuffix("}")
        own = '{"AutoModelForSeq2SeqLM": "evil.Evil", "AutoTokenizer": ["evil.Evil", null], "AutoConfig": "evil.Evil"}'
        (folder / name).write_text(f'{text}, "auto_map": {own}}}')
    with suppress(GenirError):
        load_dsi(folder)
    assert not (tmp_path / "mark").exists()
