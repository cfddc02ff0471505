"""Everything that becomes HTML: Jinja2 templates with a shared frame, shared parts and one style, escaped throughout.

Jinja2 is loaded when the first page is made, so that a scan that writes none does without.
"""

from __future__ import annotations

from typing import Any

from zhenwei.pages.legible import counted, legible

__all__ = ["counted", "legible", "page", "part", "script"]


def page(template: str, /, **values: Any) -> str:
    """A whole page from a template that extends ``frame.html``. Jinja2's UndefinedError where a value is missing."""
    from zhenwei.pages.environment import environment

    return f"<!DOCTYPE html>\n{environment().get_template(template).render(values)}\n"


def part(template: str, macro: str, /, *arguments: Any, **values: Any) -> str:
    """What one macro of a template makes, as ``markupsafe.Markup``: safe to be put into a page as it is."""
    from zhenwei.pages.environment import environment

    made: str = getattr(environment().get_template(template).module, macro)(*arguments, **values)
    return made


def script(template: str) -> str:
    """A script to stand in a page, which names its digest in its policy. It has no values of its own."""
    from zhenwei.pages.environment import environment

    return environment().get_template(template).render()
