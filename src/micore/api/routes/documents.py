"""The paths that the operations guide names, where it names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router
from micore.cache import CacheStats
from micore.domain.views import Dashboard, ProductRow
from micore.services.products import ProductState, product_query

router = noun_router("/api", "operations guide")

_DOCS = {"use_attribute_docstrings": True}


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """One product under the field names of the operations guide."""

    __pydantic_config__ = _DOCS

    item_code: str
    """The seller's own article."""
    name: str
    quantity: float | None
    """Units that can be sold now; None when the marketplace does not tell."""
    status: str
    id: str
    """As in /api/v1/products/{id}."""


@dataclass(frozen=True, slots=True)
class InventoryItems:
    """Products, those with the most units sold first."""

    __pydantic_config__ = _DOCS

    items: list[InventoryItem]
    total: int
    next_cursor: str | None


@router.get("/inventory/list", response_model=InventoryItems, operation_id="guide_inventory_list")
@router.get("/inventory/items", response_model=InventoryItems, operation_id="guide_inventory_items")
async def inventory_items(
    request: Request,
    parts: Ready,
    limit: Annotated[int, Query(ge=1, le=200, description="Products per page")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")] = None,
) -> Response:
    """Active products by units sold in 30 days, most first."""
    query = product_query(state=ProductState.ACTIVE, sort="-sold", limit=limit, cursor=cursor)
    page = await parts.call(parts.products.page, query)
    return json_answer(request, InventoryItems([_item(row) for row in page.items], page.total, page.next_cursor))


@router.get("/dashboard/stats", response_model=Dashboard, operation_id="guide_dashboard_stats")
async def dashboard_stats(request: Request, parts: Ready) -> Response:
    """The same as /api/v1/dashboard."""
    shown = await parts.call(parts.dashboards.dashboard)
    return json_answer(request, shown, valid_until=parts.dashboards.valid_until(shown))


@router.get("/cache/stats", response_model=CacheStats, operation_id="guide_cache_stats")
async def cache_stats(request: Request, parts: Ready) -> Response:
    """Hits, misses and size of the answer cache."""
    return json_answer(request, await parts.call(parts.cache.stats))


def _item(row: ProductRow) -> InventoryItem:
    return InventoryItem(row.code, row.name, row.available, row.status, row.id)
