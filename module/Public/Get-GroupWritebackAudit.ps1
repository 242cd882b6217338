function Get-GroupWritebackAudit {
    <#
    .SYNOPSIS
        Shows who changed what, when and from where, newest first.
    .DESCRIPTION
        Reads the audit in the state folder. It has an entry for each change of the
        settings, of the mapping, of rights and of consents, with the old and the
        new value, and two for each run: RunStarted and RunEnded. Previews leave
        none. It needs no connection.

        An entry is written before the change is made, and a change that cannot be
        recorded is refused. If a change fails, a second entry has the ErrorId.
        Account and ComputerName are those of the engine's process. Client and From
        are what the session said about itself: a remote session, the address of an
        SSH client, the job of a runbook.

        Entries are kept as long as runs; see Set-GroupWriteback -RunHistoryDays.
    .PARAMETER Group
        Show only entries about these groups, specified as for
        Get-GroupWritebackGroup, or objects that identify one. * and ? are
        wildcards.
    .PARAMETER After
        Show only entries of this time and later.
    .PARAMETER Before
        Show only entries before this time.
    .PARAMETER Event
        Show only entries of these events: Enabled, Disabled, SettingsChanged,
        MappingChanged, ConsentGiven, ConsentWithdrawn, RightsGranted,
        RightsRevoked, GroupSuspended, GroupResumed, GroupsRestored,
        RunStarted, RunEnded. A line that cannot be read may be of any event,
        so it is always shown, as Unreadable.
    .PARAMETER First
        Show only this number of entries, the newest first.
    .EXAMPLE
        Get-GroupWritebackAudit -First 10

        Shows the ten newest entries.
    .EXAMPLE
        Get-GroupWritebackAudit -Event SettingsChanged, MappingChanged |
            Select-Object -ExpandProperty Changes -Property Time, Account

        Shows each setting that was changed, by whom.
    .EXAMPLE
        Get-GroupWritebackAudit -After (Get-Date).AddDays(-1) | Format-List

        Shows all details of the last day.
    .EXAMPLE
        Get-GroupWritebackGroup Sales | Get-GroupWritebackAudit

        Shows what was decided about one group.
    .INPUTS
        System.String, or an object that identifies a group, such as
        GroupWriteback.Group
    .OUTPUTS
        GroupWriteback.AuditEntry
    .LINK
        Get-GroupWritebackRun
    .LINK
        Set-GroupWriteback
    #>
    [System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
        'PSAvoidAssignmentToAutomaticVariable',
        '',
        Justification = 'Event is what an entry calls it; the function does not read the automatic variable.'
    )]
    [CmdletBinding()]
    [OutputType('GroupWriteback.AuditEntry')]
    param(
        [Parameter(Position = 0, ValueFromPipeline)]
        [SupportsWildcards()]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupCompleter])]
        [object[]] $Group,

        [ArgumentCompleter([NothingCompleter])]
        [System.DateTimeOffset] $After,

        [ArgumentCompleter([NothingCompleter])]
        [System.DateTimeOffset] $Before,

        [ValidateSet('Enabled', 'Disabled', 'SettingsChanged', 'MappingChanged', 'ConsentGiven', 'ConsentWithdrawn',
            'RightsGranted', 'RightsRevoked', 'GroupSuspended', 'GroupResumed', 'GroupsRestored', 'RunStarted',
            'RunEnded', 'Unreadable')]
        [string[]] $Event,

        [ValidateRange(1, 2147483647)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $First
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $filter = @{}
        if ($PSBoundParameters.ContainsKey('After')) { $filter['since'] = ConvertTo-ProtocolTime $After }
        if ($PSBoundParameters.ContainsKey('Before')) { $filter['until'] = ConvertTo-ProtocolTime $Before }
        # $Event would be the automatic variable of an event's action
        if ($PSBoundParameters['Event']) { $filter['events'] = [string[]] $PSBoundParameters['Event'] }
        $count = if ($First) { $First } else { [int]::MaxValue }
    }
    process {
        $names = @(foreach ($item in $Group) {
            $identity = Get-GroupIdentity -InputObject $item
            if ($identity.Trim()) { $identity }
            else { $PSCmdlet.WriteError((Get-GroupUnnamedError -InputObject $item)) }
        })
        $requests = @(
            if (-not $PSBoundParameters.ContainsKey('Group')) { $filter }
            foreach ($name in $names) { $filter + @{ group = $name } }
        )
        foreach ($request in $requests) {
            $call = @{
                Cmdlet         = $PSCmdlet
                Method         = 'audit.list'
                Property       = 'entries'
                Parameter      = $request
                Limit          = [System.Math]::Min($count, 200)
                NonTerminating = $true
            }
            Get-EngineList @call | Select-Object -First $count | ForEach-Object -Process { ConvertTo-AuditEntry $_ }
        }
    }
}
