"""dispatch delivers: it owns the ledger, the one truth about what left, and calls the providers.

Owns deliveries and the outbox of events. Fed by ingestion's messages. Calls template (render) and
inbox (deliver, receipts). Ingestion reads the ledger.
"""
