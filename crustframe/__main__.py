"""``python -m crustframe`` is the shell command."""

from crustframe.shell.cli import main

main()
