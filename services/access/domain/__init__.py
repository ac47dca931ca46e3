"""What keys, tenants and tokens are, and what a key may grant: pure."""
