"""Deliveries as events tell them, facts, and what they count for: pure values and rules."""
