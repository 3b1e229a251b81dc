"""What a strict tool's parameters may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .wire import Json

UNSTRICT = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas")


def check_strict(schema: Any) -> Iterator[str]:
    """Find, in OpenAI's words, what a strict tool's parameters must not have or lack."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind != "object":
        yield f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    else:
        yield from _check_schema(schema, ())


def _check_schema(schema: Json, context: tuple[str, ...]) -> Iterator[str]:
    here = f"In context={context}, "
    if "$ref" in schema and len(schema) > 1:
        yield f"context={context}, $ref cannot have keywords {set(schema) - {'$ref'}}."
    for word in UNSTRICT:
        if word in schema:
            yield here + f"'{word}' is not permitted."
    if schema.get("default") is not None:
        yield here + "'default' is not permitted."
    if "object" in (schema.get("type"), *listed(schema.get("type"))):
        if schema.get("additionalProperties") is not False:
            yield here + "'additionalProperties' is required to be supplied and to be false."
        names, required = schema.get("properties", {}).keys(), set(schema.get("required", []))
        rule = "'required' is required to be supplied and to be an array including every key in properties."
        yield from (here + f"{rule} Missing '{name}'." for name in names if name not in required)
        yield from (here + f"{rule} Extra required key '{name}' supplied." for name in sorted(required - names))
    for step, child in _children(schema):
        yield from _check_schema(child, context + step)


def listed(value: Any) -> list[Any]:
    """Give the value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _children(schema: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    for group in ("properties", "$defs", "definitions"):
        for name, child in schema.get(group, {}).items():
            yield (group, name), child
    for i, child in enumerate(listed(schema.get("anyOf"))):
        yield ("anyOf", str(i)), child
    if isinstance(schema.get("items"), dict):
        yield ("items",), schema["items"]
