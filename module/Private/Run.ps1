# Converts the settings that Enable-GroupWriteback and Set-GroupWriteback share to fields of the protocol. It returns
# only those that were specified.
function ConvertTo-SettingField {
    param([System.Collections.IDictionary] $Bound)
    $fields = [ordered]@{}
    $texts = 'TargetContainer', 'NameFormat', 'SamAccountNameFormat', 'MovedGroup', 'SoftDeletedGroup',
        'OutOfScopeGroup', 'Scope', 'Filter', 'OnPremisesGroupType', 'MailRecipient', 'RecipientDisplayType'
    foreach ($name in $texts) {
        if ($Bound.ContainsKey($name)) {
            $fields[(ConvertTo-FieldName -Name $name)] = [string] $Bound[$name]
        }
    }
    foreach ($name in 'ExcludeMailAttribute', 'MarkCloudAuthority', 'UpdateManagedBy', 'Adopt',
        'IncludeHiddenMembership') {
        if ($Bound.ContainsKey($name)) {
            $fields[(ConvertTo-FieldName -Name $name)] = [bool] $Bound[$name]
        }
    }
    if ($Bound.ContainsKey('UpdateAddressList')) { $fields['updateAddressLists'] = [bool] $Bound['UpdateAddressList'] }
    if ($Bound.ContainsKey('AdoptPlan')) { $fields['adoptPlan'] = [string] $Bound['AdoptPlan'] }
    if ($Bound.ContainsKey('AdoptGroup')) { $fields['adoptGroups'] = [string[]] $Bound['AdoptGroup'] }
    if ($Bound.ContainsKey('ReleaseGroup')) { $fields['releaseGroups'] = [string[]] $Bound['ReleaseGroup'] }
    if ($Bound.ContainsKey('IncludeSecurityGroup')) {
        $fields['includeSecurityGroups'] = [bool] $Bound['IncludeSecurityGroup']
    }
    if ($Bound.ContainsKey('MaximumMemberCount')) { $fields['maxMemberCount'] = [int] $Bound['MaximumMemberCount'] }
    if ($Bound.ContainsKey('TrustedOwner')) { $fields['trustedOwners'] = [string[]] @($Bound['TrustedOwner']) }
    if ($Bound.ContainsKey('ContainerFilter')) {
        $table = $Bound['ContainerFilter']
        $fields['containerFilters'] = [object[]] @(foreach ($container in $table.Keys) {
            @{ container = [string] $container; filter = [string] $table[$container] }
        })
    }
    if ($Bound.ContainsKey('GroupId')) {
        $fields['groupIds'] = [string[]] @(foreach ($guid in $Bound['GroupId']) { $guid.ToString() })
        # an empty list clears the selection; it does not ask for the scope Selected
        if ($fields['groupIds'].Count -and -not $Bound.ContainsKey('Scope')) { $fields['scope'] = 'Selected' }
    }
    $fields
}

# Limits the consent to adopt to what the preview showed, so that it does not cover what turns up between the preview
# and the answer.
function Select-ShownAdoption {
    param([System.Collections.IDictionary] $Fields, $Plan)
    if ($Plan -and $Plan.Planned.Adopt -and $Fields['adopt']) {
        $Fields.Remove('adopt')
        $Fields['adoptPlan'] = $Plan.PlanId
    }
    $Fields
}

# Describes the specified parameters in words. It gives only the length of a long list.
function ConvertTo-SettingText {
    param([System.Collections.IDictionary] $Bound)
    $hidden = @('PassThru') + [System.Management.Automation.Cmdlet]::CommonParameters +
        [System.Management.Automation.Cmdlet]::OptionalCommonParameters
    $parts = foreach ($name in $Bound.Keys | Where-Object -FilterScript { $_ -notin $hidden }) {
        $value = $Bound[$name]
        if ($value -is [System.Collections.IDictionary]) {
            $value = @(foreach ($key in $value.Keys) { "$($key): $($value[$key])" })
        }
        if ($value -is [array]) {
            $value = if ($value.Count -gt 3) { "$($value.Count) values" } else { $value -join ' ' }
        }
        "$name = $(if ([string] $value) { $value } else { 'none' })"
    }
    $parts -join ', '
}

# Reports whether both sides are connected, so that a change of the settings can be planned. Warns if they are not.
function Test-PlanConnection {
    param([System.Management.Automation.PSCmdlet] $Cmdlet)
    $connection = Invoke-Engine -Cmdlet $Cmdlet -Method 'session.get'
    if ($connection.source -and $connection.target) { return $true }
    $hint = 'To see what the next sync would do, connect the tenant and Active Directory first.'
    Write-Warning -Message (ConvertTo-PlainText -Text $hint)
    $false
}

# Plans a run without exporting anything. If that fails, it reports the failure and returns nothing.
function Get-PreviewRun {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Parameter)
    $call = @{
        Cmdlet    = $Cmdlet
        Method    = 'sync.preview'
        Parameter = $Parameter
        Activity  = 'Planning'
    }
    $run = ConvertTo-Run (Invoke-Engine @call)
    if (Test-Plan -Cmdlet $Cmdlet -Run $run) { $run }
}

# Reports whether a run that exports nothing produced a plan. Warns if a limit would stop or hold back the plan, or if
# the plan is incomplete; reports why there is none.
function Test-Plan {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, $Run)
    $limit = Test-Limit -Run $Run
    if ($Run.Status -eq 'Failed' -or ($Run.Status -eq 'Stopped' -and -not $limit)) {
        Write-RunOutcome -Cmdlet $Cmdlet -Run $Run
        return $false
    }
    $text = if ($limit -and $Run.Status -eq 'Stopped') {
        "A sync would stop at a limit ($($Run.StopReason)) and change nothing."
    }
    elseif ($limit) { "A sync would hold back the changes that exceed a limit ($($Run.HeldBy -join ', '))." }
    elseif ($Run.Status -eq 'Partial') { 'The plan is incomplete.' }
    if ($text) { Write-Warning -Message (ConvertTo-PlainText -Text "$text $($Run.Message)") }
    $true
}

# Reports whether a threshold stopped the run or held back a part of its plan.
function Test-Limit {
    param($Run)
    $Run.HeldBy.Count -gt 0 -or ($Run.Status -eq 'Stopped' -and $Run.StopReason -like 'Stopped*')
}

function Get-RunChange {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [long] $RunId)
    if ($RunId) {
        Get-EngineList -Cmdlet $Cmdlet -Method 'change.list' -Property 'changes' -Parameter @{ runId = $RunId } |
            ForEach-Object -Process { ConvertTo-Change $_ }
    }
}

# Runs a sync, emits its record, and reports what went wrong.
function Invoke-Sync {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Parameter = @{})
    $call = @{
        Cmdlet    = $Cmdlet
        Method    = 'sync.start'
        Parameter = $Parameter
        Activity  = 'Synchronising'
    }
    $run = ConvertTo-Run (Invoke-Engine @call)
    $run
    Write-RunOutcome -Cmdlet $Cmdlet -Run $run
}

# Syncs one group, or with whatIf plans it. An error concerns only this group, so others can follow.
function Invoke-GroupSync {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Parameter)
    $call = @{
        Cmdlet         = $Cmdlet
        Method         = 'sync.group'
        Parameter      = $Parameter
        Activity       = 'Synchronising'
        NonTerminating = $true
    }
    $answer = Invoke-Engine @call
    if ($answer) { ConvertTo-GroupSync $answer }
}

# Reports what went wrong in a run. It writes an error if the run stopped or failed, if changes failed, or if a limit
# held changes back. The error does not end the pipeline: the record has been emitted, and with -ErrorAction Stop a
# scheduled task or runbook fails. It warns of anything else that makes the run partial: the next run goes on with it.
function Write-RunOutcome {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, $Run)
    $message = if ($Run.Error.Message -and $Run.Error.Object) {
        "$($Run.Error.Object): $($Run.Error.Message)"
    }
    else {
        @($Run.Error.Message, $Run.Message | Where-Object -FilterScript { $_ })[0]
    }
    $limit = Test-Limit -Run $Run
    $group = if ($Run.Kind -eq 'Group') { " -Group $($Run.GroupId)" }
    $failures = "Get-GroupWritebackChange -RunId $($Run.Id) -Outcome Failed, Partial, Unknown"
    $problems = @(
        if ($Run.Status -eq 'Partial') {
            $changes = ConvertTo-CountText -Count $Run.Failed -Noun 'change'
            $members = ConvertTo-CountText -Count $Run.UnknownMembers -Noun 'member'
            $text = "Run $($Run.Id) is partial: $changes failed, $members could not be determined. $message"
            Write-Warning -Message (ConvertTo-PlainText -Text "$text The next sync tries again. See: $failures")
            if ($Run.Failed -gt 0) {
                @{
                    Id       = 'ChangesFailed'
                    Category = 'NotSpecified'
                    Message  = "$changes of run $($Run.Id) failed or could not be confirmed."
                    Advice   = "The next sync tries again. See: $failures"
                }
            }
        }
        elseif ($Run.Status -in 'Stopped', 'Failed') {
            $id = @($Run.Error.Id, $Run.StopReason, 'RunFailed' | Where-Object -FilterScript { $_ })[0]
            $category = if ($Run.Error.Category) {
                $Run.Error.Category
            }
            elseif ($limit) {
                'LimitsExceeded'
            }
            elseif ($Run.Status -eq 'Stopped') {
                'OperationStopped'
            }
            else {
                'NotSpecified'
            }
            $advice = $Run.Error.Advice
            if (-not $advice) {
                $advice = if ($limit) {
                    "Review the plan: Get-GroupWritebackChange -RunId $($Run.Id). If it is correct: " +
                    "Start-GroupWritebackSync$group -AllowOnce $($Run.PlanId)"
                }
                elseif ($Run.StopReason -eq 'TargetNotUpToDate') {
                    'Start the sync again when the domain controllers have replicated.'
                }
                else { 'Start the sync again. It continues where this one stopped.' }
            }
            @{
                Id       = $id
                Category = $category
                Message  = "Run $($Run.Id) $($Run.Status.ToLowerInvariant()) ($id): $message"
                Advice   = $advice
            }
        }
        if ($Run.HeldBy.Count -gt 0) {
            $count = if ($Run.HeldRuns -gt 1) { " ($($Run.HeldRuns) runs in a row)" }
            @{
                Id       = $Run.HeldBy[0]
                Category = 'LimitsExceeded'
                Message  = "Run $($Run.Id) held changes back$count, for $($Run.HeldBy -join ', '): $message"
                Advice   = "Review the held changes: Get-GroupWritebackChange -RunId $($Run.Id) -Outcome Held. If " +
                    "they are correct: Start-GroupWritebackSync$group -AllowOnce $($Run.PlanId)"
            }
        }
    )
    foreach ($problem in $problems) { $Cmdlet.WriteError((ConvertTo-ErrorRecord @problem -Object $Run)) }
}

# Returns the specified thresholds of Set-GroupWriteback by their names in the protocol.
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
