"""Reports as people and programs read them: JSON, a page, a spreadsheet, a table in the terminal."""

from __future__ import annotations

from zhenwei.pages import legible
from zhenwei.report.folder import ReportFolder
from zhenwei.report.hold import Hold
from zhenwei.report.outcome import Outcome, Unreadable, path_of
from zhenwei.report.page import to_html
from zhenwei.report.structure import (
    SCHEMA,
    SET_SCHEMA,
    STDIN_NAME,
    as_json,
    of_path,
    schema,
    set_to_json,
    to_dict,
    to_json,
)
from zhenwei.report.tabular import CsvRows, line, table, to_csv

__all__ = [
    "SCHEMA",
    "SET_SCHEMA",
    "STDIN_NAME",
    "CsvRows",
    "Hold",
    "Outcome",
    "ReportFolder",
    "Unreadable",
    "as_json",
    "legible",
    "line",
    "of_path",
    "path_of",
    "schema",
    "set_to_json",
    "table",
    "to_csv",
    "to_dict",
    "to_html",
    "to_json",
]
