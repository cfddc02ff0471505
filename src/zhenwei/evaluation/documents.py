"""Results as JSON documents: pydantic models with a ``schema``, written whole and checked when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from zhenwei.errors import DataError
from zhenwei.files import read_document, write_whole
from zhenwei.types import Text


class DocumentSection(BaseModel):
    """A part of a document, or a whole one: it cannot be changed, and holds no unknown keys and no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


def _with_its_chinese(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return value if isinstance(value, Text) else check(value)


Sentence = Annotated[str, WrapValidator(_with_its_chinese)]  # a ``Text`` keeps its Chinese, which no document holds
_SHOWN = 80  # characters of a value that is quoted
Document = TypeVar("Document", bound=DocumentSection)


def save(document: DocumentSection, path: Path) -> None:
    """UTF-8 JSON, one key order, ending in a newline; whole or not at all. Raises :class:`DataError`."""
    write_whole(path, as_json(document))


def as_json(document: DocumentSection) -> str:
    return document.model_dump_json(indent=1, by_alias=True) + "\n"


def load(path: Path, kind: type[Document], *, fix: str = "") -> Document:
    """The document of that ``kind`` at ``path``, whose field ``schema_`` has the name of the schema as its default.

    Raises :class:`DataError`, with ``fix`` as the cure, for a file that is missing or is no such document.
    """
    schema = kind.model_fields["schema_"].default
    try:
        return kind.model_validate(read_document(path, schema, fix=fix))
    except ValidationError as error:
        wrong = first_of(error)
        got = f"{path}: {wrong.got}"
        raise DataError(f"this is no document of schema {schema}", got=got, want=wrong.want, fix=fix) from None


class Wrong(NamedTuple):
    """A value that cannot be: its ``field`` (``optimiser.steps``, "" where it is several together), what was ``got``
    and what is wanted, in words for who wrote it."""

    field: str
    got: str
    want: str


def first_of(error: ValidationError) -> Wrong:
    """What is wrong first; a name that is not known before all else, as another may lack for it."""
    every = error.errors(include_url=False)
    first = next((one for one in every if one["type"] == "extra_forbidden"), every[0])
    field, kind = ".".join(map(str, first["loc"])), first["type"]
    said, limit = first["msg"].removeprefix("Value error, "), first.get("ctx", {})
    if kind == "missing":
        return Wrong(field, got=f"no {field}", want=f"a value for {field}")
    if kind == "extra_forbidden":
        return Wrong(field, got=f"{field}, which is not known", want="known names alone")
    if kind == "value_error":  # of a validator, whose message says what is wanted
        return Wrong(field, got=f"{field}: {said}" if field else said, want="")
    value = repr(first["input"])
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    wants = {
        "greater_than": f"a number above {limit.get('gt')}",
        "greater_than_equal": f"a number from {limit.get('ge')} up",
        "less_than": f"a number below {limit.get('lt')}",
        "less_than_equal": f"a number up to {limit.get('le')}",
        "multiple_of": f"a multiple of {limit.get('multiple_of')}",
        "literal_error": f"{limit.get('expected')}",
        "finite_number": "a finite number",
        "too_short": f"at least {limit.get('min_length')}",
        "int": "a whole number",
        "float": "a number",
        "string": "text",
        "bool": "true or false",
        "tuple": "a list",
        "list": "a list",
        "dict": "a table of names and values",
        "model": "a table of names and values",
    }
    name = kind if kind in wants else kind.partition("_")[0]  # int_type, int_parsing, int_from_float
    said = said.removeprefix("Input should be ")
    got = f"{field} = {shown}" if field else shown
    return Wrong(field, got=got, want=wants[name] if name in wants else said)  # noqa: SIM401  # read by tests/words
