"""What tests of training share."""

import sys

import pytest


@pytest.fixture(scope="module")
def _drawn():
    return []


@pytest.fixture(autouse=True)
def _one_chart(monkeypatch, _drawn):
    """Of each file of tests the first chart is drawn, and those of fixtures: one takes longer than many a training."""
    loop = sys.modules.get("regrow.train.loop")
    if loop is None:
        return
    real = loop.plot_training

    def first(*arguments):
        if not _drawn:
            _drawn.append(arguments)
            real(*arguments)

    monkeypatch.setattr(loop, "plot_training", first)
