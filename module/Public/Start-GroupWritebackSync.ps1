function Start-GroupWritebackSync {
    <#
    .SYNOPSIS
        Synchronises the groups of the tenant to the directory now.
    .DESCRIPTION
        Imports the groups of the tenant and those in the directory, writes what differs, and returns the record of
        the run. After Disable-GroupWriteback it deletes the groups that were named there.

        A run whose Status is complete did everything. Partial: some objects failed, or could not be decided; a
        warning says so, and the next sync goes on with them. Stopped or failed: an error is written besides the
        record, so that with -ErrorAction Stop a scheduled task or a runbook fails.

        A sync that would delete or remove more than the thresholds allow stops before it writes anything. If it is
        meant, -AllowOnce with the PlanId of that run lets just the planned deletions and removals pass, once.

        With -WhatIf nothing is written; the planned changes come out as objects. Ctrl+C ends the sync after the
        operation it is in; the next one goes on.

        Needs the connections to the tenant and to the directory.
    .PARAMETER PolicyType
        Delta reads what has changed, Initial everything. The default is what is due.
    .PARAMETER AllowOnce
        The PlanId of a run that stopped at a threshold.
    .EXAMPLE
        Start-GroupWritebackSync
    .EXAMPLE
        Start-GroupWritebackSync -WhatIf | Where-Object Action -eq Delete

        The groups that a sync would delete.
    .EXAMPLE
        Start-GroupWritebackSync | Get-GroupWritebackChange -Outcome failed

        Synchronises, and shows what failed.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.Run, with -WhatIf GroupWriteback.Change
    .LINK
        Get-GroupWritebackRun
    .LINK
        Get-GroupWritebackChange
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('GroupWriteback.Run', 'GroupWriteback.Change')]
    param(
        [Parameter(Position = 0)]
        [ValidateSet('Delta', 'Initial')]
        [string] $PolicyType,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter({
                param($CommandName, $ParameterName, $WordToComplete)
                $null = $CommandName, $ParameterName
                GroupWriteback\Get-GroupWritebackRun -Last 20 |
                    Where-Object -FilterScript { $_.Status -eq 'stopped' -and $_.PlanId -like "$WordToComplete*" } |
                    ForEach-Object -Process { [System.Management.Automation.CompletionResult]::new($_.PlanId, $_.PlanId, 'ParameterValue', "Run $($_.Id): $($_.StopReason)") }
            })]
        [string] $AllowOnce
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $fields = @{}
    if ($PolicyType) { $fields['policyType'] = $PolicyType }
    $text = 'Synchronise the groups of the tenant to the directory'
    $plan = $null
    # a preview imports everything, so it is made only where somebody is to see its counts
    if (Test-Preview -Simulation $WhatIfPreference -Confirmation $ConfirmPreference -Impact 'Medium') {
        $plan = Get-PreviewRun -Cmdlet $PSCmdlet -Parameter $fields -AllowOnce $AllowOnce
        if (-not $plan) { return }
        $text += ": $(ConvertTo-TotalText $plan.planned)"
    }
    # where nobody can be asked this throws, which alone does not end a function
    try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Go on?", 'Start group writeback sync') }
    catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Problem $_)) }
    if (-not $confirmed) {
        if ($WhatIfPreference) { Get-RunChange -Cmdlet $PSCmdlet -RunId $plan.id }
        return
    }
    if ($AllowOnce) { $fields['allowOnce'] = $AllowOnce }
    Invoke-Sync -Cmdlet $PSCmdlet -Parameter $fields
}
