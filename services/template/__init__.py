"""template: what notifications say. Drafts, published versions, and their rendering in a sandbox.

Owns templates and their versions. Users' backends write, publish and preview them through the public
service; ingestion asks it to describe versions, dispatch to render batches. It asks nobody.
"""
