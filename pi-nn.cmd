@echo off
rem The kit's command on Windows, from any folder: .\pi-nn.cmd train --preset book
setlocal
set "PYTHON=%~dp0.venv\Scripts\python.exe"
if exist "%PYTHON%" goto run
echo setup: creating .venv and installing the kit; this takes a minute 1>&2
py -3 -m venv "%~dp0.venv" 1>&2 || python -m venv "%~dp0.venv" 1>&2
if not exist "%PYTHON%" goto nopython
"%PYTHON%" -m pip install --quiet --disable-pip-version-check --only-binary=:all: --editable "%~dp0." 1>&2 || goto nokit
:run
"%PYTHON%" -P -m nn %*
exit /b %errorlevel%
:nopython
echo setup: no Python found. Install Python 3.11 or later from python.org, then run this again 1>&2
exit /b 1
:nokit
rmdir /s /q "%~dp0.venv"
echo setup: pip could not install the kit: see its output above. Connect, then run this again 1>&2
exit /b 1
