"""Templates that nobody should write."""

from __future__ import annotations

VARIABLES: dict[str, object] = {
    "n": 3,
    "text": "x" * 900_000,
    "order": {"id": 7, "lines": [{"name": "Tea"}]},
    "names": ["Ann", "Bob"],
    "words": [f"w{number}" for number in range(50_000)],
    "some": ["x"] * 500,
    "many": list(range(100_000)),
    "keys": {f"k{number}": number for number in range(60_000)},
}


def doubling(step: str, *, first: str = "'xx'") -> str:
    """Repeats a step that makes twice as much of `a`."""
    return f"{{% set a = {first} %}}" + f"{{% set a = {step} %}}" * 60 + "{{ a }}"


def called(step: str) -> str:
    """Calls what cannot be called, so that an error wants to show it."""
    return doubling(step).replace("{{ a }}", "{{ a() }}")


def each(body: str) -> str:
    """Repeats a body as often as a long list allows."""
    return "{% for x in many %}" + body + "{% endfor %}"


WIDE = "{% set wide = (" + "1, " * 2_000 + ") %}" + "{% set wide = wide + wide %}" * 3
"""A key with 16000 items."""

BREAKING_OUT = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ (1).__class__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ names|map(attribute='__class__')|list }}",
    "{{ names|map('attr', '__class__')|list }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ ('{0.__class__}'|string).format(1) }}",
    "{{ ['{0.__class__}'.format]|map('first')|list }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ joiner() }}",
    "{{ dict(a=1) }}",
    "{{ namespace(a=1) }}",
    "{{ range(3) }}",
    "{{ environment }}",
    "{{ context }}",
    "{{ n.real }}",
    "{{ order.pop('id') }}",
    "{{ order.update({}) }}",
    "{{ names.append('x') }}",
    "{{ names.sort() }}",
    "{{ n() }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% macro f() %}{% endmacro %}",
    "{% call f() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x %}y{% endset %}",
    "{% set n.x = 1 %}",
    "{% autoescape false %}{{ n }}{% endautoescape %}",
    "{{ names|map('*charge')|list }}",
    "{{ names|map('*join')|list }}",
    # An address in memory.
    "{{ text.upper }}",
    "{{ [text.upper] }}",
    "{{ text.upper|string }}",
    "{{ text.upper ~ '' }}",
    "{{ '%s' % text.upper }}",
    "{{ '%s'|format(order.get) }}",
    "{{ text|safe }}",
    "{{ names|map('safe')|list }}",
    "{% debug %}",
    "{% do n %}",
]
LARGE_AT_ONCE = [
    "{{ 'a' * (10 ** 9) }}",
    "{{ (10 ** 9) * 'a' }}",
    "{{ ['a'] * (10 ** 9) }}",
    "{{ '%0999999999d' % 1 }}",
    "{{ '%*d' % (999999999, 1) }}",
    "{{ '%.999999999f' % 1 }}",
    "{{ '%999999999s'|format('x') }}",
    "{{ 'x'|center(999999999) }}",
    "{{ 'x'|indent(999999999) }}",
    "{{ 'x'|batch(999999999, 'y')|list }}",
    "{{ 'x'|slice(999999999)|list }}",
    "{{ 'x'|wordwrap(1, wrapstring=text) }}",
    "{{ 'x'.ljust(999999999) }}",
    "{{ 'x'.zfill(999999999) }}",
    "{{ '\t'.expandtabs(999999999) }}",
    "{{ 'a'.translate({97: text}) }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ ('a' * 10000)|replace('a', 'b' * 100000) }}",
    "{{ text|replace('', text) }}",
    "{{ range(99999)|join('a' * 10000) }}",
    "{{ many|join(text) }}",
    "{{ some|join(text)|length }}",
    "{{ many|map('replace', '1', text)|list|length }}",
    "{{ many|map('default', text)|map('upper')|list|length }}",
    "{{ [1]|tojson(indent=999999999) }}",
    "{{ [[1]]|sum(start=[]) }}",
    "{{ lipsum(n=200000) }}",
    "{{ n.to_bytes(999999999, 'big') }}",
    "{{ 2 ** 100000000 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ ('9' * 4000)|int }}",
    "{{ ('9' * 300)|int * 2 }}",
    "{{ 0x" + "f" * 100_000 + " % 0x" + "e" * 50_000 + " }}",
    "{{ 5|round(-1000000000) }}",
    "{{ text }}{{ text }}",
    "{{ ' '|trim(text) }}",
    # Python's `%` formats a text, also where it looks for what is odd.
    "{{ '%0999999999d' is odd }}",
    "{{ '%0999999999d' is even }}",
    "{{ '%0999999999d' is divisibleby(1) }}",
    "{{ ['%0999999999d']|select('even')|list }}",
    "{{ {'a': '%0999999999d'}|list|map('upper')|reject('odd')|list }}",
    "{{ text|select('divisibleby', 3)|list }}",
]
LARGE_BY_DOUBLING = [
    doubling("a ~ a"),
    doubling("a + a"),
    doubling("'%s%s' % (a, a)"),
    doubling("'%s%s'|format(a, a)"),
    doubling("'%(x)s%(x)s' % {'x': a}"),
    doubling("[a, a]"),
    doubling("(a, a)"),
    doubling("{'p': a, 'q': a}"),
    called("[a, a]"),
    called("(a, a)"),
    called("{'p': a, 'q': a}"),
    doubling("a + a", first="[1]"),
    doubling("[a, a]|join"),
    doubling("a|replace('x', 'xx')"),
    doubling("a|tojson", first="'\"'"),
    "{% set ns = namespace(x='a') %}{% for i in many %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
]
ENDLESS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    each("{% for y in many %}{% endfor %}"),
    each("{% for y in many if y == x %}{% endfor %}"),
    each("{% for y in text %}{% endfor %}"),
    each("{% for y in many %}{{ loop.length }}{{ loop.last }}{% endfor %}"),
    each("{% if text == text ~ '' %}{% endif %}"),
    "{% set copy = text ~ '' %}" + each("{% if text == copy %}{% endif %}"),
    "{% set copy = text ~ '' %}" + each("{% if text is eq copy %}{% endif %}"),
    each("{% if 'q' in words %}{% endif %}"),
    each("{% if 'q' is in words %}{% endif %}"),
    each("{% set y = text[1:] %}"),
    each("{% set y = text[::-1] %}"),
    each("{% set y = text.upper() %}"),
    each("{% set y = text.split('x') %}"),
    each("{% set y = text|title %}"),
    each("{% set y = words|sort %}"),
    each("{% set y = words|unique|list %}"),
    each("{% set y = words|groupby('0')|list %}"),
    each("{% set y = words|map('upper')|map('lower')|select('string')|list %}"),
    each("{% set y = words|tojson %}"),
    # What would give steps back.
    "{% for few in ([[1]]|map('*each', -10000000)|map('list')|list) %}{% endfor %}"
    + each("{% for y in many %}{% endfor %}"),
    # Many look-ups for every item.
    *(
        "{{ " + filtered.replace("PATH", path) + "|list|length }}"
        for path in ("0." * 2_000 + "0", "0," * 2_000 + "0")
        for filtered in (
            "words|map(attribute='PATH')",
            "words|sort(attribute='PATH')",
            "words|sort(false, false, 'PATH')",
            "words|unique(attribute='PATH')",
            "words|groupby('PATH')",
            "words|selectattr('PATH')",
            "words|rejectattr('PATH', 'none')",
            "[words|max(attribute='PATH')]",
            "[words|min(attribute='PATH')]",
            "words|join(',', attribute='PATH')",
            "[words|sum(attribute='PATH')]",
        )
    ),
    # Copies that are made of arguments.
    each("{% if loop.cycle(*many) %}{% endif %}"),
    each("{% if loop.changed(*many) %}{% endif %}"),
    each("{% if x is eq(*many) %}{% endif %}"),
    each("{% if ''|format(**keys) %}{% endif %}"),
    "{{ text|sum(attribute='a') }}",
    "{{ text|join(attribute='a') }}",
    "{{ text|groupby('a') }}",
    "{{ text|list|length }}",
    "{{ text|map('upper')|list|length }}",
    WIDE + each("{% set y = {wide: 1} %}" * 50),
    WIDE + "{% set held = {wide: 1} %}" + each("{% set y = held[wide] %}" * 50),
    each("{% if loop.changed(text ~ x) %}{% endif %}"),
    each("{% set y = n.foo %}" * 300),
    each("{% if " + "n and " * 50 + "n %}{% endif %}" * 20),
    each("{{ x }}" * 300),
    "{% for x in many recursive %}{{ loop(many) }}{% endfor %}",
    "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    "{% block a scoped %}{{ self.a() }}{{ self.a() }}{% endblock %}",
]
TOO_LONG = [
    "{{ " + "(" * 2_000 + "1" + ")" * 2_000 + " }}",
    "{{ " + "[" * 2_000 + "]" * 2_000 + " }}",
    "{{ " + "not " * 5_000 + "1 }}",
    "{{ " + "-" * 5_000 + "1 }}",
    "{{ " + "1 + " * 4_000 + "1 }}",
    "{{ " + "n ~ " * 9_000 + "n }}",
    "{{ n" + "|string" * 3_000 + " }}",
    "{{ order" + ".a" * 3_000 + " }}",
    "{{ n" + "()" * 3_000 + " }}",
    "{{ " + "1 if n else " * 4_000 + "1 }}",
    "{% if n %}" * 500 + "{% endif %}" * 500,
    "{% for x in names %}" * 30 + "{% endfor %}" * 30,
    "{% if n %}" + "{% elif n %}" * 4_000 + "{% endif %}",
    "{% with x = 1 %}" * 300 + "{% endwith %}" * 300,
    "{{ [" + "1," * 120_000 + "] }}",
    "{{ n }}" * 37_000,
    "{{" * 100_000,
    "{#" * 100_000,
    "{%" * 100_000,
    "{% raw %}" * 20_000,
    " {#- -#}\n" * 29_000,
]
