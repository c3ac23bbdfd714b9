"""HTML of any age to a BookDocument in one pass over lxml's tree: the hot path, without recursion."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from foundry_tui.errors import SourceUnreadable
from foundry_tui.text.coverage import prove_complete
from foundry_tui.text.decode import clean_source
from foundry_tui.text.document import LINE, Block, BookDocument
from foundry_tui.text.html_flow import HEADINGS, Flow
from foundry_tui.text.html_images import speak_images
from foundry_tui.text.html_roles import centred, hidden, is_note_mark, roles

_BLOCKS = frozenset(
    [
        "p",
        "div",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "li",
        "dd",
        "dt",
        "tr",
        "blockquote",
        "pre",
        "hr",
        "table",
        "caption",
        "center",
        "section",
        "article",
        "header",
        "footer",
        "aside",
        "nav",
        "main",
        "figure",
        "figcaption",
        "ul",
        "ol",
        "dl",
        "form",
        "fieldset",
        "address",
        "body",
        "html",
        "noscript",
        "details",
        "summary",
        "thead",
        "tbody",
        "tfoot",
        "dir",
        "menu",
        "frameset",
        "hgroup",
        "colgroup",
    ]
)
_UNSEEN = (
    "script",
    "style",
    "head",
    "template",
    "object",
    "svg",
    "math-ml",
    "iframe",
    "map",
    "select",
    "textarea",
    "audio",
    "video",
    "title",
    "link",
    "meta",
    "noframes",
)
_WHOLE = frozenset({"body", "html", "table", "tbody"} | HEADINGS.keys())
_NAMED = ("class", "id", "epub:type", "{http://www.idpf.org/2007/ops}type", "role")
_NESTED = re.compile(r"</?(?:div|span|font|section|center|b|i|em|blockquote|table|tbody|tr|td)\b[^>]*>", re.IGNORECASE)
_END_TAGS = re.compile(r"</(?:body|html)\s*>", re.IGNORECASE)
_XML_HEAD = re.compile(r"^\s*<\?xml[^>]*\?>")
_PAGE_SIGN = re.compile(
    r"\s*[\[{(]?\s*(?:(?:pg|page|p|s|seite|str|blz|bladzijde|стр)\.?\s*)?(\d{1,4}|[ivxlcdm]{1,9})[a-z*]?\s*[\]})]?\s*",
    re.IGNORECASE,
)


def read_html(text: str) -> BookDocument:
    """The document of an HTML file's text; raises SourceUnreadable where there is no markup to parse."""
    root = parse_html(text)
    blocks, anchors = blocks_of(root)
    return BookDocument(blocks=blocks, anchors=anchors, language=_language(root), format="html")


def parse_html(text: str) -> Any:
    """Lxml's tree of ``text``; end tags of body and html are dropped first, since libxml2 drops what follows them."""
    text = _END_TAGS.sub("", _XML_HEAD.sub("", clean_source(text)))
    if not text.strip():
        raise SourceUnreadable("The file holds nothing to read.")
    root, whole = _tree(text)
    if not whole:  # libxml2 stops reading where elements are nested some thousand deep: read it without the nesting
        root, whole = _tree(_NESTED.sub(" ", text))
    if root is None or not whole:
        raise SourceUnreadable(
            "The file's HTML is nested too deeply to be read." if not whole else "The file holds no HTML."
        )
    return root


def _tree(text: str) -> tuple[Any, bool]:
    """(lxml's tree, whether the parser read to the end)."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError) as broken:
        raise SourceUnreadable(f"The file cannot be read as HTML: {broken}.") from broken
    return root, not any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log.filter_from_fatals())


def _language(root: Any) -> str:
    return str(root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("xml:lang") or "")


def blocks_of(root: Any, *, first: int = 0, prefix: str = "", file: int = 0) -> tuple[list[Block], dict[str, int]]:
    """(blocks, anchors) of a tree; positions count from ``first``, anchors are named ``prefix`` + id.

    The tree is changed: what no reader sees is taken out, spoken pictures (drop caps, pictured headings) become text.
    Raises CoverageBroken where a sign of the tree's text is in no block.
    """
    etree.strip_elements(root, *_UNSEEN, with_tail=False)
    speak_images(root)
    seen = etree.tostring(root, method="text", encoding="unicode", with_tail=False)
    walker = _Walker(first, prefix, file)
    walker.walk(root)
    prove_complete(seen, walker.blocks)
    return walker.blocks, walker.anchors


class _Walker(Flow):
    """Turns start and end events into blocks; one instance a file."""

    def walk(self, root: Any) -> None:
        """Read the whole tree."""
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if event == "start":
                self._start(element)
                if element.text:
                    self._add(element.text)
            else:
                self._end(element)
                if element.tail and element is not root:
                    self._add(element.tail)
        self._flush()

    def _start(self, element: Any) -> None:
        tag = element.tag
        block = tag in _BLOCKS
        if block:
            self._flush()
        names = ""
        for name, value in element.items():
            if name in _NAMED:
                names = f"{names} {value}" if names else value
                if name == "id":
                    self._ids.append((value, len(self._parts)))
            elif name == "style":
                if hidden(value):
                    self._reasons.append((element, "hidden"))
                elif block and centred(value):
                    self._open(element, "centre")
            elif name == "align":
                if block and value.lower() == "center":
                    self._open(element, "centre")
            elif name == "name" and tag == "a":
                self._ids.append((value, len(self._parts)))
            elif name == "hidden":
                self._reasons.append((element, "hidden"))
        if names:
            self._role(element, tag, names, block=block)
        if block:
            self._tags.append((tag, names))
            if tag == "pre":
                self._pre += 1
            elif tag == "blockquote":
                self._quote += 1
            elif tag == "center":
                self._open(element, "centre")
            elif tag == "hr":
                self._rule()
            elif tag in {"table", "ul", "ol", "dl"}:
                self._groups += 1
                self._group = self._groups
        elif tag == "br":
            self._parts.append(LINE)
        elif tag in {"td", "th"}:
            if self._parts and not "".join(self._parts).isspace():
                self._parts.append(LINE)
        elif tag in {"b", "strong", "big", "font", "u"}:
            self._bold += 1
        elif tag == "a":
            self._start_link(element)
        elif tag == "sup":
            self._superscript(element)
        elif tag in {"rt", "rp"}:
            self._reasons.append((element, "ruby"))

    def _role(self, element: Any, tag: str, names: str, *, block: bool) -> None:
        reason, marks = roles(names)
        if not marks and not reason:
            return
        if reason and not block and reason in {"transcriber's note", "index", "advertisement", "boilerplate"}:
            reason = ""  # a corrected word in a line of prose, not a note about it
        if reason and (tag not in _WHOLE or reason in {"boilerplate", "transcriber's note"}):
            if (reason == "page number" and not _PAGE_SIGN.fullmatch(_short_text(element))) or (
                reason in {"caption", "sidenote", "footnote mark", "line number"}
                and len(_short_text(element, 1500)) > 1200
            ):
                reason = ""
            elif reason == "footnote" and not block and tag == "a":
                reason = "footnote mark" if len(_short_text(element)) <= 6 else ""
            if reason:
                self._reasons.append((element, reason))
                if reason == "footnote" and not self._note:
                    self._open(element, "note")
                    self._note = element.get("id") or _inner_id(element) or f"note-{len(self.blocks)}"
        if "stanza" in marks or "poem" in marks:
            self._open(element, "poem")
            self._groups += 1
            self._group = self._groups
        if block and ("centred" in marks or ("headlike" in marks and tag == "p")):
            self._open(element, "centre")
        if "picture" in marks and block and not reason and _is_picture(element):
            self._reasons.append((element, "caption"))

    def _open(self, element: Any, context: str) -> None:
        self._contexts.append((element, context))
        if context == "centre":
            self._centre += 1
        elif context == "poem":
            self._poem += 1

    def _start_link(self, element: Any) -> None:
        target = element.get("href")
        if not target:
            return
        text = _short_text(element).strip()
        fragment = target.partition("#")[2]
        parent = element.getparent()
        raised = (parent is not None and parent.tag == "sup") or (len(element) == 1 and element[0].tag == "sup")
        if fragment and not self._reasons and is_note_mark(text, fragment, raised=raised) and self._in_prose(element):
            self._reasons.append((element, "footnote mark"))
        self._link = (target, len(self._parts))

    def _in_prose(self, element: Any) -> bool:
        """A bare number linked from a table cell or list is an entry of a contents list, not a footnote's mark."""
        tags = {tag for tag, _ in self._tags[-3:]}
        del element
        return not tags & {"table", "tr", "li", "nav"} or "".join(self._parts).strip() != ""

    def _superscript(self, element: Any) -> None:
        text = _short_text(element).strip()
        before = self._parts[-1][-1:] if self._parts else ""
        if not self._reasons and re.fullmatch(r"[\[(]?\d{1,3}[\])]?|[*†‡§]+", text) and before and not before.isdigit():
            self._reasons.append((element, "footnote mark"))

    def _end(self, element: Any) -> None:
        tag = element.tag
        while self._reasons and self._reasons[-1][0] is element:
            if tag in _BLOCKS and self._parts:
                self._flush()
            self._reasons.pop()
        if tag in _BLOCKS:
            self._flush()
            if self._tags:
                self._tags.pop()
            if tag == "pre":
                self._pre -= 1
            elif tag == "blockquote":
                self._quote -= 1
            elif tag in {"table", "ul", "ol", "dl"}:
                self._group = 0
        elif tag in {"b", "strong", "big", "font", "u"}:
            self._bold -= 1
        elif tag == "a" and self._link is not None:
            target, start = self._link
            text = "".join(self._parts[start:]).strip()
            if text:
                self._links.append((self._local(target), text))
            self._link = None
        while self._contexts and self._contexts[-1][0] is element:
            context = self._contexts.pop()[1]
            if context == "centre":
                self._centre -= 1
            elif context == "poem":
                self._poem -= 1
                self._group = 0
            elif context == "note":
                self._note = ""

    def _local(self, target: str) -> str:
        return self._prefix + target if target.startswith("#") else target


def _short_text(element: Any, limit: int = 120) -> str:
    text = ""
    for piece in element.itertext():
        text += piece
        if len(text) > limit:
            break
    return text


def _inner_id(element: Any) -> str:
    for inner in element.iter("a"):
        name = inner.get("id") or inner.get("name")
        if name:
            return str(name)
    return ""


def _is_picture(element: Any) -> bool:
    """A container of pictures with at most a caption in it."""
    return element.find(".//img") is not None and len(_short_text(element, 700)) <= 600
