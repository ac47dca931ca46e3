"""`tidings`, the command line: it serves, and it speaks gRPC like every other client."""
