"""Work shared out among forked processes of one thread each.

Frames of a benchmark are too small to keep the cores busy from one process: two processes of one
thread finish nearly twice as much as one of two.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn, TypeVar

import cv2
import torch

from motionloupe.errors import UserError

T = TypeVar("T")
R = TypeVar("R")

_READY = b"ready"  # what a process sends when it has nothing to do


def cores() -> int:
    """How many processors this process may use where it can fork safely (Linux), else 1."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


def shared(task: Callable[[T], Iterable[R]], items: Sequence[T], workers: int = 1) -> Iterator[R]:
    """Whatever ``task`` finds for each of the ``items``, as soon as it is found.

    With one worker all happens here and in order. With more, each takes the next item when it is
    free; what is found goes through a pipe, so it has to be picklable, and the task's own state is
    each worker's own. A task's UserError ends it all and is raised here. Raises UserError for
    workers that there cannot be, or where one is killed.
    """
    if workers < 1:
        raise UserError(f"the number of workers must be 1 or more, found {workers}")
    workers = min(workers, len(items))
    if workers <= 1:
        for item in items:
            yield from task(item)
        return
    if sys.platform != "linux":
        raise UserError("several workers need Linux: leave --workers at 1")
    with _forked(task, items, workers) as pipes:
        yield from _collected(pipes, len(items))


def _collected(pipes: list[Connection], count: int) -> Iterator[Any]:
    """Hand the numbers of the items out and yield what comes back."""
    numbers = iter(range(count))
    while pipes:
        for pipe in wait(pipes):
            assert isinstance(pipe, Connection)
            try:
                found = pipe.recv()
                if found == _READY:
                    number = next(numbers, None)
                    pipe.send(number)
            except (EOFError, ConnectionError):
                raise UserError("a worker was killed; is there memory for so many?") from None
            if isinstance(found, Exception):
                raise found
            if found != _READY:
                yield found
            elif number is None:
                pipes.remove(pipe)


@contextmanager
def _forked(
    task: Callable[[T], Iterable[R]], items: Sequence[T], workers: int
) -> Iterator[list[Connection]]:
    """Pipes to as many workers, which end with the context, whatever happens."""
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)  # a fork has no threads but its own, so none may be expected there
    cv2.setNumThreads(1)
    ends: list[Connection] = []
    children: list[int] = []
    try:
        for _ in range(workers):
            here, there = Pipe()
            child = os.fork()
            if child == 0:
                _work(task, items, there, [here, *ends])
            there.close()
            ends.append(here)
            children.append(child)
        yield list(ends)
    finally:
        for end in ends:
            end.close()
        for child in children:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])


def _work(
    task: Callable[[T], Iterable[R]], items: Sequence[T], pipe: Connection, others: list[Connection]
) -> NoReturn:
    """One worker's life. It never returns into the program that it was forked from."""
    try:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        for other in others:  # or a pipe would outlive the process that holds its other end
            other.close()
        pipe.send(_READY)
        while (number := pipe.recv()) is not None:
            try:
                for found in task(items[number]):
                    pipe.send(found)
            except (UserError, OSError) as error:
                pipe.send(error)
            except Exception:
                pipe.send(RuntimeError(f"in a worker:\n{traceback.format_exc()}"))
            pipe.send(_READY)
    except (EOFError, ConnectionError):  # the program has gone
        pass
    finally:
        os._exit(0)
