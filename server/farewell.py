"""With which code and reason a session's socket closes (codes of RFC 6455 and its registry)."""

from __future__ import annotations

Farewell = tuple[int, str]
NORMAL, GOING_AWAY, TOO_SLOW, NOT_ALLOWED, OUR_FAULT = 1000, 1001, 1008, 1008, 1011
RESTARTING = 1012
"""The session goes on at another server (RFC 6455's registry: Service Restart)."""
ELSEWHERE = "the session goes on over another connection"
STOPPING = "the server is stopping"
