"""Ray, imported without its own warnings and without its reports to its makers."""

from __future__ import annotations

import os
import warnings

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ray
    from ray import exceptions, serve
    from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException

__all__ = ["BackPressureError", "DeploymentUnavailableError", "RayServeException", "exceptions", "ray", "serve"]
