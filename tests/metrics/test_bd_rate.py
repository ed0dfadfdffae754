import math

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from regrow.metrics.bd_rate import bd_rate, quality_at

X265 = [(9487.76, 40.037), (4593.60, 38.615), (2486.44, 36.845), (1358.24, 34.851)]
"""Of x265 with two presets: the example of the Python package bjontegaard (FAU Erlangen-Nürnberg)."""
OTHER = [(9787.80, 40.121), (4469.00, 38.651), (2451.52, 36.970), (1356.24, 34.987)]
FIRST = [(686.76, 40.28), (309.58, 37.18), (157.11, 34.24), (85.95, 31.42)]
"""The example that most implementations are handed on with."""
SECOND = [(893.34, 40.39), (407.8, 37.21), (204.93, 34.17), (112.75, 31.24)]


@pytest.mark.parametrize(("a", "b", "expected"), [(X265, OTHER, -4.417485350589), (FIRST, SECOND, 31.379878202398)])
def test_figures_are_those_of_the_package_bjontegaard(a, b, expected):
    """Its PCHIP gives what the spreadsheet of JVET-T2010 gives."""
    assert bd_rate(a, b).percent == pytest.approx(expected, abs=1e-3)
    assert bd_rate(a[::-1], b).percent == bd_rate(a, b).percent


def by_hand(a, b, low, high):
    """Over the qualities that the first has between two rates, by scipy."""
    a, b = (np.array(sorted(curve)) for curve in (a, b))
    of_a, of_b = (PchipInterpolator(curve[:, 1], np.log(curve[:, 0])) for curve in (a, b))
    q = np.linspace(max(a[0, 1], b[0, 1]), min(a[-1, 1], b[-1, 1]), 20001)
    q = q[(of_a(q) >= math.log(low)) & (of_a(q) <= math.log(high))]
    return 100 * (math.exp((of_b(q) - of_a(q)).mean()) - 1)


@pytest.mark.parametrize("rates", [(90, 200), (150, 600)])
def test_a_range_of_rates_is_that_of_the_reference(rates):
    found = bd_rate(FIRST, SECOND, rates=rates)
    assert found.percent == pytest.approx(by_hand(FIRST, SECOND, *rates), abs=0.01)
    assert found.covered == pytest.approx(1, abs=0.01)


def test_interpolation_is_that_of_scipy_on_uneven_points():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = (
            list(zip(np.exp(np.cumsum(rng.uniform(0.05, 1, 7))), 30 + np.cumsum(rng.uniform(0.1, 3, 7)), strict=True))
            for _ in range(2)
        )
        assert bd_rate(a, b).percent == pytest.approx(by_hand(a, b, 1e-9, 1e9), rel=2e-3, abs=1e-2)


def test_a_constant_saving_is_found_whatever_the_shape():
    half = [(rate / 2, quality) for rate, quality in FIRST]
    assert bd_rate(FIRST, half).percent == pytest.approx(-50)
    assert bd_rate(half, FIRST).percent == pytest.approx(100)
    assert bd_rate(FIRST, FIRST) == pytest.approx((0, 1))


def test_the_quality_at_a_rate_is_that_of_the_same_curve():
    points = np.array(FIRST[::-1])
    quality = np.linspace(*points[[0, -1], 1], 50)
    rates = np.exp(PchipInterpolator(points[:, 1], np.log(points[:, 0]))(quality))
    np.testing.assert_allclose(quality_at(FIRST, rates[1:-1]), quality[1:-1], atol=1e-3)
    assert np.isnan(quality_at(FIRST, np.array([80.0, 700.0]))).all()
    assert np.isnan(quality_at(FIRST[:1], rates)).all()


def test_what_has_no_points_is_said():
    part = bd_rate(FIRST, SECOND[2:], rates=(10, 1000))
    assert part.covered == pytest.approx(math.log(152 / 85.95) / math.log(100), abs=0.01)
    beyond = bd_rate(FIRST, [(1e4, 50.0), (2e4, 52.0)])
    assert math.isnan(beyond.percent)
    assert beyond.covered == 0
    for short in ([], [(1.0, 30.0)]):
        assert math.isnan(bd_rate(FIRST, short).percent)
        assert math.isnan(bd_rate(short, FIRST).percent)


def test_points_that_cost_more_and_are_no_better_do_not_count():
    assert bd_rate([*FIRST, (320.0, 36.0), (310.0, 37.18)], SECOND) == bd_rate(FIRST, SECOND)
