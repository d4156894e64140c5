"""Wildberries: catalogue, prices, stock, orders and sales of one seller account."""

from __future__ import annotations

from micore.sources.wildberries.source import WildberriesSource

__all__ = ["WildberriesSource"]
