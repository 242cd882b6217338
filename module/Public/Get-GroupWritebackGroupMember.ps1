function Get-GroupWritebackGroupMember {
    <#
    .SYNOPSIS
        Shows the members of a group, and why some are not written to the directory.
    .DESCRIPTION
        Reads what the last run knew of the members of a group in the tenant; no
        connection is needed. Reason is empty for a member that is written.
        Otherwise it is CloudOnly, Guest, NoAccount, NotFound, Ambiguous,
        WrongClass, SystemObject (such as krbtgt), OtherForest, GroupNotWritten
        or WriteRefused; or, for a member whose account could not be determined
        and is tried again, LimitedInformation, NoGlobalCatalog, LookupFailed or
        Unresolved.
    .PARAMETER GroupId
        The group: its id, display name or mail address in the tenant, or the
        objectGUID, distinguished name, SID or sAMAccountName of its object; or
        an object that has one of them.
    .EXAMPLE
        Get-GroupWritebackGroup 'Sales' | Get-GroupWritebackGroupMember

        The members of one group, by its name.
    .EXAMPLE
        Get-GroupWritebackGroup | Where-Object Unwritten |
            Get-GroupWritebackGroupMember | Group-Object Reason -NoElement

        How many members are not written, by reason.
    .EXAMPLE
        Get-GroupWritebackGroupMember 'Sales'

        The members of one group.
    .INPUTS
        System.String, or an object that names a group, such as GroupWriteback.Group
    .OUTPUTS
        GroupWriteback.Member
    .LINK
        Get-GroupWritebackGroup
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.Member')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline)]
        [Alias('SourceId', 'Id', 'Group', 'Name')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupIdCompleter])]
        [object[]] $GroupId
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
    }
    process {
        foreach ($item in $GroupId) {
            $identity = Get-GroupIdentity -InputObject $item
            if (-not $identity.Trim()) {
                $PSCmdlet.WriteError((Get-GroupUnnamedError -InputObject $item))
                continue
            }
            $call = @{
                Cmdlet         = $PSCmdlet
                Method         = 'group.members'
                Property       = 'members'
                Parameter      = ConvertTo-GroupField -Identity $identity -NameField 'group'
                Limit          = 500
                NonTerminating = $true
            }
            Get-EngineList @call | ForEach-Object -Process {
                $group = if ($_.groupId) { [string] $_.groupId } else { $identity }
                ConvertTo-Member -Member $_ -GroupId $group -GroupName ([string] $_.groupName)
            }
        }
    }
}
