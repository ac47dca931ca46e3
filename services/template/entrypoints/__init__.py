"""The gRPC services of template."""
