"""The model's service fails: what passes is asked for again, and no call is done twice; what stays stops the run."""

from __future__ import annotations

from standins.openai import (
    Page,
    bad_json,
    dropped,
    error,
    error_event,
    failed,
    garbage,
    nested_error_event,
    refuse,
    reply,
    say,
    truncated,
)
from tests.faults import story
from tests.faults.cells.acts import meets, nothing
from tests.faults.scene import Cell

WORK, FIRST, NOTES, SECOND, PULL, DONE = story.STORY
AT_ONCE = {"Retry-After": "0"}
HALF = dropped(story.NEVER, say("x"), after_events=6)

PASSING = {
    "429 with Retry-After": error(429, "rate_limit_exceeded", headers=AT_ONCE),
    "429 that says it in words": error(429, "rate_limit_exceeded", "Please try again in 20ms."),
    "500": error(500, headers=AT_ONCE),
    "503": error(503, headers=AT_ONCE),
    "a stream that is dropped behind a whole call": HALF,
    "a stream that ends without an end": truncated(story.NEVER, say("x"), after_events=6),
    "a stream that is no JSON": bad_json(),
    "HTML with 200": garbage(),
    "HTML with 500": Page(500, "<html>Oops</html>", "text/html", headers=AT_ONCE),
    "an error event": error_event("server_error", "Please try again in 0.01s."),
}
STOPPING = {
    "429 with a Retry-After that is longer than the time left": (
        error(429, headers={"Retry-After": "100"}),
        "asks to wait",
    ),
    "429 with a Retry-After of an hour": (error(429, headers={"Retry-After": "3600"}), "asks to wait"),
    "insufficient_quota": (error(429, "insufficient_quota", "You exceeded your quota."), "Add credit"),
    "a refusal": (reply(refuse("No.")), "The model refused"),
    "context too long twice": (error(400, "context_length_exceeded", "Too long."), "longer context"),
}
MOMENTS = {
    "first request": (),
    "mid-stream, nothing is committed": (WORK,),
    "mid-stream, more is written": (WORK, FIRST, NOTES),
}

CELLS = (
    *(
        Cell(f"OpenAI: {fault}", name, meets(nothing, *story.STORY[:len(before)], step, *story.STORY[len(before):]), "opened")
        for i, (fault, step) in enumerate(PASSING.items()) for j, (name, before) in enumerate(MOMENTS.items()) if (i + j) % 2 == 0
    ),
    *(
        Cell(f"OpenAI: {fault}", name, meets(nothing, *before, step, *[reply(say("Summary.")), step] * ("twice" in fault), inputs={"max-minutes": "1"}),
             "stopped", told)
        for fault, (step, told) in STOPPING.items() for name, before in MOMENTS.items() if before
    ),
    Cell("OpenAI: 429 without Retry-After", "mid-stream, more is written",
         meets(nothing, WORK, FIRST, NOTES, error(429), SECOND, PULL, DONE), "opened"),
    Cell("OpenAI: insufficient_quota", "first request", meets(nothing, STOPPING["insufficient_quota"][0]), "stopped", "Add credit", branches=()),
    Cell("OpenAI: a refusal", "first request", meets(nothing, reply(refuse("No."))), "stopped", "The model refused", branches=()),
    Cell("OpenAI: 503 always", "mid-stream, nothing is committed",
         meets(nothing, WORK, *[error(503, headers=AT_ONCE)] * 5), "stopped", "passing fault"),
    Cell("OpenAI: 503 always", "mid-stream, more is written",
         meets(nothing, WORK, FIRST, NOTES, *[error(503, headers=AT_ONCE)] * 5), "stopped", "passing fault"),
    Cell("OpenAI: 401", "mid-stream, more is written",
         meets(nothing, WORK, FIRST, NOTES, error(401, "invalid_api_key", "No.")), "failed", "openai-api-key"),
    Cell("OpenAI: context too long", "mid-stream, more is written",
         meets(nothing, WORK, FIRST, NOTES, error(400, "context_length_exceeded", "Too long."), reply(say("Summary.")), SECOND, PULL, DONE), "opened"),
    Cell("OpenAI: incomplete thrice", "mid-stream, more is written",
         meets(nothing, WORK, FIRST, NOTES, *[reply(say("half"), status="incomplete")] * 3), "stopped", "were cut off"),
    Cell("OpenAI: incomplete once", "mid-stream, more is written",
         meets(nothing, WORK, FIRST, NOTES, reply(say("half"), status="incomplete"), SECOND, PULL, DONE), "opened"),
    Cell("OpenAI: a nested error event", "pull request: asked for",
         meets(nothing, *story.ALL_SAVED, nested_error_event("server_error"), PULL, DONE), "opened"),
    Cell("OpenAI: failed by a limit", "deliver", meets(nothing, *story.PROPOSED, failed("rate_limit_exceeded", "Please try again in 0.01s."), DONE), "opened"),
)  # fmt: skip
