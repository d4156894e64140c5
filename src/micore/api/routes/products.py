"""Products: search, lists, one product with its places, its history and the origin of its figure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query, Request
from starlette.responses import Response

from micore.api.answers import json_answer
from micore.api.routes.context import Ready, noun_router, only_known_sources
from micore.domain.views import Place, ProductDetail, ProductHistory, ProductPage, Why
from micore.services.products import ProductState, product_query

router = noun_router("/api/v1", "products")

ProductId = Annotated[str, Path(pattern=r"^(item|sku)-[0-9]{1,18}$", examples=["item-12"])]


class ProductSort(StrEnum):
    """What a list is sorted by; a leading minus sorts the largest first. Unknown values always come last."""

    EFFECT = "effect"
    EFFECT_DOWN = "-effect"
    NAME = "name"
    NAME_DOWN = "-name"
    CODE = "code"
    CODE_DOWN = "-code"
    AVAILABLE = "available"
    AVAILABLE_DOWN = "-available"
    SOLD = "sold"
    SOLD_DOWN = "-sold"
    COVER = "cover"
    COVER_DOWN = "-cover"
    VALUE = "value"
    VALUE_DOWN = "-value"
    STATUS = "status"
    STATUS_DOWN = "-status"


@router.get("/products", response_model=ProductPage, operation_id="list_products")
async def list_products(
    request: Request,
    parts: Ready,
    q: Annotated[str, Query(max_length=200, description="Words of a name, code, barcode or sku id; any case")] = "",
    status: Annotated[str, Query(max_length=100, description="Comma list: critical,low,normal,overstock,unknown")] = "",
    marketplace: Annotated[str, Query(max_length=200, description="Comma list of source names")] = "",
    account: Annotated[str, Query(max_length=200, description="Comma list of account ids")] = "",
    place: Annotated[
        str, Query(max_length=400, description="Comma list of place ids; a cluster means its places")
    ] = "",
    state: Annotated[ProductState, Query(description="Which products")] = ProductState.ACTIVE,
    sort: Annotated[ProductSort, Query(description="Order")] = ProductSort.EFFECT_DOWN,
    limit: Annotated[int, Query(ge=1, le=200, description="Products per page")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")] = None,
) -> Response:
    """A page of products; `total` counts all that match."""
    query = product_query(
        words=q, statuses=status, marketplaces=marketplace, accounts=account, places=place, state=state,
        sort=sort.value, limit=limit, cursor=cursor,
    )  # fmt: skip
    only_known_sources(parts, "marketplace", query.wanted.sources)
    return json_answer(request, await parts.call(parts.products.page, query))


@router.get("/products/{product_id}", response_model=ProductDetail, operation_id="get_product")
async def get_product(request: Request, parts: Ready, product_id: ProductId) -> Response:
    """One product with its cards, its stock by place, and what is on its way."""
    valid_until = parts.products.next_day()  # the returns of the last 30 days
    return json_answer(request, await parts.call(parts.products.detail, product_id), valid_until=valid_until)


@router.get("/products/{product_id}/history", response_model=ProductHistory, operation_id="get_product_history")
async def get_product_history(
    request: Request,
    parts: Ready,
    product_id: ProductId,
    days: Annotated[int, Query(ge=1, le=730, description="Business days, today included")] = 90,
) -> Response:
    """Sales and stock, day by day, oldest first, every day of the range."""
    # Taken first: an answer made at midnight then expires at once instead of lasting a day.
    valid_until = parts.products.next_day()
    shown = await parts.call(parts.products.history, product_id, days)
    return json_answer(request, shown, valid_until=valid_until)


@router.get("/products/{product_id}/why", response_model=Why, operation_id="get_product_why")
async def get_product_why(request: Request, parts: Ready, product_id: ProductId) -> Response:
    """How the available figure comes about, down to the stored marketplace responses."""
    return json_answer(request, await parts.call(parts.explanations.why, product_id))


@router.get("/places", response_model=list[Place], operation_id="list_places")
async def list_places(request: Request, parts: Ready) -> Response:
    """Every warehouse that has told a stock figure."""
    return json_answer(request, await parts.call(parts.products.places))
