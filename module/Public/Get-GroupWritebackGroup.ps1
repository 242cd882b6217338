function Get-GroupWritebackGroup {
    <#
    .SYNOPSIS
        Shows the groups that are written back, and how each stands.
    .DESCRIPTION
        Reads what the last run knew of the groups; no connection is needed.
        Situation says how the group of the tenant and that of the directory stand
        to each other, Unwritten how many members are not written; see
        Get-GroupWritebackGroupMember for why. Objects of the directory that stand
        for no group of the tenant (Foreign, Unmatched) come too; they have no Id.
    .PARAMETER Name
        The display name or mail address; or the common name, distinguished
        name, SID or sAMAccountName of the object; or an id as for -Id. * and ?
        are wildcards. The default is all groups.
    .PARAMETER Id
        The id of the group in the tenant, or its objectGUID in the directory.
    .EXAMPLE
        Get-GroupWritebackGroup 'Sales*'

        The groups whose names begin so.
    .EXAMPLE
        Get-GroupWritebackGroup | Where-Object Unwritten |
            Get-GroupWritebackGroupMember | Where-Object Reason

        Every member that is not written, with the reason.
    .EXAMPLE
        Get-ADGroup 'Sales_0123456789ab' | Get-GroupWritebackGroup

        The group that an object of the directory stands for.
    .PARAMETER InputObject
        Names, ids, or objects that have one: groups of this module, of
        Microsoft Graph and of the ActiveDirectory module.
    .INPUTS
        System.String, or an object that names a group.
    .OUTPUTS
        GroupWriteback.Group
    .LINK
        Get-GroupWritebackGroupMember
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
        [object[]] $InputObject
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
            if (-not $seen.Any -and $wanted -and $wanted -notmatch '[*?]') {
                $problem = @{
                    Id       = 'GroupNotFound'
                    Category = 'ObjectNotFound'
                    Object   = $wanted
                    Message  = 'The state knows no such group.'
                    Advice   = 'Known are groups of the tenant that are not synchronised from the directory, ' +
                        'since the first sync after they were made. Start-GroupWritebackSync -Group says step ' +
                        'by step what becomes of one.'
                }
                $PSCmdlet.WriteError((ConvertTo-ErrorRecord @problem))
            }
        }
    }
}
