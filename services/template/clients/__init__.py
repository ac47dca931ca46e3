"""What the use cases ask: Jinja2, fenced in.

Templates are written by tenants, so the fence has three parts. `syntax` lets through only the tags,
filters and tests that are known to be harmless. `sandbox` opens to them nothing but plain data. `budget`
counts the work of what is left, because a few harmless operations can be piled up to take for ever.
"""
