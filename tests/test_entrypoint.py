"""What is left of the environment before anything of ours or of others is imported."""

import json
import subprocess
import sys
from pathlib import Path

from tests.projects import fix_script

ROOT = Path(__file__).resolve().parent.parent
LOOK = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import entrypoint
before = set(sys.modules)
taken = entrypoint.take_environment()
print(json.dumps([taken, dict(os.environ), sorted({name.split(".")[0] for name in before})]))
"""
KEPT = {
    "PATH": "/usr/bin",
    "HOME": "/github/home",
    "LANG": "C.UTF-8",
    "TZ": "Europe/Berlin",
    "HTTP_PROXY": "http://a",
    "https_proxy": "http://b",
    "no_proxy": "c",
    "all_proxy": "d",
}
TAKEN = {
    "INPUT_GITHUB-TOKEN": "secret",
    "INPUT_OPENAI-API-KEY": "secret",
    "GITHUB_TOKEN": "secret",
    "ACTIONS_RUNTIME_TOKEN": "secret",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
    "OPENAI_API_KEY": "secret",
    "OPENAI_BASE_URL": "http://evil",
    "OPENAI_LOG": "debug",
    "E2B_DEBUG": "true",
    "E2B_API_KEY": "secret",
    "SSL_CERT_FILE": "/evil",
    "REQUESTS_CA_BUNDLE": "/evil",
    "SSLKEYLOGFILE": "/evil",
    "NETRC": "/evil",
    "LD_PRELOAD": "",
    "GIT_SSL_NO_VERIFY": "1",
    "PATHS": "no prefix of a kept name",
    "odd name": "x",
}


def test_environment_is_taken_away():
    """Only the path, home, language, time zone and proxies stay; the copy has everything."""
    command = [sys.executable, "-I", "-c", LOOK, str(ROOT)]
    done = subprocess.run(command, env=KEPT | TAKEN, capture_output=True, check=True, text=True)
    taken, left, _ = json.loads(done.stdout)

    assert KEPT == {name: value for name, value in left.items() if name != "LC_CTYPE"}, "LC_CTYPE is Python's own"
    assert (KEPT | TAKEN).items() <= taken.items()


def test_nothing_is_imported_before():
    """While the environment is still there, no package of others is imported, nor one of ours."""
    command = [sys.executable, "-I", "-c", LOOK, str(ROOT)]
    done = subprocess.run(command, env=KEPT, capture_output=True, check=True, text=True)
    _, _, imported = json.loads(done.stdout)

    assert not {"ai_dev", "openai", "e2b", "github", "dulwich", "requests", "httpx", "pydantic"} & set(imported)


def test_state_of_the_workflow_is_not_ours(stage, act):
    """A workflow may have variables that are named like a step's state: the main step is the main step all the same."""
    stage.openai.play(*fix_script())

    result = act(stage.label(1, variables={"STATE_BUCKET": "terraform", "STATE_ended": ""}))

    assert (0, "opened") == (result.exit_code, result.outputs["status"])
