"""The gRPC services of preference."""
