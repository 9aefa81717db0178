"""Exchange listen keys as a structured-concurrency primitive."""
