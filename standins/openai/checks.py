"""The rules that a request must keep: those of OpenAI, in its words, and some of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openai.types.responses import (
    EasyInputMessageParam,
    ResponseCompactionItemParamParam,
    ResponseFunctionToolCallParam,
    ResponseOutputMessageParam,
    ResponseReasoningItemParam,
)
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from openai.types.responses.response_input_item_param import FunctionCallOutput

from .schema import check_strict, listed
from .script import Page, error
from .wire import PREFIXES, Json, dump, items_of, seal

SHORT_KEY = 12
"""The longest API key that an error message repeats in full."""


@dataclass(frozen=True)
class Violation:
    """A rule that a request breaks, in OpenAI's words where it refuses such a request."""

    message: str
    param: str | None = None
    code: str | None = None
    status: int | None = 400
    """The HTTP status that OpenAI answers with; None: it lets the request pass."""

    def page(self) -> Page | None:
        """Build OpenAI's answer, if it refuses the request."""
        return None if self.status is None else error(self.status, self.code, self.message, param=self.param)


UNREADABLE = Violation("Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON.")
PARAMETERS = frozenset(ResponseCreateParamsNonStreaming.__annotations__)
FEWEST_TOKENS = 16
"""The least that ``max_output_tokens`` may be."""
UNSUPPORTED = ("temperature", "top_p", "top_logprobs")
ITEM_FIELDS: dict[str, frozenset[str]] = {
    "message": frozenset(EasyInputMessageParam.__annotations__ | ResponseOutputMessageParam.__annotations__),
    "function_call": frozenset(ResponseFunctionToolCallParam.__annotations__),
    "function_call_output": frozenset(FunctionCallOutput.__annotations__),
    "reasoning": frozenset(ResponseReasoningItemParam.__annotations__),
    "compaction": frozenset(ResponseCompactionItemParamParam.__annotations__),
}
NEEDED: dict[str, dict[str, tuple[type, ...]]] = {
    "message": {"role": (str,), "content": (str, list)},
    "function_call": {"call_id": (str,), "name": (str,), "arguments": (str,)},
    "function_call_output": {"call_id": (str,), "output": (str, list)},
    "reasoning": {"id": (str,), "summary": (list,)},
    "compaction": {"encrypted_content": (str,)},
}
INPUT_PARTS: dict[str, tuple[str, ...]] = {
    "input_text": ("text",),
    "input_image": ("image_url", "file_id"),
    "input_file": ("file_data", "file_id", "file_url"),
}
OUTPUT_PARTS: dict[str, tuple[str, ...]] = {"output_text": ("text",), "refusal": ("refusal",)}
ROLES = {"assistant": OUTPUT_PARTS, "system": INPUT_PARTS, "developer": INPUT_PARTS, "user": INPUT_PARTS}


def _tolerated(message: str) -> Violation:
    return Violation(message, status=None)


def check_key(header: str, keys: Collection[str]) -> Violation | None:
    """Look for a known API key in the header ``Authorization``; the refusal repeats none in full."""
    key = header.removeprefix("Bearer ").strip()
    if not key:
        return Violation("You didn't provide an API key in the header Authorization (Bearer KEY).", status=401)
    if key in keys:
        return None
    shown = key if len(key) <= SHORT_KEY else key[:8] + "*" * (len(key) - SHORT_KEY) + key[-4:]
    hint = "You can find your API key at https://platform.openai.com/account/api-keys."
    return Violation(f"Incorrect API key provided: {shown}. {hint}", None, "invalid_api_key", 401)


def check_request(body: Json, models: Collection[str] | None, invented: Collection[str]) -> Iterator[Violation]:
    """Find all that is wrong with a request; items of ``invented`` types are the model's own and not looked into."""
    wrong = list(_check_parameters(body, models))
    yield from wrong
    if any(v.status for v in wrong):
        return
    yield from _check_tools(body.get("tools") or [])
    wrong = [v for i, item in enumerate(items_of(body)) for v in _check_item(item, f"input[{i}]", invented)]
    yield from wrong
    if not wrong:
        yield from _check_ids(items_of(body))
        yield from _check_calls(items_of(body))
        yield from _check_reasoning(items_of(body), body["model"])


def _check_parameters(body: Json, models: Collection[str] | None) -> Iterator[Violation]:
    for name in ("model", "input"):
        if not body.get(name):
            yield Violation(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
    if not isinstance(body.get("input", ""), str | list):
        yield Violation("Invalid type for 'input': expected a string or an array.", "input", "invalid_type")
    for name in sorted(body.keys() - PARAMETERS):
        yield Violation(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    for name in UNSUPPORTED:
        if body.get(name) is not None:
            yield Violation(f"Unsupported parameter: '{name}' is not supported with this model.", name)
    if not isinstance(body.get("stream", False), bool):
        yield Violation("Invalid type for 'stream': expected a boolean.", "stream", "invalid_type")
    yield from _check_values(body, models)


def _check_values(body: Json, models: Collection[str] | None) -> Iterator[Violation]:
    model, earlier = body.get("model"), body.get("previous_response_id")
    if model and models is not None and model not in models:
        text = f"The model `{model}` does not exist or you do not have access to it."
        yield Violation(text, None, "model_not_found", 404)
    if (body.get("reasoning") or {}).get("effort") == "none":
        text = f"Unsupported value: 'none' is not supported with the '{model}' model."
        yield Violation(text, "reasoning.effort", "unsupported_value")
    if earlier is not None:
        text = f"Previous response with id '{earlier}' not found."
        yield Violation(text, "previous_response_id", "previous_response_not_found")
    if body.get("tool_choice", "auto") not in ("none", "auto", "required"):
        yield _tolerated(f"tool_choice is {dump(body['tool_choice'])}, which not every server knows")
    most = body.get("max_output_tokens")
    if most is not None and (not isinstance(most, int) or most < FEWEST_TOKENS):
        text = f"Invalid 'max_output_tokens': expected a value >= {FEWEST_TOKENS}, but got {most} instead."
        yield Violation(text, "max_output_tokens", "integer_below_min_value")
    if body.get("store") is not False:
        yield _tolerated("store is not false: the conversation would be kept by OpenAI")


def _check_tools(tools: list[Json]) -> Iterator[Violation]:
    names = [tool.get("name") for tool in tools]
    for name in sorted({str(n) for n in names if names.count(n) > 1}):
        yield _tolerated(f"two tools have the name {name}")
    for i, tool in enumerate(tools):
        name = str(tool.get("name"))
        if tool.get("type") != "function":
            yield _tolerated(f"tools[{i}] is no plain function: not every server has {tool.get('type')}")
            continue
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            text = f"Invalid 'tools[{i}].name': expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            yield Violation(text, f"tools[{i}].name", "invalid_value")
        if not isinstance(tool.get("strict"), bool):
            yield _tolerated(f"tools[{i}] ({name}) does not say whether it is strict")
        if tool.get("strict"):
            for fault in check_strict(tool.get("parameters")):
                text = f"Invalid schema for function '{name}': {fault}"
                yield Violation(text, f"tools[{i}].parameters", "invalid_function_parameters")


def _check_item(item: Any, where: str, invented: Collection[str]) -> Iterator[Violation]:
    if not isinstance(item, dict):
        yield Violation(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
        return
    kind = item.get("type", "message" if "role" in item else None)
    if kind not in ITEM_FIELDS:
        if kind not in invented:
            yield Violation(f"Invalid value: '{kind}'.", f"{where}.type", "invalid_value")
        return
    yield from _check_fields(item, kind, where)
    if kind == "message" and item.get("role") not in ROLES:
        yield Violation(f"Invalid value: '{item.get('role')}'.", f"{where}.role", "invalid_value")
    elif kind == "message":
        yield from _check_parts(listed(item.get("content")), ROLES[item["role"]], f"{where}.content")
    elif kind == "function_call_output":
        yield from _check_parts(listed(item.get("output")), INPUT_PARTS, f"{where}.output")


def _check_fields(item: Json, kind: str, where: str) -> Iterator[Violation]:
    for name in sorted(item.keys() - ITEM_FIELDS[kind]):
        yield Violation(f"Unknown parameter: '{where}.{name}'.", f"{where}.{name}", "unknown_parameter")
    for name, types in NEEDED[kind].items():
        place = f"{where}.{name}"
        if name not in item:
            yield Violation(f"Missing required parameter: '{place}'.", place, "missing_required_parameter")
        elif not isinstance(item[name], types):
            text = f"Invalid type for '{place}': expected one of {', '.join(t.__name__ for t in types)}."
            yield Violation(text, place, "invalid_type")
    prefix, item_id = PREFIXES.get(kind, ""), item.get("id")
    if isinstance(item_id, str) and not item_id.startswith(prefix):
        text = f"Invalid '{where}.id': '{item_id}'. Expected an ID that begins with '{prefix}'."
        yield Violation(text, f"{where}.id", "invalid_value")


def _check_parts(parts: list[Any], known: Mapping[str, tuple[str, ...]], where: str) -> Iterator[Violation]:
    for i, part in enumerate(parts):
        kind = str(part.get("type") if isinstance(part, dict) else None)
        if kind not in known:
            text = f"Invalid value: '{kind}'. Supported values are: {', '.join(map(repr, known))}."
            yield Violation(text, f"{where}[{i}]", "invalid_value")
        elif not any(isinstance(part.get(name), str) for name in known[kind]):
            place = f"{where}[{i}].{known[kind][0]}"
            yield Violation(f"Missing required parameter: '{place}'.", place, "missing_required_parameter")


def _check_ids(items: list[Json]) -> Iterator[Violation]:
    seen: set[str] = set()
    for item_id in (item["id"] for item in items if item.get("id")):
        if item_id in seen:
            text = f"Duplicate item found with id {item_id}. Remove duplicate items from your input and try again."
            yield Violation(text, "input")
        seen.add(item_id)


def _check_calls(items: list[Json]) -> Iterator[Violation]:
    """Every call has one output, after it; there is no output without a call."""
    answers: dict[str, int] = {}
    for item in items:
        if item.get("type") == "function_call":
            answers.setdefault(item["call_id"], 0)
        elif item.get("type") == "function_call_output":
            call_id = item["call_id"]
            if call_id not in answers:
                yield Violation(f"No tool call found for function call output with call_id {call_id}.", "input")
                continue
            answers[call_id] += 1
    for call_id, count in answers.items():
        if count == 0:
            yield Violation(f"No tool output found for function call {call_id}.", "input")
        elif count > 1:
            yield _tolerated(f"{count} outputs for function call {call_id}")


def _check_reasoning(items: list[Json], model: str) -> Iterator[Violation]:
    for item in items:
        if item.get("type") != "reasoning":
            continue
        sealed = item.get("encrypted_content")
        if not sealed:
            text = f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false."
            yield Violation(text, "input", status=404)
        elif sealed != seal(item["id"], model):
            text = f"The encrypted content {sealed[:4]}...{sealed[-4:]} could not be verified."
            yield Violation(text, None, "invalid_encrypted_content")
