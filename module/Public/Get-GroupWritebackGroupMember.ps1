function Get-GroupWritebackGroupMember {
    <#
    .SYNOPSIS
        Shows the members of a group, and why some are not written to the directory.
    .DESCRIPTION
        Reads what the last run knew of the members of a group in the tenant; no
        connection is needed. Reason is empty for a member that is written.
        Otherwise it is cloud-only, guest, no-account, not-found, ambiguous,
        wrong-class, system-object (such as krbtgt), other-forest, group-not-written
        or write-refused; or, for a member whose account could not be determined and
        is tried again, limited-information, gc-unavailable, lookup-failed or
        unresolved.
    .PARAMETER GroupId
        The id of the group in the tenant.
    .EXAMPLE
        Get-GroupWritebackGroup 'Sales' | Get-GroupWritebackGroupMember

        The members of one group, by its name.
    .EXAMPLE
        Get-GroupWritebackGroup | Where-Object Unwritten |
            Get-GroupWritebackGroupMember | Group-Object Reason -NoElement

        How many members are not written, by reason.
    .INPUTS
        GroupWriteback.Group
    .OUTPUTS
        GroupWriteback.Member
    .LINK
        Get-GroupWritebackGroup
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.Member')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipelineByPropertyName)]
        [Alias('SourceId', 'Id')]
        [ArgumentCompleter([GroupIdCompleter])]
        [guid[]] $GroupId
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
    }
    process {
        foreach ($guid in $GroupId) {
            $call = @{
                Cmdlet         = $PSCmdlet
                Method         = 'group.members'
                Property       = 'members'
                Parameter      = @{ id = $guid.ToString() }
                Limit          = 500
                NonTerminating = $true
            }
            Get-EngineList @call |
                ForEach-Object -Process { ConvertTo-Member -Member $_ -GroupId $guid.ToString() }
        }
    }
}
