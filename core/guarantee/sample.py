"""Sample notices for the demo. They say that they are samples, because only the official picture meets the law."""

from io import BytesIO

from django.core.files.base import ContentFile
from PIL import Image, ImageDraw, ImageFont

from core.guarantee.models import GuaranteeNotice

MARK = "SAMPLE"  # the first word of each sample text, in every language
SIZE = (900, 480)
INK, PAPER = "#10308c", "#ffffff"
# The font of Pillow has only letters of ASCII.
TEXTS = {
    "en-gb": (
        "SAMPLE\nReplace this picture with the official notice of\nthe legal guarantee before you open the shop.\n\n"
        "Goods must be as described. If they are not,\nthe seller is liable for at least two years."
    ),
    "de": (
        "SAMPLE (Muster)\nDieses Bild ist vor dem Start durch den amtlichen\nHinweis zu ersetzen.\n\n"
        "Jede Ware muss der Beschreibung entsprechen. Sonst\nhaftet, wer sie verkauft, mindestens zwei Jahre."
    ),
}


def add_sample_notices() -> None:
    """Add a sample notice in each language that has none."""
    known = set(GuaranteeNotice.objects.values_list("language", flat=True))
    for language, text in TEXTS.items():
        if language not in known:
            notice = GuaranteeNotice(language=language, text=" ".join(text.split()))
            notice.picture_width, notice.picture_height = SIZE
            notice.picture.save("sample.png", ContentFile(_draw(text)), save=False)
            notice.save()


def _draw(text: str) -> bytes:
    picture = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((8, 8, SIZE[0] - 9, SIZE[1] - 9), outline=INK, width=6)
    pen.multiline_text((48, 56), text, fill=INK, font=ImageFont.load_default(32), spacing=16)
    content = BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()
