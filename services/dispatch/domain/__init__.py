"""Deliveries, their states, and what follows from an outcome: pure values and rules."""
