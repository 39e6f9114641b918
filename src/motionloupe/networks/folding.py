"""Networks for use only: batch normalisation becomes part of the convolution before it."""

from copy import deepcopy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module) -> nn.Module:
    """A copy of ``network``, in eval mode, that gives the same answers in fewer steps.

    Its parameters are no longer those of the files: train and save the original.
    """
    network = deepcopy(network).eval()
    for block in network.modules():
        if isinstance(block, nn.Sequential):
            for place, (first, second) in enumerate(pairwise(list(block))):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    block[place] = fuse_conv_bn_eval(first, second)
                    block[place + 1] = nn.Identity()
    return network
