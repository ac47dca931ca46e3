"""Between messages and the domain of ingestion."""
