"""HTTP habits that all handlers share: problems, pages, conditional requests, idempotency, request ids."""
