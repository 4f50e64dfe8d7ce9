"""Runs untrusted programs: fast, the same on every run, and behind walls.

>>> from conself.sandbox import Job, Limits, execute
>>> job = Job("p", ("def f(x): return x + 1",), "f", ("(1,)",))
>>> limits = Limits(cpu_seconds=2.0, wall_seconds=10.0, memory_mb=1024, output_kb=1024, max_timeouts=2)
>>> for result in execute([job], limits, workers=1):
...     print(result.rows[0][0])
Outcome(status=<Status.OK: 'ok'>, value='2')

The trusted process drives ``workers`` zygotes: clean single-threaded interpreters (standard library only) that fork
one runner per program, or one per input where state could leak from one input to the next (see
:mod:`conself.sandbox.leaks`). A runner gives up every right that it can, then compiles and runs; its results are
length-framed bytes in a memory file, checked by the zygote and again by the trusted process, never unpickled or
evaluated. Nothing that runs untrusted code ever forks.

Walls, each on when the kernel allows (:func:`isolation` says which): no_new_privs and rlimits; all capabilities
dropped; a seccomp allowlist (no exec, fork, kill, ptrace, sockets, no opening of files for writing); Landlock (reads
of the standard library and system libraries only, no writes, no TCP, no signals to others); a session of its own;
no inherited descriptor but the standard three and the result file. No namespaces are needed, so that it works in a
default container, as root or not.

What is NOT covered:

- Without seccomp (refused by some kernels) a program can fork, signal processes of the same user, and open sockets;
  without Landlock it can read every file that the user can read. Namespaces are not used.
- A bug in the kernel or in CPython that a program exploits inside the allowed system calls; side channels; CPU burnt
  up to the limits. Memory is limited per program (address space), not per machine: reserve workers x memory_mb.
- A program may destroy or forge its *own* results, and, on the fast path, its own results on later inputs: whoever
  defeats the leak analysis on purpose gains nothing over returning those values. It cannot reach another program's.
- Values that change from run to run (time, addresses inside strings) are recorded as they are.
- Opening any file for writing fails, ``/dev/null`` included; third-party packages cannot be imported.
"""

from conself.sandbox.canonical import canonical
from conself.sandbox.engine import execute, isolation
from conself.sandbox.jobs import Job, Limits
from conself.sandbox.results import SKIPPED, Audit, Note, Outcome, Result, Status, Summary
from conself.sandbox.wire import LEVELS
from conself.sandbox.worker import IsolationError

__all__ = [
    "LEVELS",
    "SKIPPED",
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
]
