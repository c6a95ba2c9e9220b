"""``python -m crustframe`` is the shell command."""

from crustframe.cli import main

main()
