"""Steps made durable: contract, claim, lease, fence, retry, worker pool, events. Knows no step by name."""
