"""XMP packets: find two properties in them, put them in, and leave every other byte as it is (ISO 16684-1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr, unescape

AIGC_SPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
IPTC_SPACE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
AIGC, SOURCE_TYPE = "AIGC", "DigitalSourceType"
_SPACES = {AIGC: AIGC_SPACE, SOURCE_TYPE: IPTC_SPACE}
_PREFIXES = {AIGC: "TC260", SOURCE_TYPE: "Iptc4xmpExt"}
MAX_BYTES = 16 << 20
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    f'<rdf:RDF xmlns:rdf="{_RDF}">\n'
    "</rdf:RDF>\n</x:xmpmeta>\n"
    '<?xpacket end="w"?>'
)


class BrokenXmpError(ValueError):
    """A packet that is not well-formed, too long, or brings a document type of its own."""


def properties(packet: bytes, name: str) -> list[str]:
    """Every value that ``packet`` gives the property ``name`` (AIGC or DigitalSourceType). Raises BrokenXmpError."""
    root, found = _parsed(packet), []
    wanted = f"{{{_SPACES[name]}}}{name}"
    for element in root.iter():
        if element.tag == f"{{{_RDF}}}Description" and wanted in element.attrib:
            found.append(element.attrib[wanted])
        if element.tag == wanted:
            found.append(element.get(f"{{{_RDF}}}resource") or "".join(element.itertext()).strip())
    return found


# Words in XMP, whatever their namespace, that may name a tool or hold its settings.
_WORDS = frozenset(
    ("CreatorTool", "Credit", "UserComment", "description", "Description", "title", "Software", "parameters", "prompt")
)


def words(packet: bytes) -> list[tuple[str, str]]:
    """Name and value of the properties that may name a tool. Raises BrokenXmpError."""
    found: list[tuple[str, str]] = []
    for element in _parsed(packet).iter():
        local = element.tag.rsplit("}", 1)[-1]
        if local in _WORDS and (text := "".join(element.itertext()).strip()):
            found.append((f"xmp:{local}", text))
        pairs = ((key.rsplit("}", 1)[-1], value) for key, value in element.attrib.items())
        found += [(f"xmp:{key}", value) for key, value in pairs if key in _WORDS]
    return found


def loosely(packet: bytes, name: str) -> list[str]:
    """As :func:`properties`, of a packet that is no XML, such as one that was cut: what looks like the property."""
    text = unescape(packet[:MAX_BYTES].decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})
    if name == AIGC:
        found = re.findall(r"[:<\s]AIGC(?:=[\"']|>)\s*(\{[^<{}]{0,4000}\})", text)
    else:
        found = re.findall(rf"{name}(?:\s*=\s*[\"']|[^<>]*resource=[\"']|>)\s*([^\"'<]{{1,200}})", text)
    return [each.strip() for each in found]


def with_properties(packet: bytes | None, values: dict[str, str]) -> bytes:
    """``packet``, or a new one, in which each property of ``values`` stands exactly once. Raises BrokenXmpError."""
    text = _EMPTY if packet is None else without_properties(packet, values).decode("utf-8")
    root = _parsed(text.encode("utf-8"))
    start, rdf = max(((text.rfind(f"</{prefix}:RDF"), prefix) for prefix in _prefixes(text, _RDF)), default=(-1, ""))
    if start < 0:
        raise BrokenXmpError("the packet has no rdf:RDF")
    about = next((a for each in root.iter(f"{{{_RDF}}}Description") if (a := each.get(f"{{{_RDF}}}about"))), "")
    spaces = " ".join(f'xmlns:{_PREFIXES[name]}="{_SPACES[name]}"' for name in values)
    inner = "".join(f"<{_PREFIXES[n]}:{n}>{escape(v)}</{_PREFIXES[n]}:{n}>\n" for n, v in values.items())
    added = f"<{rdf}:Description {rdf}:about={quoteattr(about)} {spaces}>\n{inner}</{rdf}:Description>\n"
    merged = (text[:start] + added + text[start:]).encode("utf-8")
    for name, value in values.items():
        if properties(merged, name) != [value]:
            raise BrokenXmpError("the packet gives the property in a way that cannot be replaced")
    return merged


def without_properties(packet: bytes, names: dict[str, str]) -> bytes:
    """``packet`` less these properties, as elements and as attributes, and nothing else. Raises BrokenXmpError."""
    _parsed(packet)
    try:
        text = packet.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenXmpError(str(error)) from None
    for name in names:
        for prefix in _prefixes(text, _SPACES[name]):
            tag = re.escape(f"{prefix}:{name}")
            text = re.sub(rf"<{tag}(?:\s[^<>]*)?/>\s*", "", text)
            text = re.sub(rf"<{tag}(?:\s[^<>]*)?>.*?</{tag}\s*>\s*", "", text, flags=re.DOTALL)
            text = re.sub(rf"\s{tag}\s*=\s*(?:\"[^\"<]*\"|'[^'<]*')", "", text)
    for prefix in _prefixes(text, _RDF):  # what was written here and is empty now
        given = rf"(?:\s+(?:xmlns:[\w.-]+|{re.escape(prefix)}:about)=\"[^\"<]*\")*"
        shell = re.escape(f"{prefix}:Description")
        text = re.sub(rf"<{shell}{given}>\s*</{shell}>\n?", "", text)
    return text.encode("utf-8")


def _prefixes(text: str, space: str) -> Iterator[str]:
    yield from dict.fromkeys(re.findall(rf"xmlns:([\w.-]+)\s*=\s*[\"']{re.escape(space)}[\"']", text))


def _parsed(packet: bytes) -> ElementTree.Element:
    if len(packet) > MAX_BYTES:
        raise BrokenXmpError("the packet is too long")
    if b"<!" in re.sub(rb"<!--.*?-->|<!\[CDATA\[", b"", packet, flags=re.DOTALL):
        raise BrokenXmpError("the packet brings a document type")  # entities could grow without bound
    try:
        return ElementTree.fromstring(packet.strip(b"\0 \t\r\n"))  # noqa: S314 - no document type gets here
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise BrokenXmpError(str(error)) from None
