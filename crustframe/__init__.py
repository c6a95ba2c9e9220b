"""crustframe: a column of profile URLs or business e-mails becomes columns about those people."""

__version__ = "0.1.0"
