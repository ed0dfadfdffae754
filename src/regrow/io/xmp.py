"""XMP packets: read the properties of one namespace, and add or remove them without touching another byte."""

import re
from xml.parsers import expat

from regrow.io.formats import METADATA_LIMIT

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NOTE = "http://ns.adobe.com/xmp/note/"
"""Namespace of `HasExtendedXMP`, by which a main packet in JPEG names the packet that extends it."""
_HEAD = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="regrow"><rdf:RDF xmlns:rdf="' + RDF.encode() + b'">'
)
_TAIL = b'</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'


def mentions(packet: bytes, namespace: str) -> bool:
    """Whether a namespace's name is found in the packet, in UTF-8 or UTF-16."""
    return any(namespace.encode(code) in packet for code in ("utf-8", "utf-16-le", "utf-16-be"))


class _Reader:
    """Parses a packet with expat. Document types, and so entities, are refused here, because expat refuses nothing.

    Collects the properties of `namespace` that are attributes or plain-text children of an rdf:Description, and where
    in the packet the elements lie.
    """

    def __init__(self, packet: bytes, namespace: str) -> None:
        self._namespace = namespace + " "
        self.properties: dict[str, str] = {}
        self.about: str | None = None
        self.prefixes: set[str] = set()
        self.rdf_ends: list[int] = []
        self.descriptions: list[int] = []
        self.elements: list[tuple[int, int]] = []
        self._path: list[str] = []
        self._begun = 0
        self._text: list[str] | None = None
        utf16 = packet[:2] in (b"\xff\xfe", b"\xfe\xff")
        parser = self._parser = expat.ParserCreate("utf-16" if utf16 else "utf-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartDoctypeDeclHandler = self._refuse
        try:
            parser.Parse(packet if utf16 else packet.rstrip(b"\x00"), True)
        except (expat.ExpatError, UnicodeError) as error:
            raise ValueError(f"its XMP is not well-formed: {error}") from error

    def _refuse(self, *_: object) -> None:
        raise ValueError("its XMP has a document type declaration")

    def _declare(self, prefix: str | None, uri: str) -> None:
        if uri + " " == self._namespace:
            self.prefixes.add(prefix or "")

    def _add(self, name: str, value: str) -> None:
        if name in self.properties:
            raise ValueError(f"{name} is said twice")
        self.properties[name] = value

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._text is not None:
            raise ValueError("a value has markup in it")
        at = self._parser.CurrentByteIndex
        if name == RDF + " Description" and self._path[-1:] == [RDF + " RDF"]:
            self.descriptions.append(at)
            self.about = attributes.get(RDF + " about", self.about)
            for key, value in attributes.items():
                if key.startswith(self._namespace):
                    self._add(key.removeprefix(self._namespace), value)
        elif name.startswith(self._namespace) and self._path[-2:] == [RDF + " RDF", RDF + " Description"]:
            self._begun, self._text = at, []
        self._path.append(name)

    def _data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _end(self, name: str) -> None:
        self._path.pop()
        at = self._parser.CurrentByteIndex
        if self._text is not None:
            self._add(name.removeprefix(self._namespace), "".join(self._text).strip())
            self.elements.append((self._begun, at))
            self._text = None
        elif name == RDF + " RDF":
            self.rdf_ends.append(at)


def read(packet: bytes, namespace: str) -> dict[str, str]:
    """The properties of one namespace, as attributes or as elements, by their names without the prefix.

    Raises ValueError when the packet is not well-formed, is larger than 16 MiB, has a document type, states a property
    twice, or has markup inside one.
    """
    if len(packet) > METADATA_LIMIT:
        raise ValueError(f"its XMP has {len(packet)} bytes")
    return _Reader(packet, namespace).properties


def new_packet(namespace: str, prefix: str, properties: dict[str, str]) -> bytes:
    """A packet with these properties only. Values must contain neither markup nor quotes."""
    return _HEAD + _description("rdf", "", namespace, prefix, properties) + _TAIL


def _description(rdf: str, about: str, namespace: str, prefix: str, properties: dict[str, str]) -> bytes:
    said = "".join(f' {prefix}:{key}="{value}"' for key, value in properties.items())
    return f'<{rdf}:Description {rdf}:about="{about}" xmlns:{prefix}="{namespace}"{said}/>'.encode()


def splice(packet: bytes, namespace: str, prefix: str, properties: dict[str, str]) -> bytes | None:
    """The packet with one more rdf:Description; None when the packet cannot be added to."""
    try:
        found = _Reader(packet, namespace)
    except ValueError:
        return None
    end = found.rdf_ends[0] if len(found.rdf_ends) == 1 else 0
    closing = re.match(rb"</([A-Za-z_][\w.-]*):RDF\s*>", packet[end : end + 100])
    about = found.about or ""
    if not closing or re.search(r"[\"<&\s]", about) or len(about) > 1000:
        return None
    added = _description(closing[1].decode(), about, namespace, prefix, properties)
    return packet[:end] + added + packet[end:]


def unsplice(packet: bytes, namespace: str, prefix: str) -> bytes | None:
    """Undo `splice` or `new_packet`: exactly if the packet was not rewritten since, else approximately.

    None when nothing of the packet is left, or the namespace's properties cannot be separated from the rest.
    """
    ours = rb'<([\w.-]+):Description \1:about="[^"<>]*" xmlns:%s="%s"( %s:\w+="[^"<>]*")*/>'
    names = (prefix.encode(), re.escape(namespace.encode()), prefix.encode())
    own, times = re.subn(ours % names, b"", packet)
    if times != 1:
        own = _without(packet, namespace)
        read(own, namespace)
    if own == _HEAD + _TAIL or mentions(own, namespace):
        return None
    return own


def _without(packet: bytes, namespace: str) -> bytes:
    """The packet without the namespace's elements, attributes and declarations, wherever another program put them."""
    found = _Reader(packet, namespace)
    kept, at = [], 0
    for begun, end in found.elements:
        kept.append(packet[at:begun])
        at = packet.index(b">", end) + 1
    packet = b"".join([*kept, packet[at:]])
    # One prefix is what any program uses; thousands would be an attempt to keep us busy.
    for name in sorted(found.prefixes)[:4]:
        packet = re.sub(rb"""\s%s:\w+\s*=\s*("[^"]*"|'[^']*')""" % re.escape(name.encode()), b"", packet)
    return re.sub(rb"\sxmlns(:[\w.-]+)?\s*=\s*[\"']%s[\"']" % re.escape(namespace.encode()), b"", packet)


def extension_of(packet: bytes) -> str | None:
    """The digest, 32 hexadecimal digits, of the packet that extends this one in a JPEG; None where none does."""
    if not mentions(packet, NOTE):
        return None
    try:
        return read(packet, NOTE).get("HasExtendedXMP")
    except ValueError:
        return None


def announcing(digest: str) -> bytes:
    """A main packet that says nothing but which packet extends it."""
    return new_packet(NOTE, "xmpNote", {"HasExtendedXMP": digest})


def joined(packet: bytes, extended: bytes) -> bytes | None:
    """One packet with the properties of both; None where they cannot be joined without parsing and rewriting them."""
    begin = re.search(rb"<([A-Za-z_][\w.-]*):RDF(?:\s[^<>]*)?>", extended)
    outer = re.search(rb"</([A-Za-z_][\w.-]*):RDF\s*>", packet)
    if not begin or not outer or begin[1] != outer[1]:
        return None
    inner = extended[begin.end() : extended.rfind(b"</" + begin[1] + b":RDF")]
    # What is declared around the properties does not come along.
    if re.search(rb"\sxmlns(?!:x\b|:%s\b)" % re.escape(begin[1]), extended[: begin.end()]):
        return None
    try:
        main = _without(packet, NOTE)
        at = main.rindex(outer[0])
        whole = main[:at] + inner + main[at:]
        about = {_Reader(part, NOTE).about or "" for part in (packet, extended)}
        _Reader(whole, NOTE)
    except ValueError:
        return None
    return whole if len(about) == 1 and len(whole) <= METADATA_LIMIT else None


def as_utf8(packet: bytes) -> bytes | None:
    """A packet in UTF-8, without zeros behind it, whichever of the encodings of XMP it has; None where it has none."""
    begins = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"<\0\0\0", "utf-32-le"),
              (b"\0\0\0<", "utf-32-be"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"),
              (b"\0<", "utf-16-be"))  # fmt: skip
    code = next((code for begin, code in begins if packet.startswith(begin)), None)
    if code:
        unit = int(code[4:6]) // 8
        try:
            packet = packet[: len(packet) // unit * unit].decode(code).rstrip("\0").encode()
        except UnicodeError:
            return None
    packet = packet.rstrip(b"\0")
    return None if b"\0" in packet or not packet else packet
