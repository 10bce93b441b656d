"""Run the models' stages on a Ray cluster.

Each stage (recognition, cues, appraisal, speech, embedding) is a Ray Serve application of replicas, as the section
[cluster] of the settings says. Servers of the profile "cluster" use them; they must be nodes of the same cluster.

examples:
  ray start --head                              on the first machine; `ray start --address=...` on the others
  affetto cluster up                            start all stages, or replace them by what the settings say now
  affetto cluster up asr tts --set cluster.asr.replicas=2
  affetto cluster status
  affetto serve --profile cluster --set llm.options.base_url=http://vllm:8000/v1
  affetto cluster down
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from ...models.errors import Unavailable
from ..settings import Settings
from . import options
from .outcome import FAILED, OK

STAGES = ("asr", "cues", "appraiser", "tts", "embedder")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["up", "status", "down"], help="what to do")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"only these: {', '.join(STAGES)}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options.add_settings(parser)


def run(args: argparse.Namespace) -> int:
    settings = options.settings_of(args)
    stage = _ray()
    stage.connect(settings.cluster.address)
    kinds = [kind for kind in STAGES if not args.stages or kind in args.stages]
    if args.what == "up":
        folder = str(settings.models_dir) if settings.models_dir else None
        stage.deploy([stage_of(settings, kind) for kind in kinds], folder)
    elif args.what == "down":
        stage.withdraw(kinds)
        return OK
    found = stage.status()
    print(json.dumps(found) if args.json else _told(found))
    return OK if all(app["status"] == "RUNNING" for app in found.values()) else FAILED


def stage_of(settings: Settings, kind: str) -> Any:
    """What the settings ask of one stage."""
    return _ray().Stage(kind, **getattr(settings.cluster, kind).model_dump())


def _ray() -> Any:
    try:
        from ...models.cluster import stage
    except ModuleNotFoundError as error:
        raise Unavailable(f"this needs {error.name}: pip install 'affetto[cluster]'") from error
    return stage


def _told(found: dict[str, dict[str, Any]]) -> str:
    if not found:
        return "no stage runs: start them with `affetto cluster up`"
    rows = []
    for kind, app in found.items():
        replicas = ", ".join(f"{count} {state.lower()}" for state, count in app["replicas"].items())
        rows.append(f"{kind:<10} {app['status'].lower():<10} {replicas}")
    return "\n".join(rows)
