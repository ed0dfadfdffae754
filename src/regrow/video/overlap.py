"""Reading, computing and writing at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

T = TypeVar("T")


def overlapped(items: Iterable[T], ahead: int = 2) -> Iterator[T]:
    """The same items, made in a thread of their own, at most so many ahead. Errors arrive where the items would."""
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
