function Remove-GroupWritebackMapping {
    <#
    .SYNOPSIS
        Takes back what is set for an attribute.
    .DESCRIPTION
        An attribute of the release gets its own mapping again. One that was added
        is no longer written: the values that are there stay. To clear them, set
        the expression '""' first and run a sync. The next sync is Initial.
    .PARAMETER Attribute
        The LDAP names of the attributes.
    .EXAMPLE
        Remove-GroupWritebackMapping info

        The attribute is no longer written.
    .EXAMPLE
        Get-GroupWritebackMapping -Custom |
            Remove-GroupWritebackMapping -WhatIf

        What the next sync would do with the mapping of the release.
    .INPUTS
        GroupWriteback.Mapping
    .OUTPUTS
        None. With -WhatIf GroupWriteback.Change.
    .LINK
        Set-GroupWritebackMapping
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('GroupWriteback.Change')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([MappingAttributeCompleter])]
        [string[]] $Attribute
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $names = New-Object -TypeName System.Collections.Generic.List[string]
    }
    process { $names.AddRange($Attribute) }
    end {
        if (-not $names.Count) { return }
        $change = @{
            Cmdlet  = $PSCmdlet
            Mapping = @{ remove = $names.ToArray() }
            Text    = "Take back the mapping of $($names -join ', ')"
        }
        Invoke-MappingChange @change
    }
}
