import threading
import time

import pytest

from regrow.video.overlap import overlapped


def test_the_items_are_the_same_in_the_same_order():
    assert list(overlapped(range(1000), 3)) == list(range(1000))
    assert list(overlapped([])) == []


def test_they_are_made_ahead_but_not_too_far():
    made = []

    def source():
        for i in range(100):
            made.append(i)
            yield i

    items = overlapped(source(), 2)
    assert next(items) == 0
    deadline = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == 4, "one taken, two waiting, one at the door"
    items.close()


def test_an_error_arrives_where_the_item_would():
    def source():
        yield 1
        raise ValueError("broken")

    items = overlapped(source())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_nobody_works_on_once_nobody_reads():
    before = threading.active_count()
    items = overlapped(iter(range(10**9)))
    next(items)
    items.close()
    assert threading.active_count() == before
