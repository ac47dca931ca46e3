"""preference: who the recipients are, what notifications are about, and who wants what where.

Owns recipients, categories and preferences. Ingestion asks it to check sends and to plan deliveries;
dispatch tells it which endpoints are gone; users' backends keep its data through the public services. It asks nobody.
"""
