"""Builds the HTTP application: routes, the one error shape, and the layers around them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from micore.api import errors
from micore.api.parts import Parts
from micore.api.routes import (
    backfills,
    backups,
    dashboard,
    documents,
    health,
    live,
    products,
    quarantine,
    raw,
    reconciliations,
    sources,
    sync,
)

OPENAPI_PATH = "/api/openapi.json"
DESCRIPTION = """Inventory of marketplace sellers. Quantities are numbers in the item's unit, money is decimal text with
its currency, instants are UTC, days are the shop's business days, null means unknown. Every error is a problem
(RFC 9457). Reads carry an ETag."""

REQUEST_SCHEMAS = {"SyncRequest", "BackfillRequest", "ReconcileRequest", "RowsMeant", "RowFixed"}
NOUNS = (
    dashboard,
    products,
    raw,
    backfills,
    backups,
    sync,
    sources,
    quarantine,
    reconciliations,
    live,
    health,
    documents,
)
ROUTERS = tuple(noun.router for noun in NOUNS)


class _Api(FastAPI):
    """FastAPI with its description put right."""

    def openapi(self) -> dict[str, Any]:
        """The description of the whole API, as docs/reference/openapi.json holds it."""
        if self.openapi_schema is None:
            document = super().openapi()
            _drop_validation_errors(document)
            _require_what_is_sent(document)
        return super().openapi()


def create_routes(parts: Parts | None) -> FastAPI:
    """The FastAPI application alone; without parts it can only describe itself."""
    api = _Api(
        title="micore",
        version=version("micore"),
        description=DESCRIPTION,
        openapi_url=OPENAPI_PATH,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    for router in ROUTERS:
        # Not include_router: it builds every model of every route again, at the first request.
        api.router.routes.extend(router.routes)
    errors.install(api)
    api.state.parts = parts
    return api


@contextlib.asynccontextmanager
async def _lifespan(api: FastAPI) -> AsyncIterator[None]:
    parts: Parts | None = api.state.parts
    if parts is not None:
        # The first browser's hello already names the generation.
        await parts.call(parts.live.generation)
    yield
    if parts is not None:
        parts.live.broadcaster.close()
        parts.threads.shutdown(wait=True)


def _drop_validation_errors(document: dict[str, Any]) -> None:
    """FastAPI announces its own 422 shape for every route; ours is the problem, announced as 4XX."""
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _require_what_is_sent(document: dict[str, Any]) -> None:
    """Answers always carry every field; a default in the class is the program's own convenience."""
    for name, schema in document["components"]["schemas"].items():
        if name not in REQUEST_SCHEMAS and "properties" in schema:
            schema["required"] = list(schema["properties"])
