# shellcheck shell=bash
# Sourced at the root of the sources, inside the lab or outside: makes PowerShell for Windows and
# the engine ready under Wine. PWSH_WINDOWS names a command that takes what pwsh takes and makes
# the Wine prefix that WINEPREFIX names.

# shellcheck source=tests/windows/wine.sh
. tests/windows/wine.sh

echo "starting Wine"
"${PWSH_WINDOWS:?PWSH_WINDOWS names no PowerShell for Windows}" -NoProfile -NonInteractive -Command exit \
    >"$work/first" 2>&1
complete_wine
echo "building for Windows"
# On drive C, since Wine knows no sticky folders: what lies in /tmp anybody could replace.
cmd/hardened --windows go build -o "$WINEPREFIX/drive_c/" ./cmd/groupwriteback
export GROUPWRITEBACK_ENGINE='C:\groupwriteback.exe' GWB_WINE=1

if [[ ${GWB_LAB-} ]]; then
    tests/windows/tools "$work/tools" &
    for ((i = 0; i < 600; i++)); do
        [[ ! -s $work/tools ]] || break
        sleep 0.1
    done
    GWB_LAB_TOOLS=$(<"$work/tools")
    export GWB_LAB_TOOLS
    for name in "${!GWB_LAB_@}" KRB5_CONFIG; do
        [[ ${!name} != /* ]] || export "$name=$(windows_path "${!name}")"
    done
fi

# run_powershell COMMAND runs it and shows what it says. The console's code page is that of a DOS.
# The commands go in a file, for a shell that knows no quoted newline may stand between. The output
# goes to one, too: processes of Wine that stay would keep a pipe open.
run_powershell() {
    local status=0
    cat >"$work/run.ps1" <<END
[Console]::OutputEncoding = [Text.UTF8Encoding]::new(\$false)
$1
exit \$LASTEXITCODE
END
    "$PWSH_WINDOWS" -NoProfile -NonInteractive -File "$(windows_path "$work/run.ps1")" \
        >"$work/log" 2>&1 || status=$?
    cat "$work/log"
    return "$status"
}
