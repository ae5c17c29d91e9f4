"""The body plans that figures are drawn by, what they are called, and how often each is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pixelpipe.models.pretrain_tiny.animals import beast, crawler, dragon, flyer, serpent
from pixelpipe.models.pretrain_tiny.easel import Easel
from pixelpipe.models.pretrain_tiny.people import person, statue
from pixelpipe.models.pretrain_tiny.things import blob, crystal, fire, ghost, tree, vine


@dataclass(frozen=True, slots=True)
class Body:
    """A body plan, the names that it goes by, the groups that captions mention, and how often it is drawn."""

    paint: Callable[[Easel, np.ndarray], None]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    weight: float


BODIES = (
    Body(
        person,
        (
            "goblin", "orc", "orc warrior", "knight", "guard", "soldier", "zombie", "warrior", "wizard", "mage", "elf",
            "priest", "archer", "golem", "giant", "ogre", "troll", "demon", "imp", "skeleton", "king", "dwarf", "human",
            "merfolk", "vampire", "mummy", "monk", "necromancer", "shaman", "fighter",
        ),
        ("humanoid", "undead", "demons", "unique"),
        0.38,
    ),
    Body(statue, ("statue", "stone figure", "idol"), ("statues", "nonliving"), 0.03),
    Body(
        beast,
        (
            "wolf", "dog", "bear", "cat", "boar", "hound", "pig", "horse", "rat", "yak", "elephant", "sheep", "lion",
            "turtle", "lizard", "crocodile", "fox",
        ),
        ("animals",),
        0.13,
    ),
    Body(dragon, ("dragon", "drake", "wyvern"), ("dragons", "animals"), 0.06),
    Body(flyer, ("bat", "moth", "butterfly", "bird", "harpy", "gargoyle"), ("animals", "demons"), 0.06),
    Body(serpent, ("snake", "worm", "serpent", "eel", "naga", "adder"), ("animals", "aquatic"), 0.06),
    Body(vine, ("tentacle", "vine", "branch", "tentacle segment", "root"), ("tentacles", "plants"), 0.06),
    Body(crawler, ("spider", "beetle", "ant", "scorpion", "crab", "bug"), ("animals",), 0.06),
    Body(fire, ("flame", "fire elemental", "storm", "vortex", "wisp", "spark"), ("nonliving", "vortices"), 0.05),
    Body(crystal, ("crystal", "ice", "ice statue", "shards"), ("nonliving",), 0.03),
    Body(blob, ("jelly", "slime", "ooze", "blob", "floating eye", "mass"), ("amorphous", "eyes"), 0.04),
    Body(ghost, ("ghost", "spirit", "phantom", "wraith", "shadow"), ("undead",), 0.05),
    Body(tree, ("tree", "bush", "plant", "mushroom", "fungus"), ("plants",), 0.03),
)  # fmt: skip
