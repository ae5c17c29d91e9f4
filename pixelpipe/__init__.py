"""Fine-tune Stable Diffusion 1.5 on pixel art, and judge every epoch against the best checkpoint so far."""

from importlib.metadata import version

__version__ = version("pixelpipe")
