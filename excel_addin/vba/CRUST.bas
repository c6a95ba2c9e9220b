Attribute VB_Name = "CRUST"
Option Explicit

' =CRUST.ENRICH(A2:A200, "basic_profile.name"), COST, FIELDS and STATUS, and the macros Buy and Freeze.
' Stands beside the module of xlwings in one project; XLPy is its way to Python.

Private Const PYTHON_MODULE As String = "excel_addin.udfs"

Public Function ENRICH(identifiers As Variant, Optional fields As Variant, Optional headers As Variant, Optional refresh_token As Variant) As Variant
    If InWizard() Then Exit Function
    On Error GoTo failed
    ENRICH = TrueErrors(XLPy.CallUDF(PYTHON_MODULE, "CRUST_ENRICH", Array(identifiers, fields, headers, refresh_token, Application.Caller), Nothing, Application.Caller))
    Exit Function
failed:
    ENRICH = "CRUST: " & Err.Description
End Function

Public Function COST(identifiers As Variant, Optional fields As Variant) As Variant
    If InWizard() Then Exit Function
    On Error GoTo failed
    COST = TrueErrors(XLPy.CallUDF(PYTHON_MODULE, "CRUST_COST", Array(identifiers, fields), Nothing, Application.Caller))
    Exit Function
failed:
    COST = "CRUST: " & Err.Description
End Function

Public Function FIELDS(Optional filter As Variant) As Variant
    If InWizard() Then Exit Function
    On Error GoTo failed
    FIELDS = TrueErrors(XLPy.CallUDF(PYTHON_MODULE, "CRUST_FIELDS", Array(filter), Nothing, Application.Caller))
    Exit Function
failed:
    FIELDS = "CRUST: " & Err.Description
End Function

Public Function STATUS() As Variant
    If InWizard() Then Exit Function
    On Error GoTo failed
    STATUS = TrueErrors(XLPy.CallUDF(PYTHON_MODULE, "CRUST_STATUS", Array(), Nothing, Application.Caller))
    Exit Function
failed:
    STATUS = "CRUST: " & Err.Description
End Function

' Tells people and credits first, then buys what the formulas of all open workbooks miss.
Public Sub Buy()
    Dim offer As Variant, question As String, said As Variant
    XLPy.CallUDF PYTHON_MODULE, "CRUST_SURVEY", Array(), Nothing, Nothing
    Application.CalculateFull
    offer = XLPy.CallUDF(PYTHON_MODULE, "CRUST_OFFER", Array(), Nothing, Nothing)
    If offer(LBound(offer)) = 0 Then
        MsgBox "The ledger knows everybody whom the formulas ask for. Nothing is to be bought.", vbInformation, "CRUST"
        Exit Sub
    End If
    question = Counted(offer(LBound(offer)), "person is", "people are") & " not in the ledger yet. They may cost up to " & Counted(offer(UBound(offer)), "credit", "credits") & ". Buy them?"
    If MsgBox(question, vbQuestion + vbYesNo, "CRUST") <> vbYes Then Exit Sub
    said = XLPy.CallUDF(PYTHON_MODULE, "CRUST_BUY", Array(offer(UBound(offer))), Nothing, Nothing)
    Application.CalculateFull
    MsgBox said, vbInformation, "CRUST"
End Sub

' Turns the answers of the active sheet into values; formulas that still wait for an answer stay.
Public Sub Freeze()
    Dim cell As Object, formulas As Object, frozen As Long, waiting As Long
    On Error Resume Next
    Set formulas = ActiveSheet.UsedRange.SpecialCells(-4123)
    On Error GoTo 0
    If formulas Is Nothing Then Exit Sub
    For Each cell In formulas.Cells
        If cell.HasFormula And InStr(1, cell.Formula, "CRUST.", vbTextCompare) > 0 Then
            If FreezeArea(AreaOf(cell)) Then frozen = frozen + 1 Else waiting = waiting + 1
        End If
    Next cell
    MsgBox "Turned into values: " & Counted(frozen, "formula", "formulas") & ". Left, since they have no answer yet: " & waiting & ".", vbInformation, "CRUST"
End Sub

Private Function Counted(number As Variant, one As String, many As String) As String
    Counted = number & " " & IIf(number = 1, one, many)
End Function

Private Function AreaOf(cell As Object) As Object
    Set AreaOf = cell
    If cell.HasArray Then Set AreaOf = cell.CurrentArray
    On Error Resume Next
    If cell.HasSpill Then Set AreaOf = cell.SpillingToRange
End Function

Private Function FreezeArea(area As Object) As Boolean
    Dim values As Variant, row As Long, column As Long
    values = area.Value
    If Not IsArray(values) Then
        If IsRemark(values) Then Exit Function
        area.Value = Harmless(values)
    Else
        For row = LBound(values, 1) To UBound(values, 1)
            For column = LBound(values, 2) To UBound(values, 2)
                If IsRemark(values(row, column)) Then Exit Function
                values(row, column) = Harmless(values(row, column))
            Next column
        Next row
        area.Value = values
    End If
    FreezeArea = True
End Function

Private Function IsRemark(value As Variant) As Boolean
    If VarType(value) = vbString Then IsRemark = (Left$(value, 6) = "CRUST:")
End Function

' A text of somebody's profile must not become a formula.
Private Function Harmless(value As Variant) As Variant
    Harmless = value
    If VarType(value) <> vbString Then Exit Function
    If Len(value) = 0 Then Exit Function
    If InStr(1, "=+-@" & vbTab & vbCr, Left$(value, 1), vbBinaryCompare) > 0 Then Harmless = "'" & value
End Function

' Python cannot hand over error values; here their texts become true ones, cell by cell.
Private Function TrueErrors(answer As Variant) As Variant
    Dim row As Long, column As Long, copied() As Variant
    Select Case Dimensions(answer)
    Case 0
        TrueErrors = TrueError(answer)
    Case 1
        ReDim copied(0 To 0, 0 To UBound(answer) - LBound(answer))
        For column = LBound(answer) To UBound(answer)
            copied(0, column - LBound(answer)) = TrueError(answer(column))
        Next column
        TrueErrors = copied
    Case Else
        ReDim copied(0 To UBound(answer, 1) - LBound(answer, 1), 0 To UBound(answer, 2) - LBound(answer, 2))
        For row = LBound(answer, 1) To UBound(answer, 1)
            For column = LBound(answer, 2) To UBound(answer, 2)
                copied(row - LBound(answer, 1), column - LBound(answer, 2)) = TrueError(answer(row, column))
            Next column
        Next row
        TrueErrors = copied
    End Select
End Function

Private Function TrueError(value As Variant) As Variant
    TrueError = value
    If VarType(value) <> vbString Then Exit Function
    If value = "#N/A" Then TrueError = CVErr(2042)
    If value = "#VALUE!" Then TrueError = CVErr(2015)
End Function

Private Function Dimensions(answer As Variant) As Long
    Dim bound As Long
    If Not IsArray(answer) Then Exit Function
    Dimensions = 1
    On Error GoTo one_dimension
    bound = UBound(answer, 2)
    Dimensions = 2
one_dimension:
End Function

' The function wizard calls a function at every letter that is typed; nothing is asked then.
Private Function InWizard() As Boolean
    On Error Resume Next
    InWizard = Not Application.CommandBars("Standard").Controls(1).Enabled
End Function
