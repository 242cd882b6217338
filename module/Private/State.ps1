# Remembers which state folder is open. The choice lasts for the PowerShell session, even if the connections are closed
# or the module is imported again. It belongs to the runspace, because another runspace may work on another state
# folder. It is not kept in the environment, which other processes would inherit.

# Opens the state folder at the path, if one is specified. If that fails, the former state folder stays open.
# What Check makes the engine check: see session.initialize in docs/protocol.md.
function Select-State {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Path,
        [string] $ServiceAccount,
        [string] $Check
    )
    $before = $script:StatePath, $script:ServiceAccount
    if ($Path) { $script:StatePath = Resolve-FilePath -Cmdlet $Cmdlet -Path $Path }
    if ($ServiceAccount) { $script:ServiceAccount = $ServiceAccount }
    if (-not $Path) { $Check = '' }
    try { [void] (Get-Engine -Check $Check) }
    catch {
        $script:StatePath, $script:ServiceAccount = $before
        Exit-Command -Cmdlet $Cmdlet -Problem $_
    }
}

function Save-StateChoice {
    [System.AppDomain]::CurrentDomain.SetData((Get-StateKey), @($script:StatePath, $script:ServiceAccount))
}

function Restore-StateChoice {
    $choice = [System.AppDomain]::CurrentDomain.GetData((Get-StateKey))
    if ($choice) { $script:StatePath, $script:ServiceAccount = $choice }
}

function Get-StateKey {
    [OutputType([string])]
    param()
    "GroupWriteback.State.$([System.Management.Automation.Runspaces.Runspace]::DefaultRunspace.InstanceId)"
}
