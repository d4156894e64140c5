"""What routes share: how their routers are made, the ready parts, and the refusal of parameters nobody knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute

from micore.api.errors import PROBLEM_RESPONSES
from micore.api.parts import Parts
from micore.errors import InvalidRequestError


def parts_of(request: Request) -> Parts:
    """The parts this application was made with."""
    parts: Parts = request.app.state.parts
    return parts


Ready = Annotated[Parts, Depends(parts_of)]


def noun_router(prefix: str, noun: str) -> APIRouter:
    """The router of a noun: its routes refuse unknown parameters and answer errors as problems."""
    return APIRouter(
        prefix=prefix, tags=[noun], dependencies=[Depends(only_known_parameters)], responses=PROBLEM_RESPONSES
    )


def only_known_sources(parts: Parts, parameter: str, names: Iterable[str]) -> None:
    """Refuse marketplaces that are not installed: an empty answer would look like one without products."""
    refuse_unknown(parameter, names, parts.meta().sources)


def refuse_unknown(parameter: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raise InvalidRequestError for the first name that is not known."""
    for name in names:
        if name not in known:
            raise InvalidRequestError(parameter, received=name, allowed=", ".join(known) or "none is installed")


def only_known_parameters(request: Request) -> None:
    """Refuse query parameters the route does not have: a misspelt filter must not look like an answer without it."""
    route = request.scope.get("route")
    if not request.scope.get("query_string") or not isinstance(route, APIRoute):
        return
    known = sorted(str(each.alias) for each in route.dependant.query_params)
    for name in request.query_params:
        if name not in known:
            raise InvalidRequestError(
                "query parameter", received=name, allowed=", ".join(known) if known else "none on this path"
            )
    for name in known:
        if len(request.query_params.getlist(name)) > 1:
            raise InvalidRequestError(name, received="it several times", allowed="once; lists are separated by commas")
