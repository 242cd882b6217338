function Get-GroupWritebackMapping {
    <#
    .SYNOPSIS
        Shows which attributes are written, and what each is made of.
    .DESCRIPTION
        Returns one row for each attribute that is written, apart from the names,
        the type and the members: those that the release has, and those that are
        set with Set-GroupWritebackMapping (Custom). The value is an expression, or
        comes from something that no expression can say (Function); such a row is
        ReadOnly. No connection is needed.

        An attribute that the schema of the directory does not allow on groups is
        shown, and not written.
    .PARAMETER Attribute
        Only these attributes, by their LDAP names; * and ? are wildcards.
    .PARAMETER Custom
        Only what is set with Set-GroupWritebackMapping.
    .EXAMPLE
        Get-GroupWritebackMapping

        All attributes that are written.
    .EXAMPLE
        Get-GroupWritebackMapping -Custom | Remove-GroupWritebackMapping

        Goes back to the mapping of the release.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.Mapping
    .LINK
        Set-GroupWritebackMapping
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.Mapping')]
    param(
        [Parameter(Position = 0)]
        [SupportsWildcards()]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([MappingAttributeCompleter])]
        [string[]] $Attribute,

        [switch] $Custom
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    Get-MappingRow -Cmdlet $PSCmdlet | Where-Object -FilterScript {
        $row = $_
        (-not $Custom -or $row.Custom) -and
        (-not $Attribute -or @($Attribute | Where-Object -FilterScript { $row.Attribute -like $_ }).Count)
    }
}
