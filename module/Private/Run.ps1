# The settings that Enable-GroupWriteback and Set-GroupWriteback share, as fields of the protocol; only those given.
function ConvertTo-SettingField {
    param([System.Collections.IDictionary] $Bound)
    $fields = [ordered]@{}
    foreach ($name in 'TargetContainer', 'NameFormat', 'SamAccountNameFormat', 'MovedGroup', 'SoftDeletedGroup', 'OutOfScopeGroup') {
        if ($Bound.ContainsKey($name)) { $fields[$name.Substring(0, 1).ToLowerInvariant() + $name.Substring(1)] = [string] $Bound[$name] }
    }
    foreach ($name in 'ExcludeMailAttribute', 'Adopt') {
        if ($Bound.ContainsKey($name)) { $fields[$name.Substring(0, 1).ToLowerInvariant() + $name.Substring(1)] = [bool] $Bound[$name] }
    }
    $fields
}

# Plans a run without exporting anything. Returns nothing when that failed, which is then reported.
function Get-PreviewRun {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Parameter, [string] $AllowOnce)
    $run = Invoke-Engine -Cmdlet $Cmdlet -Method 'sync.preview' -Parameter $Parameter -Activity 'Planning group writeback'
    if ($run.status -eq 'failed' -or $run.stopReason -eq 'stopped-cancelled') { Write-RunOutcome -Cmdlet $Cmdlet -Run (ConvertTo-Run $run); return }
    if ($run.status -eq 'stopped' -and $AllowOnce) { Write-Warning -Message "A limit is hit ($($run.stopReason)). -AllowOnce lets just the deletions and removals of plan $AllowOnce pass it. $($run.message)" }
    elseif ($run.status -eq 'stopped') { Write-Warning -Message "A sync would stop at a limit ($($run.stopReason)) and change nothing. $($run.message)" }
    elseif ($run.status -eq 'partial') { Write-Warning -Message "The plan is incomplete. $($run.message)" }
    $run
}

function Get-RunChange {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [long] $RunId)
    if ($RunId) { Get-EngineList -Cmdlet $Cmdlet -Method 'change.list' -Property 'changes' -Parameter @{ runId = $RunId } | ForEach-Object -Process { ConvertTo-Change $_ } }
}

# Runs a sync, emits its record, and says aloud what did not go well.
function Invoke-Sync {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Parameter = @{})
    $run = ConvertTo-Run (Invoke-Engine -Cmdlet $Cmdlet -Method 'sync.start' -Parameter $Parameter -Activity 'Synchronising groups')
    $run
    Write-RunOutcome -Cmdlet $Cmdlet -Run $run
}

# A run that stopped or failed is an error that does not end the pipeline: the record has been emitted, and with
# -ErrorAction Stop a scheduled task or runbook fails. A partial run is a warning: the next one goes on with it.
function Write-RunOutcome {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, $Run)
    $message = if ($Run.Error.Message -and $Run.Error.Object) { "$($Run.Error.Object): $($Run.Error.Message)" } else { @($Run.Error.Message, $Run.Message | Where-Object -FilterScript { $_ })[0] }
    switch ($Run.Status) {
        'partial' {
            $text = "Run $($Run.Id) is partial: $($Run.Failed) change(s) failed, $($Run.UnknownMembers) member(s) could not be determined. $message"
            Write-Warning -Message "$text The next sync tries again. See: Get-GroupWritebackChange -RunId $($Run.Id) -Outcome failed, partial, unknown"
        }
        { $_ -in 'stopped', 'failed' } {
            $id = @($Run.Error.Id, $Run.StopReason, 'RunFailed' | Where-Object -FilterScript { $_ })[0]
            $limit = $Run.StopReason -like 'stopped-*' -and $Run.StopReason -ne 'stopped-cancelled'
            $category = if ($Run.Error.Category) { $Run.Error.Category } elseif ($limit) { 'LimitsExceeded' } elseif ($Run.Status -eq 'stopped') { 'OperationStopped' } else { 'NotSpecified' }
            $advice = $Run.Error.Advice
            if (-not $advice) {
                $advice = if ($limit) { "See what was planned: Get-GroupWritebackChange -RunId $($Run.Id). If it is meant: Start-GroupWritebackSync -AllowOnce $($Run.PlanId)" }
                else { 'Start the sync again; it goes on where this one ended.' }
            }
            $record = ConvertTo-ErrorRecord -Id $id -Category $category -Object $Run -Message "Run $($Run.Id) $($Run.Status) ($id): $message" -Advice $advice
            $Cmdlet.WriteError($record)
        }
    }
}

# The thresholds of Set-GroupWriteback by their names in the protocol; only those given.
function ConvertTo-LimitField {
    param([System.Collections.IDictionary] $Bound)
    $names = @{
        DeletionThreshold            = 'deletionCount'
        DeletionThresholdPercent     = 'deletionPercent'
        RemovalThresholdPercent      = 'removalPercent'
        GroupRemovalThresholdPercent = 'groupRemovalPercent'
        SourceShrinkThresholdPercent = 'sourceShrinkPercent'
        TargetShrinkThresholdPercent = 'targetShrinkPercent'
    }
    $fields = @{}
    foreach ($name in $names.Keys) { if ($Bound.ContainsKey($name)) { $fields[$names[$name]] = [int] $Bound[$name] } }
    $fields
}

function Get-Status {
    param([System.Management.Automation.PSCmdlet] $Cmdlet)
    $overview = Invoke-Engine -Cmdlet $Cmdlet -Method 'writeback.get'
    $connection = Invoke-Engine -Cmdlet $Cmdlet -Method 'session.get'
    ConvertTo-Status -Overview $overview -Connection (ConvertTo-Connection $connection)
}
