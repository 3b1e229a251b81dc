"""What the control API and envd say: JSON, and errors in the protocol's forms."""

from __future__ import annotations

import errno
import json
from typing import Any

from werkzeug.wrappers import Response

CODES = {
    errno.ENOENT: "not_found",
    errno.ESRCH: "not_found",
    errno.EEXIST: "already_exists",
    errno.ENOTDIR: "invalid_argument",
    errno.EISDIR: "invalid_argument",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
}
STATUSES = {"not_found": 404, "already_exists": 409, "invalid_argument": 400, "permission_denied": 403}


class Refused(Exception):
    """Ends a request with this answer."""

    def __init__(self, response: Response) -> None:
        self.response = response


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(json.dumps(body), status, content_type="application/json")


def gone(sandbox_id: str) -> Response:
    """What the proxy in front of the sandboxes says for one that is not there."""
    return answer({"sandboxId": sandbox_id, "message": "The sandbox was not found", "code": 502}, 502)


def file_error(e: OSError, path: str) -> Response:
    """An error of the file transfer."""
    message = f"path '{path}' does not exist" if e.errno == errno.ENOENT else str(e.strerror)
    status = 507 if e.errno == errno.ENOSPC else STATUSES.get(CODES.get(e.errno or 0, ""), 500)
    return answer({"code": status, "message": message}, status)


def connect_error(e: OSError) -> Response:
    """An error of a call that is not a stream."""
    code = CODES.get(e.errno or 0, "internal")
    return answer({"code": code, "message": e.strerror or str(e)}, STATUSES.get(code, 500))
