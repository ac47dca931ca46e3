"""What templates can do."""

from __future__ import annotations

import pytest

from services.template.clients.compiled import RenderingFailed
from services.template.clients.syntax import SourceRefused
from tests.unit.template.rendering import render

VARIABLES: dict[str, object] = {
    "name": "Ann",
    "tag": "<b>",
    "count": 3,
    "price": 2.5,
    "nothing": None,
    "names": ["Bob", "Ann"],
    "order": {
        "id": 42,
        "items": [{"name": "Tea", "price": 2.5}, {"name": "Pot", "price": 30}],
        "keys": "k",
    },
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hello {{ name }}", "Hello Ann"),
        ("{{ order.id }} {{ order['id'] }}", "42 42"),
        # What a mapping holds comes before its methods.
        ("{{ order.items|length }} {{ order.keys }}", "2 k"),
        ("{% for item in order.items %}{{ loop.index }}{{ item.name }};{% endfor %}", "1Tea;2Pot;"),
        ("{% for x in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for x in names if x != 'Bob' %}{{ x }}{{ loop.last }}{% endfor %}", "AnnTrue"),
        ("{% for x in names %}{{ loop.cycle('a', 'b') }}{% endfor %}", "ab"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{% if count > 2 and not nothing %}yes{% elif count %}no{% endif %}", "yes"),
        ("{% set x = count + 1 %}{{ x }}", "4"),
        ("{% with x = 1 %}{{ x }}{% endwith %}", "1"),
        ("{{ 'many' if count > 1 else 'one' }}", "many"),
        ("{{ count + 1 }} {{ count - 1 }} {{ count * 2 }} {{ count / 2 }}", "4 2 6 1.5"),
        ("{{ count // 2 }} {{ count % 2 }} {{ count ** 2 }} {{ -count }}", "1 1 9 -3"),
        ("{{ '-' * 5 }} {{ 'a' + 'b' }} {{ 'a' ~ 1 }} {{ [1] + [2] }}", "----- ab a1 [1, 2]"),
        ("{{ '%.2f' % price }} {{ '%s: %05.1f'|format(name, price) }}", "2.50 Ann: 002.5"),
        ("{{ '%(n)s costs %(p)d%%' % {'n': name, 'p': 3} }}", "Ann costs 3%"),
        ("{{ 1 < 2 < 3 }} {{ 'A' in name }} {{ 1 in [1, 2] }}", "True True True"),
        ("{{ names|sort|join(', ') }} {{ names|first }} {{ names|last }}", "Ann, Bob Bob Ann"),
        ("{{ names|map('upper')|join }} {{ names|reverse|list }}", "BOBANN ['Ann', 'Bob']"),
        ("{{ order.items|map(attribute='name')|join('+') }}", "Tea+Pot"),
        ("{{ order.items|selectattr('price', 'gt', 3)|map(attribute='name')|first }}", "Pot"),
        ("{{ order.items|sum(attribute='price')|round(1) }}", "32.5"),
        (
            "{% for g in order.items|groupby('name') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}",
            "Pot1Tea1",
        ),
        (
            "{{ {'b': 1, 'a': 2}|dictsort }} {{ {'a': 1}|items|list }}",
            "[('a', 2), ('b', 1)] [('a', 1)]",
        ),
        ("{{ 'a b c'.split(' ')[0] }} {{ name.upper() }} {{ name[1:] }}", "a ANN nn"),
        ("{{ ' x '|trim }}{{ '--x'|trim('-') }} {{ 'hello world'|title }}", "xx Hello World"),
        ("{{ 'a.b'|replace('.', ', ') }} {{ 'a longer text'|truncate(7) }}", "a, b a..."),
        ("{{ 'a b&c'|urlencode }} {{ {'a': '<'}|tojson }}", 'a%20b%26c {"a": "\\u003c"}'),
        ("{{ '7'|int + 1 }} {{ 'x'|int(5) }} {{ '1.5'|float }} {{ 'inf'|float|int }}", "8 5 1.5 0"),
        (
            "{{ name is defined }} {{ order.no is defined }} {{ nothing is none }}",
            "True False True",
        ),
        # None prints as nothing, and counts as missing for `default`.
        ("[{{ nothing }}] [{{ 'a' ~ nothing }}] {{ nothing|default('there') }}", "[] [a] there"),
        ("{{ order.no|default('x') }} {{ ''|default('y', true) }} {{ ''|d('z') }}", "x y "),
        (
            "{{ [count, price, true, none, 1e20]|tojson }}",
            "[3, 2.5, true, null, 1e+20]",
        ),
        (
            "{{ (tag|tojson) + '<' }} {{ [tag|tojson]|join('<') }}",
            '"\\u003cb\\u003e"< "\\u003cb\\u003e"',
        ),
        ("{{ {'b': 1, 'a': '\"'}|tojson }} {{ ''|tojson }}", '{"a": "\\"", "b": 1} ""'),
        ("{% raw %}{{ name }}{% endraw %}{# not shown #}", "{{ name }}"),
        ("a\n{%- if true %} b{% endif -%} \n c", "a bc"),
    ],
)
def test_a_template_renders(source: str, expected: str) -> None:
    assert render(source, VARIABLES) == expected


@pytest.mark.parametrize(
    ("source", "plain", "html"),
    [
        ("<i>{{ tag }}</i>", "<i><b></i>", "<i>&lt;b&gt;</i>"),
        ("{{ [tag]|join('<') }}", "<b>", "&lt;b&gt;"),
        ("{{ tag|upper|replace('B', '<') }}", "<<>", "&lt;&lt;&gt;"),
        ("{{ '<' ~ tag }}", "<<b>", "&lt;&lt;b&gt;"),
        ("{{ '%s' % tag }}", "<b>", "&lt;b&gt;"),
        ("{{ '%s'|format(tag) }}", "<b>", "&lt;b&gt;"),
        ("{{ (tag|tojson) ~ '<' }}", '"\\u003cb\\u003e"<', '"\\u003cb\\u003e"&lt;'),
        ("{{ {'x': tag} }}", "{'x': '<b>'}", "{&#39;x&#39;: &#39;&lt;b&gt;&#39;}"),
        ("{{ tag|e }}", "&lt;b&gt;", "&lt;b&gt;"),
        ("{{ (tag|e).split('b')[0] ~ '>' }}", "&lt;>", "&lt;&gt;"),
        ("{{ tag|e ~ tag }}", "&lt;b&gt;<b>", "&lt;b&gt;&lt;b&gt;"),
    ],
)
def test_only_html_is_escaped(source: str, plain: str, html: str) -> None:
    assert render(source, VARIABLES, escaped=False) == plain
    assert render(source, VARIABLES, escaped=True) == html


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("\n\n{{ name", "line 3: unexpected end of template, expected 'end of print statement'."),
        ("{% if name %}", "line 1: Unexpected end of template."),
        ("\n{{ name|shout }}", "line 2: there is no filter `shout`"),
        ("{{ name is loud }}", "line 1: there is no test `loud`"),
        ("{% macro f() %}{% endmacro %}", "line 1: there is no `macro` here"),
        ("{% set x %}y{% endset %}", "line 1: there is no `set` with `endset` here"),
        ("{% autoescape false %}{% endautoescape %}", "line 1: there is no `autoescape` here"),
        ("{{ 1e999 }}", "line 1: this number is too large"),
        ("a\n{{ self }}\n{{ name|shout }}", "line 2: there is no `self`"),
    ],
)
def test_a_source_is_refused_with_its_line(source: str, sentence: str) -> None:
    with pytest.raises(SourceRefused) as caught:
        render(source, VARIABLES)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("\n{{ order.tracking }}", "line 2: `tracking` is undefined"),
        ("{{ order['tracking'] }}", "line 1: `tracking` is undefined"),
        ("{{ order.a.b }}", "line 1: `a` is undefined"),
        ("{{ [order.no] }}", "line 1: `no` is undefined"),
        ("{% for x in order.no %}{% endfor %}", "line 1: `no` is undefined"),
        ("{% if order.no == 1 %}{% endif %}", "line 1: `no` is undefined"),
        ("{{ order.no + 1 }}", "line 1: `no` is undefined"),
        ("{{ order.no|tojson }}", "line 1: `no` is undefined"),
        ("{{ [order.no]|tojson }}", "line 1: `no` is undefined"),
        ("{{ {'a': order.no}|tojson }}", "line 1: `no` is undefined"),
        ("{{ {1: 1, 'a': 1}|tojson }}", "line 1: a value is of a kind that does not fit there"),
        ("{{ {}.keys()|tojson }}", "line 1: a value is of a kind that does not fit there"),
        ("{{ name.no }}", "line 1: `no` is undefined"),
        ("{{ name.encode() }}", "line 1: `encode` is out of reach for templates"),
        ("{{ name._x.y }}", "line 1: `_x` is undefined"),
        ("{{ count / 0 }}", "line 1: divides by zero"),
        ("{{ name + 1 }}", "line 1: a value is of a kind that does not fit there"),
        ("{{ name - 1 }}", "line 1: a value is of a kind that does not fit there"),
        (
            "{% for x in nothing %}{% endfor %}",
            "line 1: a value is of a kind that does not fit there",
        ),
        ("{{ 1[:2] }}", "line 1: a value is of a kind that does not fit there"),
        # Constants are not worked out before.
        ("{{ {[]: 1}['a'] }}", "line 1: a value is of a kind that does not fit there"),
        ("{{ '%q' % 1 }}", "line 1: fails with ValueError"),
        ("{{ 2 ** 300 }}", "line 1: computes with a number that is too large"),
        (
            "x\n{% for x in names %}\n{{ 1 // (x|length - 3) }}{% endfor %}",
            "line 3: divides by zero",
        ),
    ],
)
def test_a_failure_says_where_and_why(source: str, sentence: str) -> None:
    with pytest.raises(RenderingFailed) as caught:
        render(source, VARIABLES)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "source",
    [
        "{{ order[secret] }}",
        "{{ {}[secret] }}",
        "{{ secret() }}",
        "{{ secret.upper.x }}",
        "{{ order|map(attribute=secret)|list }}",
        "{{ order|map(secret)|list }}",
        "{{ [secret]|sum }}",
        "{{ 1|round(method=secret) }}",
        "{{ secret % 1 }}",
        "{{ secret * secret }}",
        "{{ '%d' % secret }}",
        "{{ secret|int / 0 }}",
        "{% for a, b in [secret] %}{% endfor %}",
    ],
)
def test_a_failure_does_not_quote_a_value(source: str) -> None:
    with pytest.raises(RenderingFailed) as caught:
        render(source, {**VARIABLES, "secret": "hunter2 %"})
    assert "hunter2" not in str(caught.value)


def test_a_rendering_leaves_no_trace_in_the_next() -> None:
    order = {"lines": [1, 2]}
    for _ in range(2):
        assert render("{% set x = order.lines + [3] %}{{ x }}", {"order": order}) == "[1, 2, 3]"
    assert order == {"lines": [1, 2]}
