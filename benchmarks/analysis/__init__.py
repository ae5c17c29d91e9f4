"""What the metrics cost, and what they can and cannot see."""
