"""A validator for the part of JSON Schema that FastAPI writes; refuses what it does not know instead of passing it."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

KNOWN = {
    *("$ref", "anyOf", "type", "enum", "const", "format", "pattern", "properties", "required", "items"),
    *("additionalProperties", "propertyNames", "minimum", "maximum", "title", "description", "default", "examples"),
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "$") -> list[str]:
    """What of a value does not fit; objects must have every field that is described and no other."""
    unknown = set(schema) - KNOWN
    assert not unknown, f"the validator does not know {unknown}"
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return problems(value, target, root, where)
    if "anyOf" in schema:
        attempts = [problems(value, each, root, where) for each in schema["anyOf"]]
        return [] if [] in attempts else [f"{where}: fits none of {len(attempts)}: {attempts}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    return _by_type(value, schema, root, where)


def _by_type(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str) -> list[str]:
    kind = schema.get("type")
    types: dict[str | None, tuple[type[Any], ...]] = {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "null": (type(None),),
        None: (dict, list, str, int, float, type(None)),
    }
    if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind in {"integer", "number"}):
        return [f"{where}: {value!r} is no {kind}"]
    if kind == "array":
        return [
            each
            for index, item in enumerate(value)
            for each in problems(item, schema["items"], root, f"{where}[{index}]")
        ]
    if kind == "object":
        return _object(value, schema, root, where)
    if kind == "string":
        return _text(value, schema, where)
    return []


def _object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], where: str) -> list[str]:
    properties = schema.get("properties", {})
    found = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, member in value.items():
        if name in properties:
            found += problems(member, properties[name], root, f"{where}.{name}")
        elif isinstance(schema.get("additionalProperties"), dict):
            found += problems(member, schema["additionalProperties"], root, f"{where}.{name}")
            found += problems(name, schema.get("propertyNames", {}), root, f"{where} (name)")
        else:
            found.append(f"{where}: {name} is not described")
    return found


def _text(value: str, schema: dict[str, Any], where: str) -> list[str]:
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{where}: {value!r} does not match {schema['pattern']}"]
    try:
        if schema.get("format") == "date":
            date.fromisoformat(value)
        if schema.get("format") == "date-time" and datetime.fromisoformat(value).utcoffset() is None:
            return [f"{where}: {value!r} has no zone"]
    except ValueError:
        return [f"{where}: {value!r} is no {schema['format']}"]
    return []
