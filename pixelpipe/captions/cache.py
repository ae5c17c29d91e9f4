"""Captions that were made from pixels, kept in the store by content: strategy and sprite.

A chunk of captions is one file, put when it is done: a run that dies goes on after its last chunk, and sprites that are
added later are the only ones that are captioned then.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence

from pixelpipe.captions.strategy import Strategy, strategy_id
from pixelpipe.data.sprites import Sprite
from pixelpipe.errors import AlreadyExistsError, BadInputError
from pixelpipe.keys import caption_cache_key
from pixelpipe.store import Store

CHUNK = 64  # sprites whose captions may be lost when a run dies


def described(
    store: Store, strategy: Strategy, sprites: Sequence[Sprite], advance: Callable[[int], None] = lambda _: None
) -> list[str]:
    """What `strategy` says of every sprite, in order; what the store has is not made again.

    `advance(n)` is told of every n sprites that are done. Equal sprites are described once.
    """
    if not strategy.from_pixels:
        texts = strategy.describe(sprites)
        advance(len(sprites))
        return texts
    known = read_cache(store, strategy_id(strategy))
    advance(sum(sprite.content_hash in known for sprite in sprites))
    for chunk in _chunks([sprite for sprite in sprites if sprite.content_hash not in known]):
        texts = strategy.describe(list(chunk.values()))
        made = dict(zip(chunk, texts, strict=True))
        _put(store, strategy_id(strategy), made)
        known |= made
        advance(sum(1 for sprite in sprites if sprite.content_hash in made))
    return [known[sprite.content_hash] for sprite in sprites]


def read_cache(store: Store, strategy: str) -> dict[str, str]:
    """Content hash -> text, of every chunk of a strategy."""
    known: dict[str, str] = {}
    for key in store.list(caption_cache_key(strategy)):
        try:
            known |= {
                row["content_hash"]: row["text"] for row in map(json.loads, store.read(key).decode().splitlines())
            }
        except (ValueError, KeyError, TypeError):
            raise BadInputError(f"{store.uri(key)}: must be captions as JSON Lines but is not; delete it") from None
    return known


def _chunks(sprites: Sequence[Sprite]) -> Iterator[dict[str, Sprite]]:
    """Content hash -> sprite, `CHUNK` at a time."""
    distinct = {sprite.content_hash: sprite for sprite in sprites}
    hashes = list(distinct)
    for start in range(0, len(hashes), CHUNK):
        yield {key: distinct[key] for key in hashes[start : start + CHUNK]}


def _put(store: Store, strategy: str, made: dict[str, str]) -> None:
    name = hashlib.sha256("".join(made).encode()).hexdigest()[:16]
    lines = (json.dumps({"content_hash": key, "text": text}, ensure_ascii=True) for key, text in made.items())
    try:
        store.put(caption_cache_key(strategy, f"{name}.jsonl"), "".join(f"{line}\n" for line in lines).encode())
    except AlreadyExistsError:  # another process made the same chunk meanwhile: the same text
        return
