"""A pre-trained T5 and a corpus of a size that trains in a second, and runs of it that other processes can start."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from genir.corpora.records import Corpus, Document, Query
from genir.models import obtain as obtaining
from genir.models import training
from genir.models.recipe import Recipe
from genir.models.t5 import build_t5

WORDS = [f"w{number}" for number in range(60)]
SHAPE = {
    "d_model": 32,
    "d_kv": 8,
    "num_heads": 4,
    "d_ff": 48,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
    "decoder_start_token_id": 0,
}
Weights = dict[str, torch.Tensor]
UNUSED = 5  # embedding rows beyond the tokenizer, as T5 has 28
RECIPE = Recipe(
    "tiny", steps=24, batch_size=8, learning_rate=5e-3, docid_learning_rate=5e-2, warmup=4, threads=1, max_length=12
)


def tokenizer(added: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """One token a word, then the end token, as T5 does."""
    vocabulary = {token: row for row, token in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    found = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    )
    found.add_tokens(list(added))
    return found


def write_base(folder: Path, docids: Sequence[str] = (), **settings: object) -> Path:
    """A Hugging Face folder of random weights; with ``docids``, one that claims to be a DSI model."""
    words = tokenizer([f"@DOC_ID_{docid}@" for docid in docids])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = build_t5(SHAPE | {"vocab_size": len(words) + UNUSED} | settings)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.dim() > 1 and "shared" not in name:
                    weight.copy_(torch.randn_like(weight) * weight.shape[1] ** -0.5)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def corpus(documents: int = 10, held_out: bool = True) -> Corpus:
    """Documents of five words each; a query is two of them, and those of the third query are not in the training set."""
    texts = [[WORDS[(3 * number + step * (number % 4 + 1)) % 60] for step in range(5)] for number in range(documents)]
    ids = [f"d{number}" for number in range(documents)]
    made = [
        [
            Query(f"{split}{number}", f"{text[a]} {text[b]}", (ids[number],))
            for number, text in enumerate(texts)
            for a, b in places
        ]
        for split, places in (("t", [(0, 1), (2, 3), (1, 4)]), ("v", [(0, 2)]), ("e", [(3, 1)]))
    ]
    train = [Query(f"{query.id}-{row}", query.text, query.relevant) for row, query in enumerate(made[0])]
    validation, test = (tuple(part) if held_out else () for part in made[1:])
    records = tuple(Document(id, f"w{59 - n}", " ".join(t)) for n, (id, t) in enumerate(zip(ids, texts, strict=True)))
    return Corpus("tiny", records, tuple(train), validation, test)


def weights(folder: Path) -> Weights:
    """All that was saved of a model."""
    return load_file(folder / "model.safetensors")


def equal(one: Weights, other: Weights) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a training log."""
    return [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]


def run(
    base: Path, target: Path, scratch: Path, recipe: Recipe = RECIPE, checkpoint_seconds: float = -1.0, **where: str
) -> None:
    """Train in this process, a checkpoint after every step unless told; ``where`` goes into the environment, as launchers do."""
    os.environ.update(where)
    training.CHECKPOINT_SECONDS = checkpoint_seconds
    torch.set_num_threads(1)
    target.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    training.train(recipe, corpus(), base, target, scratch)
    if where:
        (target / f"size-seen-by-{where['RANK']}").write_text(str(torch.distributed.get_world_size()))


def obtain(base: Path, cache: Path, answers: Path, recipe: Recipe = RECIPE, **where: str) -> None:
    """Obtain the trained model beside others; every process says which folder it got."""
    os.environ.update(where)
    torch.set_num_threads(1)
    obtaining.obtain_base = lambda cache: base
    folder = obtaining.obtain_trained(recipe, corpus(), cache, torch.device("cpu"))
    (answers / where["RANK"]).write_text(str(folder))


def run_until(base: Path, target: Path, scratch: Path, step: int, recipe: Recipe = RECIPE) -> None:
    """Train in this process with a checkpoint after every step, and end it, without a word, after ``step`` of them."""
    save = training.save_checkpoint

    def save_and_end(*arguments: object, **options: object) -> None:
        save(*arguments, **options)  # type: ignore[arg-type]
        if arguments[3].step == step:  # type: ignore[attr-defined]
            os._exit(0)

    training.save_checkpoint = save_and_end  # type: ignore[assignment]
    run(base, target, scratch, recipe)
