"""preference: who the recipients are, what notifications are about, and who wants what where.

Owns recipients, categories and preferences. Ingestion asks it to check sends and to plan deliveries;
users' backends keep its data through the public services. It asks nobody.
"""
