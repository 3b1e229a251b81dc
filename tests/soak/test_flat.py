"""Runs one after another in one process: none leaves anything open, and memory does not grow."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from standins.openai import call, dropped, error, reply, say
from tests.projects import FIX

RUNS = int(os.environ.get("FLAT_RUNS") or 18)
WARM = 6
"""Runs after which all is loaded and every pool is as large as it gets."""
GROWTH = 16 << 10
"""KiB that the rest of the runs may add together: allocators keep some room."""
POOL = 8
"""Connections to E2B that stay open: its package has one pool for the process, which nothing closes; they idle out."""
APPLY = reply(call("apply_patch", patch=FIX), call("run_command", command="python3 -B -m unittest"))
COMMIT = reply(call("commit", message="Make add() add"))
PULL = reply(call("make_pull_request", title="Make add() add", body="It subtracted."))


def dying(stage, step):
    def play(_):
        for sandbox in stage.e2b.sandboxes.values():
            if sandbox.alive:
                stage.e2b.vanish(sandbox.id)
        return step

    return play


def order(stage, number):
    """What the model and the services do in the run of this number."""
    match number % 6:
        case 0:
            return [APPLY, COMMIT, PULL, reply(say("Done."))]
        case 1:
            return [APPLY, dropped(), COMMIT, reply(say("Done."))]
        case 2:
            return [APPLY, dying(stage, COMMIT), reply(say("Done."))]
        case 3:
            stage.github.fail("POST", "/git/trees$", status=401, body={"message": "Bad credentials"})
            return [APPLY, COMMIT]
        case 4:
            return [APPLY, error(429, "insufficient_quota")]
        case _:
            stage.github.fail("POST", "/git-upload-pack$", drop=True)
            return [reply(say("It is as it should be."))]


def test_nothing_is_left_open(stage, directory):
    """After each run there are as many descriptors and threads as after the first ones, and hardly more memory."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("flat.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        measured = []
        for number in range(RUNS):
            issue = stage.repository.add_issue("add() subtracts", "`add(1, 2)` gives -1.", user="octo")
            stage.openai._script.clear()
            stage.openai.play(*order(stage, number))
            job = stage.label(issue.number)
            log = directory / f"log-{number}"
            process.stdin.write(json.dumps({"environ": job.environ(), "log": str(log)}) + "\n")
            process.stdin.flush()
            measured.append(json.loads(process.stdout.readline()))
            assert measured[-1]["exit_code"] == int(number % 6 in (3, 4)), log.read_text()
        process.stdin.close()

    pool = f"connection to port {stage.e2b.url.rpartition(':')[2]}"
    for number, one in enumerate(measured):
        one["pooled"] = one["open"].count(pool)
        one["open"] = [name for name in one["open"] if name != pool]
        told = f"{len(one['open'])} open and {one['pooled']} to E2B, {len(one['threads'])} threads ({one['tasks']} with native ones)"
        print(f"run {number + 1:2}: {told}, {one['memory'] / 1024:.1f} MiB")
    first, last = measured[WARM - 1], measured[-1]
    for one in measured[WARM:]:
        assert Counter(first["open"]) == Counter(one["open"])
        assert first["threads"] == one["threads"]
        assert first["tasks"] == one["tasks"]
        assert POOL >= one["pooled"]
    assert last["memory"] - first["memory"] < GROWTH
