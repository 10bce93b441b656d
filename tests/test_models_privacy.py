"""Nothing reports to anybody."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("given", "effective"), [(None, "1"), ("0", "0")])
def test_the_onnx_runtime_reports_nothing_unless_its_operator_wants_it(given: str | None, effective: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"ORT_DISABLE_TELEMETRY": given} if given is not None else {}
    program = (
        "import sys, os\n"
        "import affetto.models.vad.silero\n"
        "assert 'onnxruntime' in sys.modules\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == effective
