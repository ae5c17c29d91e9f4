"""A small CLIP tokenizer: byte-level BPE in CLIP's own file format, learned from words we can list."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.models.clip import CLIPTokenizer

END_OF_WORD = "</w>"
SPECIAL_TOKENS = ("<|startoftext|>", "<|endoftext|>")
MODEL_MAX_LENGTH = 77
_WORD = re.compile(r"[a-z]+|\d|[^\sa-z\d]+")  # as CLIP splits lower-cased text

# Common words of captions that the generators never write; one or more merges each.
ENGLISH = """
a an the of in on at to and or with without for from by as is are be this that his her its their one two
three four five six seven eight nine ten no not very small little tiny big large huge giant long short tall
old young new ancient light dark bright deep pale soft hard warm cold hot simple plain flat clean detailed
cute scary angry happy sad friendly evil holy magic magical royal wild sleeping flying swimming standing
sitting walking fighting holding wearing looking smiling facing left right front back side view top bottom
center upper lower half full body head face eye eyes ear ears nose mouth lips teeth tongue cheek chin neck
shoulder arm arms hand hands leg legs foot feet tail wing wings horn horns claw claws fang fangs fur feather
scales shell skin hair beard mustache brow hat cap helmet crown hood mask glasses sunglasses scarf necklace
ring earring belt cloak cape robe dress skirt coat jacket vest shirt pants boots shoes gloves armor shield
sword axe bow arrow spear staff wand dagger hammer potion scroll book key coin gem jewel ruby emerald
sapphire diamond pearl gold golden silver bronze iron steel stone wood wooden leather glass crystal ice snow
fire flame smoke water wave cloud rain storm lightning sun moon star stars sky sea ocean river lake forest
tree leaf flower rose grass mountain desert sand cave castle tower house village city night day morning
sunset man woman boy girl child person people king queen prince princess knight warrior wizard witch mage
priest monk thief pirate ninja samurai soldier guard hunter archer farmer chef doctor nurse robot alien
android astronaut cyborg punk hero villain angel demon devil vampire zombie skeleton ghost mummy werewolf
orc elf dwarf gnome goblin troll ogre giant fairy mermaid merfolk centaur minotaur golem gargoyle imp fiend
dragon drake hydra phoenix griffin unicorn sphinx basilisk naga kobold gnoll lich wraith spirit shadow
phantom elemental slime jelly ooze blob mushroom fungus plant vine tentacle worm snake serpent viper python
cobra lizard crocodile alligator turtle frog toad spider scorpion crab lobster ant bee wasp beetle butterfly
moth dragonfly fly bat bird eagle hawk owl raven crow parrot duck chicken penguin fish shark eel octopus
squid whale dolphin cat dog wolf fox bear lion tiger panther leopard elephant rhino hippo horse pony donkey
mule cow bull yak ox sheep goat ram pig boar hog deer elk moose rabbit mouse rat squirrel monkey ape gorilla
dinosaur beast creature monster animal animals humanoid undead demons dragons plants items nonliving
amorphous abyss vault red orange yellow green blue purple pink brown black white gray grey teal cyan magenta
violet indigo turquoise azure crimson scarlet maroon beige cream tan olive lime mint navy lavender peach
coral salmon blonde ginger auburn color colors colored colorful monochrome pixel pixels art artwork portrait
sprite icon avatar character game retro bit style drawing painting illustration sketch cartoon comic photo
picture image background pattern texture outline outlined shading shaded gradient dithered palette texture
realistic smooth sharp blurry noisy high low resolution quality best masterpiece bearded bald freckles scar
tattoo makeup pipe cigarette headphones
"""


def build_merges(words: Iterable[str], vocab_size: int) -> list[tuple[str, str]]:
    """Byte-pair merges learned from `words` (repeats count), until the vocabulary has `vocab_size` entries."""
    byte_names = bytes_to_unicode()
    counts = Counter(words)
    splits = {word: _letters(word, byte_names) for word in counts}
    merges: list[tuple[str, str]] = []
    while len(merges) < vocab_size - 2 * len(byte_names) - len(SPECIAL_TOKENS):
        pairs: Counter[tuple[str, str]] = Counter()
        for word, parts in splits.items():
            for pair in pairwise(parts):
                pairs[pair] += counts[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        splits = {word: _merge(parts, best) for word, parts in splits.items()}
    return merges


def _letters(word: str, byte_names: dict[int, str]) -> list[str]:
    letters = [byte_names[byte] for byte in word.encode("utf-8")]
    return [*letters[:-1], letters[-1] + END_OF_WORD]


def _merge(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def _vocabulary(merges: list[tuple[str, str]]) -> dict[str, int]:
    """CLIP's order: bytes, bytes that end a word, merges, special tokens."""
    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(letter + END_OF_WORD for letter in letters), *map("".join, merges), *SPECIAL_TOKENS]
    assert len(set(tokens)) == len(tokens)
    return {token: index for index, token in enumerate(tokens)}


def train_tokenizer(folder: Path, captions: Iterable[str], vocab_size: int = 1536) -> CLIPTokenizer:
    """Learn a vocabulary from `captions` and `ENGLISH`, write CLIP's files into `folder`, and load it."""
    texts = [*captions, ENGLISH, ENGLISH]
    words = [word for text in texts for word in _WORD.findall(text.lower())]
    merges = build_merges(words, vocab_size)
    folder.mkdir(parents=True, exist_ok=True)
    vocab_path, merges_path = folder / "vocab.json", folder / "merges.txt"
    vocab_path.write_text(json.dumps(_vocabulary(merges), ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    merges_path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(_tokenizer_config(), indent=2), encoding="utf-8")
    (folder / "special_tokens_map.json").write_text(json.dumps(_special_tokens(), indent=2), encoding="utf-8")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def _special_tokens() -> dict[str, str]:
    start, end = SPECIAL_TOKENS
    return {"bos_token": start, "eos_token": end, "pad_token": end, "unk_token": end}


def _tokenizer_config() -> dict[str, object]:
    config: dict[str, object] = {"tokenizer_class": "CLIPTokenizer", "model_max_length": MODEL_MAX_LENGTH}
    return config | {"do_lower_case": True, "add_prefix_space": False} | _special_tokens()
