# shellcheck shell=bash
# Sourced. Finds PowerShell, or tells how to install it.

# powershell_path prints the path of the PowerShell that PWSH names or PATH holds, or nothing.
powershell_path() { echo "${PWSH:-$(command -v pwsh || true)}"; }

# powershell_advice prints the shortest way to install PowerShell on this machine.
powershell_advice() {
    if command -v dotnet >/dev/null && [[ $(dotnet --list-sdks 2>/dev/null) ]]; then
        echo "dotnet tool install --global PowerShell (and have ~/.dotnet/tools in PATH)"
    else
        echo "https://learn.microsoft.com/powershell/scripting/install/installing-powershell-on-linux (the package powershell of Microsoft's repository)"
    fi
}
