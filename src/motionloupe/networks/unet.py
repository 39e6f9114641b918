"""FlowMag's generator: a U-Net of two frames and the encoded factor (Pan et al. 2023)."""

import torch
from torch import Tensor, nn

from motionloupe.flow.unet import UNet
from motionloupe.networks.alpha_encoding import CHANNELS, encode_alpha


class FlowmagUNet(nn.Module):
    """The paper's generator: 38 channels in (two RGB frames, 32 of the factor), RGB out.

    17.29 million parameters at ``base`` 64.
    """

    def __init__(self, base: int = 64) -> None:
        super().__init__()
        self.body = UNet(6 + CHANNELS, 3, base)

    def forward(self, reference: Tensor, frame: Tensor, alpha: Tensor) -> Tensor:
        """(B, 3, H, W) twice, in [0, 1], factors (B, 1, H, W) or (B, 1, 1, 1) -> (B, 3, H, W)."""
        encoded = encode_alpha(alpha).expand(frame.shape[0], -1, *frame.shape[-2:])
        return torch.sigmoid(self.body(torch.cat([reference, frame, encoded], dim=1)))
