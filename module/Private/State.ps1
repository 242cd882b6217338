# Which folder of state is open. What was chosen stays chosen in this session of PowerShell: when the connections are
# closed, and when the module is imported anew. It is kept for the runspace, since another one may work on another
# state, and not in the environment, which other processes would take over.

# Opens the state of the path, if one is given; where that cannot be, what was open stays.
# What is checked of the folder: see session.initialize in docs/protocol.md.
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
