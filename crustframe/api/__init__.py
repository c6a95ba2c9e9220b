"""The surfaces of the API: what is sent, and how an answer is read."""
