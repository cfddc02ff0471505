"""The builder of every page: what a template prints is legible and escaped, and what it lacks is an error."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError

from zhenwei import pages
from zhenwei.pages.environment import environment

TEMPLATES = sorted(environment().list_templates())


def made(template: str, **values: object) -> str:
    return environment().from_string(template).render(values)


@given(st.text(st.characters(codec=None), max_size=80))
def test_whatever_is_printed_is_text(odd: str) -> None:
    shown = made('<p title="{{ odd }}">{{ odd }}{{ odd|foreign }}{{ odd|label }}{{ "%s" % odd }}</p>', odd=odd)
    assert re.sub(r"&(amp|lt|gt|#34|#39);", "", shown).count("<") == 6  # those of the template
    assert shown.count('"') == 2
    assert all(character.isprintable() or character in "\u00ad\u200c\u200d" for character in shown)


def test_what_is_too_long_is_cut_unless_it_is_long_on_purpose() -> None:
    assert "characters left out" in made("{{ x }}", x="x" * 5000)
    assert made("{{ x|label }}", x="x" * 5000) == f"<bdi>{'x' * 106} … {'x' * 53}</bdi>"
    assert made("{{ x|whole }}", x="x" * 5000) == "x" * 5000
    assert made("{{ x|whole }}", x="<") == "&lt;"


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'nothing' is undefined"):
        made("{{ nothing }}")
    with pytest.raises(TemplateNotFound):
        pages.page("nothing.html")


def test_lines_of_a_template_are_layout() -> None:
    template = """
    <ul>
      {# a comment
         of two lines #}
      {% for x in (1, 2) %}
      <li>{{ x }}
        <b>of two</b> {{ x }}
      </li>
      {% endfor %}
    </ul>
    <p>
      Words of one sentence
      on two lines.
    </p>
    """
    item = "<li>{0}<b>of two</b> {0}</li>"
    sentence = "<p>Words of one sentence on two lines.</p>"
    assert made(template) == f"<ul>{item.format(1)}{item.format(2)}</ul>{sentence}"


def test_errors_name_the_line_of_the_template() -> None:
    with pytest.raises(TemplateSyntaxError) as raised:
        made("<p>\n  words\n  <b>\n\n  {% nonsense %}\n  </b></p>")
    assert raised.value.lineno == 5


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_compile_and_nothing_in_them_is_called_safe(name: str) -> None:
    source = files("zhenwei.pages").joinpath("templates", name).read_text(encoding="utf-8")
    environment().get_template(name)
    assert not re.search(r"\|\s*safe|autoescape", source)
    if name == "report/page.html":  # the one page that runs something, of which its policy names the digest
        source = source.replace('<script>{% include "report/page.js" %}</script>', "")
    if name.startswith("service/"):  # their scripts are files of the service, and their policy allows no others
        source = re.sub(r'<script src="\{\{ asset\("\w+\.js"\) \}\}" defer=""></script>', "", source)
    assert not re.search(r"<script|\son\w+=|https?:|url\(|@import|javascript:", source)


def test_jinja_is_loaded_when_a_page_is_made() -> None:
    code = "import sys, zhenwei; zhenwei.to_html, zhenwei.to_csv; print('jinja2' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240)
    assert ended.stdout.strip() == "False"
