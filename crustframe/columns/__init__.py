"""Records become typed columns."""
