"""Synthetic 24x24 pixel-art portraits with named traits, for the demo, the tests and the tiny base."""

from pixelpipe.data.portraits.captions import detailed_caption, plain_caption
from pixelpipe.data.portraits.dataset import write_dataset
from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import Traits, draw_traits

__all__ = ["Traits", "detailed_caption", "draw_traits", "plain_caption", "render", "write_dataset"]
