"""Ozon: catalogue, warehouses, stock, orders and sales of one seller account."""

from __future__ import annotations

from micore.sources.ozon.source import OzonSource

__all__ = ["OzonSource"]
