"""inbox: what recipients have been told in the app, and the streams that tell it as it happens.

Owns the items, the heads and the open streams. Dispatch delivers items and asks for receipts; apps
and backends list, mark and subscribe through the public services. It asks nobody.
"""
