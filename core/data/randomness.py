"""Seeds of independent random streams, so that whatever is random in a run is a function of (seed, epoch, step)."""

from __future__ import annotations

from hashlib import blake2b


def stream_seed(seed: int, stream: str, *numbers: int) -> int:
    """The seed of the stream named `stream` at `numbers` (epoch, batch, …) of a run with `seed`; 0 ≤ result < 2⁶³.

    BLAKE2b mixes all bits, so neighbouring seeds, epochs and batches give unrelated streams, which adding them up would
    not. PyTorch's CPU generator takes only the lower 32 bits of a seed: of 80,000 batches about one pair shares its
    stream, which harms nothing.
    """
    text = "/".join((str(seed), stream, *map(str, numbers)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1
