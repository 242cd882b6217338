function Get-GroupWritebackGroupMember {
    <#
    .SYNOPSIS
        Shows the members of a group, and why some are not written.
    .DESCRIPTION
        Reads the members of a cloud group as the last run saw them. It needs no
        connection. Reason is empty for a member that is written. Otherwise it is
        CloudOnly, Guest, NoAccount, NotFound, Ambiguous, WrongClass, SystemObject
        (such as krbtgt), OtherForest, GroupNotWritten or WriteRefused. If the
        member's account could not be determined and the engine will try again, it
        is LimitedInformation, NoGlobalCatalog, LookupFailed or Unresolved.
    .PARAMETER GroupId
        The group's id, display name or mail address in the tenant, its object's
        objectGUID, distinguished name, SID or sAMAccountName, or an object that
        has one of them.
    .EXAMPLE
        Get-GroupWritebackGroup 'Sales' | Get-GroupWritebackGroupMember

        Shows the members of one group.
    .EXAMPLE
        Get-GroupWritebackGroup | Where-Object Unwritten |
            Get-GroupWritebackGroupMember | Group-Object Reason -NoElement

        Counts the members that are not written, by reason.
    .EXAMPLE
        Get-GroupWritebackGroupMember 'Sales'

        Shows the members of one group, specified by its name.
    .INPUTS
        System.String, or an object that identifies a group, such as
        GroupWriteback.Group
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
