"""Harmless programs that try what a hostile one would, against canaries; and when each gets through (test_layers.py).

FALLS documents what each layer of isolation holds: a probe that is not listed for a set of layers must fail when just
these are missing. Most properties are held by two or three layers; it takes all of them to be missing before they fall.
"""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conself.sandbox import isolation

ABI = int((re.findall(r"ABI (\d+)", isolation()) or ["0"])[0])
"""The version of Landlock."""
RIGHTS = int(re.findall(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[0], 16)
"""The capabilities of this process: root's, or none."""

# every program returns "done" if it gets through; {folder}, {secret}, {victim}, {tcp}, {udp} are canaries
PROBES = {
    "start a process": "import os\ndef f(x):\n if os.fork() == 0: os._exit(0)\n os.wait()\n return 'done'",
    "run a program": "import os\ndef f(x): return os.spawnv(os.P_WAIT, '/bin/true', ['true']) == 0 and 'done'",
    "read a file": "def f(x): return open('{secret}').read() == 'secret' and 'done'",
    "find a file": "import os\ndef f(x): return os.stat('{secret}').st_size == 6 and 'done'",
    "write a file": "def f(x):\n with open('{folder}/written', 'w') as file: file.write('x')\n return 'done'",
    "see a process": "import os\ndef f(x): return os.getpgid({victim}) and 'done'",
    "signal a process": "import os\ndef f(x):\n os.kill({victim}, 15)\n return 'done'",
    "make a socket": "import socket\ndef f(x):\n socket.socket().close()\n return 'done'",
    "connect": "import socket\ndef f(x):\n socket.create_connection(('127.0.0.1', {tcp}), 1).close()\n return 'done'",
    "send a datagram": (
        "import socket\ndef f(x):\n s = socket.socket(type=socket.SOCK_DGRAM)\n"
        " s.sendto(b'x', ('127.0.0.1', {udp}))\n return 'done'"
    ),
    "share memory": "import ctypes\ndef f(x): return ctypes.CDLL(None).shmget(0, 4096, 0) != -1 and 'done'",
    "take memory": "def f(x): return bytearray(256 << 20) and 'done'",
    "open many files": "import os\ndef f(x): return [os.dup(0) for _ in range(99)] and 'done'",
    "write a large file": "import os\ndef f(x):\n os.ftruncate(63, 1 << 30)\n return 'done'",
    "use root's rights": "import os\ndef f(x):\n os.chroot('/')\n return 'done'",
    "get root's rights back": (
        "import subprocess\ndef f(x):\n rights = subprocess.check_output(['grep', 'CapEff', '/proc/self/status'])\n"
        " return int(rights.split()[1], 16) > 0 and 'done'"
    ),
}
TRACES = {"write a file", "signal a process", "connect", "send a datagram"}
"""The probes that can be seen from outside when they get through."""
ROOT = {"use root's rights", "get root's rights back"}
"""What nobody without rights can do, whatever layer is missing."""

_NAMESPACES = {"find a file", "see a process"}
_SECCOMP = {"start a process", "make a socket", "share memory"}
_LIMITS = {"take memory", "open many files", "write a large file"}
_BOTH = _NAMESPACES | _SECCOMP | {"send a datagram"}  # namespaces and seccomp
_BOTH |= {"connect"} if ABI < 4 else set()
_BOTH |= {"signal a process"} if ABI < 6 else set()
_THREE = _BOTH | {"run a program", "read a file", "write a file", "signal a process", "connect"}  # and Landlock
FALLS: dict[tuple[str, ...], set[str]] = {
    (): set(),
    ("namespaces",): _NAMESPACES,
    ("seccomp",): _SECCOMP,
    ("landlock",): set(),
    ("rlimits",): _LIMITS,
    ("no_new_privs",): set(),
    ("capabilities",): set(),
    ("namespaces", "landlock"): _NAMESPACES,
    ("seccomp", "landlock"): _SECCOMP,
    ("namespaces", "seccomp"): _BOTH,
    ("namespaces", "seccomp", "landlock"): _THREE,
    ("namespaces", "seccomp", "landlock", "rlimits"): _THREE | _LIMITS,
    ("namespaces", "seccomp", "landlock", "no_new_privs"): _THREE | {"get root's rights back"},
    ("namespaces", "seccomp", "landlock", "capabilities"): _THREE | ROOT,
}


@dataclass
class Canaries:
    """What the probes reach for."""

    folder: Path
    victim: "subprocess.Popen[bytes]"
    tcp: socket.socket
    udp: socket.socket

    def programs(self) -> list[str]:
        """The probes, aimed at these canaries."""
        places = {
            "{folder}": self.folder,
            "{secret}": self.folder / "secret",
            "{victim}": self.victim.pid,
            "{tcp}": self.tcp.getsockname()[1],
            "{udp}": self.udp.getsockname()[1],
        }
        return [re.sub(r"\{\w+\}", lambda match: str(places[match[0]]), program) for program in PROBES.values()]

    def traces(self) -> set[str]:
        """Which of TRACES can be seen."""
        found = {"write a file"} if (self.folder / "written").exists() else set()
        try:
            self.victim.wait(0.05)
            found.add("signal a process")
        except subprocess.TimeoutExpired:
            pass
        for name, canary in (("connect", self.tcp), ("send a datagram", self.udp)):
            canary.setblocking(False)
            try:
                _ = canary.accept()[0].close() if name == "connect" else canary.recv(10)
                found.add(name)
            except BlockingIOError:
                pass
        return found


@contextmanager
def canaries(folder: Path, user: int) -> Iterator[Canaries]:
    """Canaries that belong to a user, as far as its rights go: only the walls protect them. The folder must exist."""
    secret = folder / "secret"
    secret.write_text("secret")
    for path in (folder, secret):
        os.chown(path, user, -1)
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        subprocess.Popen(["sleep", "60"], user=user) as victim,
    ):
        udp.bind(("127.0.0.1", 0))
        try:
            yield Canaries(folder, victim, tcp, udp)
        finally:
            victim.kill()
