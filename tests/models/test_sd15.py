"""What is shipped of SD1.5: CLIP's vocabulary and the architecture's facts, no weights."""

import json

import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from pixelpipe.models.layout import SD15

# Token ids as OpenAI's own tokenizer gives them, from public tests and documents of CLIP.
PUBLISHED = {
    "a photo of a cat": [320, 1125, 539, 320, 2368],
    "a photo of a dog": [320, 1125, 539, 320, 1929],
    "a painting of a cat": [320, 3086, 539, 320, 2368],
    "bozuman": [647, 4091, 786],
}


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(SD15 / "tokenizer", local_files_only=True)


@pytest.mark.parametrize("text", PUBLISHED)
def test_tokens_are_clips(tokenizer: CLIPTokenizer, text: str):
    assert tokenizer(text).input_ids == [49406, *PUBLISHED[text], 49407]


def test_vocabulary_follows_from_the_merges():
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    symbols = [chr(byte) for byte in printable] + [chr(256 + number) for number in range(256 - len(printable))]
    merges = (SD15 / "tokenizer/merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    tokens = [*symbols, *(f"{symbol}</w>" for symbol in symbols), *("".join(merge.split(" ")) for merge in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = json.loads((SD15 / "tokenizer/vocab.json").read_text(encoding="utf-8"))
    assert vocabulary == {token: number for number, token in enumerate(tokens)}
    assert len(vocabulary) == 49_408


def test_prompts_are_padded_to_77_with_the_end_token(tokenizer: CLIPTokenizer):
    ids = tokenizer("cat", padding="max_length", truncation=True).input_ids
    assert ids == [49406, 2368, *[49407] * 75]


def test_parts_have_sd15s_size():
    """859.5 million parameters of the UNet, 83.7 of the VAE, 123.1 of the text encoder, as published."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(SD15 / "unet"))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(SD15 / "vae"))
        text_encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(SD15 / "text_encoder"))
    assert [sum(weight.numel() for weight in part.parameters()) for part in (unet, vae, text_encoder)] == [
        859_520_964, 83_653_863, 123_060_480,
    ]  # fmt: skip
    assert vae.config.scaling_factor == 0.18215


def test_noise_levels_are_sd15s():
    """Square root of the linear schedule's ends: the model's published first and last cumulative alpha."""
    levels = DDPMScheduler.from_pretrained(SD15 / "scheduler", local_files_only=True).alphas_cumprod
    assert levels[0].item() == pytest.approx(0.99915, abs=1e-5)
    assert levels[-1].item() == pytest.approx(0.00466, abs=1e-5)


def test_no_weights_are_shipped():
    assert not list(SD15.rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in SD15.rglob("*") if path.is_file()) < 1_500_000
