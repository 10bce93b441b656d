"""Train a part of the system (needs the extra "train").

examples:
  affetto train appraiser --coe corpus --goemotions goemotions --out models/appraisal/weights/small.npz
  affetto train adapter --coe corpus --model smollm2-135m --out smollm2-135m-empathy.lora.gguf --check 4
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from ...models.errors import Unavailable
from ...models.store import Store
from . import options, weights
from .outcome import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    appraiser = parts.add_parser("appraiser", help="the small appraiser's heads")
    appraiser.add_argument("--coe", type=Path, required=True, metavar="DIR", help="folder of the corpus (*.jsonl)")
    appraiser.add_argument("--goemotions", type=Path, metavar="DIR", help="folder of GoEmotions (train.tsv, ...)")
    appraiser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the weights go (.npz)")
    options.add_settings(appraiser)
    appraiser.set_defaults(train=_appraiser)
    adapter = parts.add_parser("adapter", help="a chat model's LoRA adapter, as a GGUF file")
    adapter.add_argument("--coe", type=Path, required=True, metavar="DIR", help="folder of the corpus (*.jsonl)")
    adapter.add_argument("--model", default="smollm2-135m", metavar="ASSET", help="weights to adapt (%(default)s)")
    adapter.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the adapter goes (.gguf)")
    adapter.add_argument("--rank", type=int, default=8, metavar="N", help="rank of the adapter (%(default)s)")
    adapter.add_argument("--epochs", type=float, default=2.0, metavar="N", help="passes over the corpus (%(default)s)")
    adapter.add_argument("--rate", type=float, default=2e-4, metavar="X", help="highest learning rate (%(default)s)")
    adapter.add_argument("--most", type=int, metavar="N", help="take this many dialogues of each side, to try it out")
    adapter.add_argument(
        "--check",
        type=int,
        default=0,
        metavar="N",
        help="compare llama.cpp's loss with torch's on N held-out dialogues",
    )
    options.add_settings(adapter)
    adapter.set_defaults(train=_adapter)


def run(args: argparse.Namespace) -> int:
    return int(args.train(args))


def _appraiser(args: argparse.Namespace) -> int:
    if find_spec("sklearn") is None:
        raise Unavailable("training needs scikit-learn: pip install 'affetto[train]'")
    from ...models.appraisal import heads
    from ...models.embedding.minilm import MiniLM
    from ...pipelines.training import appraiser, corpus, goemotions

    store = Store(options.settings_of(args).models_dir)
    weights.pull(store, ["minilm"])
    examples = list(corpus.read(args.coe))
    written = list(goemotions.read(args.goemotions, most_of_each=appraiser.MOST_REMARKS)) if args.goemotions else []
    trained = appraiser.train(examples, MiniLM(store.path("minilm")).embed, written)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    heads.save(args.out, trained)
    told = {"turns": len(examples), "remarks": len(written), "bytes": args.out.stat().st_size}
    print(json.dumps(told | {name: round(value, 4) for name, value in trained.thresholds.items()}))
    return OK


def _adapter(args: argparse.Namespace) -> int:
    missing = [name for name in ("torch", "peft", "transformers", "gguf") if find_spec(name) is None]
    if missing:
        raise Unavailable(f"training an adapter needs {', '.join(missing)}: pip install 'affetto[train]'")
    from ...pipelines.training import adapter, adapter_check, adapter_text, corpus

    store = Store(options.settings_of(args).models_dir)
    weights.pull(store, [args.model])
    base = next(store.path(args.model).glob("*.gguf"))
    examples = list(corpus.read(args.coe))
    taught = list(adapter_text.lessons(examples, held_out=False))[: args.most]
    held_out = list(adapter_text.lessons(examples, held_out=True))[: args.most]
    trainee = adapter.Trainee.from_gguf(base, adapter.Plan(rank=args.rank, epochs=args.epochs, rate=args.rate))
    trainee.fit(taught, lambda line: print(line, file=sys.stderr, flush=True))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    trainee.export(args.out)
    told = {"dialogues": len(taught), "held_out_loss": trainee.loss(held_out), "bytes": args.out.stat().st_size}
    if args.check:
        tokens = [trainee.tokens(lesson.pieces) for lesson in held_out[: args.check]]
        compared = adapter_check.compare(base, args.out, [(each, trainee.likelihoods(each)) for each in tokens])
        told |= asdict(compared)
    print(json.dumps({name: round(value, 4) for name, value in told.items()}))
    return OK
