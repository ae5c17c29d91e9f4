"""What training and sampling SD1.5 take, in TFLOP; `docs/cost.md` has the sources."""


def train_tflop(resolution: int) -> float:
    """Forward and backward of SD1.5's UNet for one image: 2.41 at 512 px, 1.27 at 384, 0.54 at 256.

    Convolutions grow with the area and attention with its square; the two terms fit the three known figures.
    """
    area = (resolution / 512) ** 2
    return 2.077 * area + 0.333 * area**2


def sample_tflop(resolution: int, num_inference_steps: int, guidance: bool) -> float:
    """One picture: a forward pass (a third of a training pass) a step, two with guidance; and the VAE's decoder."""
    decoder = 2.5 * (resolution / 512) ** 2
    return num_inference_steps * (2 if guidance else 1) * train_tflop(resolution) / 3 + decoder
