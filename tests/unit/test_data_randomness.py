"""Seeds of streams of random numbers: the same for ever, and unrelated between neighbours."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from core.data.randomness import stream_seed


def test_stream_seeds_are_the_same_for_ever() -> None:
    assert stream_seed(0, "augment", 1, 2) == 5797026328756526266
    assert stream_seed(2**40, "dropout") == 6267556188527986814


@given(st.integers(0, 2**64), st.text(max_size=8), st.lists(st.integers(0, 10**6), max_size=3))
def test_stream_seeds_fit_63_bits(seed: int, stream: str, numbers: list[int]) -> None:
    assert 0 <= stream_seed(seed, stream, *numbers) < 2**63


def test_neighbouring_streams_have_unrelated_seeds() -> None:
    seeds = [
        stream_seed(seed, stream, epoch, index)
        for seed in range(4)
        for stream in ("augment", "dropout")
        for epoch in range(12)
        for index in range(12)
    ]
    assert len({seed & 0xFFFFFFFF for seed in seeds}) == len(seeds)
    bits = torch.tensor(seeds).unsqueeze(1).bitwise_right_shift(torch.arange(63)) & 1
    assert ((bits.double().mean(0) - 0.5).abs() < 0.075).all()
