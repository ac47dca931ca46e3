"""The gRPC services of access."""
