"""What the scripted model of the demo replies. Its tool calls are carried out for real; only the thinking is canned."""

from standins.openai import Step, call, reply, say, think

_REPRODUCE = "python3 -c 'from stopwatch import format_duration; print(format_duration(3600))'"

_PATCH = """*** Begin Patch
*** Update File: stopwatch.py
@@ def format_duration(seconds: int) -> str:
     if seconds < 60:
         return f"{seconds}s"
-    if seconds <= 3600:
+    if seconds < 3600:
         return f"{seconds // 60}m {seconds % 60:02}s"
*** Update File: tests/test_stopwatch.py
@@
     def test_hours(self):
         self.assertEqual("1h 05m", format_duration(3900))
+
+    def test_exactly_one_hour(self):
+        self.assertEqual("1h 00m", format_duration(3600))
*** End Patch"""

_BODY = """`format_duration(3600)` gave `60m 00s`: the limit of minutes included the full hour (`<=`), so 3600 \
seconds never reached the branch for hours.

- Compare with `<`, as the limit of seconds does already.
- Add a test for exactly one hour; it fails without the change.

Tested with `python3 -m unittest`: 4 tests pass."""


def _plan(*done: str) -> list[dict[str, str]]:
    steps = ["Reproduce the wrong output", "Fix the comparison and add a test", "Run the tests, commit, propose"]
    states = [*done, "in_progress", "pending", "pending"][:3]
    return [{"step": step, "status": state} for step, state in zip(steps, states, strict=True)]


SCRIPT: tuple[Step, ...] = (
    reply(
        think("An hour is probably compared with the wrong operator."),
        call("update_plan", steps=_plan()),
        call("list_files", path=".", depth=None),
        call("read_file", path="stopwatch.py", first_line=None, last_line=None),
    ),
    reply(call("run_command", command=_REPRODUCE, workdir=None, timeout_seconds=None)),
    reply(call("apply_patch", patch=_PATCH), call("update_plan", steps=_plan("completed", "completed"))),
    reply(
        call("run_command", command=_REPRODUCE, workdir=None, timeout_seconds=None),
        call("run_command", command="python3 -m unittest", workdir=None, timeout_seconds=None),
    ),
    reply(
        call(
            "commit",
            message="Show exactly one hour as an hour\n\nThe limit of minutes included the full hour, so 3600 s came "
            "out as 60m 00s.",
        )
    ),
    reply(call("make_pull_request", title="Show exactly one hour as an hour", body=_BODY)),
    reply(say("Exactly one hour is shown as `1h 00m` now; a test holds it. All 4 tests pass.")),
)
