"""gRPC plumbing: servers, channels, the pipeline each call runs through, rich errors."""
