"""Tell the version.

examples:
  affetto version
  affetto version --json
"""

from __future__ import annotations

import argparse
import json
import platform

from ... import __version__
from .outcome import OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    record = {
        "affetto": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    print(json.dumps(record) if args.json else f"affetto {__version__} (Python {record['python']}, {record['system']})")
    return OK
