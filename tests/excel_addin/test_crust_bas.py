"""Our own module for Excel, run by LibreOffice's interpreter of VBA: true errors, wizard guard, harmless values."""

from __future__ import annotations

from importlib import resources

from office import Office

_PREFIX = "Rem Attribute VBA_ModuleType=VBAModule\nOption VBASupport 1\n"

_XLWINGS = """
Public Function XLPy() As Object
    Set XLPy = New FakePython
End Function
"""

_FAKE_PYTHON = """
Option ClassModule

Public Function CallUDF(script As Variant, name As Variant, given As Variant, book As Variant, caller As Variant) As Variant
    If script <> "excel_addin.udfs" Then Exit Function
    Select Case name
    Case "CRUST_ENRICH"
        If UBound(given) = 4 Then CallUDF = Array("Avery Example", "#N/A")
    Case "CRUST_COST"
        If UBound(given) = 1 Then CallUDF = 3
    Case "CRUST_STATUS"
        CallUDF = "#VALUE!"
    End Select
End Function
"""  # noqa: E501

_CHECKS = """
Public Function RunChecks() As String
    Dim rows(0 To 1, 0 To 1) As Variant, told As Variant, said As String
    told = CRUST.ENRICH("linkedin.com/in/avery-example", "basic_profile.name")
    said = "row:" & told(0, 0) & "," & IsError(told(0, 1)) & "," & CLng(told(0, 1)) & ";"
    said = said & "cost:" & CRUST.COST("linkedin.com/in/avery-example") & ";"
    said = said & "status:" & IsError(CRUST.STATUS()) & ";"

    rows(0, 0) = "Avery Example": rows(0, 1) = "#N/A"
    rows(1, 0) = "#VALUE!": rows(1, 1) = 12.5
    told = CRUST.TrueErrors(rows)
    said = said & "grid:" & told(0, 0) & "," & IsError(told(0, 1)) & "," & IsError(told(1, 0)) & "," & told(1, 1) & ";"
    said = said & "harmless:" & CRUST.Harmless("=1+1") & "," & CRUST.Harmless("plain") & "," & CRUST.Harmless(7)
    RunChecks = said
End Function
"""


def test_the_module_runs(office: Office) -> None:
    source = resources.files("excel_addin").joinpath("vba/CRUST.bas").read_text(encoding="utf-8")
    header, _, body = source.partition("\n")
    assert 'Attribute VB_Name = "CRUST"' == header
    for checked in ("Harmless", "TrueErrors"):
        body = body.replace(f"Private Function {checked}", f"Public Function {checked}")
    modules = {"xlwings": _XLWINGS, "FakePython": _FAKE_PYTHON, "CRUST": body, "Checks": _CHECKS}
    kinds = {"FakePython": _PREFIX.replace("VBAModule", "VBAClassModule")}
    office.open(None)
    said = office.basic({name: kinds.get(name, _PREFIX) + text for name, text in modules.items()}, "Checks.RunChecks")
    assert [
        "row:Avery Example,True,2042",
        "cost:3",
        "status:True",
        "grid:Avery Example,True,True,12.5",
        "harmless:'=1+1,plain,7",
    ] == said.split(";")
