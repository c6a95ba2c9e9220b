"""Runs under LibreOffice's own Python: starts a real office with the add-in and does what the tests say.

One line of JSON for a command, one for its result, as :mod:`office` writes and reads them.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
import uuid

import uno
import unohelper
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.task import XInteractionHandler, XJob
from com.sun.star.ucb import XCommandEnvironment, XProgressHandler

XLSX = "Calc MS Excel 2007 XML"


class Quiet(unohelper.Base, XCommandEnvironment, XInteractionHandler, XProgressHandler):
    """Agrees to whatever the extension manager asks."""

    def getInteractionHandler(self):
        return self

    def getProgressHandler(self):
        return self

    def handle(self, request):
        for continuation in request.getContinuations():
            approval = continuation.queryInterface(uno.getTypeByName("com.sun.star.task.XInteractionApprove"))
            if approval is not None:
                approval.select()

    def push(self, status):
        pass

    def update(self, status):
        pass

    def pop(self):
        pass


class Person(unohelper.Base, XJob):
    """Sits before the message boxes of the menu."""

    def __init__(self, agrees):
        self.agrees = agrees
        self.heard = []

    def execute(self, arguments):
        self.heard += [[argument.Name, argument.Value] for argument in arguments]
        return self.agrees


class Office:
    def __init__(self, profile, environment):
        pipe = "crust" + uuid.uuid4().hex
        self._process = subprocess.Popen(
            [
                "soffice",
                "--headless",
                "--norestore",
                "--nologo",
                "--nodefault",
                "-env:UserInstallation=" + uno.systemPathToFileUrl(profile),
                "--accept=pipe,name=" + pipe + ";urp;",
            ],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=None if os.environ.get("OFFICE_TALKS") else subprocess.DEVNULL,
            start_new_session=True,
        )
        local = uno.getComponentContext()
        resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
        for _ in range(300):
            try:
                self._context = resolver.resolve("uno:pipe,name=" + pipe + ";urp;StarOffice.ComponentContext")
                break
            except NoConnectException:
                time.sleep(0.1)
        self._desktop = self._new("com.sun.star.frame.Desktop")
        self._document = None

    def _new(self, name, *arguments):
        manager = self._context.ServiceManager
        if arguments:
            return manager.createInstanceWithArgumentsAndContext(name, arguments, self._context)
        return manager.createInstanceWithContext(name, self._context)

    def install(self, extension):
        manager = self._context.getValueByName("/singletons/com.sun.star.deployment.ExtensionManager")
        package = manager.addExtension(uno.systemPathToFileUrl(extension), (), "user", None, Quiet())
        return package.getIdentifier().Value

    def open(self, path):
        url = uno.systemPathToFileUrl(path) if path else "private:factory/scalc"
        self._document = self._desktop.loadComponentFromURL(url, "_blank", 0, (self._property("Hidden", True),))

    def close(self):
        self._document.close(True)
        self._document = None

    def save(self, path, filter_name=XLSX):
        self._document.storeToURL(uno.systemPathToFileUrl(path), (self._property("FilterName", filter_name),))

    def calculate_all(self):
        self._document.calculateAll()

    def calculate(self):
        self._document.calculate()

    def insert_row(self, row, sheet=0):
        self._document.Sheets.getByIndex(sheet).Rows.insertByIndex(row, 1)

    def copy_sheet(self, sheet=0):
        sheets = self._document.Sheets
        sheets.copyByName(sheets.getByIndex(sheet).Name, "Copy", sheets.Count)

    def set(self, reference, content, sheet=0):
        cell = self._range(reference, sheet)
        if isinstance(content, str):
            cell.setFormula(content)
        else:
            cell.setValue(content)

    def set_array(self, reference, formula, sheet=0):
        self._range(reference, sheet).setArrayFormula(formula)

    def fill(self, reference, rows, sheet=0):
        self._range(reference, sheet).setDataArray(tuple(tuple(row) for row in rows))

    def texts(self, reference, sheet=0):
        area = self._range(reference, sheet)
        return self._each(area, lambda cell: cell.String)

    def values(self, reference, sheet=0):
        return self._each(self._range(reference, sheet), self._value)

    def errors(self, reference, sheet=0):
        return self._each(self._range(reference, sheet), lambda cell: cell.getError())

    def formulas(self, reference, sheet=0):
        return [list(row) for row in self._range(reference, sheet).getFormulaArray()]

    def menu(self, command, agrees):
        person = Person(agrees)
        self._document.getCurrentController().getFrame().activate()
        self._desktop.setActiveFrame(self._document.getCurrentController().getFrame())
        self._new("org.crustframe.Menu", person).trigger(command)
        return person.heard

    def basic(self, modules, call):
        """Run a function of these Basic modules."""
        libraries = self._document.BasicLibraries
        libraries.VBACompatibilityMode = True
        if not libraries.hasByName("Standard"):
            libraries.createLibrary("Standard")
        library = libraries.getByName("Standard")
        for name, source in modules.items():
            library.insertByName(name, source)
        script = self._document.getScriptProvider().getScript(
            f"vnd.sun.star.script:Standard.{call}?language=Basic&location=document"
        )
        return script.invoke((), (), ())[0]

    def sleep(self, seconds):
        time.sleep(seconds)

    def kill_helper(self):
        children = subprocess.run(
            ["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        parents = {int(line.split()[0]): int(line.split()[1]) for line in children}
        for line in children:
            number = int(line.split()[0])
            if "excel_addin.helper" in line and self._process.pid in {parents[number], parents.get(parents[number])}:
                os.kill(number, signal.SIGKILL)

    def quit(self):
        try:
            self._desktop.terminate()
            self._process.wait(20)
        except Exception:  # noqa: BLE001
            self._process.kill()
            self._process.wait()

    def _range(self, reference, sheet):
        return self._document.Sheets.getByIndex(sheet).getCellRangeByName(reference)

    def _each(self, area, read):
        return [[read(area.getCellByPosition(x, y)) for x in range(area.Columns.Count)] for y in range(area.Rows.Count)]

    @staticmethod
    def _value(cell):
        if cell.getError():
            return {32767: "#N/A", 519: "#VALUE!"}.get(cell.getError(), f"error {cell.getError()}")
        is_formula = cell.Type.value == "FORMULA"
        is_number = cell.FormulaResultType2 == 1 if is_formula else cell.Type.value == "VALUE"
        return cell.Value if is_number else cell.String

    @staticmethod
    def _property(name, value):
        return PropertyValue(name, 0, value, 0)


def main():
    office = None
    for line in sys.stdin:
        command, arguments, keywords = json.loads(line)
        try:
            if command == "start":
                office = Office(*arguments)
                result = None
            else:
                result = getattr(office, command)(*arguments, **keywords)
            answer = {"result": result}
        except BaseException:  # noqa: BLE001
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
        if command == "quit":
            return


main()
