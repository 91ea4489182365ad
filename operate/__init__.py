"""What an operator runs before an event."""
