"""Calls to addresses that users name: only where the operator lets them go, checked when they are
stored and again when they are connected to."""
