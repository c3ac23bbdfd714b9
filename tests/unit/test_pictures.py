"""Covers: drawn, proved and found."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foundry_tui.pictures import draw_cover, find_cover_beside, fonts, usable_cover


def picture(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def coded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def photo(width: int = 240, height: int = 360) -> Image.Image:
    noise = np.random.default_rng(7).integers(0, 255, (height // 20, width // 20, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height))


def ink_rows(data: bytes) -> list[int]:
    """Rows of the cover that carry the title's colour."""
    pixels = np.asarray(picture(data), dtype=np.int16)
    paper = (np.abs(pixels - np.array([250, 246, 236])).max(axis=2) < 12).sum(axis=1)
    return [int(row) for row in np.flatnonzero(paper > 3)]


def test_a_drawn_cover_is_a_square_jpeg_the_same_every_time() -> None:
    cover = draw_cover("The Tin Kettle Line", "Foundry", narrator="Ember")
    assert cover == draw_cover("The Tin Kettle Line", "Foundry", narrator="Ember")
    image = picture(cover)
    assert (image.format, image.size, image.mode) == ("JPEG", (1400, 1400), "RGB")
    assert 20_000 < len(cover) < 600_000
    assert usable_cover(cover) == cover


def test_books_can_be_told_apart_by_their_covers() -> None:
    grounds = {picture(draw_cover(title, None, size_px=200)).getpixel((4, 4)) for title in "ABCDEFGHIJKLMNOP"}
    assert len(grounds) >= 8


LONG = (
    "The Life and Strange Surprizing Adventures of Robinson Crusoe, of York, Mariner: Who lived Eight and Twenty "
    "Years, all alone in an un-inhabited Island on the Coast of America, near the Mouth of the Great River"
)


@pytest.mark.parametrize(
    "title",
    [
        "Emma",
        LONG,
        "Donaudampfschifffahrtselektrizitatenhauptbetriebswerkbauunterbeamtengesellschaft",
        "word " * 400,
    ],
    ids=["short", "long", "one word", "endless"],
)
def test_a_title_stays_inside_the_frame(title: str) -> None:
    cover = draw_cover(title, "Author")
    rows = ink_rows(cover)
    assert rows, "the title was drawn"
    assert rows[0] > 0.1 * 1400
    assert rows[-1] < 0.6 * 1400, "and leaves the author's place alone"
    columns = ink_rows(coded(picture(cover).transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, subsampling=0))
    assert columns[0] > 0.08 * 1400
    assert columns[-1] < 0.92 * 1400


@pytest.mark.parametrize(
    "title", ["", "\x1b[2J\u202e", "火星の記憶", "القرآن", "Les Misérables", "\ud800", "[/x]\x1b[2J../../etc"]
)
def test_any_title_gives_a_cover(title: str) -> None:
    assert picture(draw_cover(title, title, narrator=title)).size == (1400, 1400)


def test_without_fonts_accents_go_and_unknown_scripts_leave_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_system_fonts", lambda: ())
    fonts._typeface_for.cache_clear()
    try:
        assert ink_rows(draw_cover("Les Misérables — “Œuvre”", None)), "drawn in plain letters"
        bare = draw_cover("火星の記憶", "レイ")
        assert not ink_rows(bare)
        assert bare != draw_cover("紅楼夢", "レイ"), "and still its own cover"
    finally:
        fonts._typeface_for.cache_clear()


def test_a_good_jpeg_or_png_is_kept_byte_for_byte() -> None:
    for kind in ("JPEG", "PNG"):
        data = coded(photo(), kind)
        assert usable_cover(data) == data


def test_other_forms_become_upright_rgb_jpegs() -> None:
    clear = photo().convert("RGBA")
    clear.putalpha(0)
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    for data in (
        coded(photo(), "WEBP"),
        coded(photo(), "GIF"),
        coded(photo().convert("CMYK"), "JPEG"),
        coded(photo(2500, 900), "JPEG", quality=30),
        coded(clear, "PNG"),
        coded(photo(), "JPEG", exif=exif),
    ):
        made = usable_cover(data)
        assert made is not None
        image = picture(made)
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert max(image.size) <= 2400
    assert picture(usable_cover(coded(clear, "PNG")) or b"").getpixel((5, 5)) == (255, 255, 255)
    assert picture(usable_cover(coded(photo(), "JPEG", exif=exif)) or b"").size == (360, 240)


def test_no_cover_is_made_of_what_is_none() -> None:
    whole = coded(photo(), "JPEG")
    for data in (
        b"",
        b"<html>not found</html>",
        b"\xff\xd8\xff\xe0 junk",
        whole[: len(whole) // 2],
        coded(photo(), "PNG")[:2000],
        coded(photo(60, 60), "PNG"),
        coded(photo(2000, 200), "PNG"),
        coded(Image.new("1", (9000, 9000)), "PNG"),
        b"%PDF-1.4" + whole,
        b'<svg xmlns="http://www.w3.org/2000/svg" width="500" height="500"></svg>',
    ):
        assert usable_cover(data) is None


def test_a_cover_beside_the_source_is_found(tmp_path: Path) -> None:
    source = tmp_path / "book.html"
    source.write_text("<html><body><p>No picture at all.</p></body></html>", encoding="utf-8")
    assert find_cover_beside(source) is None
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "cover.jpg").write_bytes(b"broken")
    good = coded(photo(), "PNG")
    (tmp_path / "cover.png").write_bytes(good)
    assert find_cover_beside(source) == good, "a broken one is passed over"
    better = coded(photo(260, 260), "JPEG")
    (tmp_path / "images" / "cover.jpg").write_bytes(better)
    assert find_cover_beside(source) == better


@pytest.mark.parametrize(
    "page",
    [
        '<link rel="icon" type="image/x-cover" href="images/front%20page.png">',
        '<img src="images/illo.png"><img id="coverpage" src="images/front page.png">',
        '<img alt="Book cover" src="./images/front page.png">',
    ],
)
def test_a_page_names_its_cover(tmp_path: Path, page: str) -> None:
    (tmp_path / "images").mkdir()
    front, illustration = coded(photo(), "PNG"), coded(photo(300, 200), "PNG")
    (tmp_path / "images" / "front page.png").write_bytes(front)
    (tmp_path / "images" / "illo.png").write_bytes(illustration)
    source = tmp_path / "book.html"
    source.write_text(f"<html><body>{page}</body></html>", encoding="utf-8")
    assert find_cover_beside(source) == front


@pytest.mark.parametrize(
    "link",
    ["../cover-secret.png", "/etc/cover.png", "file:///etc/cover.png", "http://localhost/cover.png", "cover\0.png", ""],
)
def test_a_page_cannot_reach_outside_its_folder(tmp_path: Path, link: str) -> None:
    (tmp_path / "cover-secret.png").write_bytes(coded(photo(), "PNG"))
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "cover.link.png").symlink_to(tmp_path / "cover-secret.png")
    source = folder / "book.html"
    source.write_text(f'<img id="cover" src="{link}"><img id="cover" src="cover.link.png">', encoding="utf-8")
    assert find_cover_beside(source) is None


def test_the_sample_book_has_a_picture_but_no_cover(repository: Path) -> None:
    folder = repository / "foundry" / "tin_kettle"
    assert find_cover_beside(folder / "tin_kettle.html") is None
    kettle = (folder / "images" / "kettle.png").read_bytes()
    assert len(kettle) < 60_000
    assert picture(kettle).size == (640, 440)
