"""One process or many: the same run, started alone or by torchrun."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from motionloupe.errors import UserError
from motionloupe.training.tasks import Task


@dataclass(frozen=True)
class Process:
    """This process among ``count``, and where it computes."""

    number: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.number == 0

    def share(self, task: Task) -> nn.Module:
        """The task with the gradients of its network averaged over all processes."""
        if self.count == 1:
            return task
        if self.device.type == "cuda":  # batch norms see the whole batch; on CPUs torch cannot
            nn.SyncBatchNorm.convert_sync_batchnorm(task.network)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(task, broadcast_buffers=False)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean over all processes, which must all ask for it."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values / self.count


@contextmanager
def joined(batch: int) -> Iterator[Process]:
    """Join the processes that torchrun started (NCCL on GPUs, else gloo), if it did.

    Raises UserError where ``batch``, the size of all processes together, cannot be shared out.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if batch % count:
        raise UserError(f"a batch of {batch} cannot be shared out to {count} processes")
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else "cpu"
    if count == 1:
        yield Process(device=torch.device(device))
        return
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Process(distributed.get_rank(), count, torch.device(device))
    finally:
        distributed.destroy_process_group()
