"""GitHub's OpenAPI description: which operation a request is, and where request and answer depart from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from jsonschema import Draft4Validator, validators

JSON = dict[str, Any]
Keyword = Callable[[Any, Any, Any, Any], Any]


class Validator(Protocol):
    """What is used of a validator of jsonschema."""

    def iter_errors(self, instance: Any) -> Iterator[Any]:
        """Where the instance departs from the schema."""


def _nullable(keyword: Keyword) -> Keyword:
    """OpenAPI 3.0 writes ``nullable: true`` beside what would else refuse a null."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        return () if instance is None and schema.get("nullable") else keyword(validator, value, instance, schema)

    return check


_KEYWORDS: dict[str, Keyword] = {name: _nullable(keyword) for name, keyword in Draft4Validator.VALIDATORS.items()}


def _extend(**others: Keyword) -> Callable[[JSON], Validator]:
    extended: Callable[[JSON], Validator]
    extended = validators.extend(Draft4Validator, _KEYWORDS | others)  # type: ignore[no-untyped-call]
    return extended


_WHOLE = _extend()
_PARTIAL = _extend(required=lambda *_: (), oneOf=_KEYWORDS["anyOf"])
"""For answers that leave fields out; without them more than one alternative can fit."""


class Description:
    """The whole description."""

    def __init__(self, document: JSON) -> None:
        self.document = document
        self._paths = {path: re.compile(self._pattern(path)) for path in document["paths"]}

    def find(self, method: str, path: str) -> Operation:
        """The operation that a request with this path is; LookupError when there is none."""
        fitting = [template for template, pattern in self._paths.items() if pattern.fullmatch(path)]
        for template in sorted(fitting, key=lambda template: template.count("{")):
            if method.lower() in self.document["paths"][template]:
                match = self._paths[template].fullmatch(path)
                return Operation(self, f"{method} {template}", match.groupdict() if match else {})
        raise LookupError(f"GitHub's description has no {method} {path}")

    def event_schema(self, name: str) -> JSON:
        """The schema of a webhook's payload, by the description's name of the event and action."""
        schema: JSON = self.document["x-webhooks"][name]["post"]["requestBody"]["content"]["application/json"]["schema"]
        return schema

    def resolve(self, node: JSON) -> JSON:
        """The node, or the one that it refers to."""
        while "$ref" in node:
            found = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def faults(self, schema: JSON, value: Any, *, partial: bool) -> list[str]:
        """Where a value departs from a schema; fields that the schema does not name count, too.

        A partial value may lack fields that the schema requires.
        """
        # References lead from the document's root: the schema is put there.
        validate = _PARTIAL if partial else _WHOLE
        validator = validate({**schema, "components": self.document["components"]})
        wrong = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
        return wrong + [f"{place}: not in GitHub's description" for place in self._unknown([schema], value, "$")]

    def _pattern(self, template: str) -> str:
        operations = [o for o in self.document["paths"][template].values() if isinstance(o, dict)]
        parameters = [self.resolve(p) for operation in operations for p in operation.get("parameters", [])]
        long = {p["name"] for p in parameters if p.get("x-multi-segment")}
        parts = re.split(r"\{([\w-]+)\}", template)
        names = [f"(?P<{name.replace('-', '_')}>{'.+' if name in long else '[^/]+'})" for name in parts[1::2]]
        return "".join(text + name for text, name in zip(map(re.escape, parts[::2]), [*names, ""], strict=True))

    def _unknown(self, schemas: list[JSON], value: Any, place: str) -> Iterator[str]:
        known = [branch for schema in schemas for branch in self._branches(schema)]
        if isinstance(value, list):
            items = [branch["items"] for branch in known if "items" in branch]
            for number, item in enumerate(value):
                yield from self._unknown(items, item, f"{place}[{number}]")
        elif isinstance(value, dict) and any("properties" in branch for branch in known):
            for name, field in value.items():
                named = [b["properties"][name] for b in known if name in b.get("properties", {})]
                named += [b["additionalProperties"] for b in known if isinstance(b.get("additionalProperties"), dict)]
                if named:
                    yield from self._unknown(named, field, f"{place}.{name}")
                else:
                    yield f"{place}.{name}"

    def _branches(self, schema: JSON) -> Iterator[JSON]:
        """The schema and all that it is combined of, whichever of them applies."""
        schema = self.resolve(schema)
        yield schema
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                yield from self._branches(part)


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    description: Description
    name: str
    """Method and path as the description writes them."""
    values: Mapping[str, str]
    """What the path's parameters are in a request."""

    @cached_property
    def _node(self) -> JSON:
        method, _, path = self.name.partition(" ")
        node: JSON = self.description.document["paths"][path][method.lower()]
        return node

    def request_faults(self, query: Mapping[str, str], body: Any) -> list[str]:
        """Where a request with this query and JSON body (None for none) departs from the description."""
        return [
            *self._parameter_faults("path", self.values),
            *self._parameter_faults("query", query),
            *self._body_faults(body),
        ]

    def answer_faults(self, status: int, body: Any) -> list[str]:
        """Where an answer departs from the description, as far as its fields go.

        Of refusals the form is checked where it is described; which of them can happen is not described in full.
        """
        responses = self._node["responses"]
        if str(status) not in responses:
            return [f"{status} is not described"] if status < 400 else []
        schema = self.answer_schema(status)
        if schema is None:
            return [] if body is None else [f"{status} has no body"]
        return self.description.faults(schema, body, partial=True)

    def answer_schema(self, status: int) -> JSON | None:
        """The schema of an answer; None for one without a body."""
        content = self._answer_content(status)
        return content.get("schema") if content else None

    def answer_examples(self, status: int) -> list[Any]:
        """GitHub's examples of an answer."""
        examples = (self._answer_content(status) or {}).get("examples", {})
        values = [self.description.resolve(example)["value"] for example in examples.values()]
        # Some examples' values are themselves references.
        return [
            self.description.resolve(value)["value"] if isinstance(value, dict) and "$ref" in value else value
            for value in values
        ]

    def _answer_content(self, status: int) -> JSON | None:
        response = self.description.resolve(self._node["responses"][str(status)])
        content: JSON | None = response.get("content", {}).get("application/json")
        return content

    def _parameter_faults(self, place: str, values: Mapping[str, str]) -> Iterator[str]:
        described = [self.description.resolve(p) for p in self._node.get("parameters", [])]
        schemas = {p["name"].replace("-", "_"): p["schema"] for p in described if p["in"] == place}
        for name, text in values.items():
            if name not in schemas:
                yield f"{place} {name}: not in GitHub's description"
                continue
            schema = self.description.resolve(schemas[name])
            value = int(text) if schema.get("type") == "integer" and text.isdigit() else text
            yield from (f"{place} {name}: {fault}" for fault in self.description.faults(schema, value, partial=False))

    def _body_faults(self, body: Any) -> list[str]:
        described = self.description.resolve(self._node.get("requestBody", {}))
        if body is None:
            return ["a body is required"] if described.get("required") else []
        if not described:
            return ["a body is not expected"]
        return self.description.faults(described["content"]["application/json"]["schema"], body, partial=False)
