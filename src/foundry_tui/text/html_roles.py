"""What an HTML element is for, by its class, id and role: page number, footnote, caption, drop cap, stanza ..."""

from __future__ import annotations

import re
from functools import lru_cache

# Each table row: the reason (document.REASONS) and how a class name, id or role that means it looks.
# Names are matched whole (digits at the end aside), so a class "page" around a whole page is no page number.
_INLINE = (
    (
        "page number",
        (
            r"page|page-?_?(num(ber)?|no)s?|pagenum\w*|pageno|pgno|pgnum|pncolor|pagebreak|page-?break-?num|folio|pb"
            r"|x-ebookmaker-pageno|doc-pagebreak|newpage|opn|ebook-?page|pg|seitenzahl|page_?marker"
        ),
    ),
    (
        "footnote mark",
        (
            r"fn-?anchor|fn-?ref|note-?ref|footnote-?ref|foot-?note-?anchor|noteanchor|fnmarker|doc-noteref"
            r"|footnotemark|fnnum|fn-?link|anchor-?note|enref|endnote-?ref"
        ),
    ),
    ("line number", r"line-?_?(num(ber)?|no)s?|linenum\w*|lineno|poemline-?num|versenum\w*"),
    ("hidden", r"visually-?hidden|sr-only|screen-reader-text|hidden"),
)
_BLOCK = (
    (
        "footnote",
        (
            r"foot-?_?notes?|fn|fnote|end-?notes?|rear-?notes?|footnote-?(text|body|block|cont)|doc-(foot|end)notes?"
            r"|note-?block|fns|footer-?note|fussnoten?|notes?-?de-?bas|pied-?de-?page"
        ),
    ),
    (
        "sidenote",
        r"side-?_?notes?|sn|margin-?_?notes?|marginalia|right-?sidenote|left-?sidenote|hanging-?note|sidenote\w*",
    ),
    ("caption", r"caption\w*|fig-?caption|figcap|illus-?caption|legend|captionb?|cap-?tion|ill-?text"),
    (
        "transcriber's note",
        (
            r"t-?notes?|trans-?_?notes?|transcriber\w*|trans(cription)?-?note\w*|tn|tn-?box|tnbox|trnotes?|trn"
            r"|tnotes?-?(box|bottom|top|tit|end)|my-?note|errata|erratum|corrigenda|corrections|tncorr|tei-?note"
        ),
    ),
    ("boilerplate", r"pg-?boilerplate|pg-?header|pg-?footer|pgheader|pgfooter|pg-?machine-?header"),
    ("index", r"book-?index|doc-index|idx"),
    ("advertisement", r"adverts?|advertisements?|ads|adv|pub-?list|catalog(ue)?"),
)
_DROP_CAP = re.compile(
    r"drop-?_?cap\w*|dcap|letra|lettrine|initial\w*|di|dropletter|first-?letter|capital|illum\w*|drop|cap|letter"
)
_STANZA = re.compile(r"stanza\w*|stanzas?|linegroup|lg|couplet|strophe")
_POEM = re.compile(
    r"poem\w*|poetry\w*|verse\w*|song|lyrics?|hymn|ballad|canto|sonnet|linegroup-?container|poesie|gedicht|lg-container"
)
_PICTURE = re.compile(
    r"fig(ure)?\w*|fig-?(center|left|right)|illus\w*|illo|image\w*|img|pic(ture)?|plate\w*|drawing|engraving"
)
_CONTENTS = re.compile(
    r"toc\w*|contents?|table-?of-?contents|loi|list-?of-?ill\w*|doc-toc|indice|inhalt\w*|landmarks|page-list|nav-?toc"
)
_CENTRED = re.compile(
    r"c|cen|cent(er|re)(ed|d)?\w*|ph[1-6]|h[1-6]|false-?h[1-6]|(chap|chapter|section"
    r"|sect)-?_?(head\w*|title\w*|num\w*|no)|head(ing|er|line)?\w*|title\w*|cb\w*|chapnum|chaptitle"
    r"|subtitle\w*|pfirst|ctr|tac"
)
_HEADLIKE = re.compile(r"(chap|chapter|section|sect)[-_]?\w*")  # of a paragraph; around a chapter it says nothing
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CENTRED_STYLE = re.compile(r"text-align\s*:\s*center", re.IGNORECASE)
_TRAILING_DIGITS = re.compile(r"[-_]?\d+$")

_INLINE_RX = tuple((reason, re.compile(pattern)) for reason, pattern in _INLINE)
_BLOCK_RX = tuple((reason, re.compile(pattern)) for reason, pattern in _BLOCK)


@lru_cache(maxsize=4096)
def roles(names: str) -> tuple[str, frozenset[str]]:
    """(why the element is not narrated or "", its marks) for its class names and roles, space separated.

    Marks: inline, block (how far the reason reaches), dropcap, stanza, poem, picture, contents, centred, headlike.
    """
    reason = ""
    marks: set[str] = set()
    for name in names.lower().split():
        plain = _TRAILING_DIGITS.sub("", name.rpartition(":")[2]) or name
        if not reason:
            for why, pattern in _INLINE_RX:
                if pattern.fullmatch(plain):
                    reason, marks = why, marks | {"inline"}
                    break
            else:
                for why, pattern in _BLOCK_RX:
                    if pattern.fullmatch(plain):
                        reason, marks = why, marks | {"block"}
                        break
        for mark, pattern in (
            ("dropcap", _DROP_CAP),
            ("stanza", _STANZA),
            ("poem", _POEM),
            ("picture", _PICTURE),
            ("contents", _CONTENTS),
            ("centred", _CENTRED),
            ("headlike", _HEADLIKE),
        ):
            if pattern.fullmatch(plain):
                marks.add(mark)
    return reason, frozenset(marks)


def hidden(style: str) -> bool:
    """Whether a style attribute keeps the element from being seen."""
    return _HIDDEN_STYLE.search(style) is not None


def centred(style: str) -> bool:
    """Whether a style attribute centres the text."""
    return _CENTRED_STYLE.search(style) is not None


_NOTE_TARGET = re.compile(
    r"(foot|end)?-?_?(note|nota|fn|ftn|fnote|anm|anmerkung|fuss|voetnoot|noot|prim"
    r"|remark)s?[-_.]?\w{0,24}|f\d+\w{0,3}|fn\w{1,6}|n\d+\w{0,3}",
    re.IGNORECASE,
)
_MARK = re.compile(r"[\[(]?\s*(\d{1,4}|[*†‡§¶#]{1,4}|[a-zA-Z]|[ivxl]{1,6}|\d{1,3}[a-z*])\s*[\])]?\.?")
_BRACKETED = re.compile(r"[\[(]\s*(\d{1,4}|[*†‡§]{1,4}|[A-Z]{1,2}|[a-z])\s*[\])]")


def is_note_mark(text: str, target: str, *, raised: bool) -> bool:
    """Whether a link ``text`` to ``target`` (an id) is the mark of a footnote."""
    if not text or len(text) > 8 or _MARK.fullmatch(text) is None:
        return False
    return raised or _BRACKETED.fullmatch(text) is not None or _NOTE_TARGET.fullmatch(target) is not None
