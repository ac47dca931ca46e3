"""The ways out, one provider per file."""
