function Start-GroupWritebackSync {
    <#
    .SYNOPSIS
        Synchronises the tenant's groups, or one group, to Active Directory now.
    .DESCRIPTION
        Imports the changes in the tenant and in Active Directory, writes the
        differences, and returns the record of the run. After
        Disable-GroupWriteback, it deletes the groups that were marked for deletion.

        The Status Complete means that everything was done. Partial means that some
        changes failed, could not be decided, or were held back; a warning is
        written, and the next sync continues with them. If changes failed or were
        held back, or if the run stopped or failed, an error is written in addition
        to the record, so that a scheduled task or a runbook fails if its script
        sets $ErrorActionPreference = 'Stop'.

        A sync holds back deletions and removals that exceed the thresholds, and
        writes everything else: see Get-GroupWritebackChange -Outcome Held. If they
        are intended, -AllowOnce with the PlanId of that run releases exactly these
        changes, once. The sync stops as a whole only if the tenant has no groups in
        scope.

        With -Group, reads and writes only that group and returns the result of each
        step: whether the group was found in the tenant (Import), is in scope
        (Scope), has an object in Active Directory (Join), which members it has
        (Members), and what was done (Action). Unwritten contains up to 500 members
        that are not in Active Directory, each with the reason; after a run that
        wrote, Get-GroupWritebackGroupMember returns all members. The next sync of
        all groups reads the same changes as it would have without this.

        With -WhatIf, writes nothing and returns the planned changes or, with
        -Group, the steps. Ctrl+C ends the sync after the current operation; the
        next sync continues.

        Requires connections to the tenant and to Active Directory.
    .PARAMETER PolicyType
        Delta reads the changes since the last sync, Initial reads everything.
        By default, a sync is Delta if possible and otherwise Initial. The
        PolicyReason of the run shows why it was Initial: Requested (by this
        parameter), First (no earlier sync), SettingsChanged (the scope, the
        form of the groups or the name of their container changed), Interval
        (the last Initial sync is too old, see Set-GroupWriteback
        -InitialIntervalDays), Settling (the first sync may have read a lagging
        replica of the tenant), ProjectionChanged (this release reads other
        attributes), ServerChanged (another domain controller than last time, or
        one restored from a backup), LinkExpired (Microsoft Graph no longer
        reports the changes since the last sync).
    .PARAMETER AllowOnce
        The PlanId of a run that held changes back. It is valid for one sync
        that would otherwise hold them back; -WhatIf does not use it up.
    .PARAMETER Group
        Synchronise only this group. Specify its id, full display name or mail
        address in the tenant, or the objectGUID, distinguished name, SID or
        sAMAccountName of its object in Active Directory (case is ignored), or
        an object that has one of them.
    .PARAMETER SkipReplicationCheck
        Continue although the domain controller has not received the changes
        that were written to the previous one. Use this only if the previous
        domain controller is lost; otherwise wait for the replication.
    .EXAMPLE
        Start-GroupWritebackSync

        Reads the changes, writes the differences, and returns the record.
    .EXAMPLE
        Start-GroupWritebackSync -WhatIf | Where-Object Action -eq Delete

        Shows the groups that a sync would delete.
    .EXAMPLE
        Start-GroupWritebackSync | Get-GroupWritebackChange -Outcome Failed

        Synchronises and shows what failed.
    .EXAMPLE
        $run = Get-GroupWritebackRun -Last 1
        Get-GroupWritebackChange -RunId $run.Id -Action Delete, UpdateMembers
        Start-GroupWritebackSync -AllowOnce $run.PlanId

        Reviews what a run held back, and releases exactly these changes.
    .EXAMPLE
        Start-GroupWritebackSync -Group 'Sales'

        Synchronises one group now and shows each step.
    .EXAMPLE
        Get-GroupWritebackGroup 'HR-*' | Where-Object Id |
            Start-GroupWritebackSync -WhatIf | Get-GroupWritebackChange

        Shows what a sync of each of these groups would change.
    .EXAMPLE
        Get-ADGroup 'Sales_0123456789ab' | Start-GroupWritebackSync

        Synchronises the group that an object in Active Directory belongs to.
    .INPUTS
        System.String, or an object that identifies a group: GroupWriteback.Group,
        GroupWriteback.Change, or a group from Microsoft Graph or the
        ActiveDirectory module.
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
                # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
                try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Continue?", 'Start group writeback sync') }
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
        # a preview reads as much as a sync, so it runs only if somebody will see its counts
        if ($preview) {
            $plan = Get-PreviewRun -Cmdlet $PSCmdlet -Parameter $fields
            if (-not $plan) { return }
            $text += ": $(ConvertTo-TotalText $plan.Planned)"
        }
        $text = ConvertTo-PlainText -Text $text
        # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
        try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Continue?", 'Start group writeback sync') }
        catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
        if (-not $confirmed) {
            if ($WhatIfPreference) { Get-RunChange -Cmdlet $PSCmdlet -RunId $plan.Id }
            return
        }
        Invoke-Sync -Cmdlet $PSCmdlet -Parameter $fields
    }
}
