"""What a reply costs, in tokens."""

from __future__ import annotations

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
