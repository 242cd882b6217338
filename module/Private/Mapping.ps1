# Changes the mapping for Set-, Remove- and Import-GroupWritebackMapping. It checks the change and shows its plan if
# somebody will see it, then saves the change as a whole, so that only one Initial sync follows.
function Invoke-MappingChange {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [System.Collections.IDictionary] $Mapping,
        [string] $Text,
        [switch] $Quiet
    )
    $plan = $null
    if (Test-Preview -Simulation $WhatIfPreference -Confirmation $ConfirmPreference -Impact 'Medium') {
        $call = @{
            Cmdlet    = $Cmdlet
            Method    = 'settings.set'
            Parameter = @{ mapping = $Mapping; whatIf = $true }
            Activity  = 'Checking'
        }
        $after = Invoke-Engine @call
        if ($after.enabled -and (Test-PlanConnection -Cmdlet $Cmdlet)) {
            $plan = Get-PreviewRun -Cmdlet $Cmdlet -Parameter @{ settings = @{ mapping = $Mapping } }
            if (-not $plan) { return }
            $Text += "; the next sync would $(ConvertTo-TotalText $plan.Planned)"
        }
    }
    $Text = ConvertTo-PlainText -Text $Text
    # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
    try { $confirmed = $Cmdlet.ShouldProcess("$Text.", "$Text. Continue?", 'Set group writeback mapping') }
    catch { $Cmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
    if (-not $confirmed) {
        if ($WhatIfPreference -and $plan -and -not $Quiet) { Get-RunChange -Cmdlet $Cmdlet -RunId $plan.Id }
        return
    }
    $call = @{
        Cmdlet    = $Cmdlet
        Method    = 'settings.set'
        Parameter = @{ mapping = $Mapping }
        Activity  = 'Saving the mapping'
    }
    [void] (Invoke-Engine @call)
}

# Returns an entry of the protocol, without a default if DefaultValue is empty.
function ConvertTo-MappingEntry {
    [OutputType([hashtable])]
    param([string] $Attribute, [string] $Expression, [string] $Apply, [string] $DefaultValue)
    $entry = @{ attribute = $Attribute; expression = $Expression }
    if ($Apply) { $entry['apply'] = $Apply }
    if ($DefaultValue) { $entry['default'] = $DefaultValue }
    $entry
}

function Get-MappingRow {
    param([System.Management.Automation.PSCmdlet] $Cmdlet)
    $view = Invoke-Engine -Cmdlet $Cmdlet -Method 'mapping.get'
    foreach ($row in $view.rows) { if ($null -ne $row) { ConvertTo-Mapping $row } }
}

function ConvertTo-Mapping {
    param($Row)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.Mapping' -Property ([ordered]@{
        Attribute    = $Row.attribute
        Expression   = [string] $Row.expression
        Apply        = $Row.apply
        DefaultValue = [string] $Row.default
        Function     = [string] $Row.function
        On           = if ($Row.on) { [string] $Row.on } else { 'every group' }
        MaxLength    = [int] $Row.maxLength
        Custom       = [bool] $Row.custom
        ReadOnly     = [bool] $Row.readOnly
    })
}

function ConvertTo-MappingTest {
    param($Test)
    foreach ($value in $Test.values) {
        if ($null -eq $value) { continue }
        ConvertTo-TypedObject -TypeName 'GroupWriteback.MappingTest' -Property ([ordered]@{
            GroupId           = $Test.id
            DisplayName       = [string] $Test.displayName
            DistinguishedName = [string] $Test.dn
            Attribute         = $value.attribute
            Expression        = [string] $value.expression
            Apply             = $value.apply
            Now               = @(foreach ($text in $value.now) { if ($null -ne $text) { [string] $text } })
            Then              = @(foreach ($text in $value.then) { if ($null -ne $text) { [string] $text } })
            Changes           = [bool] $value.changes
            Notes             = @(foreach ($text in $value.notes) { if ($null -ne $text) { [string] $text } })
        })
    }
}

function ConvertTo-MappingImport {
    param($Mapping, [string] $Result, [string] $Reason)
    ConvertTo-TypedObject -TypeName 'GroupWriteback.MappingImport' -Property ([ordered]@{
        Attribute    = [string] $Mapping.attribute
        Result       = $Result
        Expression   = [string] $Mapping.expression
        Apply        = if ($Mapping.apply) { $Mapping.apply } else { 'Always' }
        DefaultValue = [string] $Mapping.default
        Reason       = $Reason
    })
}

# Completes the name of an attribute, or the property or function at the end of an expression.
function Find-MappingName {
    [CmdletBinding()]
    [OutputType([System.Management.Automation.CompletionResult])]
    param([string] $Kind, [string] $Word)
    $view = Invoke-Engine -Cmdlet $PSCmdlet -Method 'mapping.get'
    if ($Kind -eq 'MappingAttribute') {
        foreach ($row in $view.rows) {
            if (-not $row.readOnly -and (Test-Start $row.attribute $Word)) {
                ConvertTo-Completion -Value $row.attribute -Detail "$($row.expression)"
            }
        }
        return
    }
    $begun = [regex]::Match($Word, '\[?\w*$')
    $before = $Word.Substring(0, $begun.Index)
    $names = @(
        foreach ($name in $view.properties) { "[$name]" }
        foreach ($name in $view.functions) { "$name(" }
    )
    foreach ($name in $names) {
        if ($begun.Value -and (Test-Start $name $begun.Value)) {
            ConvertTo-Completion -Value "$before$name" -Text $name -Quoted
        }
    }
}
