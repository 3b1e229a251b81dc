"""The Actions runner: where a run is, what it tells the runner, and the events that a run tells its listeners."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .errors import AiDevError

MIB = 1 << 20
_LARGEST_EVENT = 32 * MIB


@dataclass(frozen=True)
class Runner:
    """The job that we run in, as the runner's variables describe it."""

    repository: str
    run_id: str
    run_attempt: str
    event_name: str
    event_path: str
    api_url: str
    server_url: str
    triggering_actor: str
    output_file: str
    summary_file: str
    state_file: str
    temporary: str
    """The folder for files that later steps of the job may read."""
    state: Mapping[str, str]
    """What the main step saved for the post step; empty in the main step."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """The job in these variables. Raises AiDevError when it is none."""
        repository = environ.get("GITHUB_REPOSITORY", "")
        if repository.count("/") != 1:
            raise AiDevError(
                "This is not a job of GitHub Actions.",
                "GITHUB_REPOSITORY does not hold OWNER/NAME.",
                "Use the action in a workflow, or run `make demo` to see it work.",
            )
        return cls(
            repository=repository,
            run_id=environ.get("GITHUB_RUN_ID", "0"),
            run_attempt=environ.get("GITHUB_RUN_ATTEMPT", "1"),
            event_name=environ.get("GITHUB_EVENT_NAME", ""),
            event_path=environ.get("GITHUB_EVENT_PATH", ""),
            api_url=environ.get("GITHUB_API_URL", "https://api.github.com"),
            server_url=environ.get("GITHUB_SERVER_URL", "https://github.com"),
            triggering_actor=environ.get("GITHUB_TRIGGERING_ACTOR", ""),
            output_file=environ.get("GITHUB_OUTPUT", ""),
            summary_file=environ.get("GITHUB_STEP_SUMMARY", ""),
            state_file=environ.get("GITHUB_STATE", ""),
            temporary=environ.get("RUNNER_TEMP", ""),
            state={k.removeprefix("STATE_"): v for k, v in environ.items() if k.startswith("STATE_")},
        )

    @property
    def run_url(self) -> str:
        """The page of this run."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}"

    @property
    def in_post_step(self) -> bool:
        """Whether this is the post step, as entrypoint.py noted: a workflow may have STATE_* of its own."""
        return "began" in self.state

    @property
    def in_actions(self) -> bool:
        """Whether a runner reads what we print."""
        return bool(self.output_file)

    def read_event(self) -> dict[str, Any]:
        """The event's payload. Raises AiDevError when the file is not a JSON object."""
        try:
            with open(self.event_path, "rb") as file:
                event = json.loads(file.read(_LARGEST_EVENT))
        except (OSError, ValueError, RecursionError) as e:
            raise AiDevError(
                "The event cannot be read.",
                f"The file in GITHUB_EVENT_PATH is missing or not JSON: {e}.",
                "The runner writes it: report this if the workflow does not change it.",
            ) from None
        if not isinstance(event, dict):
            raise AiDevError("The event cannot be read.", "The file in GITHUB_EVENT_PATH holds no JSON object.")
        return event

    def set_outputs(self, values: Mapping[str, object]) -> None:
        """Give the step's outputs."""
        _append(self.output_file, values)

    def save_state(self, **values: object) -> None:
        """Keep values for the post step, at once; underscores in names become hyphens."""
        _append(self.state_file, {name.replace("_", "-"): value for name, value in values.items()})

    def keep_file(self, name: str, data: bytes) -> str:
        """Leave a file for later steps; give its name, or nothing where the runner has no place for it."""
        if not self.temporary:
            return ""
        try:
            (Path(self.temporary) / name).write_bytes(data)
        except OSError:
            return ""
        return name

    def write_summary(self, markdown: str) -> None:
        """Add to the job's summary."""
        if self.summary_file:
            with open(self.summary_file, "a", encoding="utf-8") as file:
                file.write(markdown.encode("utf-8", "replace")[: MIB - 1024].decode("utf-8", "ignore") + "\n")


def _append(path: str, values: Mapping[str, object]) -> None:
    if not path:
        return
    with open(path, "a", encoding="utf-8", errors="replace") as file:
        for name, value in values.items():
            end = f"end-{uuid.uuid4()}"
            file.write(f"{name}<<{end}\n{value}\n{end}\n")


def command(name: str, text: str = "", **properties: str) -> str:
    """A workflow command to print, escaped as the runner wants it."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    listed = ",".join(f"{k}={_escape_property(v)}" for k, v in properties.items())
    return f"::{name}{' ' if listed else ''}{listed}::{escaped}"


def _escape_property(text: str) -> str:
    for char, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C")):
        text = text.replace(char, code)
    return text


def mask(secrets: tuple[str, ...]) -> None:
    """Tell the runner what to hide in the log, whole and line by line."""
    for secret in secrets:
        for value in {secret, *secret.splitlines()}:
            if value.strip():
                print(command("add-mask", value), flush=True)  # noqa: T201 - this is how one talks to the runner


@contextlib.contextmanager
def signals(heard: Callable[[], None]) -> Iterator[None]:
    """While open, SIGINT and SIGTERM call ``heard`` in the main thread (as PID 1 we would else ignore the second)."""
    old = {s: signal.signal(s, lambda *_: heard()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def trust(certificates: str, directory: Path) -> str | None:
    """Make every client trust these PEM certificates too; give the bundle's path for those that want it named.

    SSL_CERT_FILE reaches the clients whose TLS takes it from the environment (openai's and e2b's).
    """
    if not certificates:
        return None
    import certifi  # noqa: PLC0415 - few runs need it

    bundle = directory / "certificates.pem"
    bundle.write_text(Path(certifi.where()).read_text(encoding="ascii") + "\n" + certificates + "\n", encoding="utf-8")
    os.environ["SSL_CERT_FILE"] = str(bundle)
    return str(bundle)


@dataclass(frozen=True)
class Step:
    """A step of the run begins."""

    title: str


@dataclass(frozen=True)
class Note:
    """A sentence of ours for the log."""

    text: str


@dataclass(frozen=True)
class Warned:
    """Something that the user should see, though the run goes on."""

    text: str


@dataclass(frozen=True)
class Asked:
    """The model is asked for its turn of this number, counted from 1."""

    turn: int


@dataclass(frozen=True)
class Said:
    """The model said this."""

    text: str


@dataclass(frozen=True)
class Called:
    """The model calls a tool; arguments in short."""

    tool: str
    brief: str


@dataclass(frozen=True)
class Printed:
    """A piece of a command's output, as it arrives."""

    text: str


@dataclass(frozen=True)
class Answered:
    """A tool's answer in short."""

    brief: str


@dataclass(frozen=True)
class Planned:
    """The model's plan changed: steps with their states."""

    steps: tuple[tuple[str, str], ...]


Event = Step | Note | Warned | Asked | Said | Called | Printed | Answered | Planned
Tell = Callable[[Event], None]


def print_line(line: str) -> None:
    """One line to the log, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
