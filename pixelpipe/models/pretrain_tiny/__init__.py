"""How the tiny base was made: a miniature Stable Diffusion that a laptop trains in three quarters of an hour.

`__main__.py` runs it: `tokenizer.py`, `vae.py` and `decoder.py`, `paintings.py` and `creatures.py` (what it sees),
`latents.py`, `diffusion.py`, and `pack.py`. No public data, no downloaded weights; everything is drawn by code.
"""
