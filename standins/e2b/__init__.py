"""E2B on one loopback port: the control API, and envd for every sandbox, whose commands really run on this machine.

Where the kernel allows it (``isolation`` is "namespaces") a sandbox sees its own directory as /home/user and /tmp, its
own /etc/hosts and an empty /etc/gitconfig, only its own processes, the rest of the machine read-only, and while its
network policy is closed no network but its own loopback. Elsewhere ("none") commands are plain processes; HOME and
TMPDIR lead to the sandbox's directory, and the file API takes paths in it only, best relative to the home.

Not emulated: pause and resume, snapshots, watching, other users than ``user``, single addresses in a network policy,
and the change of a policy for what already runs.
"""

from .machine import isolation
from .sandbox import SandboxState
from .server import E2B

__all__ = ["E2B", "SandboxState", "isolation"]
