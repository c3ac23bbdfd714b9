"""Prove that bytes from outside are a picture fit for a cover, and bring it to a form every player shows."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

SMALLEST_PX = 160  # thumbnails, spacer pixels and printers' ornaments are no covers
LARGEST_PX = 2400  # as much as any player shows
LARGEST_BYTES = 4 * 1024 * 1024  # a cover is copied into every file of its book
MOST_PIXELS = 64_000_000
STEEPEST = 3.0  # longer side to shorter side: a banner or a page rule is no cover
JPEG_QUALITY = 92
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
_KEPT = {"JPEG": {"RGB", "L"}, "PNG": {"RGB", "L", "P", "1"}}


def usable_cover(data: bytes) -> bytes | None:
    """Return ``data`` as JPEG or PNG bytes at most 2,400 px a side and 4 MiB, or None when it is no usable picture.

    A JPEG or PNG that fits is returned byte for byte; everything else is decoded whole and coded as JPEG, upright,
    on white where it was transparent. Broken, tiny, banner-shaped and absurdly large pictures give None.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns about possible decompression bombs; ours are measured below, before anything is decoded.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                if not _cover_shaped(*picture.size):
                    return None
                return data if _fits(picture, len(data)) else _as_jpeg(picture)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError):
        return None


def _cover_shaped(width: int, height: int) -> bool:
    shorter, longer = sorted((width, height))
    return shorter >= SMALLEST_PX and longer <= STEEPEST * shorter and width * height <= MOST_PIXELS


def _fits(picture: Image.Image, size_bytes: int) -> bool:
    """Whether the picture can stay as it is; decodes it whole, so that a cut file is found here."""
    kept = (
        picture.mode in _KEPT.get(picture.format or "", set())
        and max(picture.size) <= LARGEST_PX
        and size_bytes <= LARGEST_BYTES
        and picture.getexif().get(0x0112, 1) == 1  # 0x0112: EXIF orientation, 1: upright
        and "transparency" not in picture.info
        and not getattr(picture, "is_animated", False)
    )
    picture.load()
    return kept


def _as_jpeg(picture: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(picture)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        page = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(page, upright)
    flat = upright.convert("RGB")
    flat.thumbnail((LARGEST_PX, LARGEST_PX), Image.Resampling.LANCZOS)
    return jpeg_bytes(flat)


def jpeg_bytes(picture: Image.Image) -> bytes:
    """``picture`` as a baseline 4:2:0 JPEG: the form the oldest players and car radios show too."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:0", optimize=True)
    return out.getvalue()
