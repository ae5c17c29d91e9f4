"""How a caption fits in CLIP's context, counted with the base's own tokenizer."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pixelpipe.captions.phrases import phrases
from pixelpipe.errors import BaseModelError, DatasetError, one_line
from pixelpipe.models.layout import SD15, TINY

BUDGET = 75  # of CLIP's 77, without those that begin and end every text
ATTENDED = 20  # tokens that CLIP's text encoder mostly attends to (Long-CLIP, Zhang et al. 2024: the effective length)


def tokenizer_folder(base: str) -> Path:
    """Where the vocabulary of `model.base` lies; nothing is downloaded.

    A base without a folder here (a hub id, a single file) is one of SD1.5's, whose vocabulary is shipped.
    """
    if base in ("tiny", "sd15"):
        return (TINY if base == "tiny" else SD15) / "tokenizer"
    folder = Path(base).expanduser()
    try:
        has_its_own = (folder / "tokenizer" / "vocab.json").is_file()
    except OSError:  # too long for a name: no folder
        has_its_own = False
    return (folder if has_its_own else SD15) / "tokenizer"


@dataclass(frozen=True)
class TokenBudget:
    """`folder` is a CLIP tokenizer's; it is read when a caption is first long enough to matter."""

    folder: Path

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers.models.clip import CLIPTokenizer

        try:
            return CLIPTokenizer.from_pretrained(self.folder, local_files_only=True)
        except Exception as error:  # the library has many exceptions for a file that it cannot read
            reason = one_line(error)[:200]
            raise BaseModelError(f"`model.base` {self.folder}: its tokenizer cannot be loaded: {reason}") from error

    def starts(self, caption: str) -> list[int]:
        """The character at which each token begins, without those that begin and end every text."""
        encoded = self._tokenizer(
            caption, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False
        )
        return [start for start, _ in encoded["offset_mapping"]]

    def num_tokens(self, caption: str) -> int:
        return len(self.starts(caption))

    def cut(self, caption: str) -> str:
        """The words that CLIP never reads: "" if the caption fits."""
        if len(caption.encode()) <= BUDGET:  # a token is at least a byte
            return ""
        starts = self.starts(caption)
        return caption[starts[BUDGET] :] if len(starts) > BUDGET else ""

    def late(self, caption: str) -> int:
        """The character from which on CLIP hardly listens: the caption's length if it is short."""
        if len(caption.encode()) <= ATTENDED:
            return len(caption)
        starts = self.starts(caption)
        return starts[ATTENDED] if len(starts) > ATTENDED else len(caption)

    def shortened(self, caption: str) -> str:
        """The caption without the phrases at its end that do not fit; a phrase that is too long itself is cut."""
        cut = self.cut(caption)
        if not cut:
            return caption
        kept = caption[: len(caption) - len(cut)]
        whole = phrases(caption)[: max(len(phrases(kept)) - 1, 0)]
        if whole:
            return ", ".join(whole)
        words = kept if kept[-1].isspace() else kept.rsplit(" ", 1)[0]
        return words.rstrip(" ,;")


def check_budget(captions: dict[str, str], budget: TokenBudget) -> None:
    """Raises `DatasetError` that names the first caption that CLIP would cut, what is cut, and how many more."""
    over = {name: cut for name, caption in captions.items() if (cut := budget.cut(caption))}
    if not over:
        return
    name, cut = next(iter(over.items()))
    shown = cut if len(cut) <= 80 else cut[:77] + "..."
    more = f" (and {len(over) - 1} more of {len(captions)} captions)" if len(over) > 1 else ""
    raise DatasetError(
        f"{name}: its caption must fit in {BUDGET} tokens but has {budget.num_tokens(captions[name])}, "
        f"and would lose {shown!r}{more}; `pixelpipe captions lint` shows all and writes shorter ones"
    )
