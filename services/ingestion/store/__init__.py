"""The tables of ingestion."""
