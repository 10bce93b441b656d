"""Train a part of the system (needs the extra "train").

examples:
  affetto train appraiser --coe corpus --goemotions goemotions --out models/appraisal/weights/small.npz
"""

from __future__ import annotations

import argparse
import json
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
