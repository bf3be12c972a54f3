"""The command line: ``python -m genir corpus | train | evaluate | patch | export | prune | report``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from genir.cli.corpus import SETTINGS
from genir.errors import GenirError
from genir.models.catalogue import CATALOGUE, GROUPS, members

NEEDLE_LM = "needle-lm"
EXAMPLES = """examples:
  a BEIR folder of one of the paper's settings from the original files:
    python -m genir corpus nq10k --from v1.0-simplified_simplified-nq-train.jsonl.gz --out nq10k
    python -m genir corpus triviaqa --from qa/wikipedia-train.json qa/wikipedia-dev.json --out triviaqa
    python -m genir corpus triviaqa --from triviaqa --doc2query doc2query/all-t5-base-v1 --out triviaqa-qg
  train into .genir; the same command again goes on after a stop:
    python -m genir train vital600
  the same on one GPU, and on eight:
    python -m genir train vital10k --device cuda
    accelerate launch --num_processes 8 -m genir train vital10k
  the paper's setting, on T5-large or on another base:
    python -m genir train nq10k --corpus nq10k
    python -m genir train nq10k --corpus nq10k --base FOLDER
  Hits@1, R@5, Hits@10 and MRR on the test queries, beside BM25:
    python -m genir evaluate vital600
    python -m genir evaluate FOLDER --corpus BEIR_FOLDER --split validation --run run.trec
  what is lost when MLPs of Stage I are replaced by their mean; a head removed; cross-attention of the pre-trained model:
    python -m genir patch vital600 --sites mlp:I --by mean
    python -m genir patch vital600 --sites cross:5.1 --by zero
    python -m genir patch FOLDER --corpus BEIR_FOLDER --sites cross:II cross:III --by base --base T5_FOLDER
  the reduced graph as a smaller model:
    python -m genir prune vital600 --out vital600-reduced
  the learning curve of a model:
    python -m genir report curve fixtures/released/vital10k --out docs/curve-vital10k.svg
  HTML from report/claims.json, and what moved between two runs of the claims:
    python -m genir report
    python -m genir report compare old.json new.json
    python -m genir report compare claims/ledgers/embedded.json report --model vital10k --within-one-query
"""


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = argparse.ArgumentParser(
        prog="python -m genir",
        description="Train, evaluate and report on generative retrieval models.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")

    corpus = commands.add_parser(
        "corpus",
        help="one of the paper's settings as a BEIR folder, from the original files",
        description="Write a BEIR folder of one of the paper's settings: documents of 1,000 characters, the questions of "
        "1,000 pages held out for validation and of 1,000 others for test.",
    )
    corpus.add_argument("name", metavar="NAME", help=f"which setting: {', '.join(SETTINGS)}")
    corpus.add_argument(
        "--from",
        dest="sources",
        nargs="+",
        required=True,
        metavar="SOURCE",
        help="files of Natural Questions (.jsonl, .jsonl.gz) or TriviaQA (qa/wikipedia-*.json), datasets:NAME, "
        "ir_datasets:NAME, or a BEIR folder, which is taken as it stands",
    )
    corpus.add_argument("--out", type=Path, required=True, metavar="BEIR_FOLDER", help="new folder to write to")
    corpus.add_argument(
        "--evidence", type=Path, metavar="DIR", help="TriviaQA's pages (default: evidence/wikipedia beside qa)"
    )
    made = corpus.add_mutually_exclusive_group()
    made.add_argument(
        "--queries", type=Path, metavar="FILE", help="generated training queries: docid<TAB>query, or JSON lines"
    )
    made.add_argument("--doc2query", metavar="FOLDER|HUB_ID", help="a model that generates training queries")
    corpus.add_argument(
        "--each", type=int, default=10, metavar="N", help="generated queries a document (default: %(default)s)"
    )
    _device(corpus)

    names = ", ".join(CATALOGUE)
    train = commands.add_parser(
        "train",
        help="train a model by its recipe into the cache, or go on where a run was stopped",
        description="Train a model by its recipe into the cache. A run that was stopped, however, goes on from its last "
        "checkpoint and ends in the same weights. Prints metrics.json and the folder.",
    )
    train.add_argument(
        "model", metavar="MODEL", help=f"which recipe: {names}, or a group: {', '.join([*GROUPS, NEEDLE_LM])}"
    )
    train.add_argument(
        "--base",
        metavar="FOLDER|HUB_ID",
        help="pre-trained T5 to start from (default: the recipe's, or the packaged one)",
    )
    _shared(train, "corpus to train on: a name or a BEIR folder (default: the model's own)")

    evaluate = commands.add_parser(
        "evaluate",
        help="effectiveness of a model beside BM25, and its ranking as a TREC run",
        description="Hits@1, R@5, Hits@10 and MRR of a model, beside BM25 over what the model has read and over more.",
    )
    evaluate.add_argument("model", metavar="MODEL", help=f"{names}, a model folder, or a hub id OWNER/NAME")
    evaluate.add_argument(
        "--split", choices=("train", "validation", "test"), default="test", help="queries (default: %(default)s)"
    )
    evaluate.add_argument("--run", type=Path, metavar="FILE", help="write the ranked documents as a TREC run")
    evaluate.add_argument("--qrels", type=Path, metavar="FILE", help="write the relevant documents as TREC qrels")
    evaluate.add_argument(
        "--depth", type=int, default=100, metavar="K", help="documents a query in the run (default: %(default)s)"
    )
    _shared(evaluate, "corpus that the model was trained on: a name or a BEIR folder (default: the model's own)")

    patch = commands.add_parser(
        "patch",
        help="replace components of a model, and see how many correct queries it loses",
        description="The share of queries at rank 1 that leave it when components are replaced, with its interval, beside "
        "doing nothing and as many random sites. A site is a component (attention, cross, mlp) and where: a stage (mlp:I), "
        "a layer from 0 (cross:3), layers (attention:0-4), a head (cross:3.1), or nothing, for all layers (mlp).",
    )
    patch.add_argument("model", metavar="MODEL", help=f"{names}, a model folder, or a hub id OWNER/NAME")
    patch.add_argument("--sites", nargs="+", required=True, metavar="SITE", help="what to replace, all in one pass")
    patch.add_argument(
        "--by",
        choices=("zero", "mean", "base"),
        default="mean",
        help="nothing, the mean over the correct queries, or what the pre-trained model writes (default: %(default)s)",
    )
    patch.add_argument("--base", metavar="FOLDER|HUB_ID", help="the pre-trained model (default: the model's own)")
    patch.add_argument(
        "--protocol",
        choices=("masked", "unpadded", "as-published"),
        default="masked",
        help="how queries are padded and masked (default: %(default)s)",
    )
    patch.add_argument(
        "--split", choices=("train", "validation", "test"), default="validation", help="queries (default: %(default)s)"
    )
    _shared(patch, "corpus that the model was trained on: a name or a BEIR folder (default: the model's own)")

    export = commands.add_parser(
        "export",
        help="write a trained model as a release: int8 changes to the base, metrics of what is shipped",
        description="Write fixtures/released/MODEL from the trained model in the cache, which is trained if need be.",
    )
    export.add_argument("model", metavar="MODEL", help=f"which recipe: {names}")
    _shared(export, None)

    prune = commands.add_parser(
        "prune",
        help="the reduced graph of a model, folded into a smaller and faster one",
        description="Fold the reduced graph (Table 4) into a smaller model, saved like any other, and print it beside the "
        "whole one: decoder parameters, milliseconds to decode 64 queries, effectiveness on test queries.",
    )
    prune.add_argument("model", metavar="MODEL", help=f"{names}, a model folder, or a hub id OWNER/NAME")
    prune.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new folder for the smaller model")
    _shared(prune, "corpus that the model was trained on: a name or a BEIR folder (default: the model's own)")

    report = commands.add_parser(
        "report",
        help="HTML from a ledger of claims, or what moved between two ledgers",
        description="Write index.html beside claims.json. With compare, say what moved between two ledgers.",
    )
    report.add_argument(
        "--folder", type=Path, default=Path("report"), metavar="DIR", help="holds claims.json (default: %(default)s)"
    )
    actions = report.add_subparsers(dest="action", metavar="compare | findings | curve")
    compare = actions.add_parser("compare", help="what moved between two ledgers; exit code 1 if anything did")
    compare.add_argument("old", type=Path, metavar="OLD", help="claims.json, or the folder that holds it")
    compare.add_argument("new", type=Path, metavar="NEW", help="claims.json, or the folder that holds it")
    compare.add_argument("--model", metavar="NAME", help="compare what is about this model (default: everything)")
    compare.add_argument(
        "--within-one-query",
        action="store_true",
        help="values may move by what one query is worth, not by an interval: for a model that is the same to the bit",
    )
    actions.add_parser(
        "findings", help="write claims/FINDINGS.md and README's table from the ledgers in claims/ledgers"
    )
    curve = actions.add_parser(
        "curve", help="draw a model's learning curve: training loss, and validation along the way"
    )
    curve.add_argument("model", type=Path, metavar="FOLDER", help="model folder, or its train.jsonl")
    curve.add_argument("--out", type=Path, required=True, metavar="FILE.svg", help="file to write")
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code, or 2 after one line on stderr where the input was wrong."""
    args = parser().parse_args(arguments)
    try:
        # A command is imported when it runs: torch and transformers take seconds that --help does not need.
        if args.command == "corpus":
            from genir.cli.corpus import corpus

            return corpus(
                args.name, args.sources, args.out, args.evidence, args.queries, args.doc2query, args.each, args.device
            )
        if args.command == "train":
            if args.model == NEEDLE_LM:
                from genir.cli.needle import train_needle_lms

                return train_needle_lms(args.cache, args.device)
            members(args.model)  # a wrong name, at once
            from genir.cli.train import train

            return train(args.model, args.corpus, args.cache, args.device, args.base)
        if args.command == "evaluate":
            from genir.cli.evaluate import evaluate

            return evaluate(
                args.model, args.corpus, args.cache, args.device, args.split, args.run, args.qrels, args.depth
            )
        if args.command == "patch":
            from genir.cli.patch import patch

            return patch(
                args.model,
                args.corpus,
                args.cache,
                args.device,
                args.sites,
                args.by,
                args.base,
                args.protocol,
                args.split,
            )
        if args.command == "export":
            if args.model == NEEDLE_LM:
                from genir.cli.needle import release_needle_lms

                return release_needle_lms(args.cache, args.device)
            from genir.cli.export import release

            return release(args.model, args.cache, args.device)
        if args.command == "prune":
            from genir.cli.prune import prune

            return prune(args.model, args.corpus, args.cache, args.device, args.out)
        from genir.cli.report import compare, curve, findings, report

        if args.action == "compare":
            return compare(args.old, args.new, args.model, args.within_one_query)
        if args.action == "curve":
            return curve(args.model, args.out)
        return findings() if args.action == "findings" else report(args.folder)
    except GenirError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on where it was", file=sys.stderr)
        return 130


def _shared(command: argparse.ArgumentParser, corpus: str | None) -> None:
    if corpus is not None:
        command.add_argument("--corpus", metavar="NAME|BEIR_FOLDER", help=corpus)
    command.add_argument(
        "--cache", type=Path, default=Path(".genir"), metavar="DIR", help="trained models (default: %(default)s)"
    )
    _device(command)


def _device(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to compute (default: %(default)s)"
    )


if __name__ == "__main__":
    sys.exit(main())
