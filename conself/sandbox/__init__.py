"""Run untrusted programs: fast, reproducibly, and isolated.

>>> from conself.sandbox import Job, Limits, execute
>>> job = Job("p", ("def f(x): return x + 1",), "f", ("(1,)",))
>>> limits = Limits(cpu_seconds=2.0, wall_seconds=10.0, memory_mb=1024, output_kb=1024, max_timeouts=2)
>>> for result in execute([job], limits, workers=1):
...     print(result.rows[0][0])
Outcome(status=<Status.OK: 'ok'>, value='2')

The trusted process drives ``workers`` zygotes: clean single-threaded interpreters (standard library only) that fork
one runner per program. A runner drops every right that it can, then compiles the program and runs it on all
inputs; if state could pass from one input to the next (:mod:`conself.sandbox.leaks`,
:mod:`conself.sandbox.state`) each input gets its own runner. Results are length-framed bytes in a memory file,
checked by the zygote and again by the trusted process, never unpickled or evaluated. Nothing that runs untrusted code
ever forks. Expected outputs never enter the sandbox.

Results repeat: hashes and random numbers are seeded, CPU time decides about time-outs (wall time is a backstop), and
an audit runs two inputs of a share of the programs again to find values that do not repeat (:class:`Audit`,
:class:`Summary`).

Walls, each used if the kernel allows it; :func:`isolation` lists those in use, ``Limits.require`` the required level:
no_new_privs and rlimits; no capabilities; a seccomp allowlist (no exec, fork, kill, ptrace, sockets, no opening of
files for writing); Landlock (reads of the standard library and system libraries only); user, process, network, mount
and other namespaces, in which nothing but these libraries exists (Linux 5.12). Without namespaces everything still
works, so a default container, as root or not, is good enough; ``tests/sandbox/test_layers.py`` has the table of what
each wall prevents.

What is NOT covered:

- Without seccomp (refused by some kernels) a program can fork, signal processes of the same user, and, without
  namespaces, open sockets; with neither Landlock nor namespaces nor seccomp it can read every file that the user can.
- Without namespaces a program can learn whether a path exists, and its size and owner, and see that a process does.
- A program that reads its own freed memory with ctypes may find remains of earlier programs of the same worker.
- A bug in the kernel or in CPython that a program exploits inside the allowed system calls; side channels; CPU burnt
  up to the limits. Memory is limited per program (address space), not per machine: reserve workers x memory_mb.
- A program may destroy or forge its *own* results, and, on the fast path, its own results on later inputs: whoever
  defeats the leak analysis on purpose gains nothing over returning those values. It cannot reach another program's.
- Values that change from run to run (time, addresses inside strings) are recorded as they are; those that the audit
  meets are counted, the others are not found. A leak that the analysis misses is corrected where the audit meets it.
- A program that catches or switches off the timer's signal gets an EXCEPTION, say, in place of its TIMEOUT; it is
  stopped by the limit of its process, the sum over its inputs. A program that starts thousands of threads can make
  another's fail to start.
- Opening any file for writing fails, ``/dev/null`` included. Third-party packages are missing unless asked for.
- ``open("/dev/stdin")`` goes on where standard input is, as with a pipe; ``os.open`` of it fails inside namespaces.
"""

from conself.sandbox.canonical import canonical
from conself.sandbox.engine import execute, isolation, kept
from conself.sandbox.jobs import Job, Limits
from conself.sandbox.results import SKIPPED, UNREADABLE, Audit, Note, Outcome, Result, Status, Summary
from conself.sandbox.wire import LEVELS
from conself.sandbox.worker import IsolationError

__all__ = [
    "LEVELS",
    "SKIPPED",
    "UNREADABLE",
    "Audit",
    "IsolationError",
    "Job",
    "Limits",
    "Note",
    "Outcome",
    "Result",
    "Status",
    "Summary",
    "canonical",
    "execute",
    "isolation",
    "kept",
]
