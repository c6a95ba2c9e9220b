"""From who is new to what was bought."""
