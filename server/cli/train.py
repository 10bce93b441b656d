"""Train a part of the system (needs the extra "train").

examples:
  affetto train appraiser --coe corpus --goemotions goemotions --out models/appraisal/weights/small.npz
  affetto train adapter --coe corpus --model smollm2-135m --out smollm2-135m-empathy.lora.gguf --check 4
  affetto train cues --manifest index.csv --root recordings --data open --out models/cues/weights/open.npz
  affetto train words --coe corpus --goemotions goemotions --out models/cues/weights/words.npz
  affetto train norms --coe corpus --out models/tts/norms.npz
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

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
    cues = parts.add_parser("cues", help="the heads that read the voice")
    cues.add_argument("--manifest", type=Path, required=True, metavar="CSV", help="recordings: path, emotion, ds, ...")
    cues.add_argument("--root", type=Path, metavar="DIR", help="folder its paths start from (default: the CSV's)")
    cues.add_argument("--data", choices=["open", "research"], default="open", help="research also learns from nc/")
    cues.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the weights go (.npz)")
    cues.add_argument("--report", type=Path, metavar="DIR", help="folder for report.json and plots")
    cues.add_argument("--cache", type=Path, metavar="DIR", help="folder for encodings (default: in the cache folder)")
    cues.add_argument("--seed", type=int, default=0)
    cues.add_argument("--models-dir", type=Path, metavar="DIR", help="folder of pulled weights")
    cues.set_defaults(train=_cues)
    words = parts.add_parser("words", help="the head that says what words alone would make one expect")
    words.add_argument("--coe", type=Path, required=True, metavar="DIR", help="folder of the corpus (*.jsonl)")
    words.add_argument("--goemotions", type=Path, required=True, metavar="DIR", help="folder of GoEmotions")
    words.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the weights go (.npz)")
    options.add_settings(words)
    words.set_defaults(train=_words)
    norms = parts.add_parser("norms", help="what makes Kokoro's windows sound like whole phrases")
    norms.add_argument("--coe", type=Path, required=True, metavar="DIR", help="folder of the corpus (*.jsonl)")
    norms.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the weights go (.npz)")
    norms.add_argument("--count", type=int, default=600, metavar="N", help="stretches of speech (%(default)s)")
    norms.add_argument("--seed", type=int, default=0)
    options.add_settings(norms)
    norms.set_defaults(train=_norms)
    for part in (appraiser, adapter, cues, words, norms):
        part.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    told = args.train(args)
    print(json.dumps(told) if args.json else "\n".join(f"{name:<20} {_short(value)}" for name, value in told.items()))
    return OK


def _short(value: Any) -> str:
    return f"{len(value)} figures, with --json" if isinstance(value, dict | list) else str(value)


def _appraiser(args: argparse.Namespace) -> dict[str, Any]:
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
    return told | {name: round(value, 4) for name, value in trained.thresholds.items()}


def _adapter(args: argparse.Namespace) -> dict[str, Any]:
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
    return {name: round(value, 4) for name, value in told.items()}


def _cues(args: argparse.Namespace) -> dict[str, Any]:
    _need("torch")
    from ...models.cues import heads
    from ...pipelines.evaluation import plots
    from ...pipelines.training import cues, cues_data
    from ...pipelines.training.cues_features import Encoder, materials

    store = Store(args.models_dir)
    weights.pull(store, ["whisper-base"])
    clips = cues_data.read(args.manifest)
    root = args.root or args.manifest.parent
    around = materials(root, clips, args.data)
    encoder = Encoder(store, args.cache or store.root.parent / "encodings", around)
    trained = cues.train(
        clips, encoder, root, args.data, seed=args.seed, tell=lambda text: print(text, file=sys.stderr)
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    heads.save(args.out, trained.heads)
    if args.report is not None:
        args.report.mkdir(parents=True, exist_ok=True)
        (args.report / "report.json").write_text(json.dumps(trained.report, indent=1) + "\n")
        names = tuple(map(str, cues.HEADS))
        plots.draw(args.report, trained.truth, trained.probabilities, names, {})
    return {"bytes": args.out.stat().st_size} | trained.report


def _words(args: argparse.Namespace) -> dict[str, Any]:
    _need("torch")
    from ...models.cues import words
    from ...models.embedding.minilm import MiniLM
    from ...pipelines.training import corpus, cues_words, goemotions

    store = Store(options.settings_of(args).models_dir)
    weights.pull(store, ["minilm"])
    remarks = goemotions.read(args.goemotions, most_of_each=cues_words.MOST_REMARKS)
    embed = MiniLM(store.path("minilm")).embed
    head, report = cues_words.train(list(corpus.read(args.coe)), remarks, embed)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    words.save(args.out, head)
    return {"bytes": args.out.stat().st_size} | report


def _norms(args: argparse.Namespace) -> dict[str, Any]:
    from ...models.tts.kokoro import Kokoro, Options
    from ...pipelines.training import corpus, norms

    store = Store(options.settings_of(args).models_dir)
    weights.pull(store, ["kokoro"])
    kokoro = Kokoro(Options(), store)
    texts = norms.spoken_like(example.reply for example in corpus.read(args.coe))
    made = list(norms.examples(kokoro, texts, count=args.count, seed=args.seed))
    voices, averages, statistics = zip(*made, strict=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    norms.save(norms.fit(voices, np.array(averages), np.array(statistics)), args.out)
    return {"bytes": args.out.stat().st_size, "stretches": len(made)}


def _need(package: str) -> None:
    if find_spec(package) is None:
        raise Unavailable(f"training needs {package}: pip install 'affetto[train]'")
