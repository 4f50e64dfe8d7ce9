"""Terminal behaviour of commands: answering Ctrl-C, and printing progress every few seconds."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def answer_interrupts() -> None:
    """Let SIGINT raise KeyboardInterrupt even if it is ignored, as in commands that a script starts with ``&``."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def every(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Call ``act`` in a separate thread every ``seconds`` until the block ends, however long its steps take.

    It is not called after the block has ended.
    """
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(seconds):
            act()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
