"""How ingestion is reached: its RPCs and its consumer of claims."""
