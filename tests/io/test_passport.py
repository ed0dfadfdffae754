import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrow.io.formats import FORMATS, get_format
from regrow.io.passport import NAMESPACE, SCALES, Passport, PassportError, strip
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter
from regrow.size import small_size

PASSPORT = Passport(
    model="tad-x2",
    digest="0123456789abcdef" * 4,
    scale=2,
    width=57,
    height=31,
    small_width=29,
    small_height=16,
    depth=8,
    colours=3,
    alpha=False,
)
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
OWN = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\r\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<r:RDF xmlns:r="{RDF}">\n  <r:Description r:about="uuid:7" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:title>Grüße &amp; more</dc:title></r:Description>\n </r:RDF  ></x:xmpmeta>"
    + " " * 2000
    + '<?xpacket end="w"?>'
).encode()


def shrunk(*, scale, width, height, **rest):
    small = small_size((width, height), (scale, scale))
    return Passport(scale=scale, width=width, height=height, small_width=small.width, small_height=small.height, **rest)


passports = st.builds(
    shrunk,
    model=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True),
    digest=st.from_regex(r"[0-9a-f]{64}|[0-9a-f]{8}", fullmatch=True),
    scale=st.sampled_from(SCALES),
    width=st.integers(1, 10**6),
    height=st.integers(1, 10**6),
    depth=st.sampled_from((8, 16)),
    colours=st.sampled_from((1, 3)),
    alpha=st.booleans(),
    quality=st.none() | st.integers(1, 100),
    passport=st.none() | st.binary(min_size=1),
    exif=st.none() | st.binary(min_size=1),
    icc=st.none() | st.binary(min_size=1),
)


@settings(max_examples=60, deadline=None)
@given(passports)
def test_what_is_written_is_read(passport):
    packet = passport.to_xmp(None)
    assert Passport.from_xmp(packet) == passport
    assert strip(packet) is None
    packet = passport.to_xmp(OWN)
    assert Passport.from_xmp(packet) == passport
    assert strip(packet) == OWN
    again = PASSPORT.to_xmp(packet)
    assert Passport.from_xmp(again) == PASSPORT
    assert strip(again) == packet


def test_the_own_packet_stays_readable_in_place():
    packet = PASSPORT.to_xmp(OWN)
    at = OWN.index(b"</r:RDF")
    assert packet.startswith(OWN[:at])
    assert packet.endswith(OWN[at:])
    assert b'<r:Description r:about="uuid:7" xmlns:regrow=' in packet


@pytest.mark.parametrize(
    "own",
    [
        b"junk",
        b"\0\1\2",
        b"<a/>",
        OWN[:-100],
        OWN.decode().encode("utf-16"),
        b"<!DOCTYPE a>" + OWN.replace(b"<?xpacket", b"<?other"),
        f'<r:RDF xmlns:r="{RDF}"/>'.encode(),
        f'<a><r:RDF xmlns:r="{RDF}"></r:RDF><r:RDF xmlns:r="{RDF}"></r:RDF></a>'.encode(),
        f"<a>{NAMESPACE}</a>".encode(),
    ],
)
def test_a_packet_that_cannot_be_added_to_travels_inside(own):
    packet = PASSPORT.to_xmp(own)
    assert Passport.from_xmp(packet) == PASSPORT
    assert strip(packet) == own


def test_no_passport():
    assert Passport.from_xmp(OWN) is None
    assert strip(OWN) == OWN
    assert Passport.from_xmp(b"not even XML") is None


REWRITTEN = f"""<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x='adobe:ns:meta/' x:xmptk='Image::ExifTool 12.76'>
<rdf:RDF xmlns:rdf='{RDF}'>
 <rdf:Description rdf:about=''
  xmlns:dc='http://purl.org/dc/elements/1.1/'>
  <dc:title>Kept</dc:title>
 </rdf:Description>
 <rdf:Description rdf:about=''
  xmlns:r='{NAMESPACE}' r:scale='2'>
  <r:alpha>False</r:alpha>
  <r:colours>3</r:colours>
  <r:depth>8</r:depth>
  <r:digest>
     {PASSPORT.digest}
  </r:digest>
  <r:height>31</r:height>
  <r:small_height>16</r:small_height>
  <r:small_width>29</r:small_width>
  <r:model>tad-x2</r:model>
  <r:version>1</r:version>
  <r:width>57</r:width>
  <r:later>an addition of a later minor version</r:later>
 </rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end='w'?>"""


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_packet_that_another_program_rewrote(code):
    bom = "\ufeff" if code == "utf-16-le" else ""
    assert Passport.from_xmp((bom + REWRITTEN).encode(code)) == PASSPORT
    own = strip((bom + REWRITTEN).encode(code))
    if code.startswith("utf-8"):
        assert own is not None
        assert Passport.from_xmp(own) is None
        assert b"<dc:title>Kept</dc:title>" in own
        assert b"tad" not in own
    else:
        assert own is None


GOOD = PASSPORT.to_xmp(None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((b'version="1"', b'version="3"'), r"newer regrow \(passport version 3\); update regrow"),
        ((b'version="1"', b'version="0"'), "damaged"),
        ((b'version="1"', b'version="1.5"'), "damaged"),
        ((b'regrow:version="1"', b""), "version is missing"),
        ((b'regrow:model="tad-x2"', b""), "model is missing"),
        ((b'"tad-x2"', b'"../../weights"'), "model"),
        ((b'"tad-x2"', b'"' + b"a" * 65 + b'"'), "model"),
        ((b'="0123', b'="0123ABCD'), "digest"),
        ((b"0123456789abcdef" * 4, b"01234567"), "digest"),  # version 1 has no short ones
        ((b'scale="2"', b'scale="3"'), "scale"),
        ((b'scale="2"', b'scale="1.5"'), "scale: '1.5'"),
        ((b'version="1"', b'version="2" regrow:quality="101"'), "quality"),
        ((b'version="1"', b'version="2" regrow:alpha_model="tad-x2"'), "alpha"),
        ((b'"False"', b'"True" regrow:alpha_model="tad-x2"'), "alpha_digest"),
        ((b'scale="2"', b'scale="256"'), "scale"),
        ((b'small_width="29"', b'small_width="58"'), "small_width"),
        ((b'small_height="16"', b'small_height="0"'), "damaged"),
        ((b'scale="2"', b'scale="64"'), "small_width"),  # growing would make 32 times more than is wanted
        ((b'regrow:small_height="16"', b""), "small_height is missing"),
        ((b'regrow:small_width="29"', b""), "small_width is missing"),
        ((b'small_width="29"', b'small_width="-29"'), "damaged"),
        ((b'small_width="29"', b'small_width="29.0"'), "damaged"),
        ((b'small_height="16"', b'small_height="32"'), "small_height"),
        ((b'small_width="29"', b'small_width="1000001"'), "small_width"),
        ((b"/></rdf:RDF>", b' regrow:icc="*"/></rdf:RDF>'), "damaged"),
        ((b'"57"', b'"0"'), "damaged"),
        ((b'"57"', b'"-57"'), "damaged"),
        ((b'"57"', b'"1000001"'), "width"),
        ((b'"57"', '"\u0665\u0667"'.encode()), "damaged"),
        ((b'"57"', b'"5' + b"7" * 10000 + b'"'), "damaged"),
        ((b'depth="8"', b'depth="10"'), "depth"),
        ((b'colours="3"', b'colours="4"'), "colours"),
        ((b'"False"', b'"no"'), "True nor False"),
        ((b"/></rdf:RDF>", b' regrow:exif="*"/></rdf:RDF>'), "damaged"),
        ((b"/></rdf:RDF>", b"><regrow:width>57</regrow:width></rdf:Description></rdf:RDF>"), "twice"),
        ((b"/></rdf:RDF>", b"><regrow:x><b/></regrow:x></rdf:Description></rdf:RDF>"), "markup"),
        ((b"</x:xmpmeta>", b""), "not well-formed"),
        ((b"<x:xmpmeta", b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><x:xmpmeta'), "document type"),
    ],
)
def test_a_bad_passport_is_refused_in_one_line(change, says):
    packet = GOOD.replace(*change)
    assert packet != GOOD
    with pytest.raises(PassportError, match=says) as caught:
        Passport.from_xmp(packet, name="small.png")
    message = str(caught.value)
    assert message.startswith("small.png: ")
    assert "\n" not in message
    assert len(message) < 400


def test_the_version_is_the_oldest_that_says_all_of_it():
    """So older programs read what they can, and say of the rest that it is newer."""
    small = small_size((57, 31), (1.5, 1.5))
    newer = {"quality": 50}, {"digest": "01234567"}, {"scale": 1.5, "small_width": small[0], "small_height": small[1]}
    assert b'version="1"' in PASSPORT.to_xmp(None)
    for change in newer:
        passport = dataclasses.replace(PASSPORT, **change)
        packet = passport.to_xmp(OWN)
        assert passport.version == 2
        assert b'version="2"' in packet
        assert Passport.from_xmp(packet) == passport
    assert b'scale="1.5"' in packet


def test_a_field_of_version_2_says_nothing_in_version_1():
    assert Passport.from_xmp(GOOD.replace(b"/></rdf:RDF>", b' regrow:quality="50"/></rdf:RDF>')) == PASSPORT


def test_the_small_picture_must_have_the_size_it_had():
    PASSPORT.check_size(29, 16)
    for size in ((28, 15), (16, 29), (57, 31), (0, 0)):
        with pytest.raises(PassportError, match=f"{size[0]}x{size[1]} and its passport was written for 29x16"):
            PASSPORT.check_size(*size)


def test_a_wrong_passport_cannot_be_made():
    for wrong in ({"scale": 3}, {"width": 0}, {"model": "A"}, {"digest": "00"}, {"alpha": 1}, {"quality": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            dataclasses.replace(PASSPORT, **wrong)


def test_what_is_too_large_is_refused():
    with pytest.raises(PassportError, match="bytes"):
        PASSPORT.to_xmp(b"x" * 2**24)
    with pytest.raises(PassportError, match="bytes"):
        Passport.from_xmp(GOOD + b" " * 2**24)


@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.parametrize("own", [None, OWN])
def test_in_every_format(tmp_path, format, own):
    exif = None if get_format(format).exif_limit else b"MM\0*" + bytes(range(256))
    passport = dataclasses.replace(PASSPORT, exif=exif)
    path = tmp_path / f"small.{format}"
    with PictureWriter(path, width=29, height=16, colors=3, xmp=passport.to_xmp(own)) as writer:
        writer.write(np.zeros((16, 29, 3), np.uint8))
    picture = open_picture(path)
    assert picture.xmp is not None
    assert Passport.from_xmp(picture.xmp) == passport
    passport.check_size(picture.width, picture.height)
    assert strip(picture.xmp) == own


def _outcome(packet: bytes) -> None:
    with contextlib.suppress(PassportError):
        found = Passport.from_xmp(packet)
        assert found is None or isinstance(found, Passport)
    own = strip(packet)
    assert own is None or isinstance(own, bytes)
    carried = PASSPORT.to_xmp(packet)
    assert Passport.from_xmp(carried) == PASSPORT
    assert strip(carried) == (packet or None)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_hostile_packets(data):
    packet = bytearray(data.draw(st.sampled_from([GOOD, PASSPORT.to_xmp(OWN), REWRITTEN.encode(), OWN])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(packet)))
        size = data.draw(st.integers(0, 30))
        packet[at : at + size] = data.draw(
            st.binary(max_size=30) | st.sampled_from([b"<", b'"', b"\0", b"&lt;", b"/>"])
        )
    _outcome(bytes(packet))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | st.text(alphabet="<>/=\"' :rdfRDFegow&;x", max_size=300).map(str.encode))
def test_nonsense_packets(packet):
    _outcome(packet)
    _outcome(packet + NAMESPACE.encode())


def test_expensive_packets_end_soon():
    body = GOOD.split(b"<rdf:Description")[0]
    end = b"</rdf:RDF></x:xmpmeta>"
    for middle in (
        b"<a>" * 300_000,
        b" " * 10**6,
        b'<rdf:Description rdf:about="" xmlns:regrow="' * 20_000,
        b'<rdf:Description xmlns:r="%s">' % NAMESPACE.encode()
        + b"".join(b"<r:a%d/>" % i for i in range(20_000))
        + b"</rdf:Description>",
        b"".join(b'<a xmlns:p%d="%s"/>' % (i, NAMESPACE.encode()) for i in range(5_000)),
    ):
        _outcome(body + middle + end)


def test_the_example_of_the_specification():
    page = (Path(__file__).parents[2] / "docs" / "passport.md").read_text(encoding="utf-8")
    packet = page.split("```xml\n")[1].split("```")[0].encode()
    passport = Passport.from_xmp(packet)
    assert passport is not None
    passport.check_size(1500, 1000)
    for field in dataclasses.fields(Passport):
        assert f"`{field.name}`" in page


sides = st.integers(1, 10**6)
tenths = st.integers(10, 1280)


@settings(max_examples=200, deadline=None)
@given(width=sides, height=sides, pair=st.tuples(tenths, tenths))
def test_every_size_that_shrinking_makes_can_be_said(width, height, pair):
    """By models that shrink by 2 at a time, at every scale that one side does not exceed by more than 8 times."""
    across, down = pair
    across, down = max(across, -(-down // 8)), max(down, -(-across // 8))
    needed = max(across, down) / 10
    scale = next(n for n in SCALES if n >= needed)
    small = -(-width * 10 // across), -(-height * 10 // down)
    passport = dataclasses.replace(
        PASSPORT, scale=scale, width=width, height=height, small_width=small[0], small_height=small[1]
    )
    assert Passport.from_xmp(passport.to_xmp(OWN)) == passport
    passport.check_size(*small)


@pytest.mark.parametrize(
    ("scale", "small", "full", "held"),
    [
        (1, 57, 57, True),
        (1, 58, 57, False),
        (2, 57, 57, True),
        (16, 57, 57, True),
        (32, 29, 57, True),
        (32, 30, 57, False),
        (128, 1, 1, True),
        (128, 2, 16, True),
        (128, 2, 8, False),
        (128, 0, 57, False),
        (2, 28, 57, False),
        (2, 29, 57, True),
        (1, 56, 57, False),
        (64, 1, 65, False),
    ],
)
def test_a_small_side_is_no_larger_than_the_side_and_its_growth_bounded(scale, small, full, held):
    """All of its pixels, grown by the scale, reach the side that is wanted; all but one are less than 16 times that.

    Issue: a file of 964 bytes, of 32x24 pixels, said that it was 40000x40000 shrunk by 2, and was grown to that.
    """
    for side in ("width", "height"):
        others = {"width": scale, "height": scale, "small_width": 1, "small_height": 1}
        values = {"scale": scale, **others, side: full, f"small_{side}": small}
        if held:
            dataclasses.replace(PASSPORT, **values)
        else:
            with pytest.raises(ValueError, match=f"small_{side}"):
                dataclasses.replace(PASSPORT, **values)
