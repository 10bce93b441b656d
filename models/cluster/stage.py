"""One stage of the pipeline as a Ray Serve application: any backend, in replicas on any nodes of a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import registry
from ..base import Speech, Style
from ..errors import Unavailable
from ..store import Store
from .library import exceptions, ray, serve

NAMESPACE = "affetto"
DEPLOYMENT = "Replica"
HEALTH_PERIOD_S, HEALTH_TIMEOUT_S = 2.0, 10.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage runs, and on how much. `replicas` run at the least, `most_replicas` at the most: more of them while
    more than `calls` calls a replica are under way."""

    kind: str
    backend: str
    options: Mapping[str, Any] = field(default_factory=dict)
    replicas: int = 1
    most_replicas: int = 1
    replicas_per_node: int | None = None
    calls: int = 4
    cpus: float = 1.0
    gpus: float = 0.0


class Replica:
    """A backend in a process of its own; what it raises is raised at the caller."""

    async def __init__(self, stage: Stage, models_dir: str | None) -> None:  # type: ignore[misc]  # Serve awaits it
        self._stack = AsyncExitStack()
        store = Store(Path(models_dir) if models_dir else None)
        self._backend = registry.create(stage.kind, stage.backend, stage.options, store)
        if hasattr(self._backend, "__aenter__"):
            await self._stack.enter_async_context(self._backend)

    async def describe(self) -> dict[str, Any]:
        """What callers know of a backend beside its methods."""
        names = ("rate_hz", "voices", "withheld")
        return {name: getattr(self._backend, name) for name in names if hasattr(self._backend, name)}

    async def call(self, method: str, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        return await getattr(self._backend, method)(*args, **named)

    async def speak(self, text: str, voice: str, style: Style) -> AsyncIterator[Speech]:
        async for piece in self._backend.stream(text, voice=voice, style=style):
            yield piece

    def check_health(self) -> None:
        """Serve replaces a replica that raises here, or does not answer."""
        if not getattr(self._backend, "ready", True):
            raise Unavailable("the backend is not ready")


def application(kind: str) -> str:
    """The name of a stage's Ray Serve application."""
    return f"affetto-{kind}"


def connect(address: str | None) -> None:
    """Join a Ray cluster, once a process. Raises Unavailable."""
    if ray.is_initialized():
        return
    try:
        ray.init(address=address or "auto", namespace=NAMESPACE, log_to_driver=False, logging_level="error")
    except exceptions.AuthenticationError as error:
        advice = "copy ~/.ray/auth_token of its head node here, or unset RAY_AUTH_MODE if it asks for none"
        raise Unavailable(f"the Ray cluster asks for a token, and there is none here: {advice}") from error
    except (ConnectionError, ValueError, RuntimeError) as error:
        advice = "start one with `ray start --head`; if it asks for a token, set RAY_AUTH_MODE=token"
        raise Unavailable(f"no Ray cluster answers ({error}): {advice}") from error


def deploy(stages: Sequence[Stage], models_dir: str | None = None) -> None:
    """Start stages, or replace them by a new version, replica after replica. `connect` comes first.

    Raises:
        Unavailable: replicas do not start; the message has Serve's own reason.
    """
    serve.start(http_options={"location": "NoServer"})
    targets = [
        serve.RunTarget(_deployment(stage).bind(stage, models_dir), name=application(stage.kind), route_prefix=None)
        for stage in stages
    ]
    try:
        serve.run_many(targets)
    except RuntimeError as error:
        raise Unavailable(f"not all stages start: {error}") from error


def _deployment(stage: Stage) -> Any:
    scaling = {
        "min_replicas": stage.replicas,
        "max_replicas": max(stage.replicas, stage.most_replicas),
        "target_ongoing_requests": stage.calls,
    }
    return serve.deployment(Replica).options(
        name=DEPLOYMENT,
        autoscaling_config=scaling,
        max_ongoing_requests=4 * stage.calls,
        max_replicas_per_node=stage.replicas_per_node,
        ray_actor_options={"num_cpus": stage.cpus, "num_gpus": stage.gpus},
        health_check_period_s=HEALTH_PERIOD_S,
        health_check_timeout_s=HEALTH_TIMEOUT_S,
    )


def status() -> dict[str, dict[str, Any]]:
    """Of each stage its state and its replicas by state; `connect` comes first."""
    found = {}
    for name, app in serve.status().applications.items():
        states = [pair for each in app.deployments.values() for pair in each.replica_states.items()]
        replicas = {str(getattr(state, "value", state)): count for state, count in states}
        found[name.removeprefix("affetto-")] = {"status": str(app.status.value), "replicas": replicas}
    return found


def withdraw(kinds: Sequence[str]) -> None:
    """Stop these stages."""
    for kind in kinds:
        serve.delete(application(kind))
