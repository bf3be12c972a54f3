"""The command line: what it prints, what it writes, and one line where the input is wrong."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import ir_measures
import pytest
import torch
from ir_measures import RR, R, Success

from genir import __main__ as cli
from genir.corpora.beir import write_beir
from genir.models import catalogue, store, training
from genir.models import obtain as obtaining
from genir.models.catalogue import Entry
from genir.report import Ledger, Record, write
from genir.statistics.verdict import Verdict
from tests.models import tiny

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture(autouse=True)
def tiny_catalogue(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One model in the catalogue, which trains in a second."""
    monkeypatch.setattr(obtaining, "obtain_base", lambda cache: tiny_base)
    for name in reversed(tuple(catalogue.CATALOGUE)):  # undone from the last to the first: the order survives
        monkeypatch.delitem(catalogue.CATALOGUE, name)
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", Entry(tiny.corpus, tiny.RECIPE))
    yield
    torch.set_num_threads(1)


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    write_beir(tiny.corpus(), tmp_path / "beir")
    return tmp_path / "beir"


def test_every_example_of_the_help_is_a_command() -> None:
    lines = [line.strip() for line in cli.EXAMPLES.splitlines() if " genir " in line]
    assert len(lines) >= 6
    for line in lines:
        cli.parser().parse_args(shlex.split(line.partition(" genir ")[2]))


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["report"], ["report", "compare"]])
def test_help_explains_every_argument(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*command, "--help"])
    assert end.value.code == 0
    assert "usage: python -m genir" in capsys.readouterr().out


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, genir.__main__ as cli; cli.parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_train_is_this_command() -> None:
    said = subprocess.run(
        ["make", "-n", "train", "MODEL=vital600"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert re.search(r"python -m genir train vital600\s*$", said.stdout, re.MULTILINE)


def test_train_prints_metrics_and_folder_and_a_second_time_does_not_train(run: Run, tmp_path: Path) -> None:
    code, out, err = run("train", "tiny", "--cache", tmp_path, "--device", "cpu")
    metrics, folder = out.rstrip().rsplit("\n", 1)
    assert code == 0
    assert json.loads(metrics) == json.loads((Path(folder) / "metrics.json").read_text())
    assert json.loads(metrics)["validation"]["queries"] == 10
    assert Path(folder).parent == tmp_path / "models"
    assert "tiny: 10 documents, 30 training queries, 24 steps of 8 on cpu" in err
    assert "24/24" in err
    assert re.search(r"loss \d\.\d{3}, \d+ examples/s", err)
    again = run("train", "tiny", "--cache", tmp_path, "--device", "cpu")
    assert again[:2] == (0, out)
    assert "24/24" not in again[2]


def test_train_says_how_far_it_is_in_a_file(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, object]] = []
    write_whole = store.write_whole

    def note(path: Path, text: str) -> None:
        assert path.parent.parent == tmp_path / "models" / "partial"
        assert path.name == "progress.json"
        seen.append(json.loads(text))
        write_whole(path, text)

    monkeypatch.setattr(store, "write_whole", note)
    run("train", "tiny", "--cache", tmp_path)
    assert seen[0].keys() == {"what", "step", "steps", "loss", "rate", "rate_unit", "seconds_left"}
    assert (seen[0]["what"], seen[0]["steps"], seen[0]["rate_unit"]) == ("training tiny", 24, "examples/s")
    assert len(seen) < 24  # at most once a second


def test_a_run_that_was_stopped_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped by hand after step 12; the bar of the next run starts there."""
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", -1.0)
    save = training.save_checkpoint

    def stop(
        scratch: Path, parameters: object, optimizer: object, reached: tuple[int, float], **options: object
    ) -> None:
        save(scratch, parameters, optimizer, reached, **options)  # type: ignore[arg-type]
        if reached[0] == 12:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save_checkpoint", stop)
    code, out, err = run("train", "tiny", "--cache", tmp_path)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "stopped; the same command goes on where it was"
    monkeypatch.setattr(training, "save_checkpoint", save)
    code, out, err = run("train", "tiny", "--cache", tmp_path)
    assert code == 0
    assert "| 12/24 [" in err or "| 13/24 [" in err
    assert not re.search(r"\| [1-9]/24 \[", err)


def test_train_on_a_beir_folder_is_the_model_of_the_same_corpus(run: Run, tmp_path: Path, beir: Path) -> None:
    own = run("train", "tiny", "--cache", tmp_path)[1]
    assert run("train", "tiny", "--cache", tmp_path, "--corpus", beir)[1] == own  # equal documents and queries


def rows(out: str) -> dict[str, list[float]]:
    """System -> Hits@1, R@5, Hits@10 in percent, MRR."""
    lines = (re.split(r"\s{2,}", line.replace(" %", "")) for line in out.splitlines())
    return {parts[0]: [float(part) for part in parts[1:]] for parts in lines if len(parts) == 5 and parts[0]}


def test_evaluate_prints_what_trec_eval_finds_in_its_run(run: Run, tmp_path: Path, beir: Path) -> None:
    folder = run("train", "tiny", "--cache", tmp_path)[1].splitlines()[-1]
    files = ("--run", tmp_path / "run", "--qrels", tmp_path / "qrels", "--split", "validation")
    code, out, _ = run("evaluate", folder, "--corpus", beir, *files)
    assert code == 0
    assert f"{Path(folder).name}: 10 documents, 10 validation queries of beir" in out
    table = rows(out)
    assert list(table) == [
        "DSI among words and documents",
        "DSI among documents",
        "BM25 over the same 12 tokens",
        "BM25 over title and 32 words",
        "BM25 over the whole text",
    ]
    qrels = ir_measures.read_trec_qrels(str(tmp_path / "qrels"))
    found = ir_measures.calc_aggregate(
        [Success @ 1, R @ 5, Success @ 10, RR], qrels, ir_measures.read_trec_run(str(tmp_path / "run"))
    )
    assert table["DSI among documents"] == pytest.approx(
        [100 * found[Success @ 1], 100 * found[R @ 5], 100 * found[Success @ 10], found[RR]], abs=0.051
    )
    metrics = json.loads((Path(folder) / "metrics.json").read_text())["validation"]
    words = table["DSI among words and documents"]
    assert words == pytest.approx(
        [100 * metrics["hits@1"], words[1], 100 * metrics["hits@10"], metrics["mrr"]], abs=0.051
    )


def test_evaluate_by_name_uses_the_cache(run: Run, tmp_path: Path) -> None:
    run("train", "tiny", "--cache", tmp_path)
    code, out, err = run("evaluate", "tiny", "--cache", tmp_path)
    assert code == 0
    assert "10 test queries of tiny" in out
    assert "24/24" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nope"], "expected one of tiny.*, got 'nope': check the spelling"),
        (["evaluate", "nope"], "expected one of the models tiny, a model folder or a hub id OWNER/NAME, got 'nope': check"),
        (["evaluate", "{base}"], "expected --corpus with the BEIR folder that .* was trained on, got none: name it"),
        (["evaluate", "{base}", "--corpus", "{beir}"], "expected docid tokens '@DOC_ID_<id>@' in the tokenizer of .*, found"),
        (["evaluate", "{base}", "--corpus", "/no/such"], "expected a BEIR folder, got /no/such, which is no folder"),
        (["evaluate", "tiny", "--depth", "0"], "expected a run at least one document deep, got --depth 0: give more"),
        (["train", "tiny", "--cache", "{file}"], "expected to write tiny-.* into .*, got '.*': choose a folder with --cache"),
        (["report", "--folder", "/no/such"], "expected a ledger at /no/such/claims.json, there is none"),
        (["report", "compare", "/no/such", "/nor/this"], "expected a ledger at /no/such, there is none"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line(
    run: Run, tmp_path: Path, tiny_base: Path, beir: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "file").write_text("")
    given = [text.format(base=tiny_base, beir=beir, file=tmp_path / "file") for text in arguments]
    cache = [] if arguments[0] == "report" or "--cache" in arguments else ["--cache", str(tmp_path / "cache")]
    code, out, err = run(*given, *cache)
    assert (code, out) == (2, "")
    assert re.match(message, err.splitlines()[-1]), err
    assert "Traceback" not in err


def test_a_corpus_without_the_split_is_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", Entry(lambda: tiny.corpus(held_out=False), tiny.RECIPE))
    code, _, err = run("evaluate", "tiny", "--cache", tmp_path)
    assert (code, err) == (2, "expected test queries in tiny, got none: choose another --split\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_where_there_is_none_is_one_line(run: Run, tmp_path: Path) -> None:
    code, _, err = run("train", "tiny", "--cache", tmp_path, "--device", "cuda")
    assert code == 2
    assert re.fullmatch(r"expected a CUDA device, torch \S+ finds none: use --device cpu\n", err)


def ledger(folder: Path, **changes: object) -> Path:
    record = Record(
        id="5.1-mlp-I", paper="retrieval_process", where="Table 3", sentence="MLPs can be replaced.", model="tiny",
        corpus="tiny", scale="10 documents", verdict=Verdict.SUPPORTED, message="1.0 % [0.1, 2.0]", value=0.01, low=0.001,
        high=0.02, unit="%",
    )  # fmt: skip
    return write(Ledger.of([replace(record, **changes)]), folder)  # type: ignore[arg-type]


def test_compare_says_what_moved_and_fails_then(run: Run, tmp_path: Path) -> None:
    old, same = ledger(tmp_path / "old"), ledger(tmp_path / "same", value=0.015)
    moved = ledger(tmp_path / "moved", verdict=Verdict.CONTRADICTED, message="9.0 % [8, 10]")
    assert run("report", "compare", old, same) == (
        0, "nothing moved: every verdict stands, every value is inside its old interval\n", "",
    )  # fmt: skip
    code, out, _ = run("report", "compare", old.parent, moved.parent)
    assert (code, out) == (1, "5.1-mlp-I on tiny was supported, is contradicted: 9.0 % [8, 10]\n")


def test_report_says_where_the_page_is(run: Run, tmp_path: Path) -> None:
    ledger(tmp_path / "report")
    code, out, _ = run("report", "--folder", tmp_path / "report")
    assert code == 0
    assert Path(out.strip()).read_text().startswith("<!")
