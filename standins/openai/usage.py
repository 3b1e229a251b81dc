"""What a reply costs, in tokens."""

from __future__ import annotations

import copy
from dataclasses import replace

from .script import Reply
from .wire import Json, dump


def estimate(step: Reply, request_size: int, cached_bytes: int, output: list[Json]) -> Json | None:
    """Estimate the usage: four bytes are a token, and the cache holds blocks of 128 tokens."""
    if step.usage == {} or step.status == "failed":
        return None
    received = request_size // 4
    cached = min(cached_bytes // 4 // 128 * 128, received) if step.cached is None else step.cached
    thought = sum(len(dump(item)) // 4 for item in output if item["type"] == "reasoning")
    usage = {
        "input_tokens": received,
        "input_tokens_details": {
            "cached_tokens": cached,
            "cache_write_tokens": max(0, received // 128 * 128 - cached),
        },
        "output_tokens": len(dump(output).encode()) // 4,
        "output_tokens_details": {"reasoning_tokens": thought},
        **(step.usage or {}),
    }
    return {"total_tokens": usage["input_tokens"] + usage["output_tokens"], **usage}


def cut_off(step: Reply, output: list[Json], most: int | None) -> tuple[Reply, list[Json]]:
    """End a reply at its limit of tokens: items that fit stay whole, of the next one there is what fits."""
    kept: list[Json] = []
    for item in output:
        left = (most or 0) * 4 - len(dump([*kept, item]).encode())
        if most is None or left >= 0:
            kept.append(item)
            continue
        if half := _shorten(item, -left):
            kept.append(half)
        return replace(step, status="incomplete", incomplete_reason="max_output_tokens"), kept
    return step, kept


def _shorten(item: Json, size: int) -> Json | None:
    """Take so many bytes away from a call's arguments, or from a message's first part; None where that is too much."""
    half = copy.deepcopy(item)
    if item["type"] not in ("function_call", "message"):
        return None
    place = half if item["type"] == "function_call" else half["content"][0]
    name = next(name for name in ("arguments", "text", "refusal") if name in place)
    half["status"] = "incomplete"
    most = len(dump(item).encode()) - size
    while place[name] and len(dump(half).encode()) > most:
        place[name] = place[name][: -max(1, (len(dump(half).encode()) - most) // 4)]
    return half if place[name] else None


def common_prefix(a: bytes, b: bytes) -> int:
    """Count the bytes with which both begin."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a.startswith(b[:middle]):
            low = middle
        else:
            high = middle - 1
    return low
