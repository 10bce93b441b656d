"""The process that holds the embedded language model: llama.cpp's own HTTP server, by xllamacpp.

Run as `python -m affetto.models.llm.llama_server`; its configuration comes as one line of JSON on stdin, its address
goes as one line of JSON to stdout, llama.cpp's log to stderr. It ends when stdin closes, so it never outlives its
parent. A process of its own, so that a crash, a kill or the interpreter's lock stay away from the gateway.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass

PR_SET_PDEATHSIG = 1
LOG_LEVEL = 3
"""llama.cpp's log level: warnings, errors, and what is loaded."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """`context_tokens` is for one slot; `api_key` keeps other users of the machine out."""

    model: str
    lora: str | None
    lora_scale: float
    context_tokens: int
    slots: int
    threads: int
    cache_ram_mib: int
    api_key: str

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Load, say where, serve until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What native code prints must not look like an address.
    server = serve(ServerConfig(**json.loads(sys.stdin.readline())))
    print(json.dumps({"url": server.listening_address}), file=out, flush=True)
    sys.stdin.read()
    os._exit(0)  # Native threads may be in the middle of a token; nothing needs saving.


def serve(config: ServerConfig):  # type: ignore[no-untyped-def]  # xllamacpp has no types
    """A server in this process; without a key it lets anyone on this machine in."""
    try:
        import xllamacpp
    except ImportError as error:
        if "libgomp" in str(error):
            sys.exit("xllamacpp needs the system's OpenMP: install the package libgomp1 (Debian, Ubuntu) or libgomp")
        raise

    params = xllamacpp.CommonParams()
    params.model.path = config.model
    params.n_ctx = config.context_tokens * config.slots
    params.n_parallel = config.slots
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config.threads
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.api_keys = [config.api_key] if config.api_key else []
    params.cache_prompt = True
    params.cache_ram_mib = config.cache_ram_mib
    params.verbosity = LOG_LEVEL
    if config.lora is not None:
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path, adapter.scale = config.lora, config.lora_scale
        params.lora_adapters = [adapter]
    return xllamacpp.Server(params)


def _die_with_parent() -> None:
    """Where the system can: a killed parent takes this process with it even while weights are loading."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
