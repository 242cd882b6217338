# shellcheck shell=bash
# Sourced: finds PowerShell, or tells how to get it.

# powershell_path prints the PowerShell that PWSH names or PATH has, or nothing.
powershell_path() { echo "${PWSH:-$(command -v pwsh || true)}"; }

# powershell_advice tells the shortest way to PowerShell that works here.
powershell_advice() {
    if command -v dotnet >/dev/null && [[ $(dotnet --list-sdks 2>/dev/null) ]]; then
        echo "dotnet tool install --global PowerShell (and have ~/.dotnet/tools in PATH)"
    else
        echo "https://learn.microsoft.com/powershell/scripting/install/installing-powershell-on-linux (the package powershell of Microsoft's repository)"
    fi
}
