"""What all endpoints of a running server share."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..pipelines.duplex.backends import Backends
from ..pipelines.duplex.policy import DuplexPolicy
from ..pipelines.memory.service import MemoryService, Remembering
from .admission import Admission
from .appraisals import Appraisals
from .auth import Door, Guest
from .handover import Handover
from .health import Health
from .observing import Observing
from .settings import Settings
from .telemetry import Telemetry
from .traces import Traces


@dataclass(frozen=True, slots=True)
class ServerState:
    settings: Settings
    backends: Backends
    policy: DuplexPolicy
    door: Door
    observing: Observing
    health: Health
    admission: Admission
    traces: Traces
    memory: MemoryService | None = None
    handover: Handover | None = None
    appraisals: Appraisals = field(default_factory=Appraisals)

    def remembering(self, guest: Guest, conversation: str) -> Remembering | None:
        """The memory of a session or request, where there is one and the guest's key is good for it."""
        if self.memory is None or "memory" not in guest.scopes:
            return None
        return self.memory.session(guest.name or "", conversation)

    @property
    def telemetry(self) -> Telemetry:
        return self.observing.telemetry
