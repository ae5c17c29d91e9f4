"""How the tiny base is made: a miniature Stable Diffusion, in minutes on a GPU or about an hour on two cores.

    python -m pixelpipe.models.pretrain_tiny --out DIR --minutes-unet 40 --seed 0
    python -m pixelpipe.models.pretrain_tiny --out DIR --continue --minutes-unet 20 --seed 1

A round is measured in minutes, so its weights depend on the machine. The rounds of the shipped one, its figures and
limits: `tiny/README.md`.

`__main__.py` runs it: `tokenizer.py`, `vae.py`; what it sees is in `paintings.py`, `creatures.py` (flat ones) and
`figures.py` (as sprite sets have them: plans in `bodies.py`, from `people.py`, `animals.py` and `things.py`, painted
on `easel.py`); then `latents.py`, `diffusion.py`, `pack.py`.
No public data, no downloaded weights; everything is drawn by code.
"""
