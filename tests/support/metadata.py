"""Pictures with every kind of metadata, and what other programs find in a picture; regrow reads nothing here."""

import hashlib
import io
import re
import struct
import zlib

import numpy as np
import pyvips
from PIL import Image, PngImagePlugin, TiffImagePlugin

from support.pictures import ICC

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
COMMENT = "a comment, with äöü".encode()
PROMPT = b"parameters\0a cat, Steps: 20, Sampler: Euler"
WORKFLOW = b"workflow\0\0" + zlib.compress(b'{"nodes": []}' * 50)
TIME = bytes((2024 >> 8, 2024 & 255, 5, 6, 7, 8, 9))
CAPTION = b"\x1c\x02\x78\x00\x09A caption\x1c\x02\x37\x00\x0820240506"
RESOURCES = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(CAPTION)) + CAPTION + b"\0" * (len(CAPTION) % 2)
P3 = (12, 13)
DPI = 300
EXTENSION_IN_JPEG = b"http://ns.adobe.com/xmp/extension/\0"


def packet(properties, name="dc", namespace="http://purl.org/dc/elements/1.1/"):
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""'
        f' xmlns:{name}="{namespace}" {properties}/></rdf:RDF></x:xmpmeta>'
    ).encode()


XMP = packet('dc:source="own"')
EXTENDED = packet(f'big:data="{"x" * 70000}"', "big", "http://example.com/big/")
DIGEST = hashlib.md5(EXTENDED).hexdigest().upper()
MAIN = packet(f'dc:source="own" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{DIGEST}"')


def exif():
    """Title, author, dates and a place."""
    block = Image.Exif()
    block[0x010E], block[0x0132], block[0x013B] = "a title", "2024:05:06 07:08:09", "somebody"
    block.get_ifd(0x8769).update({0x9003: "2024:05:06 07:08:09", 0x829A: 0.008})
    block.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0)})
    return block.tobytes().removeprefix(b"Exif\0\0")


def image(side=16):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8))


def saved(format, picture=None, **options):
    file = io.BytesIO()
    (picture or image()).save(file, format, **options)
    return file.getvalue()


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def extension(whole=EXTENDED, digest=DIGEST, size=40000):
    """The segments of an extended packet."""
    for at in range(0, len(whole), size):
        head = digest.encode() + struct.pack(">II", len(whole), at)
        yield segment(0xE1, EXTENSION_IN_JPEG + head + whole[at : at + size])


def jpeg(*segments, **options):
    """A JPEG with more segments behind its start."""
    data = saved("JPEG", quality=100, subsampling=0, **options)
    return data[:2] + b"".join(segments) + data[2:]


def gain_map():
    properties = 'hdrgm:Version="1.0" hdrgm:GainMapMax="2.0" hdrgm:HDRCapacityMax="2.0"'
    said = packet(properties, "hdrgm", "http://ns.adobe.com/hdr-gain-map/1.0/")
    return saved("JPEG", image(8).convert("L"), xmp=said)


def ultra_hdr(*segments, **options):
    """A JPEG with a gain map behind it, as the index (CIPA DC-007) in front says."""
    behind = gain_map()
    container = "http://ns.google.com/photos/1.0/container/"
    item = f"{container}item/"
    said = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""'
        f' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:C="{container}" xmlns:I="{item}"'
        ' hdrgm:Version="1.0"><C:Directory><rdf:Seq>'
        '<rdf:li rdf:parseType="Resource"><C:Item I:Semantic="Primary" I:Mime="image/jpeg"/></rdf:li>'
        f'<rdf:li rdf:parseType="Resource"><C:Item I:Semantic="GainMap" I:Mime="image/jpeg" I:Length="{len(behind)}"/>'
        "</rdf:li></rdf:Seq></C:Directory></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()
    head = jpeg(*segments, xmp=said, **options)
    full = len(head) + 4 + 4 + 82
    index = struct.pack("<4sIH", b"II*\0", 8, 3) + struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    index += struct.pack("<HHIIHHIII", 0xB001, 4, 1, 2, 0xB002, 7, 32, 50, 0)
    index += struct.pack("<IIIHH", 0x30000, full, 0, 0, 0)
    index += struct.pack("<IIIHH", 0, len(behind), full - 10, 0, 0)
    assert len(index) == 82
    return head[:2] + segment(0xE2, b"MPF\0" + index) + head[2:] + behind


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks, behind=(), **options):
    """A PNG with more chunks before its pixels, and behind them."""
    data = saved("PNG", **options)
    made = [b"".join(png_chunk(*chunk) for chunk in group) for group in (chunks, behind)]
    return data[:33] + made[0] + data[33:-12] + made[1] + data[-12:]


def avif_in(primaries, transfer, **options):
    data = saved("AVIF", quality=100, subsampling="4:4:4", **options)
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def with_xmp(data):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", data.decode())
    return info


def sources():
    """Files by a name, and the kinds of metadata that each has, as other programs find them."""
    iptc_text = f"\niptc\n{len(RESOURCES):8}\n{RESOURCES.hex()}\n".encode()
    texts = ((b"tEXt", PROMPT), (b"zTXt", WORKFLOW), (b"iTXt", b"Comment\0\0\0\0\0" + COMMENT))
    profile = (b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(iptc_text))
    codes = (b"cICP", bytes((*P3, 0, 1)))
    common = {"exif": b"Exif\0\0" + exif(), "icc_profile": ICC}
    return {
        "png": png(*texts, codes, profile, behind=[(b"tIME", TIME)], pnginfo=with_xmp(XMP), dpi=(DPI, DPI), **common),
        "jpeg": jpeg(
            *reversed(list(extension())), segment(0xED, b"Photoshop 3.0\0" + RESOURCES), segment(0xFE, COMMENT),
            xmp=MAIN, dpi=(DPI, DPI), **common,
        ),
        "ultra_hdr": ultra_hdr(**common),
        "webp": saved("WEBP", lossless=True, xmp=XMP, **common),
        "tiff": tiff(),
        "avif": avif_in(*P3, exif=exif(), xmp=XMP),
    }  # fmt: skip


def tiff():
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270], tags[306], tags[315] = "a title", "2024:05:06 07:08:09", "somebody"
    tags[700], tags[33723], tags[34377] = XMP, CAPTION, RESOURCES
    tags.tagtype.update({700: 1, 33723: 7, 34377: 7})
    inside = Image.Exif()
    inside.load(b"Exif\0\0" + exif())
    tags[0x8769] = dict(inside.get_ifd(0x8769))
    return saved("TIFF", tiffinfo=tags, icc_profile=ICC, dpi=(DPI, DPI))


def found(path):
    """What Pillow and libvips find beside the pixels of a file, by the rows of the table in the docs."""
    data = path.read_bytes()
    with Image.open(path) as picture:
        picture.load()
        info, format = picture.info, picture.format
        block = picture.getexif()
        dates = {tag: block[tag] for tag in (270, 306, 315) if tag in block}
        inside = block.get_ifd(0x8769)
        tags = {**dates, **{tag: inside[tag] for tag in (0x9003, 0x829A) if tag in inside}}
        xmp = info.get("xmp") or (picture.tag_v2.get(700) if format == "TIFF" else None)
        resolution = info.get("dpi") if info.get("jfif_unit") != 0 else None
        if format in ("WEBP", "AVIF"):
            resolution = (block[282], block[283]) if 282 in block else None
        if format == "TIFF" and picture.tag_v2.get(296) == 1:
            resolution = None
        resources = iptc_of(picture, info, format)
    joined = xmp is not None and EXTENDED.split(b"rdf:about")[1].split(b"/>")[0] in xmp
    return {
        "EXIF": tags or None,
        "ICC profile": info.get("icc_profile"),
        "XMP": xmp and re.findall(rb'dc:source="own"|hdrgm:Version="1.0"', xmp),
        "Extended XMP": extension_in(data) == EXTENDED or joined or None,
        "IPTC, Photoshop's resources": resources,
        "Comments": info.get("comment"),
        "PNG text, time, colours": {
            kind: part for kind, part in chunks_of(data) if kind in (b"tEXt", b"zTXt", b"iTXt", b"tIME") and ours(part)
        } or None,
        "CICP colours": cicp_of(data),
        "HDR gain map": gain_map_of(path, data),
        "Resolution": resolution and tuple(round(float(side)) for side in resolution),
    }  # fmt: skip


def ours(part):
    return part in (PROMPT, WORKFLOW, TIME, b"Comment\0\0\0\0\0" + COMMENT)


def chunks_of(data):
    if not data.startswith(b"\x89PNG"):
        return
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def extension_in(data):
    parts = {}
    for found_ in re.finditer(re.escape(EXTENSION_IN_JPEG), data):
        begin = found_.end() + 40
        (size,) = struct.unpack_from(">H", data, found_.start() - 2)
        (at,) = struct.unpack_from(">I", data, found_.end() + 36)
        parts[at] = data[begin : found_.start() - 2 + size]
    return b"".join(parts[at] for at in sorted(parts))


def iptc_of(picture, info, format):
    if format == "TIFF":
        return picture.tag_v2.get(33723)
    if format == "PNG":
        text = info.get("Raw profile type iptc")
        return bytes.fromhex("".join(text.split("\n")[3:]))[12 : 12 + len(CAPTION)] if text else None
    return info.get("photoshop", {}).get(1028)


def cicp_of(data):
    if b"nclx" in data:
        at = data.index(b"nclx") + 4
        return struct.unpack_from(">HH", data, at)
    return next((tuple(part[:2]) for kind, part in chunks_of(data) if kind == b"cICP"), None)


def gain_map_of(path, data):
    if not data.startswith(b"\xff\xd8"):
        return None
    picture = pyvips.Image.new_from_file(str(path))
    return picture.get("gainmap-data") if picture.get_typeof("gainmap-data") else None
