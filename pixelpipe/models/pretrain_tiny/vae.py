"""The autoencoder of the tiny base: started as an identity, then trained on small crops.

A plain tiny AutoencoderKL stalls on flat-cell art. Started so that the encoder averages 8x8 px blocks and the
decoder repeats one latent over 8x8 px, it is exact on aligned art from the first step, and training is left with
what is not aligned: texture, and cells smaller than a latent.
"""

import logging
import time

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.models.attention_processor import Attention
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import nn
from torch.nn import functional

from pixelpipe.data import portraits
from pixelpipe.models.pretrain_tiny.creatures import draw_creature
from pixelpipe.models.pretrain_tiny.paintings import paint_creature, paint_portrait

logger = logging.getLogger(__name__)

BLOCK_OUT_CHANNELS = (16, 24, 32, 48)
NUM_CARRIED = 8  # channels that carry the image through: +RGB, -RGB, +1, -1 (times ANCHOR)
ANCHOR = 16.0  # so much larger than an image that a norm over all channels hardly depends on the image
CROP_PX = 64
KL_WEIGHT = 1e-6
INITIAL_LOGVAR = -8.0


def build_vae(generator: torch.Generator) -> AutoencoderKL:
    """An AutoencoderKL of factor 8 and 4 latent channels that starts as an identity on aligned art."""
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=BLOCK_OUT_CHANNELS,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=1,
        sample_size=192,
    )
    with torch.no_grad():
        for parameter in vae.parameters():
            if parameter.ndim > 1:
                fan_in = parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.5 / fan_in) ** 0.5)
        _start_as_identity(vae)
        _calibrate(vae)
    return vae


def _start_as_identity(vae: AutoencoderKL) -> None:
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            _damp(module)
        elif isinstance(module, Downsample2D):
            _carry(module.conv, taps=(slice(0, 2), slice(0, 2)), weight=0.25)
        elif isinstance(module, Upsample2D):
            _carry(module.conv, taps=(slice(1, 2), slice(1, 2)), weight=1.0)
        elif isinstance(module, Attention):
            nn.init.zeros_(module.to_out[0].weight)
            nn.init.zeros_(module.to_out[0].bias)
    for coder in (vae.encoder, vae.decoder):
        _open(coder.conv_in)
        _close(coder.conv_out, num_channels=coder.conv_norm_out.num_channels)
    _set_latent_spread(vae)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        conv.weight.copy_(torch.eye(conv.out_channels)[:, :, None, None])
        nn.init.zeros_(conv.bias)


def _damp(block: ResnetBlock2D) -> None:
    """Leave the shortcut of a residual block, with a branch too weak to be seen at the start."""
    block.conv2.weight.mul_(0.2)
    block.conv2.weight[:NUM_CARRIED] = 0
    nn.init.zeros_(block.conv2.bias)
    for norm in (block.norm1, block.norm2):
        norm.weight.fill_(2.0)
    if block.conv_shortcut is not None:
        _carry(block.conv_shortcut, taps=(slice(0, 1), slice(0, 1)), weight=1.0)


def _carry(conv: nn.Conv2d, taps: tuple[slice, slice], weight: float) -> None:
    """Make `conv` hand the carried channels on, spread over `taps`, and take nothing else into them."""
    conv.weight[:NUM_CARRIED] = 0
    conv.weight[NUM_CARRIED:, 6:NUM_CARRIED] = 0
    conv.bias.zero_()
    for channel in range(NUM_CARRIED):
        conv.weight[(channel, channel, *taps)] = weight


def _open(conv: nn.Conv2d) -> None:
    """Put +x, -x and the anchors into the carried channels."""
    conv.weight[:NUM_CARRIED] = 0
    conv.bias.zero_()
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = 1
        conv.weight[channel + 3, channel, 1, 1] = -1
    conv.bias[6], conv.bias[7] = ANCHOR, -ANCHOR


def _close(conv: nn.Conv2d, num_channels: int) -> None:
    """Undo the last norm and activation on the carried channels: silu(x) - silu(-x) = x."""
    norm_scale = (2 * ANCHOR**2 / num_channels) ** 0.5
    conv.weight[:3] = 0
    conv.bias.zero_()
    for channel in range(3):
        conv.weight[channel, channel, 1, 1] = norm_scale
        conv.weight[channel, channel + 3, 1, 1] = -norm_scale


def _calibrate(vae: AutoencoderKL) -> None:
    """Scale both ends so that block averages and colors come out at their true size."""
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(np.stack([random_crop(rng) for _ in range(64)]))
    averages = functional.avg_pool2d(pixels, 8)
    for coder, inputs, targets in (
        (vae.encoder, pixels, averages),
        (vae.decoder, torch.cat([averages, torch.zeros_like(averages[:, :1])], dim=1), averages),
    ):
        outputs = coder(inputs)[:, :3]
        outputs = functional.adaptive_avg_pool2d(outputs, averages.shape[-2:])
        coder.conv_out.weight[:3] *= (outputs * targets).sum() / (outputs**2).sum()


def _set_latent_spread(vae: AutoencoderKL) -> None:
    conv = vae.encoder.conv_out
    conv.weight[4:] = 0
    conv.bias[4:] = INITIAL_LOGVAR


def _random_sprite(rng: np.random.Generator) -> np.ndarray:
    """A clean sprite: a portrait, or a creature before a flat color; (G, G, 3) uint8."""
    if rng.random() < 0.5:
        return portraits.render(portraits.draw_traits(rng))
    sprite, mask, _ = draw_creature(rng, 32)
    return np.where(mask[..., None], sprite, rng.integers(0, 256, 3).astype(np.uint8))


def _roughen(sprite: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sometimes saturate, dither or add noise a cell at a time."""
    cells = sprite.astype(np.float32)
    choice = rng.random()
    if choice < 0.15:
        cells = cells + rng.normal(0, rng.uniform(2, 40), cells.shape)
    elif choice < 0.3:
        cells = 128 + (cells - 128) * rng.uniform(1, 3)
    elif choice < 0.4:
        cells[:: 2, 1::2] *= rng.uniform(0.5, 1)
        cells[1::2, ::2] *= rng.uniform(0.5, 1)
    elif choice < 0.5:
        cells = rng.integers(0, 256, cells.shape).astype(np.float32)
    return np.clip(cells, 0, 255)


def _cell_px(rng: np.random.Generator) -> float:
    """Cells of a whole latent mostly; also half a latent, and sizes that straddle latents."""
    return float(rng.choice([8, 8, 8, 8, 8, 4, 4, 4, 16, 32 / 3]))


def random_crop(rng: np.random.Generator) -> np.ndarray:
    """A training crop: (3, CROP_PX, CROP_PX) float32 in -1..1."""
    if rng.random() < 0.2:
        picture = paint_portrait(192, rng) if rng.random() < 0.6 else paint_creature(256, 32, rng)
        pixels = picture.image
    else:
        cells = _roughen(_random_sprite(rng), rng)
        cell_px = _cell_px(rng)
        index = (np.arange(int(cells.shape[0] * cell_px)) / cell_px).astype(int)
        pixels = cells[index][:, index]
    top, left = 8 * rng.integers(0, (np.array(pixels.shape[:2]) - CROP_PX) // 8 + 1)
    crop = pixels[top : top + CROP_PX, left : left + CROP_PX]
    return crop.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1


def _loss(vae: AutoencoderKL, pixels: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, float]:
    """Reconstruction of values and of steps between neighbors (flat cells stay flat), plus KL; (loss, L1)."""
    posterior = vae.encode(pixels).latent_dist
    noise = torch.randn(posterior.mean.shape, generator=generator)
    decoded = vae.decode(posterior.mean + posterior.std * noise).sample
    l1 = functional.l1_loss(decoded, pixels)
    steps = sum(functional.l1_loss(decoded.diff(dim=axis), pixels.diff(dim=axis)) for axis in (2, 3))
    kl = 0.5 * (posterior.mean**2 + posterior.var - 1 - posterior.logvar).sum(dim=(1, 2, 3)).mean()
    return l1 + functional.mse_loss(decoded, pixels) + 0.5 * steps + KL_WEIGHT * kl, l1.item()


def train_vae(seed: int, duration_s: float, batch_size: int = 16, learning_rate: float = 1e-3) -> AutoencoderKL:
    """Train for `duration_s` seconds, then balance the latents."""
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    vae = build_vae(generator).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=learning_rate, weight_decay=0.0, betas=(0.9, 0.99))
    start, step, running_l1 = time.monotonic(), 0, 0.1
    while (share := (time.monotonic() - start) / duration_s) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * min(1, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * share))
        pixels = torch.from_numpy(np.stack([random_crop(rng) for _ in range(batch_size)]))
        loss, l1 = _loss(vae, pixels.to(memory_format=torch.channels_last), generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        step, running_l1 = step + 1, 0.98 * running_l1 + 0.02 * l1
        if step % 100 == 0:
            logger.info("vae: %3.0f%%, step %d, L1 %.4f", 100 * share, step, running_l1)
    return balance_latents(vae.eval(), rng)


@torch.no_grad()
def balance_latents(vae: AutoencoderKL, rng: np.random.Generator) -> AutoencoderKL:
    """Center and decorrelate the latents of painterly portraits, and set `scaling_factor` to give them unit std.

    A trained latent is nearly a color plus a weak fourth channel. Each principal axis is divided by the square root
    of its own standard deviation, so that hue and texture are not drowned in lightness, nor made as loud. The
    change of axes is folded into the two 1x1 convolutions; the decoded image stays the same.
    """
    images = np.stack([paint_portrait(192, rng).image for _ in range(64)])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    latents = torch.cat([vae.encode(batch).latent_dist.mean for batch in pixels.split(16)])
    latents = latents.permute(1, 0, 2, 3).flatten(1)  # (4, N)
    variances, axes = torch.linalg.eigh(torch.cov(latents))
    spread = variances.clamp(min=1e-4).sqrt()
    _change_axes(vae, latents.mean(dim=1), axes.T / spread.sqrt()[:, None])
    vae.register_to_config(scaling_factor=round(float(spread.mean() ** -0.5), 5))
    return vae


def _change_axes(vae: AutoencoderKL, center: torch.Tensor, forward: torch.Tensor) -> None:
    """Make the latents `forward` @ (latents - `center`), with a constant log variance of the posterior."""
    quant, post_quant = vae.quant_conv, vae.post_quant_conv
    quant.weight[:4] = torch.einsum("ij,jkhw->ikhw", forward, quant.weight[:4])
    quant.bias[:4] = forward @ (quant.bias[:4] - center)
    quant.weight[4:] = 0
    quant.bias[4:] = INITIAL_LOGVAR
    post_quant.bias += post_quant.weight[:, :, 0, 0] @ center
    post_quant.weight.copy_(torch.einsum("ijhw,jk->ikhw", post_quant.weight, torch.linalg.inv(forward)))
