"""dispatch delivers: it owns the ledger, the one truth about what left, and calls the providers.

Owns deliveries and the outbox of events. Fed by ingestion's messages. Calls template (render), inbox
(deliver, receipts) and preference (endpoints that are gone). Ingestion reads the ledger.
"""
