"""Words for colors, as people write them in captions, and the coarse names that each may look like.

A word is generous: art shades its colors, so "blonde" hair has tan and brown pixels too. It is wrong only where no
pixel comes near it.
"""

from collections.abc import Mapping

_GRAYS = ("gray", "dark gray", "light gray")

# word -> coarse names (`colors.NAMES`) that a pixel of it may have
COLOR_WORDS: Mapping[str, frozenset[str]] = {
    word: frozenset(names)
    for words, names in (
        (("black", "jet", "ebony", "onyx"), ("black", "dark gray", "navy")),
        (("gray", "grey", "ash", "slate"), (*_GRAYS, "lavender")),
        (("silver", "steel", "iron", "chrome", "pewter", "platinum"), (*_GRAYS, "white", "light blue")),
        (("charcoal",), ("dark gray", "black", "gray")),
        (("white", "ivory", "pearl", "snow"), ("white", "light gray", "beige")),
        (("beige", "cream", "sand", "khaki"), ("beige", "tan", "white", "yellow")),
        (("tan",), ("tan", "beige", "brown", "orange")),
        (("brown", "chestnut", "chocolate", "bronze", "copper", "wooden", "auburn", "brunette"),
         ("brown", "tan", "maroon", "orange", "olive", "red")),
        (("maroon", "burgundy"), ("maroon", "red", "brown", "magenta")),
        (("red", "crimson", "scarlet", "ruby", "vermilion", "cherry"), ("red", "maroon", "pink", "magenta", "orange")),
        (("orange", "ginger", "peach", "coral", "amber", "rust"), ("orange", "tan", "yellow", "red", "brown", "pink")),
        (("yellow", "lemon"), ("yellow", "beige", "tan", "olive")),
        (("gold", "golden", "blonde", "blond", "brass"), ("yellow", "tan", "orange", "beige", "brown", "olive")),
        (("olive",), ("olive", "green", "dark green", "tan")),
        (("green", "emerald", "lime", "jade"), ("green", "dark green", "light green", "olive", "teal")),
        (("mint",), ("light green", "teal", "cyan", "green", "light gray")),
        (("teal", "turquoise"), ("teal", "cyan", "light blue", "blue", "green", "light green")),
        (("cyan", "aqua"), ("cyan", "teal", "light blue", "light green", "blue")),
        (("blue", "azure", "sapphire", "cobalt", "sky"), ("blue", "light blue", "navy", "cyan", "teal")),
        (("navy", "indigo"), ("navy", "blue", "black", "purple")),
        (("purple", "violet", "amethyst", "plum"), ("purple", "lavender", "magenta", "navy", "maroon")),
        (("lavender", "lilac"), ("lavender", "purple", "pink", "light blue")),
        (("pink", "rose", "salmon"), ("pink", "magenta", "red", "orange", "lavender")),
        (("magenta", "fuchsia"), ("magenta", "pink", "purple")),
    )
    for word in words
}  # fmt: skip
