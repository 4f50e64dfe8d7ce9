"""Hostile call programs as data: one property each, and how each must end on the inputs 1 and 2.

HIDDEN stands for either exception of opening a file that must not be read: one of the walls refuses it, another
does not even show it.
"""

import platform
from pathlib import Path

from conself.sandbox import Status

Ends = tuple[tuple[Status, str], tuple[Status, str]]

OK, EXCEPTION, TIMEOUT, MEMORY = Status.OK, Status.EXCEPTION, Status.TIMEOUT, Status.MEMORY
EXIT, KILLED, TOO_LONG, NOT_COMPILED = Status.EXIT, Status.KILLED, Status.OUTPUT_LIMIT, Status.COMPILE_ERROR
CANARY = "conself-canary"
HIDDEN = "hidden"


def both(status: Status, value: str = "") -> Ends:
    """The same end on both inputs."""
    return (status, value), (status, value)


def first(status: Status, value: str = "") -> Ends:
    """This end on the first input; the second is returned as it is."""
    return (status, value), (OK, "2")


DENIED = both(EXCEPTION, "PermissionError")
SECRET = both(EXCEPTION, HIDDEN)
UNHARMED = ((OK, "1"), (OK, "2"))

# --- reaching out: for other processes, files, the network, the engine ---------------------------------------------

REACHING_OUT: dict[str, tuple[str, Ends]] = {
    "fork bomb": ("import os\ndef f(x):\n while True: os.fork()", DENIED),
    "subprocess": ("import subprocess\ndef f(x): subprocess.run(['true'])", DENIED),
    "exec": ("import os\ndef f(x): os.execv('/bin/true', ['true'])", DENIED),
    "multiprocessing": ("import multiprocessing as m\ndef f(x): m.Pool(2)", DENIED),
    "kill parent": ("import os\ndef f(x): os.kill(os.getppid(), 9)", DENIED),
    "kill group": ("import os\ndef f(x): os.killpg(0, 9)", DENIED),
    "kill all": ("import os\ndef f(x): os.kill(-1, 9)", DENIED),
    "stop itself": ("import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)", DENIED),
    "daemon": ("import os\ndef f(x): os.setsid()", DENIED),
    "socket": ("import socket\ndef f(x): socket.socket()", DENIED),
    "abstract socket": ("import socket\ndef f(x): socket.socket(socket.AF_UNIX).connect('\\0x')", DENIED),
    "netlink": ("import socket\ndef f(x): socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", DENIED),
    "packet socket": ("import socket\ndef f(x): socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", DENIED),
    "name look-up": (
        "import socket\ndef f(x): socket.getaddrinfo('localhost', 80)",
        both(EXCEPTION, "gaierror"),
    ),
    "download": ("import urllib.request as r\ndef f(x): r.urlopen('http://127.0.0.1:1/')", both(EXCEPTION, "URLError")),
    "write to home": (f"def f(x): open({str(Path.home() / CANARY)!r}, 'w')", DENIED),
    "write to tmp": (f"def f(x): open('/tmp/{CANARY}', 'a')", DENIED),
    "write to cwd": (f"def f(x): open('{CANARY}', 'x')", DENIED),
    "temporary file": ("import tempfile\ndef f(x): tempfile.TemporaryFile('w')", both(EXCEPTION, "FileNotFoundError")),
    "100k files": (f"def f(x):\n for n in range(10**5): open(f'/tmp/{CANARY}{{n}}', 'w')", DENIED),
    "make folder": (f"import os\ndef f(x): os.mkdir('/tmp/{CANARY}')", DENIED),
    "make link": (f"import os\ndef f(x): os.symlink('/', '/tmp/{CANARY}')", DENIED),
    "delete": ("import os\ndef f(x): os.unlink(os.__file__)", DENIED),
    "rename": ("import os\ndef f(x): os.rename(os.__file__, os.__file__ + 'x')", DENIED),
    "change mode": ("import os\ndef f(x): os.chmod(os.__file__, 0o777)", DENIED),
    "truncate file": ("import os\ndef f(x): os.truncate(os.__file__, 0)", DENIED),
    "lock file": ("import fcntl\ndef f(x): fcntl.flock(0, fcntl.LOCK_EX)", DENIED),
    "read users": ("def f(x): return open('/etc/passwd').read()", SECRET),
    "read folder": (f"import os\ndef f(x): return os.listdir({str(Path.home())!r})", SECRET),
    "read repository": (f"def f(x): return open({__file__!r}).read()", SECRET),
    "read process": ("import os\ndef f(x): return open(f'/proc/{os.getppid()}/environ').read()", SECRET),
    "read own memory": ("def f(x): return open('/proc/self/mem', 'rb').read(1)", SECRET),
    "write own memory": ("def f(x): return open('/proc/self/mem', 'r+b')", DENIED),
    "list descriptors": ("import os\ndef f(x): return os.listdir('/proc/self/fd')", SECRET),
    "shared memory": (
        "from multiprocessing.shared_memory import SharedMemory as S\ndef f(x): S(create=True, size=9)",
        DENIED,
    ),
    "imports the engine": ("def f(x):\n import conself", both(EXCEPTION, "ModuleNotFoundError")),
    "imports its runner": ("def f(x):\n import _sandbox_child", both(EXCEPTION, "ModuleNotFoundError")),
    "raise limits": (
        "import resource\ndef f(x): resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        both(EXCEPTION, "ValueError"),
    ),
    "more priority": ("import os\ndef f(x): os.nice(-5)", DENIED),
    "another processor": ("import os\ndef f(x): os.sched_setaffinity(0, {0})", DENIED),
    "become root": ("import os\ndef f(x): os.setuid(0)", DENIED),
    "opens a browser": ("def f(x):\n import antigravity", both(OK, "null")),
    "sees its descriptors": (
        "import os\ndef f(x):\n found = []\n for n in range(1024):\n  try: os.fstat(n); found.append(n)\n"
        "  except OSError: pass\n return found, dict(os.environ), os.getcwd()",
        both(OK, '{"t":[[0,1,2,63],{"d":[]},"/"]}'),
    ),
    "32-bit system call": (
        "import ctypes, mmap\ndef f(x):\n m = mmap.mmap(-1, 4096, prot=7)\n"
        " m.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))  # getpid by int 0x80\n"
        " return ctypes.CFUNCTYPE(int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()",
        both(KILLED),
    ),
}
if platform.machine() != "x86_64":
    del REACHING_OUT["32-bit system call"]

# --- system calls that no module makes, by number: (x86_64, aarch64, arguments); all must give EPERM ----------------

_SYSTEM_CALLS: dict[str, tuple[int, int, str]] = {
    "fork by clone": (56, 220, "17, 0, 0, 0, 0"),
    "memfd_create": (319, 279, "b'x', 0"),
    "mount": (165, 40, "b'x', b'/', b'tmpfs', 0, 0"),
    "pivot_root": (155, 41, "b'/', b'/'"),
    "chroot": (161, 51, "b'/'"),
    "unshare": (272, 97, "0x10000000"),
    "setns": (308, 268, "0, 0"),
    "ptrace": (101, 117, "0, 0, 0, 0"),
    "process_vm_readv": (310, 270, "1, 0, 0, 0, 0, 0"),
    "process_vm_writev": (311, 271, "1, 0, 0, 0, 0, 0"),
    "pidfd_open": (434, 434, "1, 0"),
    "pidfd_getfd": (438, 438, "3, 0, 0"),
    "tgkill": (234, 131, "1, 1, 9"),
    "rt_sigqueueinfo": (129, 138, "1, 9, 0"),
    "PR_SET_PDEATHSIG": (157, 167, "1, 0, 0, 0, 0"),
    "PR_SET_DUMPABLE": (157, 167, "4, 1, 0, 0, 0"),
    "PR_SET_SECCOMP": (157, 167, "22, 1, 0, 0, 0"),
    "PR_SET_PTRACER": (157, 167, "0x59616D61, -1, 0, 0, 0"),
    "seccomp": (317, 277, "0, 0, 0"),
    "landlock": (446, 446, "3, 0"),
    "setgroups": (116, 159, "0, 0"),
    "personality": (135, 92, "0x40000"),
    "bpf": (321, 280, "0, 0, 0"),
    "perf_event_open": (298, 241, "0, 0, -1, -1, 0"),
    "keyctl": (250, 219, "0, -3, 0, 0, 0"),
    "userfaultfd": (323, 282, "1"),
    "io_uring_setup": (425, 425, "8, 0"),
    "io_setup": (206, 0, "8, 0"),
    "shmget": (29, 194, "1, 4096, 0o1777"),
    "semget": (64, 190, "1, 1, 0o1777"),
    "msgget": (68, 186, "1, 0o1777"),
    "mq_open": (240, 180, "b'x', 0x42, 0o777, 0"),
    "inotify_init1": (294, 26, "0"),
    "fanotify_init": (300, 262, "0, 0"),
    "timer_create": (222, 107, "0, 0, 0"),
    "setitimer of prlimit": (302, 261, "1, 7, 0, 0"),
    "sendmsg": (46, 211, "0, 0, 0"),
    "splice": (275, 76, "0, 0, 1, 0, 1, 0"),
    "fallocate": (285, 47, "63, 0, 0, 1 << 40"),
    "seals": (72, 25, "63, 1033, 1"),
    "signal of a descriptor": (72, 25, "0, 8, 1"),
    "open by handle": (304, 265, "0, 0, 0"),
    "mlockall": (151, 230, "3"),
    "reboot": (169, 142, "0, 0, 0, 0"),
    "syslog": (103, 116, "3, 0, 0"),
    "replaces result file": (292, 24, "0, 63, 0"),
    "closes result file": (3, 57, "63"),
}
_MISSING = {"clone3": 435, "openat2": 437}  # must give ENOSYS, so that libc falls back
_CALL = "import ctypes\ndef f(x):\n L = ctypes.CDLL(None, use_errno=True)\n return L.syscall({}), ctypes.get_errno()"
if platform.machine() in ("x86_64", "aarch64"):
    for _name, (*_numbers, _arguments) in _SYSTEM_CALLS.items():
        _number = _numbers[platform.machine() == "aarch64"]
        REACHING_OUT[_name] = _CALL.format(f"{_number}, {_arguments}"), both(OK, '{"t":[-1,1]}')
    for _name, _number in _MISSING.items():
        REACHING_OUT[_name] = _CALL.format(f"{_number}, 0, 0, 0, 0"), both(OK, '{"t":[-1,38]}')
