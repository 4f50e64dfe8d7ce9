"""The system-call filters: allowlists as classic BPF programs, built with the standard library only.

Two are stacked, and a call must pass both. The long one (:func:`build_filter`) is installed once, in the zygote, and
inherited: it lists everything that a runner or the zygote needs. The short one (:func:`build_runner_filter`) is
installed by each runner, cheaply: it removes the calls that only the zygote needs.

Unlisted calls give EPERM, so a program that tries one gets a PermissionError and continues. For a runner ``clone``
needs CLONE_THREAD (threads, never processes); ``clone3``, ``openat2`` and ``close_range`` give ENOSYS so that libc
falls back to calls whose arguments a filter can read. Another architecture's calls kill the process.
"""

import struct

_NO_SYSTEM_CALL = 1 << 16  # in the tables: the call does not exist on that architecture

# name: (x86_64, aarch64)
_ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "mprotect": (10, 226),
    "futex": (202, 98),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "exit_group": (231, 94),
    "exit": (60, 93),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "stat": (4, _NO_SYSTEM_CALL),
    "lstat": (6, _NO_SYSTEM_CALL),
    "statx": (332, 291),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "ftruncate": (77, 46),
    "fsync": (74, 82),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "umask": (95, 166),
    "access": (21, _NO_SYSTEM_CALL),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, _NO_SYSTEM_CALL),
    "readlinkat": (267, 78),
    "dup": (32, 23),
    "pipe": (22, _NO_SYSTEM_CALL),
    "pipe2": (293, 59),
    "poll": (7, _NO_SYSTEM_CALL),
    "ppoll": (271, 73),
    "select": (23, _NO_SYSTEM_CALL),
    "pselect6": (270, 72),
    "epoll_create": (213, _NO_SYSTEM_CALL),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, _NO_SYSTEM_CALL),
    "epoll_pwait": (281, 22),
    "eventfd2": (290, 19),
    "recvfrom": (45, 207),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "setsockopt": (54, 208),
    "getsockopt": (55, 209),
    "shutdown": (48, 210),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "getpriority": (140, 141),
    "getcpu": (309, 168),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "time": (201, _NO_SYSTEM_CALL),
    "times": (100, 153),
    "alarm": (37, _NO_SYSTEM_CALL),
    "pause": (34, _NO_SYSTEM_CALL),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getpgrp": (111, _NO_SYSTEM_CALL),
    "getpgid": (121, 155),
    "getsid": (124, 156),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "getgroups": (115, 158),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "set_tid_address": (218, 96),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "capset": (126, 91),  # only ever to have less
    "arch_prctl": (158, _NO_SYSTEM_CALL),
}
_MISSING = {"clone3": 435, "openat2": 437}  # the same number everywhere
# what the zygote does, and each runner before it puts up its own filter
_ZYGOTE_ONLY = {
    "fork": (57, _NO_SYSTEM_CALL),
    "wait4": (61, 260),
    "kill": (62, 129),
    "setsid": (112, 157),
}
_CLOSE_RANGE = 436

# name: (x86_64, aarch64, argument, values that are allowed): any other value gives EPERM
_BY_VALUE: dict[str, tuple[int, int, int, tuple[int, ...]]] = {
    # PR_SET_NAME, PR_GET_NAME; PR_SET_PDEATHSIG, PR_SET_SECCOMP until a runner puts up its own filter
    "prctl": (157, 167, 0, (15, 16, 1, 22)),
    "prlimit64": (302, 261, 0, (0,)),  # the process itself
    "socketpair": (53, 199, 0, (1,)),  # AF_UNIX, which asyncio needs
    "sendto": (44, 206, 4, (0,)),  # no address (its upper half is checked too)
    "ioctl": (16, 29, 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),  # terminal queries, FIONREAD, FIO*
    # duplicates, flags, locks, pipe size; no owners and signals, leases, notifications, seals
    "fcntl": (72, 25, 1, (0, 1, 2, 3, 4, 5, 1030, 1032)),
}
_PRCTL = (157, 167)
_CLONE, _CLONE_THREAD = (56, 220), 0x10000
_OPEN, _OPENAT = (2, _NO_SYSTEM_CALL), (257, 56)
_OPEN_FOR_WRITING = 0x1 | 0x2 | 0x40 | 0x200 | 0x400000  # WRONLY, RDWR, CREAT, TRUNC, TMPFILE
# name: (x86_64, aarch64, argument): not for the result file
_ON_DESCRIPTOR = {"close": (3, 57, 0), "dup2": (33, _NO_SYSTEM_CALL, 1), "dup3": (292, 24, 1)}

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x50000 | 1, 0x50000 | 38, 0x80000000

_Instruction = tuple[int, int, int, int]


def _load(offset: int) -> _Instruction:
    return (_LOAD, 0, 0, offset)


def _argument(index: int, upper: bool = False) -> _Instruction:
    return _load(16 + 8 * index + 4 * upper)


def _return(value: int) -> _Instruction:
    return (_RETURN, 0, 0, value)


def _on(number: int, body: list[_Instruction]) -> list[_Instruction]:
    """Run ``body``, which must return, if the call's number, in the accumulator, is ``number``."""
    if number == _NO_SYSTEM_CALL:
        return []
    return [(_JEQ, 0, len(body), number), *body]


def _allow_values(argument: int, values: tuple[int, ...]) -> list[_Instruction]:
    body = [_argument(argument)]
    if values == (0,):
        body += [(_JEQ, 0, 3, 0), _argument(argument, upper=True), (_JEQ, 0, 1, 0), _return(_ALLOW)]
    else:
        body += [i for value in values for i in ((_JEQ, 0, 1, value), _return(_ALLOW))]
    return [*body, _return(_EPERM)]


def build_filter(machine: str) -> bytes | None:
    """Build the filter of zygote and runners, an array of ``struct sock_filter``; None on unknown architectures."""
    if machine not in _ARCHITECTURES:
        return None
    column, audit = _ARCHITECTURES[machine]
    program = [_load(4), (_JEQ, 1, 0, audit), _return(_KILL), _load(0)]
    if machine == "x86_64":
        program += [(_JGE, 0, 1, 0x40000000), _return(_EPERM)]  # the x32 calls
    for numbers in (_ALLOWED | _ZYGOTE_ONLY).values():
        program += _on(numbers[column], [_return(_ALLOW)])
    for number in (_CLONE[column], _CLOSE_RANGE, *(numbers[column] for numbers in _ON_DESCRIPTOR.values())):
        program += _on(number, [_return(_ALLOW)])
    for number, flags in ((_OPENAT[column], 2), (_OPEN[column], 1)):
        program += _on(number, [_argument(flags), (_JSET, 0, 1, _OPEN_FOR_WRITING), _return(_EPERM), _return(_ALLOW)])
    for x86, arm, argument, values in _BY_VALUE.values():
        program += _on((x86, arm)[column], _allow_values(argument, values))
    for number in _MISSING.values():
        program += _on(number, [_return(_ENOSYS)])
    return _pack([*program, _return(_EPERM)])


def build_runner_filter(machine: str, result_fd: int, may_open: bool = True) -> bytes | None:
    """Build the filter that a runner adds, in the same form; None on unknown architectures.

    ``result_fd`` is the descriptor that the program can neither close nor replace. Without ``may_open`` no file can be
    opened at all, for kernels that cannot restrict them.
    """
    if machine not in _ARCHITECTURES:
        return None
    column, _ = _ARCHITECTURES[machine]
    program = [_load(0)]
    for x86, arm, argument in _ON_DESCRIPTOR.values():
        deny = [_argument(argument), (_JEQ, 0, 1, result_fd), _return(_EPERM), _return(_ALLOW)]
        program += _on((x86, arm)[column], deny)
    program += _on(_CLONE[column], [_argument(0), (_JSET, 0, 1, _CLONE_THREAD), _return(_ALLOW), _return(_EPERM)])
    program += _on(_PRCTL[column], _allow_values(0, (15, 16)))
    # only below the result file: otherwise libc goes from one to the next
    program += _on(_CLOSE_RANGE, [_argument(1), (_JGE, 0, 1, result_fd), _return(_ENOSYS), _return(_ALLOW)])
    denied = [numbers[column] for numbers in _ZYGOTE_ONLY.values()]
    if not may_open:
        denied += [_OPENAT[column], _OPEN[column]]
    for number in denied:
        program += _on(number, [_return(_EPERM)])
    return _pack([*program, _return(_ALLOW)])


def _pack(program: list[_Instruction]) -> bytes:
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)
