"""The page of a blind review: one file that loads nothing, with keys to vote, and a button that saves the votes."""

import base64
from collections.abc import Sequence

from markupsafe import Markup

from pixelpipe.data.png import decode_png, encode_png
from pixelpipe.reporting.blind_review import Review
from pixelpipe.reporting.markdown import visible
from pixelpipe.reporting.pages.rendering import asset, render, script_source

ENLARGED_PX = 384  # about, in whole multiples of the grid


def review_page(review: Review, pictures: Sequence[tuple[bytes, bytes]]) -> str:
    """`pictures`: (left, right) of every pair, PNG. Nothing in the page says which side is which."""
    grid = decode_png(pictures[0][0]).shape[1]
    data = {
        "review": review.review_id,
        "pairs": [
            {"prompt": visible(pair.prompt), "left": _uri(left), "right": _uri(right)}
            for pair, (left, right) in zip(review.pairs, pictures, strict=True)
        ],
    }
    script = asset("review.js")
    return render(
        "review.html",
        review_id=review.review_id,
        num_pairs=len(review.pairs),
        enlarged_px=grid * max(1, ENLARGED_PX // grid),
        medium_px=grid * max(1, 168 // grid),
        data=data,
        script=Markup(script),  # a file of this package
        script_sources=script_source(script),
    )


def _uri(png: bytes) -> str:
    """Encoded anew: no text in the file of an image, and no other encoder, tells the sides apart."""
    return "data:image/png;base64," + base64.b64encode(encode_png(decode_png(png))).decode()
