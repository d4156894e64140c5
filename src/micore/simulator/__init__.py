"""The two marketplaces as servers with a living shop behind them: wire format by their specs, virtual clock.

`Shop` is the shop, `Clock` its time, `Simulator` the two ASGI apps over them, `serve_in_thread` runs these for tests.
"""

from __future__ import annotations

from micore.simulator.clock import Clock
from micore.simulator.server import Running, Simulator, serve_in_thread
from micore.simulator.shop.shop import Shop

__all__ = ["Clock", "Running", "Shop", "Simulator", "serve_in_thread"]
