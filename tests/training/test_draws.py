"""Order is a function of (seed, epoch); the rest of (seed, step, position in the whole batch)."""

import torch

from pixelpipe.training.draws import epoch_order, step_draws

SHAPE = (8, 4, 6, 6)


def draws(seed=1, step=0, shape=SHAPE, noise_offset=0.0, caption_dropout=0.25):
    return step_draws(
        seed, step, shape, num_train_timesteps=1000, caption_dropout=caption_dropout, noise_offset=noise_offset,
        device=torch.device("cpu"),
    )  # fmt: skip


def test_order_is_a_function_of_seed_and_epoch_and_holds_every_sample():
    first = epoch_order(1, 1, 10, 2, False).samples
    assert torch.equal(first, epoch_order(1, 1, 10, 2, True).samples)
    assert not torch.equal(first, epoch_order(1, 2, 10, 2, False).samples)
    assert not torch.equal(first, epoch_order(2, 1, 10, 2, False).samples)
    assert sorted(first.tolist()) == sorted([*range(10)] * 2)


def test_half_of_the_sprites_are_mirrored_only_where_asked():
    assert not epoch_order(1, 1, 1000, 1, False).flipped.any()
    flipped = epoch_order(1, 1, 1000, 1, True).flipped
    assert 0.45 < flipped.float().mean() < 0.55
    assert not torch.equal(flipped, epoch_order(1, 2, 1000, 1, True).flipped)


def test_draws_are_a_function_of_seed_and_step():
    first = draws()
    for name in ("latent", "noise", "timesteps", "dropped"):
        assert torch.equal(getattr(first, name), getattr(draws(), name))
    assert not torch.equal(first.noise, draws(step=1).noise)
    assert not torch.equal(first.noise, draws(seed=2).noise)
    assert not torch.equal(first.latent, first.noise)


def test_a_part_has_the_numbers_of_its_place_in_the_whole_batch():
    whole = draws()
    part = whole.part(slice(3, 5))
    assert torch.equal(part.noise, whole.noise[3:5])
    assert torch.equal(part.timesteps, whole.timesteps[3:5])


def test_shares_and_ranges():
    many = draws(shape=(4000, 4, 2, 2))
    assert 0.22 < many.dropped.float().mean() < 0.28
    assert not draws(shape=(4000, 4, 2, 2), caption_dropout=0.0).dropped.any()
    assert many.timesteps.min() >= 0
    assert 990 < many.timesteps.max() <= 999
    assert abs(many.noise.std().item() - 1) < 0.02


def test_noise_offset_adds_one_number_to_each_channel_of_each_sample():
    plain, shifted = draws(shape=(500, 4, 3, 3)), draws(shape=(500, 4, 3, 3), noise_offset=0.1)
    added = shifted.noise - plain.noise
    torch.testing.assert_close(added, added.mean((2, 3), keepdim=True).expand_as(added), atol=1e-6, rtol=0)
    # variance by hand: 1 of the noise and 0.1^2 of the shift; the mean of 9 pixels: 1/9 + 0.01
    assert abs(added.std().item() - 0.1) < 0.01
    assert abs(shifted.noise.mean((2, 3)).var().item() - (1 / 9 + 0.01)) < 0.01
    assert torch.equal(plain.timesteps, shifted.timesteps)
