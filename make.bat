@echo off
rem `make.bat demo` and `make.bat test`: the Makefile's two words for Windows. Needs Python 3.11 or newer and git.
rem set PYTHON=C:\path\to\python.exe beforehand names a Python.
setlocal
cd /d "%~dp0"

if "%~1"=="demo" goto setup
if "%~1"=="test" goto setup
echo Usage: make.bat demo ^| test
exit /b 2

:setup
fc /b pyproject.toml .venv\.installed >nul 2>nul && goto run
if not defined PYTHON (
    where py >nul 2>nul && set "PYTHON=py -3" || set "PYTHON=python"
)
%PYTHON% -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
if errorlevel 1 (
    echo crustframe needs Python 3.11 or newer, and "%PYTHON%" is none. Nothing was installed.
    echo Hint: install it from python.org, or name it: set PYTHON=C:\path\to\python.exe
    exit /b 1
)
%PYTHON% -m venv .venv || exit /b 1
.venv\Scripts\python -m pip install --quiet --disable-pip-version-check --editable ".[dev]" || exit /b 1
copy /y pyproject.toml .venv\.installed >nul

:run
if "%~1"=="demo" (
    .venv\Scripts\crustframe demo
    exit /b
)
.venv\Scripts\ruff check . || exit /b 1
.venv\Scripts\ruff format --check . || exit /b 1
.venv\Scripts\mypy || exit /b 1
.venv\Scripts\python -m pytest
exit /b
