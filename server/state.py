"""What all endpoints of a running server share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..pipelines.duplex.backends import Backends
from ..pipelines.duplex.policy import DuplexPolicy
from ..pipelines.memory.service import MemoryService
from .appraisals import Appraisals
from .auth import Door
from .settings import Settings
from .telemetry import Telemetry
from .traces import Traces


@dataclass(frozen=True, slots=True)
class ServerState:
    settings: Settings
    backends: Backends
    policy: DuplexPolicy
    door: Door
    telemetry: Telemetry
    traces: Traces
    memory: MemoryService | None = None
    appraisals: Appraisals = field(default_factory=Appraisals)
