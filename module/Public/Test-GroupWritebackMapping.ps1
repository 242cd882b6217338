function Test-GroupWritebackMapping {
    <#
    .SYNOPSIS
        Shows what the mapping makes of a group.
    .DESCRIPTION
        Reads the group from the tenant and its object from the directory, and
        returns one row for each attribute: the value that it has now, the one that
        it would have after the next sync, and notes where a value is cut, left out
        or kept, and why. Nothing is changed. With -Attribute and -Expression a
        mapping is tested that is not set.
    .PARAMETER Group
        The groups, each named as for Start-GroupWritebackSync -Group.
    .PARAMETER Attribute
        The LDAP name of the attribute to test; only this one is returned.
    .PARAMETER Expression
        The expression to test for it. Without one, the mapping in effect.
    .PARAMETER Apply
        Always or OnlyAtCreation, as for Set-GroupWritebackMapping.
    .PARAMETER DefaultValue
        The value where the expression is absent.
    .EXAMPLE
        Test-GroupWritebackMapping Sales

        All attributes of the group, now and then.
    .EXAMPLE
        Get-GroupWritebackGroup |
            Test-GroupWritebackMapping -Attribute info -Expression '[theme]' |
            Where-Object Changes

        For which groups this would change something.
    .INPUTS
        GroupWriteback.Group
    .OUTPUTS
        GroupWriteback.MappingTest
    .LINK
        Set-GroupWritebackMapping
    #>
    [CmdletBinding(DefaultParameterSetName = 'All')]
    [OutputType('GroupWriteback.MappingTest')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline)]
        [Alias('GroupId')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupCompleter])]
        [object[]] $Group,

        [Parameter(ParameterSetName = 'All')]
        [Parameter(Mandatory, ParameterSetName = 'Expression')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([MappingAttributeCompleter])]
        [string] $Attribute,

        [Parameter(Mandatory, ParameterSetName = 'Expression')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([MappingExpressionCompleter])]
        [string] $Expression,

        [Parameter(ParameterSetName = 'Expression')]
        [ValidateSet('Always', 'OnlyAtCreation')]
        [string] $Apply = 'Always',

        [Parameter(ParameterSetName = 'Expression')]
        [AllowEmptyString()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $DefaultValue
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $common = @{}
        if ($Expression) {
            $entry = @{
                Attribute    = $Attribute
                Expression   = $Expression
                Apply        = $Apply
                DefaultValue = $DefaultValue
            }
            $common['set'] = @(ConvertTo-MappingEntry @entry)
        }
    }
    process {
        foreach ($item in $Group) {
            $name = Get-GroupIdentity -InputObject $item
            if (-not $name.Trim()) {
                $PSCmdlet.WriteError((Get-GroupUnnamedError -InputObject $item))
                continue
            }
            $call = @{
                Cmdlet         = $PSCmdlet
                Method         = 'mapping.test'
                Parameter      = ($common + @{ group = $name })
                Activity       = 'Testing the mapping'
                NonTerminating = $true
            }
            $answer = Invoke-Engine @call
            if ($answer) {
                ConvertTo-MappingTest $answer |
                    Where-Object -FilterScript { -not $Attribute -or $_.Attribute -eq $Attribute.Trim() }
            }
        }
    }
}
