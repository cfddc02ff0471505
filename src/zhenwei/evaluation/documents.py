"""Results as JSON documents: pydantic models with a ``schema``, written whole and checked when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

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
        got = f"{path}: {error.errors()[0]['msg']}"
        raise DataError(f"this is no document of schema {schema}", got=got, fix=fix) from error
