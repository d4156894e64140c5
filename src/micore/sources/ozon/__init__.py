"""Ozon: catalogue, warehouses, stock, orders, sales, returns and supplies of one seller account."""

from __future__ import annotations

from micore.sources.ozon.source import OzonSource

__all__ = ["OzonSource"]
