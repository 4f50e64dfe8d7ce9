"""The system-call filters, in an interpreter of the kernel's language: what zygotes and runners may do."""

import os
import struct

import pytest

from conself.sandbox.seccomp import build_filter, build_runner_filter
from conself.sandbox.walls import RESULT_FD

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
PRECEDENCE = (KILL, ENOSYS, EPERM, ALLOW)  # the strictest of several filters wins


def interpret(program: bytes, data: bytes) -> int:
    """The verdict of one classic BPF program (load, three conditional jumps, return) on a struct seccomp_data."""
    accumulator, position = 0, 0
    while True:
        operation, if_true, if_false, operand = struct.unpack_from("<HBBI", program, 8 * position)
        position += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x06:
            return int(operand)
        else:
            holds = {
                0x15: accumulator == operand,
                0x35: accumulator >= operand,
                0x45: accumulator & operand != 0,
            }[operation]
            position += if_true if holds else if_false


def verdict(filters: list[bytes | None], machine: str, number: int, *arguments: int, audit: int = 0) -> int:
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<iIQ6Q", number, audit or ARCHITECTURES[machine], 0, *padded)
    return min((interpret(program, data) for program in filters if program), key=PRECEDENCE.index)


# name: (number on x86_64, on aarch64; -1: none), arguments, verdict for the zygote, for a runner
CALLS: dict[str, tuple[tuple[int, int], tuple[int, ...], int, int]] = {
    "read": ((0, 63), (0,), ALLOW, ALLOW),
    "mmap": ((9, 222), (0, 4096), ALLOW, ALLOW),
    "exit_group": ((231, 94), (0,), ALLOW, ALLOW),
    "fork": ((57, -1), (), ALLOW, EPERM),
    "vfork": ((58, -1), (), EPERM, EPERM),
    "clone of a process": ((56, 220), (17,), ALLOW, EPERM),
    "clone of a thread": ((56, 220), (0x3D0F00,), ALLOW, ALLOW),
    "clone3": ((435, 435), (), ENOSYS, ENOSYS),
    "wait4": ((61, 260), (5,), ALLOW, EPERM),
    "kill": ((62, 129), (5, 9), ALLOW, EPERM),
    "tgkill": ((234, 131), (1, 1, 9), EPERM, EPERM),
    "setsid": ((112, 157), (), ALLOW, EPERM),
    "execve": ((59, 221), (), EPERM, EPERM),
    "execveat": ((322, 281), (), EPERM, EPERM),
    "ptrace": ((101, 117), (16, 1), EPERM, EPERM),
    "process_vm_writev": ((311, 271), (1,), EPERM, EPERM),
    "pidfd_getfd": ((438, 438), (), EPERM, EPERM),
    "mount": ((165, 40), (), EPERM, EPERM),
    "unshare": ((272, 97), (0x10000000,), EPERM, EPERM),
    "setns": ((308, 268), (), EPERM, EPERM),
    "bpf": ((321, 280), (), EPERM, EPERM),
    "io_uring_setup": ((425, 425), (), EPERM, EPERM),
    "userfaultfd": ((323, 282), (), EPERM, EPERM),
    "perf_event_open": ((298, 241), (), EPERM, EPERM),
    "keyctl": ((250, 219), (), EPERM, EPERM),
    "socket": ((41, 198), (2, 1, 0), EPERM, EPERM),
    "connect": ((42, 203), (), EPERM, EPERM),
    "socketpair of AF_UNIX": ((53, 199), (1, 1, 0), ALLOW, ALLOW),
    "socketpair of AF_INET": ((53, 199), (2, 1, 0), EPERM, EPERM),
    "sendto nobody": ((44, 206), (3, 0, 1, 0, 0), ALLOW, ALLOW),
    "sendto an address": ((44, 206), (3, 0, 1, 0, 1), EPERM, EPERM),
    "sendto a high address": ((44, 206), (3, 0, 1, 0, 1 << 32), EPERM, EPERM),
    "sendmsg": ((46, 211), (), EPERM, EPERM),
    "openat for reading": ((257, 56), (0, 0, os.O_RDONLY | os.O_CLOEXEC), ALLOW, ALLOW),
    "openat for writing": ((257, 56), (0, 0, os.O_WRONLY), EPERM, EPERM),
    "openat for both": ((257, 56), (0, 0, os.O_RDWR), EPERM, EPERM),
    "openat to create": ((257, 56), (0, 0, os.O_CREAT), EPERM, EPERM),
    "openat to truncate": ((257, 56), (0, 0, os.O_TRUNC), EPERM, EPERM),
    "open for writing": ((2, -1), (0, os.O_WRONLY), EPERM, EPERM),
    "open for reading": ((2, -1), (0, os.O_RDONLY), ALLOW, ALLOW),
    "openat2": ((437, 437), (), ENOSYS, ENOSYS),
    "open_by_handle_at": ((304, 265), (), EPERM, EPERM),
    "memfd_create": ((319, 279), (), EPERM, EPERM),
    "unlinkat": ((263, 35), (), EPERM, EPERM),
    "mkdirat": ((258, 34), (), EPERM, EPERM),
    "close": ((3, 57), (5,), ALLOW, ALLOW),
    "close the result file": ((3, 57), (RESULT_FD,), ALLOW, EPERM),
    "dup2": ((33, -1), (61, 0), ALLOW, ALLOW),
    "dup2 onto the result file": ((33, -1), (0, RESULT_FD), ALLOW, EPERM),
    "dup3": ((292, 24), (62, 1), ALLOW, ALLOW),
    "dup3 onto the result file": ((292, 24), (0, RESULT_FD), ALLOW, EPERM),
    "close_range below the result file": ((436, 436), (3, RESULT_FD - 1), ALLOW, ALLOW),
    "close_range with the result file": ((436, 436), (3, RESULT_FD), ALLOW, ENOSYS),
    "close_range of everything": ((436, 436), (0, 0xFFFFFFFF), ALLOW, ENOSYS),
    "prctl PR_SET_NAME": ((157, 167), (15,), ALLOW, ALLOW),
    "prctl PR_SET_PDEATHSIG": ((157, 167), (1,), ALLOW, EPERM),
    "prctl PR_SET_SECCOMP": ((157, 167), (22,), ALLOW, EPERM),
    "prctl PR_SET_DUMPABLE": ((157, 167), (4,), EPERM, EPERM),
    "seccomp": ((317, 277), (), EPERM, EPERM),
    "landlock_restrict_self": ((446, 446), (), EPERM, EPERM),
    "prlimit64 of itself": ((302, 261), (0, 3), ALLOW, ALLOW),
    "prlimit64 of another": ((302, 261), (1, 3), EPERM, EPERM),
    "ioctl FIONREAD": ((16, 29), (0, 0x541B), ALLOW, ALLOW),
    "ioctl TIOCSTI": ((16, 29), (0, 0x5412), EPERM, EPERM),
    "fcntl F_SETFL": ((72, 25), (0, 4), ALLOW, ALLOW),
    "fcntl F_SETOWN": ((72, 25), (0, 8), EPERM, EPERM),
    "a call of the future": ((1000, 1000), (), EPERM, EPERM),
}


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("name", CALLS)
def test_filter(machine: str, name: str) -> None:
    numbers, arguments, zygote, runner = CALLS[name]
    number = numbers[list(ARCHITECTURES).index(machine)]
    if number < 0:
        pytest.skip("no such call there")
    first, second = build_filter(machine), build_runner_filter(machine, RESULT_FD)
    assert verdict([first], machine, number, *arguments) == zygote
    assert verdict([first, second], machine, number, *arguments) == runner


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_filter_that_lets_nothing_be_opened(machine: str) -> None:
    filters = [build_filter(machine), build_runner_filter(machine, RESULT_FD, may_open=False)]
    calls = {"x86_64": ((257, 2), (2, 1)), "aarch64": ((56, 2),)}[machine]
    for number, flags in calls:
        assert verdict(filters, machine, number, *(0,) * flags, os.O_RDONLY) == EPERM
    assert verdict(filters, machine, {"x86_64": 0, "aarch64": 63}[machine]) == ALLOW  # read


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_calls_of_another_architecture_kill(machine: str) -> None:
    assert verdict([build_filter(machine)], machine, 0, audit=0x40000003) == KILL  # i386


def test_x32_calls_are_refused() -> None:
    assert verdict([build_filter("x86_64")], "x86_64", 0x40000000) == EPERM


def test_unknown_architecture_has_no_filter() -> None:
    assert build_filter("m68k") is None
    assert build_runner_filter("m68k", RESULT_FD) is None


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_filters_are_well_formed(machine: str) -> None:
    for program in (build_filter(machine), build_runner_filter(machine, RESULT_FD)):
        assert program is not None
        count = len(program) // 8
        assert len(program) == 8 * count <= 8 * 4096
        for index in range(count):
            operation, if_true, if_false, _ = struct.unpack_from("<HBBI", program, 8 * index)
            assert operation == 0x06 or index + 1 + max(if_true, if_false) < count
