"""tracking: what became of deliveries, and what is known of them from outside.

Owns a projection of the deliveries, the facts and the counts, all made of the events that dispatch and
inbox publish. Backends list and count through the public service; ingestion asks for facts. When its operator
wants the projection rebuilt, it asks dispatch for the ledger.
"""
