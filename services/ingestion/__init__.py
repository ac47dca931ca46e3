"""ingestion takes notifications in: it stores them, has them planned, and hands deliveries to dispatch.

Owns notifications, request ids and the outbox of deliveries. Called by users' services. Calls
preference (checks, plans), template (checks) and dispatch (states, for reading).
"""
