"""How well does the lint find words that a sprite cannot or does not show? Synthetic portraits, planted captions.

    python benchmarks/captions_lint.py --num 400 --seed 11

Plants undrawable details (of the portraits' own over-detailed captions and of a list that the lint's lexicon was not
written for) and false colors into plain captions, lints them all, and prints a Markdown table: planted terms that were
found, and true phrases that were flagged.
"""

import argparse
from collections import Counter

import numpy as np

from pixelpipe.captions.lint import LintOptions, lint
from pixelpipe.captions.tokens import TokenBudget
from pixelpipe.data.portraits import Traits, draw_traits, plain_caption, render
from pixelpipe.data.portraits.captions import _DETAILS
from pixelpipe.data.portraits.drawing import BACKGROUND_COLORS
from pixelpipe.data.portraits.traits import CLOTHES_COLORS, EYE_COLORS, HAIR_COLORS
from pixelpipe.models.layout import SD15

SHARE = 0.25  # of captions with a detail of each kind, and with a false color
UNSEEN = (
    "with a hand-sewn lining", "with subtle razor burn", "with a tiny gap between the teeth",
    "with chapped skin texture", "with delicate lace trim", "with faint sun damage", "with split ends",
    "with a barely visible watermark", "with polished titanium rivets", "with translucent ear lobes",
    "with fine corduroy ridges", "with soft cinematic lighting", "with a microscopic scratch on the lens",
    "with tiny capillaries", "with an intricate paisley pattern", "with dust particles in the air",
    "with sweat beads on the forehead", "with a velvet texture",
)  # fmt: skip
COLORS = {"hair": HAIR_COLORS, "eyes": EYE_COLORS, "clothes": CLOTHES_COLORS, "background": tuple(BACKGROUND_COLORS)}

Span = tuple[int, int]


def planted(num: int, seed: int) -> tuple[np.ndarray, list[str], list[dict[Span, str]], list[list[Span]]]:
    """Sprites, captions, of each its planted characters with their kind, and the characters of its true phrases."""
    rng = np.random.default_rng(seed)
    sprites, captions, plants, truths = [], [], [], []
    for _ in range(num):
        traits = draw_traits(rng)
        sprites.append(render(traits))
        caption, plant, truth = "", {}, []
        details = [text for texts in _DETAILS.values() for text in texts]
        for index, phrase in enumerate(plain_caption(traits).split(", ")):
            caption += ", " if index else ""
            false = _false_color(phrase, traits, rng)
            words = false or phrase
            span = (len(caption), len(caption) + len(words))
            caption += words
            if false:
                plant[span] = "false color"
            elif index:
                truth.append(span)
            for kind, texts in (("detail", details), ("detail, unseen list", UNSEEN)):
                if index and rng.random() < SHARE / 4:
                    detail = " " + texts[int(rng.integers(len(texts)))]
                    plant[len(caption), len(caption) + len(detail)] = kind
                    caption += detail
                    break
        captions.append(caption)
        plants.append(plant)
        truths.append(truth)
    return np.stack(sprites), captions, plants, truths


def _false_color(phrase: str, traits: Traits, rng: np.random.Generator) -> str | None:
    """The phrase with another color of the same thing, one time in ten."""
    for thing, words in (("hair", traits.hair_color), ("eyes", traits.eyes), ("clothes", traits.clothes_color),
                         ("background", traits.background)):  # fmt: skip
        nouns = {"hair": traits.hair.split()[-1], "eyes": "eyes", "clothes": traits.clothes.split()[-1]}
        noun = nouns.get(thing, thing)
        is_it = words in phrase.split() and (phrase.endswith(noun) or (thing == "hair" and phrase.endswith("hair")))
        if is_it and rng.random() < 0.1:
            others = [color for color in COLORS[thing] if color != words]
            return phrase.replace(words, others[int(rng.integers(len(others)))])
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=400)
    parser.add_argument("--seed", type=int, default=11)
    arguments = parser.parse_args()
    sprites, captions, plants, truths = planted(arguments.num, arguments.seed)
    named = {f"{number}.png": caption for number, caption in enumerate(captions)}
    report = lint(sprites, named, LintOptions(24, "portrait", TokenBudget(SD15 / "tokenizer")))
    total, found, flagged = Counter(), Counter(), 0
    missed: Counter[str] = Counter()
    for (name, caption), plant, truth in zip(named.items(), plants, truths, strict=True):
        spans = [
            span for finding in report.of(name) if finding.rule not in ("late", "budget") for span in finding.spans
        ]
        for (start, end), kind in plant.items():
            total[kind] += 1
            hit = any(a < end and start < b for a, b in spans)
            found[kind] += hit
            missed[caption[start:end].strip()] += not hit
        flagged += sum(any(a < end and start < b for a, b in spans) for start, end in truth)
    num_true = sum(map(len, truths))
    print(
        f"{arguments.num} portraits, seed {arguments.seed}\n\n| kind | planted | found | share |\n|---|---:|---:|---:|"
    )
    for kind in total:
        print(f"| {kind} | {total[kind]} | {found[kind]} | {found[kind] / total[kind]:.1%} |")
    both = sum(total.values())
    print(f"| all planted | {both} | {sum(found.values())} | {sum(found.values()) / both:.1%} |")
    print(f"| true phrases flagged | {num_true} | {flagged} | {flagged / num_true:.1%} |")
    print("\nMost missed:", ", ".join(f"{text} ({n})" for text, n in missed.most_common(8) if n))


if __name__ == "__main__":
    main()
