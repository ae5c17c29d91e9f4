"""How the tiny base was made: a miniature Stable Diffusion, trained on a laptop's processor.

    python -m pixelpipe.models.pretrain_tiny --out DIR --minutes-unet 38 --num-pictures 7000 --seed 0
    python -m pixelpipe.models.pretrain_tiny --out DIR --continue --minutes-unet 20 --seed 1

The first round, on two busy cores, made 2,900 steps of 32 pictures (held-out loss 0.101 at uniform timesteps). A
round is measured in minutes, so its weights depend on the machine. Figures and limits: `tiny/README.md`.

`__main__.py` runs it: `tokenizer.py`, `vae.py`, `paintings.py` and `creatures.py` (what it sees),
`latents.py`, `diffusion.py`, and `pack.py`. No public data, no downloaded weights; everything is drawn by code.
"""
