"""Makes the tiny base: `python -m pixelpipe.models.pretrain_tiny --out DIR --minutes-unet 40 --seed 0`."""

import argparse
import logging
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from transformers.models.clip import CLIPTokenizer

from pixelpipe.data import portraits
from pixelpipe.models.pretrain_tiny.creatures import draw_creature
from pixelpipe.models.pretrain_tiny.diffusion import build_denoiser, train_denoiser
from pixelpipe.models.pretrain_tiny.latents import cache_all
from pixelpipe.models.pretrain_tiny.pack import load_weights, save_denoiser, save_vae
from pixelpipe.models.pretrain_tiny.tokenizer import train_tokenizer
from pixelpipe.models.pretrain_tiny.vae import build_vae

logger = logging.getLogger("pixelpipe.models.pretrain_tiny")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pixelpipe.models.pretrain_tiny", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder; a vae or tokenizer in it is kept")
    parser.add_argument("--minutes-unet", type=float, default=40)
    parser.add_argument("--num-pictures", type=int, default=7000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=1, help="processes that paint")
    parser.add_argument("--save-every-minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--continue", dest="goes_on", action="store_true", help="start from the denoiser in DIR")
    return parser.parse_args()


def _captions(seed: int, num_captions: int = 500) -> list[str]:
    rng = np.random.default_rng([seed, 3])
    captions: list[str] = []
    for _ in range(num_captions):
        traits = portraits.draw_traits(rng)
        captions += [portraits.plain_caption(traits), portraits.detailed_caption(traits, rng)]
        captions.append(draw_creature(rng, grid=24)[2])
    return captions


def _tokenizer(folder: Path, seed: int) -> CLIPTokenizer:
    if (folder / "vocab.json").is_file():
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    return train_tokenizer(folder, _captions(seed))


def _vae(folder: Path, seed: int) -> AutoencoderKL:
    if not (folder / "vae" / "config.json").is_file():
        vae = build_vae(torch.Generator().manual_seed(seed))
        save_vae(vae, folder)
    return AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True, dtype=torch.float32)


def main() -> None:
    """Make tokenizer, autoencoder and denoiser in turn; save the denoiser every few minutes."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    tokenizer = _tokenizer(arguments.out / "tokenizer", arguments.seed)
    vae = _vae(arguments.out, arguments.seed)
    device = torch.device(arguments.device)
    torch.set_float32_matmul_precision("high")  # as cuDNN computes convolutions anyway
    latent_sets = cache_all(vae.to(device), arguments.num_pictures, arguments.seed, arguments.workers)
    denoiser = build_denoiser(tokenizer, arguments.seed)
    if arguments.goes_on:
        load_weights(denoiser, arguments.out)
    for averaged in train_denoiser(
        denoiser.to(device),
        latent_sets,
        arguments.seed,
        duration_s=60 * arguments.minutes_unet,
        save_every_s=60 * arguments.save_every_minutes,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
    ):
        save_denoiser(averaged, arguments.out)
        logger.info("saved %s", arguments.out)


if __name__ == "__main__":
    main()
