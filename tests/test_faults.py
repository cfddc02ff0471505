"""The barrier: what nobody foresaw is one kind of error; what is foreseen, and Ctrl-C, pass through."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from zhenwei import faults
from zhenwei.errors import DataError, FaultError, MediaError, OutOfMemoryError, UsageError


class PanicError(BaseException):
    """As a library in Rust raises: no Exception."""


def recursion() -> int:
    return recursion() + 1


def raising(error: BaseException) -> Callable[[], object]:
    def work() -> object:
        raise error

    return work


UNFORESEEN: dict[str, Callable[[], object]] = {
    "key": lambda: dict[str, int]()["x"],
    "value": lambda: np.zeros(3).reshape(2),
    "recursion": recursion,
    "opencv": lambda: cv2.resize(np.zeros((0, 0), np.uint8), (1, 1)),
    "exit": lambda: sys.exit(0),
    "panic": raising(PanicError("thread panicked")),
    "stop": raising(StopIteration()),
    "assert": raising(AssertionError()),
}


@pytest.mark.parametrize("name", sorted(UNFORESEEN))
def test_whatever_is_unforeseen_is_a_fault_with_its_traceback(name: str) -> None:
    with pytest.raises(FaultError) as caught:
        faults.contained(UNFORESEEN[name])
    assert "Traceback" in caught.value.trace
    assert __file__ in caught.value.trace
    assert caught.value.got
    assert caught.value.fix
    assert caught.value.__cause__ is None  # its frames would keep the arrays of the failed work alive
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - the bytes were written on this line
    assert (str(copy), copy.trace) == (str(caught.value), caught.value.trace)


@pytest.mark.parametrize(
    "error", [MediaError("a"), UsageError("b"), DataError("c"), OSError(2, "d"), KeyboardInterrupt(), GeneratorExit()]
)
def test_what_is_foreseen_passes_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        faults.contained(raising(error))
    assert caught.value is error


class ShortError(cv2.error):
    code = -4


ShortError.__module__ = "cv2"


def too_much() -> NDArray[np.uint8]:
    return np.empty(1 << 62, np.uint8)


@pytest.mark.parametrize("work", [raising(MemoryError()), too_much, raising(ShortError())])
def test_memory_that_ran_out_is_told_as_that(work: Callable[[], object]) -> None:
    with pytest.raises(OutOfMemoryError, match="not enough memory"):
        faults.contained(work)


def test_on_one_file_the_system_s_refusal_is_the_file_s() -> None:
    with pytest.raises(MediaError, match="cannot be read; got Input/output error"):
        faults.on_one_file(raising(OSError(5, "Input/output error")))


def test_items_of_a_file_are_taken_one_by_one() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise KeyError("three")

    taken = faults.each_on_one_file(items())
    assert [next(taken), next(taken)] == [1, 2]
    with pytest.raises(FaultError, match="KeyError: 'three'"):
        next(taken)
    assert list(faults.each_on_one_file([1, None, 3])) == [1, None, 3]


def test_a_long_message_is_cut_and_on_one_line() -> None:
    with pytest.raises(FaultError) as caught:
        faults.contained(raising(RuntimeError("a\nb " * 1000)))
    assert "\n" not in caught.value.got
    assert len(caught.value.got) < 300
