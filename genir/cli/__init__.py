"""The commands of ``python -m genir``, one a file: each takes the parsed arguments and returns the exit code.

A new command is a function here and a parser in ``genir.__main__``; what it computes belongs in the rooms below.
"""
