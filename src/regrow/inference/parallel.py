"""Reading, computing and writing at the same time, and computing several frames at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")

AT_ONCE = 4
"""Maximum number of frames that are computed at the same time."""
PIXELS = 2**23
"""Maximum number of pixels of those frames, which bounds the memory they need."""


def overlapped(items: Iterable[T], ahead: int = 2) -> Iterator[T]:
    """The same items, produced in a separate thread, a limited number ahead. Errors are raised in place of items."""
    queue: Queue[Any] = Queue(ahead)
    stopped = Event()

    def put(item: Any) -> bool:
        while not stopped.is_set():
            try:
                queue.put(item, timeout=0.1)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((None, StopIteration()))
        except BaseException as error:
            put((None, error))

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error = queue.get(timeout=0.5)  # a wait without end could not be interrupted everywhere
            except Empty:
                continue
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item
    finally:
        stopped.set()
        thread.join()


def mapped(function: Callable[[S], T], items: Iterable[S], pixels: int, device: str) -> Iterator[T]:
    """Apply a function to each item, in order; on CPU cores, to several at a time, where that is faster.

    A net on one core wastes less time than one on several cores, which wait for each other after every layer, and for
    other work on one of them, such as an encoder.

    Args:
        function, items: the function, and the frames or groups of frames that it takes.
        pixels: number of pixels of an item.
        device: device of the computation.
    """
    import torch

    threads = torch.get_num_threads()
    workers = min(threads, AT_ONCE, PIXELS // pixels) if device == "cpu" else 1
    if workers < 2:
        yield from map(function, items)
        return

    shares = [threads // workers + (i < threads % workers) for i in range(workers)]

    def share() -> None:
        torch.get_num_threads()  # else the first layer would set what all threads have
        torch.set_num_threads(shares.pop())

    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(workers, initializer=share) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            torch.set_num_threads(threads)  # of whoever comes next
