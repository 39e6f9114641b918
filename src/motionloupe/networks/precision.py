"""In which precision networks compute where they are used, not trained."""

from functools import cache

import torch

_BFLOAT16 = ("avx512_bf16", "amx_tile")  # sets of instructions, as torch.cpu names them


def in_half(device: torch.device) -> torch.autocast:
    """bfloat16 on processors that multiply it in hardware, twice to many times as fast.

    For what sees differences of frames, not for what must find small ones in frames by itself.
    """
    fast = device.type == "cpu" and multiplies_bfloat16()
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast)


@cache
def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16 (AVX-512 BF16 or AMX)."""
    known = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in _BFLOAT16)
    return any(supported is not None and supported() for supported in known)
