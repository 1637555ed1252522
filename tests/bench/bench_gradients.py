"""What a lower precision does to the gradient: that of a run's weights in float32, in what `auto` chooses here, and in
bfloat16.

    python tests/bench/bench_gradients.py RUN_FOLDER [--batches 24]

The mean over the same batches. For each of the others the range, over the parameters, of the cosine with the gradient
in float32 and of the length along it; biases ahead of a batch norm, whose gradient is 0 but for rounding, are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from msgspec.structs import replace
from torch import Tensor

from core.checkpoint import resolve_checkpoint
from core.config import TrainConfig
from core.events import Event, Notice
from core.predict import load_weights
from core.resume import stored_config
from core.runfolder import RunFolder
from core.setup import set_up
from core.step import Step

_ZERO = 1e-5  # of the whole gradient's norm; of those that rounding leaves up to 1.4e-6 was seen, of others 1.6e-3


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder; its last checkpoint is taken")
    parser.add_argument("--batches", type=int, default=24)
    options = parser.parse_args()
    folder = RunFolder(options.run)
    config = stored_config(folder.read_manifest())
    checkpoint = resolve_checkpoint(folder.checkpoints, "last")
    plain = mean_gradient(replace(config, precision="float32"), checkpoint, options.batches)
    whole = torch.stack([gradient.norm() for gradient in plain.values()]).norm()
    kept = [name for name, gradient in plain.items() if gradient.norm() > _ZERO * whole]
    for precision in ("auto", "bfloat16"):
        other = mean_gradient(replace(config, precision=precision), checkpoint, options.batches)
        along = {name: float((plain[name] * other[name]).sum() / plain[name].norm()) for name in kept}
        cosines = [along[name] / float(other[name].norm()) for name in kept]
        lengths = [along[name] / float(plain[name].norm()) for name in kept]
        print(
            f"  of {len(kept)} parameters: cosine {min(cosines):.4f} to {max(cosines):.4f}, "
            f"length {min(lengths):.4f} to {max(lengths):.4f}"
        )


def mean_gradient(config: TrainConfig, checkpoint: Path, num_batches: int) -> dict[str, Tensor]:
    """Of each parameter by name, float64; batches of the epoch after the first."""
    setup = set_up(config, tell)
    load_weights(setup.model, checkpoint, setup.device)
    setup.model.train()
    step, total = Step(setup), torch.zeros((), dtype=torch.float64)
    sums = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in setup.model.named_parameters()}
    for index in range(num_batches):
        loss, _ = step.backward(*setup.train_data.batch(2, index))
        total += loss.cpu()
        for name, parameter in setup.model.named_parameters():
            if parameter.grad is not None:
                sums[name] += parameter.grad
    print(f"{config.precision} ({setup.device_info.precision}): mean loss {float(total) / num_batches:.5f}", flush=True)
    return {name: gradient / num_batches for name, gradient in sums.items()}


def tell(event: Event) -> None:
    """What the setup says of how convolutions are computed."""
    if isinstance(event, Notice):
        print(f"  {event.text}")


if __name__ == "__main__":
    main()
