"""The git data API's refs: branches, tags and whatever else has a name."""

from __future__ import annotations

from werkzeug.wrappers import Response

from .api import Api, route
from .call import Call, Refused, answer, nothing
from .git import GitError
from .objects import ABSENT, ID
from .views import JSON

READ, WRITE = "contents=read", "contents=write"
WORKFLOWS = ".github/workflows"


class Refs(Api):
    """The routes of refs."""

    @route("GET", "/git/ref/<path:ref>", READ)
    def get_ref(self, call: Call, ref: str) -> Response:
        """A ref."""
        sha = call.repository.objects.ref(f"refs/{ref}")
        if sha is None:
            raise Refused(404, "Not Found")
        return answer(_ref(call, f"refs/{ref}", sha))

    @route("GET", "/git/matching-refs/<path:ref>", READ)
    def list_matching_refs(self, call: Call, ref: str) -> Response:
        """The refs whose names start so."""
        found = list(call.repository.objects.refs(f"refs/{ref}").items())
        return call.page(found, lambda pair: _ref(call, *pair))

    @route("POST", "/git/refs", WRITE)
    def create_ref(self, call: Call) -> Response:
        """Make a ref."""
        new, objects = call.fields("ref", "sha"), call.repository.objects
        ref = str(new["ref"])
        if not ref.startswith("refs/") or ref.count("/") < 2 or objects.ask("check-ref-format", ref) is None:
            raise Refused(422, f"{ref} is not a valid ref name.")
        _check_target(call, ref, new["sha"])
        if objects.ref(ref) is not None:
            raise Refused(422, "Reference already exists")
        return answer(_move(call, ref, new["sha"], ABSENT), 201)

    @route("PATCH", "/git/refs/<path:ref>", WRITE)
    def update_ref(self, call: Call, ref: str) -> Response:
        """Let a ref point at another commit; without ``force`` only forward."""
        new, objects = call.fields("sha"), call.repository.objects
        old = objects.ref(f"refs/{ref}")
        if old is None:
            raise Refused(422, "Reference does not exist")
        _check_target(call, f"refs/{ref}", new["sha"])
        if not new.get("force") and not objects.is_ancestor(old, new["sha"]):
            raise Refused(422, "Update is not a fast forward")
        return answer(_move(call, f"refs/{ref}", new["sha"], old))

    @route("DELETE", "/git/refs/<path:ref>", WRITE)
    def delete_ref(self, call: Call, ref: str) -> Response:
        """Delete a ref; the open pull requests of a branch are closed with it."""
        old = call.repository.objects.ref(f"refs/{ref}")
        if old is None:
            raise Refused(422, "Reference does not exist")
        call.repository.objects.move(f"refs/{ref}", ABSENT, old)
        call.repository.follow_branches()
        return nothing()


def _ref(call: Call, ref: str, sha: str) -> JSON:
    kind = call.repository.objects.kind(sha) or ""
    url = f"{call.repository.url}/git"
    target = {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"}
    return {"ref": ref, "node_id": f"REF_{ref}", "url": f"{url}/{ref}", "object": target}


def _check_target(call: Call, ref: str, sha: object) -> None:
    objects = call.repository.objects
    if not isinstance(sha, str) or not ID.fullmatch(sha):
        raise Refused(422, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
    kind = objects.kind(sha)
    if kind is None:
        raise Refused(422, "Object does not exist")
    if kind != "commit" and ref.startswith("refs/heads/"):
        raise Refused(422, "Reference update failed")
    default = objects.ref(f"refs/heads/{call.repository.default_branch}")
    barred = call.token.kind == "actions" or call.token.permissions.get("workflows") != "write"
    if not barred or call.token.kind == "user" or kind != "commit" or default is None:
        return
    if objects.changed(default, sha, WORKFLOWS):
        raise Refused(403, "Resource not accessible by integration")


def _move(call: Call, ref: str, new: str, old: str) -> JSON:
    try:
        call.repository.objects.move(ref, new, old)
    except GitError as e:
        raise Refused(422, "Reference update failed") from e
    call.repository.follow_branches()
    return _ref(call, ref, new)
