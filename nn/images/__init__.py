"""Read digits in pictures (draft)."""
from io import BytesIO
import numpy as np
from nn.images.pictures import ImageError, read_digit, read_uploaded_digit
from nn.images.digits import centre_digit, find_digits, Digit
from nn.images.ink import ink_on_paper
from nn.signals import SIDE

def read_uploaded_digits(content, name):
    from PIL import Image, ImageOps
    picture = Image.open(BytesIO(content))
    picture = ImageOps.exif_transpose(picture)
    if 'A' in picture.mode:
        picture=picture.convert('RGBA')
        a=np.asarray(picture)
        g=a[...,:3].mean(axis=2)
        light=(g*a[...,3]).sum()/max(1,a[...,3].sum())
        paper=Image.new('RGBA',picture.size,'black' if light>128 else 'white')
        picture=Image.alpha_composite(paper,picture)
    picture=picture.convert("RGB")
    picture.thumbnail((1200, 1200), Image.Resampling.BOX)
    ink, faintest = ink_on_paper(np.asarray(picture, dtype=np.float32) / 255)
    digits = find_digits(ink, faintest)
    if not digits: raise ImageError("none")
    return digits
