"""The event stream: the web app hears of every publish and of every sync's progress."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from micore.api.routes.context import Ready, noun_router

router = noun_router("/api/v1", "live")

DESCRIPTION = """Server-sent events: `hello` {"generation"} at the start, `publish` {"generation", "as_of", "source"}
after every publish, `run` with a Run at each state change and at most four times a second while it is running."""


@router.get(
    "/events",
    operation_id="get_events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": DESCRIPTION}},
)
async def get_events(parts: Ready) -> StreamingResponse:
    """Live events; reconnect when the stream ends."""

    async def stream() -> AsyncIterator[bytes]:
        async with parts.live.broadcaster.subscribe() as events:
            async for chunk in events:
                yield chunk

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)
