"""What the doctor of the add-ins says about the API key, which lies in crustframe's own store and in no workbook."""

from __future__ import annotations

from crustframe.errors import ConfigurationError
from crustframe.settings.config import API_KEY_VARIABLE, read_settings
from excel_addin.checks import Check

_WHAT = "API key"


def check() -> Check:
    """Tell where the key comes from, and never the key."""
    try:
        settings = read_settings()
        found = settings.key.find()
    except ConfigurationError as error:
        return Check(_WHAT, False, str(error).replace("\nHint:", " Next:"))
    if found is None:
        return Check(_WHAT, False, f"none for {settings.origin}; run `crustframe key set`.")
    if found.source == "environment":
        return Check(_WHAT, True, f"in {API_KEY_VARIABLE}; programs started from a menu may not see it.")
    return Check(_WHAT, True, f"stored {found}, for {settings.origin} only.")
