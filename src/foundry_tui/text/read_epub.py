"""EPUB 2 and 3: container, package, spine, navigation. The archive is distrusted: sizes, ratios, paths, entities."""

from __future__ import annotations

import html.entities
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lxml import etree

from foundry_tui.domain.languages import understood
from foundry_tui.errors import SourceUnreadable, UsageError
from foundry_tui.text.archive import Archive
from foundry_tui.text.decode import clean_source, decode, one_line
from foundry_tui.text.document import Block, BookDocument, NavPoint
from foundry_tui.text.metadata import SourceMetadata
from foundry_tui.text.read_html import blocks_of, parse_html

_CONTAINER = "META-INF/container.xml"
_DOCTYPE = re.compile(r"<!DOCTYPE(?:[^\[>]|\[[^\]]*\])*>", re.IGNORECASE)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_NAMES = {"amp", "lt", "gt", "quot", "apos"}
_PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"}
_FONT_ENCRYPTION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


@dataclass(frozen=True, slots=True)
class _Package:
    """What the package file says."""

    base: str
    root: Any
    manifest: Mapping[str, tuple[str, str, str]]  # id -> (path, media type, properties)
    spine: tuple[str, ...]  # paths in reading order


def read_epub(data: bytes) -> BookDocument:
    """The document of an EPUB; raises SourceUnreadable where it is broken, locked or dangerous."""
    archive = Archive(data)
    package = _package(archive)
    _refuse_locked(archive)
    blocks: list[Block] = []
    anchors: dict[str, int] = {}
    for number, path in enumerate(package.spine):
        if path == _nav_path(package) or not archive.holds(path):
            continue
        root = _page(archive, path)
        if root is None:
            continue
        anchors[path] = len(blocks)
        found, ids = blocks_of(root, first=len(blocks), prefix=path, file=number)
        blocks.extend(found)
        anchors.update(ids)
    if not blocks:
        raise SourceUnreadable("The EPUB holds no pages with text.")
    _resolve_links(blocks, package, anchors)
    return BookDocument(
        blocks=blocks,
        anchors=anchors,
        nav=tuple(_nav(archive, package, anchors)),
        language=_dublin(package.root, "language"),
        format="epub",
        encoding="utf-8",
    )


def epub_metadata(data: bytes) -> SourceMetadata:
    """What an EPUB's package says about its book."""
    archive = Archive(data)
    package = _package(archive)
    root = package.root
    language = _dublin(root, "language")
    identifiers = " ".join(_all(root, "identifier") + _all(root, "source"))
    number = re.search(
        r"gutenberg\.org/(?:files/|ebooks/|etext/)?(\d{1,7})\b|\bpg(\d{1,7})\b", identifiers, re.IGNORECASE
    )
    year = re.search(r"\b(1[4-9]\d\d|20[0-2]\d)\b", " ".join(_all(root, "issued") + _all(root, "date")))
    cover, cover_type = _cover(archive, package)
    return SourceMetadata(
        title=one_line(_dublin(root, "title")) or None,
        author=_author(root),
        language=_understood(language),
        gutenberg_id=int(number[1] or number[2]) if number else None,
        year_published=int(year[1]) if year and not number else None,
        subjects=tuple(one_line(subject) for subject in _all(root, "subject"))[:20],
        summary=one_line(re.sub(r"<[^>]*>", " ", _dublin(root, "description")), 4000) or None,
        cover=cover,
        cover_type=cover_type,
    )


def _understood(language: str) -> str | None:
    try:
        return understood(language) if language else None
    except UsageError:
        return None


def _author(root: Any) -> str | None:
    creators = [one_line(text) for text in _all(root, "creator")]
    if not creators:
        return None
    turned = re.fullmatch(r"([^,]+), ([^,]+)", creators[0])
    return f"{turned[2]} {turned[1]}" if turned else creators[0]


def _xml(text: str) -> Any:
    """A tree of XML without entities; raises SourceUnreadable for entity declarations and broken XML."""
    if "<!ENTITY" in text.upper():
        raise SourceUnreadable("The book declares XML entities of its own, which Foundry does not expand.")
    text = _DOCTYPE.sub("", text)
    text = _ENTITY.sub(
        lambda found: found[0] if found[1] in _XML_NAMES else html.entities.html5.get(f"{found[1]};", found[0]), text
    )
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as broken:
        raise SourceUnreadable(f"The book's XML cannot be read: {broken}.") from broken
    for element in root.iter():
        if isinstance(element.tag, str) and "}" in element.tag:
            element.tag = element.tag.rpartition("}")[2]
    return root


def _package(archive: Archive) -> _Package:
    if not archive.holds(_CONTAINER):
        raise SourceUnreadable("The file is no EPUB: it has no META-INF/container.xml.")
    rootfile = next((element.get("full-path") for element in _xml(archive.text(_CONTAINER)).iter("rootfile")), None)
    if not rootfile or not archive.holds(rootfile):
        raise SourceUnreadable("The EPUB names no package file that is in it.")
    root = _xml(archive.text(rootfile))
    base = posixpath.dirname(rootfile)
    manifest: dict[str, tuple[str, str, str]] = {}
    for item in root.iter("item"):
        path = _join(base, item.get("href") or "")
        manifest[item.get("id") or ""] = (path, item.get("media-type") or "", item.get("properties") or "")
    spine: list[str] = []
    for reference in root.iter("itemref"):
        path, kind, _ = manifest.get(reference.get("idref") or "", ("", "", ""))
        if (
            path
            and path not in spine
            and (kind in _PAGES or path.lower().endswith((".html", ".xhtml", ".htm", ".xml")))
        ):
            spine.append(path)
    if not spine:
        spine = [path for path, kind, _ in manifest.values() if kind in _PAGES]
    return _Package(base, root, manifest, tuple(spine))


def _join(base: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(base, unquote(href.partition("#")[0])))


def _refuse_locked(archive: Archive) -> None:
    name = "META-INF/encryption.xml"
    if not archive.holds(name):
        return
    for element in _xml(archive.text(name)).iter("EncryptionMethod"):
        if element.get("Algorithm") not in _FONT_ENCRYPTION:
            raise SourceUnreadable(
                "The EPUB is locked by its seller (DRM), so its text cannot be read.",
                next_action="Use a copy without copy protection.",
            )


def _page(archive: Archive, path: str) -> Any:
    text, _ = decode(archive.read(path))
    text = clean_source(text)
    if not text.strip():
        return None
    try:
        root = _xml(text)
    except SourceUnreadable:
        if "<!ENTITY" in text.upper():
            raise
        return parse_html(text)
    body = next(root.iter("body"), None)
    return body if body is not None else root


def _resolve_links(blocks: list[Block], package: _Package, anchors: Mapping[str, int]) -> None:
    """Links between files become paths inside the archive, as anchors are named."""
    files = list(package.spine)
    for block in blocks:
        if not block.links:
            continue
        here = files[block.file]
        resolved = []
        for target, text in block.links:
            if target in anchors:
                resolved.append((target, text))
                continue
            address, _, fragment = target.partition("#")
            path = _join(posixpath.dirname(here), address) if address else here
            wanted = f"{path}#{fragment}" if fragment else path
            resolved.append((wanted if wanted in anchors else path if path in anchors else target, text))
        block.links = tuple(resolved)


def _nav_path(package: _Package) -> str:
    return next((path for path, _, properties in package.manifest.values() if "nav" in properties.split()), "")


def _nav(archive: Archive, package: _Package, anchors: Mapping[str, int]) -> Iterator[NavPoint]:
    """The book's own table of contents: EPUB 3 nav, else EPUB 2 NCX."""
    path = _nav_path(package)
    if path and archive.holds(path):
        points = list(_nav_points(_page(archive, path), path, anchors))
        if points:
            yield from points
            return
    ncx = next((path for path, kind, _ in package.manifest.values() if kind == "application/x-dtbncx+xml"), "")
    if ncx and archive.holds(ncx):
        yield from _ncx_points(_xml(archive.text(ncx)), ncx, anchors)


def _nav_points(root: Any, path: str, anchors: Mapping[str, int]) -> Iterator[NavPoint]:
    for nav in root.iter("nav"):
        kind = nav.get("type") or nav.get("{http://www.idpf.org/2007/ops}type") or ""
        if kind and kind != "toc":
            continue
        for link in nav.iter("a"):
            depth = sum(1 for above in link.iterancestors("ol")) - 1
            yield NavPoint(
                one_line("".join(link.itertext())), _target(path, link.get("href") or "", anchors), max(0, depth)
            )


def _ncx_points(root: Any, path: str, anchors: Mapping[str, int]) -> Iterator[NavPoint]:
    for point in root.iter("navPoint"):
        content, label = point.find("content"), point.find("navLabel")
        if content is None or label is None:
            continue
        depth = sum(1 for _ in point.iterancestors("navPoint"))
        yield NavPoint(one_line("".join(label.itertext())), _target(path, content.get("src") or "", anchors), depth)


def _target(path: str, href: str, anchors: Mapping[str, int]) -> str:
    file = _join(posixpath.dirname(path), href)
    fragment = unquote(href.partition("#")[2])
    wanted = f"{file}#{fragment}" if fragment else file
    return wanted if wanted in anchors else file


def _all(root: Any, name: str) -> list[str]:
    return ["".join(element.itertext()).strip() for element in root.iter(name) if "".join(element.itertext()).strip()]


def _dublin(root: Any, name: str) -> str:
    return next(iter(_all(root, name)), "")


def _cover(archive: Archive, package: _Package) -> tuple[bytes | None, str | None]:
    wanted = next((meta.get("content") for meta in package.root.iter("meta") if meta.get("name") == "cover"), None)
    candidates = [entry for entry in package.manifest.values() if "cover-image" in entry[2].split()]
    if wanted and wanted in package.manifest:
        candidates.append(package.manifest[wanted])
    candidates += [
        entry for entry in package.manifest.values() if entry[1].startswith("image/") and "cover" in entry[0].lower()
    ]
    for path, kind, _ in candidates:
        if kind in {"image/jpeg", "image/png"} and archive.holds(path):
            return archive.read(path), kind
    return None, None
