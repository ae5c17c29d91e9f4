"""One epoch's pictures as they are made, for a run page: prompts across, seeds down. Milliseconds, no words.

The contact sheet of the verdict compares epochs and names its columns; this one only shows what has just been drawn.
"""

import io

import pyarrow.compute as pc
from PIL import Image

from pixelpipe.data.png import decode_png
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

MAX_PROMPTS, MAX_SEEDS = 12, 4
SPRITE_PX, GAP_PX = 72, 4  # a sprite is enlarged by the largest whole factor that fits


def epoch_sheet(store: Store, experiment_id: str, epoch: int) -> bytes:
    """PNG of up to 12 prompts x 4 seeds of a committed epoch that has images."""
    columns = ["epoch", "prompt_id", "seed", "sprite_png"]
    rows = read_table(store, "samples", experiment_id, columns=columns)
    by_prompt: dict[str, list[bytes]] = {}
    for row in rows.filter(pc.field("epoch") == epoch).to_pylist():
        by_prompt.setdefault(row["prompt_id"], []).append(row["sprite_png"])
    shown = [by_prompt[prompt_id][:MAX_SEEDS] for prompt_id in sorted(by_prompt)[:MAX_PROMPTS]]
    step = SPRITE_PX + GAP_PX
    size = (len(shown) * step - GAP_PX, max(map(len, shown)) * step - GAP_PX)
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    for column, pngs in enumerate(shown):
        for line, png in enumerate(pngs):
            sheet.paste(_enlarged(png), (column * step, line * step))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _enlarged(png: bytes) -> Image.Image:
    sprite = Image.fromarray(decode_png(png))
    factor = max(1, SPRITE_PX // sprite.width)
    return sprite.resize((sprite.width * factor, sprite.height * factor), Image.Resampling.NEAREST)
