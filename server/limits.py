"""How much somebody may ask for: allowances that fill up with time, and how many connections an address has."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

MOST_NAMES = 10_000


class Allowance:
    """A bucket of tokens: `per_s` are added each second, up to `most` (full at first)."""

    def __init__(self, per_s: float, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._most, self._clock = per_s, most, clock
        self._held, self._at = most, clock()

    def take(self) -> float:
        """Take one; gives how long to wait until it is really there, in seconds, and 0 where it is."""
        self._fill()
        self._held -= 1
        return max(0.0, -self._held / self._per_s)

    def try_take(self) -> bool:
        """Take one if it is there."""
        self._fill()
        if self._held < 1:
            return False
        self._held -= 1
        return True

    def _fill(self) -> None:
        now = self._clock()
        self._held, self._at = min(self._most, self._held + (now - self._at) * self._per_s), now


class Allowances:
    """One for each name; the ones longest unused are forgotten, which is what a full one is worth."""

    def __init__(self, per_s: float, most: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._most, self._clock = per_s, most, clock
        self._held: OrderedDict[str, Allowance] = OrderedDict()

    def try_take(self, name: str) -> bool:
        held = self._held.get(name) or Allowance(self._per_s, self._most, self._clock)
        self._held[name] = held
        self._held.move_to_end(name)
        if len(self._held) > MOST_NAMES:
            self._held.popitem(last=False)
        return held.try_take()


class Crowd:
    """Counts connections by address; proxies, through whom all come, may have as many as they like."""

    def __init__(self, most: int, proxies: Sequence[str]) -> None:
        self._most = most
        self._proxies = [network for name in proxies if (network := _network(name)) is not None]
        self._all = "*" in proxies
        self._here: Counter[str] = Counter()

    def enter(self, address: str | None) -> bool:
        """Whether one more connection of this address may stay; whoever may, leaves later."""
        if address is None or self._is_proxy(address):
            return True
        name = neighbourhood(address)
        if self._here[name] >= self._most:
            return False
        self._here[name] += 1
        return True

    def leave(self, address: str | None) -> None:
        if address is not None and not self._is_proxy(address):
            name = neighbourhood(address)
            self._here[name] -= 1
            if self._here[name] <= 0:
                del self._here[name]

    def _is_proxy(self, address: str) -> bool:
        found = _network(address)
        return self._all or (found is not None and any(found.network_address in network for network in self._proxies))


def neighbourhood(address: str) -> str:
    """What counts as one address: whoever has one of IPv6 has the 2^64 others of its network as well."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None
