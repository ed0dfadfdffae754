"""Graphs give what nets give, at any size, and say how they may be cut into tiles."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.sides import Application, Side, fulls_for, smalls_for
from regrow.zoo import export, graph

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

SMALL = {"channels": 8, "blocks": 1}
LEVEL = 1 / 255
"""By how much a graph may differ from the net at most; in float32 it is much less."""


def exported_to(out, architecture, *, half="", application=0, precision="fp32", **settings):
    """Export a small net with random weights; gives the session, the metadata's facts and the net."""
    folder, path = out / "net", out / "net.onnx"
    options = {"half": half, "application": application, "precision": precision}
    model = zoo.build({"architecture": architecture, **settings})
    for weights in model.parameters():
        if not weights.any():  # what starts at zero would hide errors
            torch.nn.init.normal_(weights, std=0.02)
    zoo.save(model, folder)
    facts = export.export(str(folder), path, **options)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    written = session.get_modelmeta().custom_metadata_map
    said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in facts.items()}
    assert written == {f"regrow.{key}": value for key, value in said.items()}
    return session, facts, zoo.load(str(folder)).eval()


@pytest.fixture
def exported(tmp_path):
    """`exported_to` a folder of the test."""
    return partial(exported_to, tmp_path)


@pytest.fixture(scope="module")
def any_scale(tmp_path_factory):
    """The same of pairs for any scale, a half of each of both kinds."""
    kinds = {"shrink": False, "grow": True}
    return {
        half: exported_to(tmp_path_factory.mktemp(half), "any-scale", hidden=8, relative=relative, **SMALL, half=half)
        for half, relative in kinds.items()
    }


def agrees(session, net, inputs, worst=1e-5):
    """The graph's result, which is that of the net."""
    with torch.no_grad():
        expected = net(*inputs.values()).numpy()
    (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=worst)
    return found


def pictures(channels, multiple, sizes=((1, 1), (7, 10), (13, 5))):
    """Of batches of 1 and more, with sides that are multiples."""
    for batch, (h, w) in enumerate(sizes, 1):
        yield torch.rand(batch, channels, h * multiple[0], w * multiple[1])


RESCALERS = {
    "x4, two pairs": {"architecture": "tad", "scale": 4, "pairs": 2, **SMALL},
    "4x1, shuffled features": {"architecture": "tad", "height": 1, "scale": 4, "subpixel_features": True, **SMALL},
    "colour in grey, at half the resolution": {"architecture": "tad", "unshuffle": 2, "small_colors": 1, **SMALL},
    "frames": {"architecture": "video-tad", "mix_every": 1, "frames": 3, **SMALL},
    "invertible": {"architecture": "irn", "blocks": 1},
}


@pytest.mark.parametrize("half", graph.HALVES)
@pytest.mark.parametrize("name", RESCALERS)
def test_halves_of_a_rescaler(exported, name, half):
    session, facts, model = exported(**RESCALERS[name], half=half)
    assert facts["half"] == half
    channels = facts["channels"][0] * facts["frames"]
    for x in pictures(channels, facts["multiple"]):
        result = agrees(session, getattr(model, half), {"picture": x})
        scaled = tuple(round(n * by) for n, by in zip(x.shape[2:], facts["scale"], strict=True))
        assert result.shape == (len(x), facts["channels"][1] * facts["frames"], *scaled)
    assert_tiles_agree(session, facts)


def assert_tiles_agree(session, facts, more=None):
    """Tiles that overlap by the halo agree with the whole, down and across; with less, they do not."""
    for axis in (0, 1):
        (cell, halo), other = (facts[name][axis] for name in ("grid", "halo")), facts["multiple"][1 - axis]
        assert halo % cell == cell % facts["multiple"][axis] == 0
        size = (2 * halo + 8 * cell, 3 * other)[:: 1 if axis == 0 else -1]
        channels = facts["channels"][0] * facts["frames"]
        x = np.random.default_rng(0).random((1, channels, *size), np.float32)
        (whole,) = session.run(None, {"picture": x, **(more or {})})
        cut = halo + 4 * cell
        at = round(cut * facts["scale"][axis])
        found = {}
        for margin in (halo, 0):
            tile = np.ascontiguousarray(np.take(x, range(cut - margin, size[axis]), 2 + axis))
            (tile,) = session.run(None, {"picture": tile, **(more or {})})
            kept = [np.moveaxis(y, 2 + axis, 0) for y in (tile, whole)]
            found[margin] = np.abs(kept[0][round(margin * facts["scale"][axis]) :] - kept[1][at:]).max()
        assert found[halo] < 1e-5
        assert found[0] > 1e-4


def test_one_application_of_several(exported):
    session, facts, model = exported(**RESCALERS["x4, two pairs"], half="grow", application=2)
    agrees(session, lambda x: model.grow_once(x, 1), {"picture": torch.rand(1, 3, 6, 10)})
    assert facts["scale"] == [2, 2]


@pytest.mark.parametrize("half", graph.HALVES)
def test_any_scale_whole_and_in_parts(any_scale, half):
    session, facts, model = any_scale[half]
    cases = [
        ((30, 27), (20, 18), ((0, 20), (0, 18))),
        ((61, 90), (44, 47), ((11, 30), (3, 40))),
        ((50, 40), (25, 20), ((0, 25), (5, 20))),
        ((3, 1), (2, 1), ((0, 2), (0, 1))),
    ]
    for full, small, smalls in cases:
        sides = [Side(n, m, fulls_for(n, m, part), part) for n, m, part in zip(full, small, smalls, strict=True)]
        if half == "grow":
            sides = [Side(s.full, s.small, s.fulls, smalls_for(s.full, s.small, s.fulls)) for s in sides]
        seen, made = ([s.fulls for s in sides], [s.smalls for s in sides])[:: 1 if half == "shrink" else -1]
        before, after = (full, small)[:: 1 if half == "shrink" else -1]
        once, application = getattr(model, f"{half}_once"), Application((sides[0], sides[1]), last=True)
        inputs = {
            "picture": torch.rand(2, 3, *(last - first for first, last in seen)),
            "rows": torch.arange(*made[0]),
            "columns": torch.arange(*made[1]),
            "first": torch.tensor([first for first, _ in seen]),
            "before": torch.tensor(before),
            "after": torch.tensor(after),
        }
        agrees(session, lambda x, *_, o=once, a=application: o(x, a), inputs)
    assert facts["most"] == 2


@pytest.mark.parametrize(
    "settings",
    [{"architecture": "plain", "scale": 3, "channels": 8, "layers": 2, "context": 1},
     {"architecture": "vdsr", "channels": 8, "layers": 3}],
)  # fmt: skip
def test_restorers(exported, settings):
    session, facts, model = exported(**settings)
    assert facts["multiple"] == [1, 1]  # any size, whatever the grid of tiles
    for x in pictures(3, (1, 1)):
        agrees(session, model, {"picture": x})
    assert_tiles_agree(session, facts)


@pytest.mark.parametrize(
    "settings",
    [{"architecture": "codec", "scale": 1.5, "channels": 8, "blocks": 2, "deep_blocks": 1, "deep_channels": 8},
     {"architecture": "codec-shrinker", **SMALL}],
)  # fmt: skip
def test_nets_that_are_told_of_a_file(exported, settings):
    session, facts, model = exported(**settings)
    for x in pictures(3, facts["multiple"], ((1, 1), (22, 37))):
        agrees(session, model, {"picture": x, "facts": torch.rand(len(x), facts["facts"])})
        agrees(session, lambda x, _: model(x), {"picture": x, "facts": torch.zeros(len(x), facts["facts"])})
    assert_tiles_agree(session, facts, {"facts": np.full((1, facts["facts"]), 0.5, np.float32)})


def test_colorizers(exported):
    session, facts, model = exported("regression", width=2)
    for x in pictures(1, facts["multiple"]):
        agrees(session, model, {"lightness": 100 * x}, worst=1e-3)


def test_half_precision_is_computed_where_it_is_said_to_be(exported, tmp_path):
    """By ONNX's own slow interpreter, as the runtime may compute in float32 what it has no faster code for."""
    from onnx.reference import ReferenceEvaluator

    exported("tad", half="grow", **SMALL)
    single = (tmp_path / "net.onnx").stat().st_size
    _, facts, model = exported("tad", half="grow", precision="fp16", **SMALL)
    assert facts["precision"] == "fp16"
    written = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(written, full_check=True)
    assert [output.name for output in written.graph.output] == ["result"]
    halves = [tensor for tensor in written.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT16]
    assert len(halves) == 2 * (2 + 1)  # weights and biases of all but the head
    assert single - (tmp_path / "net.onnx").stat().st_size > sum(np.prod(t.dims) for t in halves)
    x = torch.rand(1, 3, 6, 5)
    (found,) = ReferenceEvaluator(written).run(None, {"picture": x.numpy()})
    with torch.no_grad():
        expected = model.grow(x).numpy()
    assert 0 < np.abs(found - expected).max() < LEVEL


def test_half_precision_of_a_net_that_ends_in_a_convolution(exported, tmp_path):
    session, _, model = exported("dbpn", channels=4, features=8, stages=1, precision="fp16")
    agrees(session, model, {"picture": torch.rand(1, 3, 5, 6)}, worst=LEVEL)
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)


def test_the_code_of_the_docs(any_scale, monkeypatch):
    """Tiles by the code of docs/onnx.md are the whole picture."""
    text = (Path(__file__).parents[2] / "docs" / "onnx.md").read_text(encoding="utf-8")
    code = [block.split("```")[0] for block in text.split("```python\n")[2:]]
    (shrinking, facts, _), (growing, *_) = (any_scale[half] for half in graph.HALVES)
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda _: shrinking)
    names = {}
    exec("\n".join(code).replace("HALO = 44", f"HALO = {facts['halo'][0]}"), names)
    whole = names["whole"]
    assert whole.shape == (1, 3, 214, 321)
    for top, bottom in ((0, 50), (50, 51), (51, 160), (160, 214)):
        np.testing.assert_allclose(names["shrunk"](top, bottom), whole[:, :, top:bottom], atol=1e-5)
    names |= {"session": growing, "small": whole}
    grown = names["run"](whole, (0, 0), np.arange(321), np.arange(481), (214, 321), (321, 481))
    for top, bottom in ((0, 50), (50, 51), (51, 300), (300, 321)):
        np.testing.assert_allclose(names["grown"](top, bottom), grown[:, :, top:bottom], atol=1e-5)


def test_what_onnx_lacks_is_said_in_a_line(tmp_path):
    zoo.save(zoo.build({"architecture": "smfanet", "blocks": 1}), tmp_path / "net")
    with pytest.raises(RegrowError, match=r"net: cannot be exported: ONNX lacks aten\.adaptive_max_pool2d$"):
        export.export(str(tmp_path / "net"), tmp_path / "no.onnx")


def test_what_there_is_no_graph_of(tmp_path):
    for name, options, words in (
        ("tad-x2", {}, "tad-x2: both shrinks and grows; say which half: shrink or grow"),
        ("tad-x2", {"half": "middle"}, "say which half"),
        ("tad-x2", {"half": "grow", "application": 2}, "has 1 applications, and no application 2"),
        ("tad-any-x4", {"half": "grow"}, "has nets of its own for each of 2 applications; say which"),
        ("tad-any", {"half": "grow", "application": 2}, "has 1 applications, and no application 2"),
        ("plain-x2", {"half": "grow"}, "plain-x2: has no halves; leave 'grow' out"),
        ("plain-x2", {"application": 1}, "plain-x2: is applied once"),
        ("plain-x2", {"precision": "fp8"}, "precision 'fp8' is not known; known are fp32, fp16"),
    ):
        with pytest.raises(UsageError, match=words):
            export.export(name, tmp_path / "no.onnx", **options)
    assert not list(tmp_path.iterdir())


def test_in_the_shell(regrow, tmp_path, tiny_folder):
    out = tmp_path / "tiny.onnx"
    done = regrow("export", tiny_folder, "-o", out, "--half", "grow", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["scale"] == [2, 2]
    again = regrow("export", tiny_folder, "-o", out, "--half", "grow")
    assert (again.code, again.err) == (1, f"regrow: {out}: exists; --force overwrites it\n")
    forced = regrow("export", tiny_folder, "-o", out, "--half", "shrink", "--force")
    assert "scale         0.5 0.5" in forced.out.splitlines()
    for other in ("-", tmp_path):
        wrong = regrow("export", tiny_folder, "-o", other, "--half", "grow", "--force")
        assert (wrong.code, wrong.err.split(";")[0]) == (2, f"regrow: {other}: a graph is written to a file")
    none = regrow("export", tiny_folder, "-o", tmp_path / "none.onnx")
    assert (none.code, "say which half" in none.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.onnx"]
