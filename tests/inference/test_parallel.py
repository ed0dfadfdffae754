import threading
import time

import pytest
import torch

from regrow.inference.parallel import PIXELS, mapped, overlapped


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


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("pixels", "device", "workers"), [(1, "cpu", 4), (PIXELS // 2, "cpu", 2), (1, "cuda", 1),
                                                           (2 * PIXELS, "cpu", 1)])  # fmt: skip
def test_frames_are_computed_at_once_in_order_on_a_share_of_the_threads(pixels, device, workers):
    together = threading.Barrier(workers)

    def work(item):
        together.wait(10)
        return item, torch.get_num_threads()

    assert list(mapped(work, range(8), pixels, device)) == [(i, 4 // workers) for i in range(8)]
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
def test_no_thread_is_left_over():
    together = threading.Barrier(3)

    def work(_):
        together.wait(10)
        return torch.get_num_threads()

    assert sorted(mapped(work, range(3), PIXELS // 3, "cpu")) == [1, 1, 2]


@pytest.mark.usefixtures("four_threads")
def test_no_more_is_read_than_is_worked_on():
    read = []
    results = mapped(lambda item: item, (read.append(i) or i for i in range(100)), PIXELS // 2, "cpu")
    assert next(results) == 0
    assert len(read) == 3, "one given back, two in work"
    results.close()


@pytest.mark.usefixtures("four_threads")
def test_an_error_in_one_arrives_in_its_place():
    def work(item):
        if item == 2:
            raise ValueError("broken")
        return item

    results = mapped(work, range(5), 1, "cpu")
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="broken"):
        next(results)
