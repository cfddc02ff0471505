"""Settings of the lab's trainings: frozen dataclasses whose values pydantic checks when they are made."""

from __future__ import annotations

import functools
from typing import Any, TypeVar, dataclass_transform

from pydantic import AfterValidator, ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from zhenwei.errors import UsageError

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def checked(cls: type[T]) -> type[T]:
    """Make ``cls`` a frozen dataclass that raises :class:`UsageError` for the first value that is none of its type."""
    made: Any = dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))(cls)
    validate = made.__init__

    @functools.wraps(validate)
    def construct(self: T, *args: Any, **values: Any) -> None:
        try:
            validate(self, *args, **values)
        except ValidationError as error:
            raise _refused(error) from None

    made.__init__ = construct
    checked_cls: type[T] = made
    return checked_cls


def one_of(*allowed: int) -> AfterValidator:
    """For ``Annotated[int, one_of(...)]``: nothing else will do."""

    def check(value: int) -> int:
        if value not in allowed:
            raise ValueError(" or ".join(str(known) for known in allowed))
        return value

    return AfterValidator(check)


def _refused(error: ValidationError) -> UsageError:
    first = error.errors()[0]
    said = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if not first["loc"]:  # of several values together
        return UsageError(said)
    return UsageError(f"{first['loc'][0]} has no meaning", got=str(first["input"]), want=said)
