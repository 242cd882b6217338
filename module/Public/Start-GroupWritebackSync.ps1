function Start-GroupWritebackSync {
    <#
    .SYNOPSIS
        Synchronises the groups of the tenant to the directory now, or one group.
    .DESCRIPTION
        Imports what has changed in the tenant and in the directory, writes what
        differs, and returns the record of the run. After Disable-GroupWriteback it
        deletes the groups that were named there.

        A run whose Status is Complete did everything. Partial: some objects failed,
        could not be decided, or were held back; a warning says so, and the next
        sync goes on with them. Where changes failed or were held back, and when the
        run stopped or failed, an error is written besides the record, so that a
        scheduled task or a runbook fails whose script says $ErrorActionPreference =
        'Stop'.

        What a sync would delete or remove beyond the thresholds it holds back, each
        time, while everything else is written: see Get-GroupWritebackChange
        -Outcome Held. If it is meant, -AllowOnce with the PlanId of that run lets
        just that pass, once. Only a tenant without any group that is to be written
        stops the sync as a whole.

        With -Group just that group is read and written, and what became of it comes
        out step by step: whether it was found in the tenant (Import), is to be
        written (Scope), has an object in the directory (Join), which members it has
        (Members), and what was done (Action). Unwritten has the members that are
        not in the directory, each with the reason, 500 at most; after a run that
        wrote, Get-GroupWritebackGroupMember gives all members. It leaves what the
        next sync of all groups reads as it was.

        With -WhatIf nothing is written; the planned changes come out as objects,
        with -Group the steps. Ctrl+C ends the sync after the operation it is in;
        the next one goes on.

        Needs the connections to the tenant and to the directory.
    .PARAMETER PolicyType
        Delta reads what has changed since the last sync, Initial everything.
        The default is what is due: normally Delta, and Initial by itself when
        it has to be. The PolicyReason of the run says why it was Initial:
        Requested (by this parameter), First (nothing was synchronised before),
        SettingsChanged (which groups are written, or how, or the name of their
        container), Interval (the last one is too long ago, see
        Set-GroupWriteback -InitialIntervalDays), Settling (the first one may
        have read a copy of the tenant that was behind), ProjectionChanged
        (another release reads something else), ServerChanged (another domain
        controller than last time, or one restored from a backup), LinkExpired
        (Microsoft Graph no longer tells what has changed since).
    .PARAMETER AllowOnce
        The PlanId of a run that held something back at a threshold. It serves
        once, for a sync that would hold something back without it; with -WhatIf
        it is not used up.
    .PARAMETER Group
        Only this group: its id, whole display name or mail address in the
        tenant, or the objectGUID, distinguished name, SID or sAMAccountName of
        its object in the directory, in whatever case; or an object that has one
        of them.
    .PARAMETER SkipReplicationCheck
        Go on although the domain controller has not received what was written
        on the one that was used before. Only for when that one is lost:
        otherwise wait until they have replicated.
    .EXAMPLE
        Start-GroupWritebackSync

        Reads what has changed, writes what differs, and returns the record.
    .EXAMPLE
        Start-GroupWritebackSync -WhatIf | Where-Object Action -eq Delete

        The groups that a sync would delete.
    .EXAMPLE
        Start-GroupWritebackSync | Get-GroupWritebackChange -Outcome Failed

        Synchronises, and shows what failed.
    .EXAMPLE
        $run = Get-GroupWritebackRun -Last 1
        Get-GroupWritebackChange -RunId $run.Id -Action Delete, UpdateMembers
        Start-GroupWritebackSync -AllowOnce $run.PlanId

        Looks at what a run held back at a threshold, and lets just that pass.
    .EXAMPLE
        Start-GroupWritebackSync -Group 'Sales'

        Synchronises one group now, and shows each step.
    .EXAMPLE
        Get-GroupWritebackGroup 'HR-*' | Where-Object Id |
            Start-GroupWritebackSync -WhatIf | Get-GroupWritebackChange

        What a sync of each of these groups would change.
    .EXAMPLE
        Get-ADGroup 'Sales_0123456789ab' | Start-GroupWritebackSync

        Synchronises the group that an object of the directory stands for.
    .INPUTS
        System.String, or an object that names a group: GroupWriteback.Group,
        GroupWriteback.Change, groups of Microsoft Graph and of the ActiveDirectory
        module.
    .OUTPUTS
        GroupWriteback.Run, with -WhatIf GroupWriteback.Change, with -Group
        GroupWriteback.GroupSync
    .LINK
        Get-GroupWritebackRun
    .LINK
        Get-GroupWritebackChange
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'All')]
    [OutputType('GroupWriteback.Run', 'GroupWriteback.Change', ParameterSetName = 'All')]
    [OutputType('GroupWriteback.GroupSync', ParameterSetName = 'Group')]
    param(
        [Parameter(Position = 0, ParameterSetName = 'All')]
        [ValidateSet('Delta', 'Initial')]
        [string] $PolicyType,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([ConsentCompleter])]
        [string] $AllowOnce,

        [Parameter(Mandatory, ParameterSetName = 'Group', ValueFromPipeline)]
        [Alias('GroupId', 'SourceId', 'Id', 'ObjectGuid')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupCompleter])]
        [object[]] $Group,

        [switch] $SkipReplicationCheck
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $preview = Test-Preview -Simulation $WhatIfPreference -Confirmation $ConfirmPreference -Impact 'Medium'
    }
    process {
        $common = @{}
        if ($AllowOnce) { $common['allowOnce'] = $AllowOnce }
        if ($SkipReplicationCheck) { $common['skipReplicationCheck'] = $true }
        if ($PSCmdlet.ParameterSetName -eq 'Group') {
            foreach ($item in $Group) {
                $name = Get-GroupIdentity -InputObject $item -ById
                if (-not $name.Trim()) {
                    $PSCmdlet.WriteError((Get-GroupUnnamedError -InputObject $item))
                    continue
                }
                $fields = $common + @{ group = $name }
                $text = "Synchronise the group $name to the directory"
                $plan = $null
                if ($preview) {
                    $plan = Invoke-GroupSync -Cmdlet $PSCmdlet -Parameter ($fields + @{ whatIf = $true })
                    if (-not $plan) { continue }
                    if (-not (Test-Plan -Cmdlet $PSCmdlet -Run $plan.Run)) { $plan; continue }
                    $text = "Synchronise the group $($plan.DisplayName) ($($plan.GroupId)) to the directory: " +
                        "$(ConvertTo-TotalText $plan.Run.Planned)"
                }
                $text = ConvertTo-PlainText -Text $text
                # where nobody can be asked this throws, which alone does not end a function
                try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Go on?", 'Start group writeback sync') }
                catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
                if (-not $confirmed) {
                    if ($WhatIfPreference) { $plan }
                    continue
                }
                $sync = Invoke-GroupSync -Cmdlet $PSCmdlet -Parameter $fields
                if ($sync) {
                    $sync
                    Write-RunOutcome -Cmdlet $PSCmdlet -Run $sync.Run
                }
            }
            return
        }

        $fields = $common
        if ($PolicyType) { $fields['policyType'] = $PolicyType }
        $text = 'Synchronise the groups of the tenant to the directory'
        $plan = $null
        # a preview reads as much as a sync, so it is made only where somebody is to see its counts
        if ($preview) {
            $plan = Get-PreviewRun -Cmdlet $PSCmdlet -Parameter $fields
            if (-not $plan) { return }
            $text += ": $(ConvertTo-TotalText $plan.Planned)"
        }
        $text = ConvertTo-PlainText -Text $text
        # where nobody can be asked this throws, which alone does not end a function
        try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Go on?", 'Start group writeback sync') }
        catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
        if (-not $confirmed) {
            if ($WhatIfPreference) { Get-RunChange -Cmdlet $PSCmdlet -RunId $plan.Id }
            return
        }
        Invoke-Sync -Cmdlet $PSCmdlet -Parameter $fields
    }
}
