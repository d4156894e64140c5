"""A drop folder: CSV and XLSX files of catalogue, stock, orders and the like, as people and programs write them."""

from __future__ import annotations

from micore.sources.files.source import FilesSource

__all__ = ["FilesSource"]
