"""What of a source's shape can be known before anything is sent."""

from __future__ import annotations

import pytest

from services.template.clients.json_shape import check_json_shape
from services.template.clients.sandbox import Sandbox
from services.template.clients.syntax import SourceRefused, read

SANDBOX = Sandbox(escaped=False)


@pytest.mark.parametrize(
    "source",
    [
        '{"order": {{ order|tojson }}, "note": {{ note|tojson }}}',
        '{"note": "{{ note }}", "order": {{ order }}}',
        '"say \\"{{ x }}\\" \\\\"',
        '"\\{{ x }}"',
        '"\\u00{{ x }}"',
        "{{ order }}",
        "[1, {{ x }}, 2]",
        "{ {{ k|tojson }}: {{ v|tojson }} }",
        '{"k{{ x }}": 1}',
        '{% set y = x %} {"a":\n {{ y|tojson }} }\n',
        # It depends on what is sent, whatever one thinks of it.
        "[{% for i in x %}{{ i|tojson }}{% if not loop.last %},{% endif %}{% endfor %}]",
        "{% if x %}1{% else %}2{% endif %}",
        "{ {{ pairs }} }",
        '{"a": 1, {{ pairs }} }',
        '{"a": 1 {{ more }} }',
        '{{ nothing }} {"a": 1}',
        "[{{ head }} 1]",
        '{"a": {{ x }} "b": 1}',
        '{"a": {{ x }}{{ comma }} "b": 1}',
        # Two halves of a number or of a word.
        '{"a": {{ x }}{{ y }}}',
        '{"a": {{ x }}.5}',
        '{"a": {{ x|tojson }}.5}',
        '{"a": -{{ x|tojson }}}',
        '{"a": -{{ x }}}',
        '{"a": 1{{ x }}}',
        '{"a": tr{{ x }}}',
    ],
)
def test_what_may_become_json_is_taken(source: str) -> None:
    check_json_shape(read(SANDBOX, source))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('{"a": {{ x|tojson }}', 1),
        ('{"a": {{ x }}', 1),
        ('{\n"a": {{ x|tojson }},\n}', 3),
        ('{"a": {{ x }},\n "b": 2,\n}', 3),
        ("{'a': {{ x|tojson }}}", 1),
        ("{a: {{ x|tojson }}}", 1),
        ('{"a": 1,,\n"b": {{ x }}}', 1),
        ('{"a": {{ x|tojson }}\n"b": 1}', 2),
        ('{{ x|tojson }}\n{"a": 1}', 2),
        ("[1, {{ x }},\n]", 2),
        ('{"a": "{{ x }}",}', 1),
        ('{"a": "{{ x }}"}}', 1),
        ('"{{ x }}', 1),
        ("hello {{ x }}", 1),
        ("{% set y = x %}", 1),
        # Known before it branches, or before a place that may hold anything.
        ("{'a': {% if x %}1{% endif %}}", 1),
        ('{"a": 1,\n, {{ pairs }} }', 2),
    ],
)
def test_what_can_never_be_json_is_told_with_its_line(source: str, line: int) -> None:
    with pytest.raises(SourceRefused, match=f"^line {line}: renders to no JSON whatever is sent"):
        check_json_shape(read(SANDBOX, source))
