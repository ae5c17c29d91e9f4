"""The autoencoder of the tiny base: an AutoencoderKL whose weights are set, not learned, to begin with.

A plain tiny AutoencoderKL, trained for minutes, stalls far from flat cells. This one is built so that the encoder
averages blocks of 8x8 px and the decoder repeats a latent over 8x8 px: it is exact on aligned art and is not
trained. Three latents are the block's color; the fourth is a detail that is zero where a block is flat.
"""

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.models.attention_processor import Attention
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import nn
from torch.nn import functional

from pixelpipe.models.pretrain_tiny.crops import random_crop
from pixelpipe.models.pretrain_tiny.paintings import paint_portrait

BLOCK_OUT_CHANNELS = (16, 24, 32, 48)
NUM_CARRIED = 10  # channels that carry the image: +RGB, -RGB, +ANCHOR, -ANCHOR, +detail, -detail
LUMA = (0.3, 0.59, 0.11)
ANCHOR = 16.0  # so much larger than an image that a norm over all channels hardly depends on the image
POSTERIOR_LOGVAR = -8.0
_PAIRS = ((0, 3), (1, 4), (2, 5), (8, 9))  # carried channels of R, G, B and detail, and of their negatives


def build_vae(generator: torch.Generator) -> AutoencoderKL:
    """An AutoencoderKL of factor 8 and 4 latent channels that is an identity on aligned art."""
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
        for module in vae.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.zeros_(module.bias)
        _set_identity(vae)
        _calibrate(vae)
        _balance_latents(vae)
    return vae.eval()


def _set_identity(vae: AutoencoderKL) -> None:
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            _damp(module)
        elif isinstance(module, Downsample2D):
            _carry(module.conv, taps=(slice(0, 2), slice(0, 2)), weight=0.25)
        elif isinstance(module, Upsample2D):
            _carry(module.conv, taps=(slice(1, 2), slice(1, 2)), weight=1.0)
        elif isinstance(module, Attention):
            for parameter in module.to_out.parameters():
                nn.init.zeros_(parameter)
    _take_detail(vae.encoder.down_blocks[2].downsamplers[0].conv)
    for coder in (vae.encoder, vae.decoder):
        _open(coder.conv_in)
        _close(coder.conv_out, num_channels=coder.conv_norm_out.num_channels)
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
    conv.weight[NUM_CARRIED:, 6:8] = 0
    conv.bias.zero_()
    for channel in range(NUM_CARRIED):
        conv.weight[(channel, channel, *taps)] = weight


def _open(conv: nn.Conv2d) -> None:
    """Put +x, -x and the anchors into the carried channels; x is an image, or latents with their detail."""
    conv.weight[:NUM_CARRIED] = 0
    conv.bias.zero_()
    for channel, (plus, minus) in zip(range(conv.in_channels), _PAIRS, strict=False):
        conv.weight[plus, channel, 1, 1] = 1
        conv.weight[minus, channel, 1, 1] = -1
    conv.bias[6], conv.bias[7] = ANCHOR, -ANCHOR


def _take_detail(conv: nn.Conv2d) -> None:
    """Make the detail: lightness of the upper less the lower half of a latent's 8x8 px, zero on aligned art."""
    for row, weight in ((0, 0.25), (1, -0.25)):
        for channel, luma in enumerate(LUMA):
            conv.weight[8, channel, row, :2] = weight * luma
            conv.weight[9, channel, row, :2] = -weight * luma


def _close(conv: nn.Conv2d, num_channels: int) -> None:
    """Undo the last norm and activation on the carried channels: silu(x) - silu(-x) = x."""
    norm_scale = (2 * ANCHOR**2 / num_channels) ** 0.5
    conv.weight[:4] = 0
    conv.bias.zero_()
    for channel, (plus, minus) in zip(range(conv.out_channels), _PAIRS, strict=False):
        conv.weight[channel, plus, 1, 1] = norm_scale
        conv.weight[channel, minus, 1, 1] = -norm_scale


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


def _balance_latents(vae: AutoencoderKL) -> None:
    """Center and decorrelate the latents of painterly portraits, and set `scaling_factor` to give them unit std.

    Each principal axis is divided by the square root of its own standard deviation, so that hue and detail are not
    drowned in lightness, nor made as loud. The change of axes is folded into the two 1x1 convolutions; what is
    decoded stays the same.
    """
    rng = np.random.default_rng(0)
    images = np.stack([paint_portrait(192, rng).image for _ in range(64)])
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    latents = torch.cat([vae.encode(batch).latent_dist.mean for batch in pixels.split(16)])
    latents = latents.permute(1, 0, 2, 3).flatten(1)  # (4, N)
    variances, axes = torch.linalg.eigh(torch.cov(latents))
    spread = variances.clamp(min=1e-4).sqrt()
    _change_axes(vae, latents.mean(dim=1), axes.T / spread.sqrt()[:, None])
    vae.register_to_config(scaling_factor=round(float(spread.mean() ** -0.5), 5))


def _change_axes(vae: AutoencoderKL, center: torch.Tensor, forward: torch.Tensor) -> None:
    """Make the latents `forward` @ (latents - `center`), with a constant log variance of the posterior."""
    quant, post_quant = vae.quant_conv, vae.post_quant_conv
    quant.weight[:4] = torch.einsum("ij,jkhw->ikhw", forward, quant.weight[:4])
    quant.bias[:4] = forward @ (quant.bias[:4] - center)
    quant.weight[4:] = 0
    quant.bias[4:] = POSTERIOR_LOGVAR
    post_quant.bias += post_quant.weight[:, :, 0, 0] @ center
    post_quant.weight.copy_(torch.einsum("ijhw,jk->ikhw", post_quant.weight, torch.linalg.inv(forward)))
