"""Spreadsheet functions over crustframe: Excel on Windows through xlwings, LibreOffice Calc everywhere.

The only importer of xlwings and of uno. `functions` and `cells` know neither.
"""
