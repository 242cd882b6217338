function Get-GroupWritebackGroup {
    <#
    .SYNOPSIS
        Shows the groups that are written back, and the situation of each.
    .DESCRIPTION
        Reads the groups as the last run saw them. It needs no connection. Situation
        shows how the group of the tenant and the object in Active Directory relate.
        Unwritten is the number of members that are not written;
        Get-GroupWritebackGroupMember shows why. Objects in Active Directory without
        a group of the tenant (Foreign, Unmatched) are also listed; they have no Id.
    .PARAMETER Name
        The group's display name or mail address, its object's common name,
        distinguished name, SID or sAMAccountName, or an id as for -Id. * and ?
        are wildcards. The default is all groups.
    .PARAMETER Id
        The id of the group in the tenant, or its objectGUID in Active
        Directory.
    .PARAMETER OnHold
        Only groups that are left as they are (Hold says why, by whom and until
        when), or that were quarantined because they kept failing.
    .EXAMPLE
        Get-GroupWritebackGroup 'Sales*'

        Shows the groups whose names begin with Sales.
    .EXAMPLE
        Get-GroupWritebackGroup | Where-Object Unwritten |
            Get-GroupWritebackGroupMember | Where-Object Reason

        Shows every member that is not written, with the reason.
    .EXAMPLE
        Get-ADGroup 'Sales_0123456789ab' | Get-GroupWritebackGroup

        Shows the group that an object in Active Directory belongs to.
    .PARAMETER InputObject
        Names, ids, or objects that have one: groups from this module, Microsoft
        Graph or the ActiveDirectory module.
    .INPUTS
        System.String, or an object that identifies a group.
    .OUTPUTS
        GroupWriteback.Group
    .LINK
        Get-GroupWritebackGroupMember
    .LINK
        Suspend-GroupWritebackGroup
    #>
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    [OutputType('GroupWriteback.Group')]
    param(
        [Parameter(Position = 0, ParameterSetName = 'Name')]
        [SupportsWildcards()]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupNameCompleter])]
        [string[]] $Name,

        [Parameter(Mandatory, ParameterSetName = 'Id')]
        [Alias('SourceId', 'TargetGuid', 'ObjectGuid')]
        [ArgumentCompleter([GroupIdCompleter])]
        [guid[]] $Id,

        [Parameter(Mandatory, ParameterSetName = 'InputObject', ValueFromPipeline)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [object[]] $InputObject,

        [switch] $OnHold
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
    }
    process {
        $queries = @(
            if ($PSCmdlet.ParameterSetName -eq 'Id') { foreach ($guid in $Id) { @{ id = $guid.ToString() } } }
            elseif ($PSCmdlet.ParameterSetName -eq 'InputObject') {
                foreach ($item in $InputObject) {
                    $identity = Get-GroupIdentity -InputObject $item
                    if ($identity.Trim()) { ConvertTo-GroupField -Identity $identity -NameField 'name' }
                    else { $PSCmdlet.WriteError((Get-GroupUnnamedError -InputObject $item)) }
                }
            }
            elseif ($Name) { foreach ($text in $Name) { @{ name = [string] $text } } }
            else { @{} }
        )
        foreach ($query in $queries) {
            $wanted = [string] $query.Values
            if ($OnHold) { $query['onHold'] = $true }
            $seen = @{ Any = $false }
            $call = @{
                Cmdlet    = $PSCmdlet
                Method    = 'group.list'
                Property  = 'groups'
                Parameter = $query
            }
            Get-EngineList @call | ForEach-Object -Process {
                $seen.Any = $true
                ConvertTo-Group $_
            }
            if (-not $seen.Any -and -not $OnHold -and $wanted -and $wanted -notmatch '[*?]') {
                $problem = @{
                    Id       = 'GroupNotFound'
                    Category = 'ObjectNotFound'
                    Object   = $wanted
                    Message  = 'The group is not in the state.'
                    Advice   = 'A cloud group is known after the first sync that follows its creation; groups that ' +
                        'are synchronised from on-premises are never known. Start-GroupWritebackSync -Group ' +
                        'shows step by step what happens to a group.'
                }
                $PSCmdlet.WriteError((ConvertTo-ErrorRecord @problem))
            }
        }
    }
}
