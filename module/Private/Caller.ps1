# Functions of a module do not see the preference variables of a script that calls them, only the global ones. A
# runbook that says $ErrorActionPreference = 'Stop' or $WhatIfPreference = $true means us too.
function Import-CallerPreference {
    param([System.Management.Automation.PSCmdlet] $Cmdlet)
    $preferences = @{
        ErrorActionPreference = 'ErrorAction'; WarningPreference = 'WarningAction'; VerbosePreference = 'Verbose'
        DebugPreference = 'Debug'; InformationPreference = 'InformationAction'; ProgressPreference = 'ProgressAction'
        ConfirmPreference = 'Confirm'; WhatIfPreference = 'WhatIf'
    }
    foreach ($name in $preferences.Keys) {
        if ($Cmdlet.MyInvocation.BoundParameters.ContainsKey($preferences[$name])) { continue }
        $value = $Cmdlet.SessionState.PSVariable.GetValue($name)
        if ($null -ne $value) { Set-Variable -Scope 1 -Name $name -Value $value -WhatIf:$false -Confirm:$false }
    }
}

# A path as the caller means it, for a process that has another current folder and knows no drives of PowerShell.
function Resolve-FilePath {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [string] $Path)
    if (-not $Path) { return '' }
    $provider = $null
    $drive = $null
    try { $full = $Cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path, [ref] $provider, [ref] $drive) }
    catch { $Cmdlet.ThrowTerminatingError($_) }
    if ($provider.Name -ne 'FileSystem') {
        $problem = @{
            Id       = 'PathNotInFileSystem'
            Category = 'InvalidArgument'
            Object   = $Path
            Message  = 'The path is not one of the file system.'
            Advice   = 'Give the path of a file or folder.'
        }
        $Cmdlet.ThrowTerminatingError((ConvertTo-ErrorRecord @problem))
    }
    $full
}

# Whether ShouldProcess is going to ask, or to say "What if".
function Test-Preview {
    param([bool] $Simulation, $Confirmation, [System.Management.Automation.ConfirmImpact] $Impact)
    $level = [System.Management.Automation.ConfirmImpact] $Confirmation
    $Simulation -or ($level -ne 'None' -and $level -le $Impact)
}

function Get-ConfirmationError {
    param([System.Management.Automation.ErrorRecord] $Cause)
    $problem = @{
        Id       = 'ConfirmationImpossible'
        Category = 'InvalidOperation'
        Message  = "Nobody could be asked to confirm, so nothing was done: " +
            "$($Cause.Exception.GetBaseException().Message)"
        Advice   = 'If it is meant, add -Confirm:$false.'
    }
    ConvertTo-ErrorRecord @problem
}
