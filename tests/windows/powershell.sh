# shellcheck shell=bash
# Sourced at the root of the sources, inside or outside the lab. Prepares PowerShell for Windows
# and the engine under Wine. PWSH_WINDOWS names a command that takes the arguments of pwsh and
# makes the Wine prefix that WINEPREFIX names.

# shellcheck source=tests/windows/wine.sh
. tests/windows/wine.sh

echo "starting Wine"
"${PWSH_WINDOWS:?PWSH_WINDOWS names no PowerShell for Windows}" -NoProfile -NonInteractive -Command exit \
    >"$work/first" 2>&1
complete_wine
echo "building for Windows"
# Build to drive C, because Wine does not know the sticky bit: a file below /tmp looks as if
# anybody could replace it.
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

# run_powershell COMMAND runs the command and prints its output. It sets UTF-8 because the console
# has a DOS code page. It passes the command in a file because PWSH_WINDOWS may use a shell that
# knows no quoted newline. It collects the output in a file because Wine processes that keep
# running would keep a pipe open.
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
