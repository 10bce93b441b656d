"""Ray, imported without its own warnings and without its reports to its makers."""

from __future__ import annotations

import logging
import os
import warnings

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ray
    from ray import exceptions, serve
    from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException

logging.getLogger("ray.serve").setLevel(logging.ERROR)
"""It tells of every late answer of a replica, past our own logs and their form."""

__all__ = ["BackPressureError", "DeploymentUnavailableError", "RayServeException", "exceptions", "ray", "serve"]
