"""The order of layers that may change places."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def pooling_first(layers: OrderedDict[str, nn.Module]) -> OrderedDict[str, nn.Module]:
    """Each max pooling that follows a ReLU goes before it: the same function with a fraction of the work.

    The largest of several ReLUs is the ReLU of the largest. Gradients differ only where two of a window's values are
    exactly the same, as zeros behind a ReLU are; the gradient that goes through is then zero.
    """
    names = list(layers)
    for index in range(1, len(names)):
        before, here = names[index - 1 : index + 1]
        if isinstance(layers[before], nn.ReLU) and isinstance(layers[here], nn.MaxPool2d):
            names[index - 1 : index + 1] = here, before
    return OrderedDict((name, layers[name]) for name in names)
