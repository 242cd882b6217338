# Copies the preference variables of the calling script into the cmdlet. Functions of a module see only the global ones,
# but a runbook that sets $ErrorActionPreference = 'Stop' or $WhatIfPreference = $true means the cmdlet, too.
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
    $spelled = Get-ListedValue -Cmdlet $Cmdlet
    foreach ($name in $spelled.Keys) {
        $Cmdlet.MyInvocation.BoundParameters[$name] = $spelled[$name]
        Set-Variable -Scope 1 -Name $name -Value $spelled[$name] -WhatIf:$false -Confirm:$false
    }
}

# Returns the arguments of parameters with a fixed list of values, spelled as the list spells them. PowerShell accepts a
# value in any case and passes it on as typed.
function Get-ListedValue {
    [OutputType([hashtable])]
    param([System.Management.Automation.PSCmdlet] $Cmdlet)
    $spelled = @{}
    foreach ($name in @($Cmdlet.MyInvocation.BoundParameters.Keys)) {
        $list = $Cmdlet.MyInvocation.MyCommand.Parameters[$name].Attributes |
            Where-Object -FilterScript { $_ -is [System.Management.Automation.ValidateSetAttribute] }
        if (-not $list) { continue }
        $values = foreach ($value in $Cmdlet.MyInvocation.BoundParameters[$name]) {
            @($list.ValidValues | Where-Object -FilterScript { $_ -eq $value })[0]
        }
        $spelled[$name] = $values
    }
    $spelled
}

# Joins a distinguished name that was typed without quotes, which PowerShell splits at its commas.
class DistinguishedNameAttribute : System.Management.Automation.ArgumentTransformationAttribute {
    [object] Transform([System.Management.Automation.EngineIntrinsics] $engineIntrinsics, [object] $inputData) {
        if ($inputData -is [array]) { return $inputData -join ',' }
        return $inputData
    }
}

# Returns the full path that the caller means. The engine has a different current folder and does not know the drives of
# PowerShell.
function Resolve-FilePath {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [string] $Path)
    if (-not $Path) { return '' }
    $provider = $null
    $drive = $null
    $problem = @{
        Id       = 'PathNotInFileSystem'
        Category = 'InvalidArgument'
        Object   = $Path
        Message  = 'The path is not a file system path.'
        Advice   = 'Specify the path of a file or folder.'
    }
    try {
        $full = $Cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path, [ref] $provider, [ref] $drive)
        if ($provider.Name -eq 'FileSystem') { return $full }
    }
    # The drive or the provider does not exist, for example that of the registry outside Windows.
    catch { $problem['Message'] += " $($_.Exception.GetBaseException().Message)" }
    $Cmdlet.ThrowTerminatingError((ConvertTo-ErrorRecord @problem))
}

# Reports whether ShouldProcess will ask, or say "What if".
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
        Message  = "Nobody can confirm this action in a non-interactive session, so nothing was done: " +
            "$($Cause.Exception.GetBaseException().Message)"
        Advice   = 'To run it without confirmation, add -Confirm:$false.'
    }
    ConvertTo-ErrorRecord @problem
}

# Returns the field of the protocol that has the name of the parameter: tenantId for TenantId.
function ConvertTo-FieldName {
    [OutputType([string])]
    param([string] $Name)
    $Name.Substring(0, 1).ToLowerInvariant() + $Name.Substring(1)
}

# Writes the warnings of the engine, except those that were already written.
function Write-EngineWarning {
    param([string[]] $Warning, [string[]] $Told)
    foreach ($text in $Warning) {
        if ($text -and $text -notin $Told) { Write-Warning -Message (ConvertTo-PlainText -Text $text) }
    }
}
