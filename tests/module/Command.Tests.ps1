#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $container = 'OU=Writeback,DC=contoso,DC=test'
    $check = @{ result = @{
        settings = (Get-FakeSetting)
        foreignGroups = 1
        ownGroups = 2
        exchangeVersion = 15334
        warnings = @('A warning.')
    } }
    $preview = @{ result = (Get-FakeRun @{ id = 9; kind = 'Preview' }) }
    $changes = @{ result = @{ changes = @(Get-FakeChange) } }
    $status = @{ result = @{
        settings = (Get-FakeSetting)
        status = 'Enabled'
        groups = 3
        disablePending = 0
        nextPolicyType = 'Initial'
        nextPolicyReason = 'SettingsChanged'
        pendingGroups = 4
        statePath = '/state'
        lastRun = (Get-FakeRun)
    } }
    $sides = @{ result = @{ source = @{ tenantId = 't'; tenantName = 'Contoso' }; target = @{ server = 'dc1' } } }
    # Runs a script in a runspace whose host has no user. An interactive host would prompt whoever runs the tests.
    function Invoke-Unattended {
        param([string] $Script)
        $shell = [powershell]::Create()
        try {
            $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
            [void] $shell.AddScript("Import-Module '$manifest'; $Script")
            $output = @($shell.Invoke())
            [pscustomobject]@{ Output = $output; Error = [string] $shell.Streams.Error }
        }
        finally { $shell.Dispose() }
    }
    function Get-Called { @(Get-FakeJournal | ForEach-Object -Process { $_.method }) }
    # Returns the verbose output of a command, in which ShouldProcess says what it does.
    function Get-Said {
        param([scriptblock] $Command)
        $records = @(& $Command 4>&1)
        [string] ($records | Where-Object -FilterScript { $_ -is [System.Management.Automation.VerboseRecord] })
    }
}

AfterAll { Clear-FakeScript }

Describe 'Start-GroupWritebackSync' -Skip:(-not $env:FAKE_ENGINE) {
    It 'runs without a preview when nobody is asked' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun) } }
        $run = Start-GroupWritebackSync -PolicyType Delta -AllowOnce 'plan-6'
        Get-Called | Should -Be 'sync.start'
        $sent = (Get-FakeJournal).params
        $sent.policyType | Should -Be 'Delta'
        $sent.allowOnce | Should -Be 'plan-6'
        $run.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Run'
        $run.Exported.Create | Should -Be 2
        $run.MissingGroups | Should -Be 1
        $run.DriftedGroups | Should -Be 2
        $run.PolicyReason | Should -Be 'SettingsChanged'
        $run.Duration.TotalSeconds | Should -Be 1.5
        $run.Started | Should -BeOfType [System.DateTimeOffset]
        $run.Started.UtcDateTime.Hour | Should -Be 10
    }

    It 'previews with -WhatIf, and emits the changes' {
        Use-FakeScript @{ 'sync.preview' = $preview; 'change.list' = $changes }
        $planned = @(Start-GroupWritebackSync -WhatIf)
        Get-Called | Should -Be 'sync.preview', 'change.list'
        (Get-FakeJournal -Method 'change.list').params.runId | Should -Be 9
        $planned.Count | Should -Be 1
        $planned[0].PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Change'
        , $planned[0].Attributes | Should -BeOfType [array]
        $planned[0].Attributes[0].New | Should -Be 'Sales'
        $planned[0].AddMembers[0].DistinguishedName | Should -Be 'CN=user0001,OU=People,DC=contoso,DC=test'
    }

    It 'means a $WhatIfPreference of the script that calls it' {
        Use-FakeScript @{ 'sync.preview' = $preview; 'change.list' = $changes }
        $script = Join-Path -Path $TestDrive -ChildPath 'whatif.ps1'
        Set-Content -LiteralPath $script -Value '$WhatIfPreference = $true; Start-GroupWritebackSync'
        @(& $script)[0].Action | Should -Be 'Create'
        Get-Called | Should -Not -Contain 'sync.start'
    }

    It 'previews before it asks' {
        Use-FakeScript @{ 'sync.preview' = $preview; 'sync.start' = @{ result = (Get-FakeRun) } }
        # A host without a user cannot prompt, so -Confirm is an error.
        (Invoke-Unattended 'Start-GroupWritebackSync -Confirm').Error | Should -Match 'prompts the user'
        Get-Called | Should -Be 'sync.preview'
    }

    It 'says the counts' {
        Use-FakeScript @{ 'sync.preview' = $preview; 'change.list' = $changes }
        $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
        $command = "Import-Module '$manifest'; Start-GroupWritebackSync -WhatIf | Out-Null"
        $said = & (Get-PowerShell) -NoProfile -NonInteractive -Command $command 2>&1
        $text = ($said | Out-String) -replace '\s+', ' '
        $text | Should -Match 'What if: Synchronise .*create 2, update 1 group, add 5 and remove 0 members'
    }

    It 'asks with <Name>' -ForEach @(
        @{
            Name = 'members alone'
            Planned = @{ updateMembers = 1; membersRemoved = 1 }
            Text = 'add 0 and remove 1 member'
        }
        @{ Name = 'groups alone'; Planned = @{ update = 1; skip = 2 }; Text = 'update 1, skip 2 groups' }
        @{ Name = 'nothing'; Planned = @{}; Text = 'change nothing' }
    ) {
        Use-FakeScript @{ 'sync.preview' = @{ result = (Get-FakeRun @{ kind = 'Preview'; planned = $Planned }) } }
        (Invoke-Unattended 'Start-GroupWritebackSync -Confirm').Error |
            Should -Match ([regex]::Escape("to the directory: $Text. Continue?"))
    }

    It 'warns of a partial run' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun @{
            status = 'Partial'
            failed = 2
            message = 'Two were refused.'
        }) } }
        $quiet = @{ WarningAction = 'SilentlyContinue'; ErrorAction = 'SilentlyContinue' }
        $run = Start-GroupWritebackSync -WarningVariable warnings -ErrorVariable problems @quiet
        $run.Status | Should -Be 'Partial'
        [string] $warnings |
            Should -Match 'Run 7 is partial: 2 changes failed.*Two were refused.*Get-GroupWritebackChange -RunId 7'
        $problems.FullyQualifiedErrorId | Should -Be 'ChangesFailed,Start-GroupWritebackSync'
    }

    It 'only warns where something could not be decided' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun @{
            status = 'Partial'
            message = 'One group could not be decided.'
        }) } }
        $heard = @{ WarningVariable = 'warnings'; ErrorVariable = 'problems' }
        [void] (Start-GroupWritebackSync @heard -WarningAction SilentlyContinue)
        [string] $warnings | Should -Match 'Run 7 is partial'
        $problems | Should -BeNullOrEmpty
    }

    It 'emits the record of a run that held something back, and an error' {
        $held = @{ delete = 600; membersRemoved = 0 }
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun @{
            status = 'Partial'
            stopReason = 'StoppedDeletionThreshold'
            heldBy = @('StoppedDeletionThreshold', 'StoppedRemovalThreshold')
            held = $held
            heldRuns = 3
            message = '600 deletions.'
        }) } }
        $quiet = @{ WarningAction = 'SilentlyContinue'; ErrorAction = 'SilentlyContinue' }
        $run = Start-GroupWritebackSync -ErrorVariable problems @quiet
        $run.Status | Should -Be 'Partial'
        $run.Held.Delete | Should -Be 600
        $run.HeldRuns | Should -Be 3
        $problems.FullyQualifiedErrorId | Should -Be 'StoppedDeletionThreshold,Start-GroupWritebackSync'
        $problems[0].CategoryInfo.Category | Should -Be 'LimitsExceeded'
        $problems[0].Exception.Message | Should -Match '3 runs in a row.*600 deletions'
        $problems[0].ErrorDetails.RecommendedAction | Should -Match '-RunId 7 -Outcome Held.*-AllowOnce plan-7'
        [string] ($run | Format-Table | Out-String -Width 200) | Should -Match 'held back: 600 delete'
    }

    It 'says of a preview what would be held back, and emits the changes' {
        Use-FakeScript @{
            'sync.preview' = @{ result = (Get-FakeRun @{
                status = 'Partial'
                stopReason = 'StoppedSourceShrunk'
                heldBy = @('StoppedSourceShrunk')
                held = @{ delete = 6 }
                message = 'Half is gone.'
            }) }
            'change.list' = $changes
        }
        @(Start-GroupWritebackSync -WhatIf -WarningVariable warnings -WarningAction SilentlyContinue).Count |
            Should -Be 1
        [string] $warnings | Should -Match 'would hold back.*StoppedSourceShrunk.*Half is gone'
    }

    It 'emits the record of a run that stopped at a limit, and an error' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun @{
            status = 'Stopped'
            stopReason = 'StoppedDeletionThreshold'
            message = '600 deletions.'
        }) } }
        $run = Start-GroupWritebackSync -ErrorVariable problems -ErrorAction SilentlyContinue
        $run.Status | Should -Be 'Stopped'
        $problems[0].FullyQualifiedErrorId | Should -Be 'StoppedDeletionThreshold,Start-GroupWritebackSync'
        $problems[0].CategoryInfo.Category | Should -Be 'LimitsExceeded'
        $problems[0].TargetObject.Id | Should -Be 7
        $problems[0].ErrorDetails.RecommendedAction | Should -Match '-AllowOnce plan-7'
    }

    It 'fails a script that says $ErrorActionPreference = Stop when the run failed' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun @{
            status = 'Failed'
            stopReason = 'TenantUnreachable'
            error = @{
                category = 'ConnectionError'
                id = 'TenantUnreachable'
                object = 'graph'
                message = 'No answer.'
                advice = 'Try later.'
            }
        }) } }
        $script = Join-Path -Path $TestDrive -ChildPath 'stop.ps1'
        Set-Content -LiteralPath $script -Value '$ErrorActionPreference = "Stop"; Start-GroupWritebackSync'
        $problem = { & $script } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'TenantUnreachable,Start-GroupWritebackSync'
        $problem.CategoryInfo.Category | Should -Be 'ConnectionError'
    }

    It 'that <Name> ends a script that says $ErrorActionPreference = Stop, with an exit code' -ForEach @(
        @{ Name = 'cannot begin'; Answer = { Get-FakeError -Id 'RunInProgress' -Category 'ResourceBusy' } }
        @{
            Name = 'held something back'
            Answer = { @{ result = (Get-FakeRun @{
                status = 'Partial'
                stopReason = 'StoppedRemovalThreshold'
                heldBy = @('StoppedRemovalThreshold')
            }) } }
        }
        @{
            Name = 'had changes that failed'
            Answer = { @{ result = (Get-FakeRun @{ status = 'Partial'; failed = 1 }) } }
        }
        @{
            Name = 'stopped'
            Answer = { @{ result = (Get-FakeRun @{
                status = 'Stopped'
                stopReason = 'StoppedDeletionThreshold'
            }) } }
        }
    ) {
        Use-FakeScript @{ 'sync.start' = (& $Answer) }
        $script = Join-Path -Path $TestDrive -ChildPath 'task.ps1'
        $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
        Set-Content -LiteralPath $script -Value @(
            "`$ErrorActionPreference = 'Stop'"
            "Import-Module '$manifest'"
            'Start-GroupWritebackSync | Out-Null'
            "'went on'"
        )
        $text = & (Get-PowerShell) -NoProfile -NonInteractive -File $script 2>$null
        $LASTEXITCODE | Should -Be 1
        [string] $text | Should -Not -Match 'went on'
    }

    It 'of which the preview would stop says so, and emits the changes' {
        Use-FakeScript @{
            'sync.preview' = @{ result = (Get-FakeRun @{
                status = 'Stopped'
                stopReason = 'StoppedSourceShrunk'
                message = 'Half is gone.'
            }) }
            'change.list' = $changes
        }
        @(Start-GroupWritebackSync -WhatIf -WarningVariable warnings -WarningAction SilentlyContinue).Count |
            Should -Be 1
        [string] $warnings | Should -Match 'would stop at a limit \(StoppedSourceShrunk.*Half is gone'
    }

    It 'previews what a consent lets pass' {
        Use-FakeScript @{ 'sync.preview' = $preview; 'change.list' = $changes }
        [void] (Start-GroupWritebackSync -WhatIf -AllowOnce 'plan-6')
        (Get-FakeJournal -Method 'sync.preview').params.allowOnce | Should -Be 'plan-6'
    }

    It 'completes -AllowOnce with what stopped at a limit, and nothing else' {
        Use-FakeScript @{ 'run.list' = @{ result = @{ runs = @(
                        Get-FakeRun @{ planId = 'cancelled'; status = 'Stopped'; stopReason = 'Cancelled' }
                        Get-FakeRun @{ planId = 'limit'; status = 'Stopped'; stopReason = 'StoppedSourceShrunk' }
                        Get-FakeRun @{ planId = 'behind'; status = 'Stopped'; stopReason = 'TargetNotUpToDate' }
                    ) } }
        }
        [void] (Get-GroupWritebackRun)
        $line = 'Start-GroupWritebackSync -AllowOnce '
        (TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches.CompletionText |
            Should -Be 'limit'
    }

    It 'leaves what is due to the engine' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun) } }
        [void] (Start-GroupWritebackSync)
        (Get-FakeJournal).params.PSObject.Properties | Should -BeNullOrEmpty
    }

    Context 'with another domain controller, which is behind' {
        BeforeAll {
            $behind = @{ result = (Get-FakeRun @{
                status = 'Stopped'
                stopReason = 'TargetNotUpToDate'
                message = 'dc2 has not received what was written on dc1.'
            }) }
        }

        It 'says so, and what to do' {
            Use-FakeScript @{ 'sync.start' = $behind }
            (Start-GroupWritebackSync -ErrorVariable problems -ErrorAction SilentlyContinue).StopReason |
                Should -Be 'TargetNotUpToDate'
            $problems[0].FullyQualifiedErrorId | Should -Be 'TargetNotUpToDate,Start-GroupWritebackSync'
            $problems[0].CategoryInfo.Category | Should -Be 'OperationStopped'
            $problems[0].Exception.Message | Should -Match 'dc2 has not received what was written on dc1\.'
            $problems[0].ErrorDetails.RecommendedAction |
                Should -Be 'Start the sync again when the domain controllers have replicated.'
        }

        It 'has no plan to show with -WhatIf' {
            Use-FakeScript @{ 'sync.preview' = $behind }
            Start-GroupWritebackSync -WhatIf -ErrorVariable problems -ErrorAction SilentlyContinue |
                Should -BeNullOrEmpty
            $problems[0].FullyQualifiedErrorId | Should -Be 'TargetNotUpToDate,Start-GroupWritebackSync'
            Get-Called | Should -Be 'sync.preview'
        }

        It 'goes on with -SkipReplicationCheck' {
            Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun) } }
            [void] (Start-GroupWritebackSync -SkipReplicationCheck)
            (Get-FakeJournal).params.skipReplicationCheck | Should -BeTrue
        }
    }
}

Describe 'Start-GroupWritebackSync -Group' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $sync = @{ result = (Get-FakeGroupSync) }
        $missing = Get-FakeError -Id 'GroupNotFound' -Category 'ObjectNotFound' -Object 'Nobody'
    }

    It 'returns the steps and the run' {
        Use-FakeScript @{ 'sync.group' = $sync }
        $out = Start-GroupWritebackSync -Group Sales -SkipReplicationCheck
        Get-Called | Should -Be 'sync.group'
        $sent = (Get-FakeJournal).params
        $sent.PSObject.Properties.Name | Sort-Object | Should -Be 'group', 'skipReplicationCheck'
        $sent.group | Should -Be 'Sales'
        $sent.skipReplicationCheck | Should -BeTrue
        $out.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.GroupSync'
        $out.GroupId | Should -Be '0a000000-0000-0000-0000-000000000001'
        $out.DisplayName | Should -Be 'Sales'
        $out.Status | Should -Be 'Complete'
        $out.Steps.Name | Should -Be 'Import', 'Scope', 'Join', 'Members', 'Action'
        $out.Steps[3].PSObject.TypeNames[0] | Should -Be 'GroupWriteback.GroupSyncStep'
        $out.Steps[3].Result | Should -Be 'Warning'
        $out.Steps[3].Message | Should -Be '1 of 6 members is not written.'
        $out.Unwritten.Count | Should -Be 1
        $out.Unwritten[0].PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Member'
        $out.Unwritten[0].GroupId | Should -Be $out.GroupId
        $out.Unwritten[0].Written | Should -BeFalse
        ($out | Out-String -Width 120) -replace '\s+', ' ' |
            Should -Match 'Unwritten : cara@contoso\.com \(CloudOnly\)'
        $out.Run.Kind | Should -Be 'Group'
        $out.RunId | Should -Be 7
    }

    It 'takes <Name> from the pipeline, by the id of the group' -ForEach @(
        @{ Name = 'groups'; InputObject = [pscustomobject]@{ Id = 'g'; DisplayName = 'Sales' } }
        @{ Name = 'changes'; InputObject = [pscustomobject]@{ ChangeId = 5; SourceId = 'g' } }
        @{ Name = 'members'; InputObject = [pscustomobject]@{ GroupId = 'g'; Id = 'm' } }
        @{
            Name = 'groups of the ActiveDirectory module'
            InputObject = [pscustomobject]@{ Name = 'Sales'; ObjectGUID = 'g'; SamAccountName = 's' }
        }
    ) {
        Use-FakeScript @{ 'sync.group' = $sync }
        @($InputObject, $InputObject | Start-GroupWritebackSync).Count | Should -Be 2
        (Get-FakeJournal).params.group | Should -Be 'g', 'g'
    }

    It 'takes what Get-GroupWritebackGroup gives, and passes on to Get-GroupWritebackChange' {
        Use-FakeScript @{
            'group.list' = @{ result = @{ groups = @(@{
                id = '0a000000-0000-0000-0000-000000000001'
                displayName = 'Sales'
            }) } }
            'sync.group' = $sync; 'change.list' = $changes
        }
        (Get-GroupWritebackGroup | Start-GroupWritebackSync -WhatIf | Get-GroupWritebackChange).Action |
            Should -Be 'Create'
        (Get-FakeJournal -Method 'sync.group').params.group | Should -Be '0a000000-0000-0000-0000-000000000001'
        (Get-FakeJournal -Method 'change.list').params.runId | Should -Be 7
    }

    It 'says with -Verbose what it waits for, once for each try' {
        $waiting = @{
            for = 'graph.example'
            why = 'refused'
            since = '2026-01-02T03:04:05Z'
            next = '2026-01-02T03:05:05Z'
            until = '2026-01-02T03:14:05Z'
        }
        $later = @{
            for = 'graph.example'
            why = 'refused'
            since = '2026-01-02T03:04:05Z'
            next = '2026-01-02T03:06:05Z'
            until = '2026-01-02T03:14:05Z'
        }
        $first = @{
            step = 'ImportSource'
            stepNumber = 2
            stepCount = 11
            done = 5
            total = 0
            message = 'Waiting for graph.example since 03:04:05 UTC.'
            waiting = $waiting
        }
        $second = @{
            step = 'ImportSource'
            stepNumber = 2
            stepCount = 11
            done = 5
            total = 0
            message = 'Waiting for graph.example still.'
            waiting = $later
        }
        Use-FakeScript @{ 'sync.start' = @{ progress = @($first, $first, $second); result = (Get-FakeRun) } }
        $said = Get-Said { Start-GroupWritebackSync -Verbose -Confirm:$false }
        $said | Should -Match 'Waiting for graph\.example since 03:04:05 UTC\..*Waiting for graph\.example still\.'
        [regex]::Matches($said, 'since 03:04:05').Count | Should -Be 1
    }

    It 'syncs nothing for no group' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun) } }
        { Start-GroupWritebackSync -Group '' } |
            Should -Throw -ErrorId 'ParameterArgumentValidationError,Start-GroupWritebackSync'
        { Start-GroupWritebackSync -Group $null } |
            Should -Throw -ErrorId 'ParameterArgumentValidationError,Start-GroupWritebackSync'
        { [pscustomobject]@{ Name = 'Sales' } | Start-GroupWritebackSync -ErrorAction Stop } |
            Should -Throw -ErrorId 'GroupNotNamed,Start-GroupWritebackSync'
        { Start-GroupWritebackSync -Group Sales -PolicyType Delta } |
            Should -Throw -ErrorId 'AmbiguousParameterSet,Start-GroupWritebackSync'
        @() | Start-GroupWritebackSync
        Test-Path -LiteralPath $env:FAKE_ENGINE_JOURNAL | Should -BeFalse
    }

    It 'shows the steps with -WhatIf, and writes nothing' {
        Use-FakeScript @{ 'sync.group' = $sync }
        $out = Start-GroupWritebackSync -Group Sales -WhatIf
        $out.Steps.Count | Should -Be 5
        @(Get-FakeJournal).Count | Should -Be 1
        (Get-FakeJournal).params.whatIf | Should -BeTrue
    }

    It 'says with -WhatIf that a limit would stop it' {
        Use-FakeScript @{ 'sync.group' = @{ result = (Get-FakeGroupSync @{
            status = 'Stopped'
            stopReason = 'StoppedRemovalThreshold'
            message = 'Half of the members.'
        }) } }
        $allowed = @{ Group = 'Sales'; AllowOnce = 'plan-6'; WhatIf = $true }
        (Start-GroupWritebackSync @allowed -WarningVariable warnings -WarningAction SilentlyContinue).Status |
            Should -Be 'Stopped'
        (Get-FakeJournal).params.allowOnce | Should -Be 'plan-6'
        [string] $warnings | Should -Match 'would stop at a limit.*Half of the members'
    }

    It 'asks with the counts' {
        Use-FakeScript @{ 'sync.group' = $sync }
        (Invoke-Unattended 'Start-GroupWritebackSync -Group Sales -Confirm; $Error[0].FullyQualifiedErrorId').Output |
            Should -Be 'ConfirmationImpossible,Start-GroupWritebackSync'
        (Get-FakeJournal).params.whatIf | Should -BeTrue
        Get-Said { Start-GroupWritebackSync -Group Sales -Verbose } |
            Should -Match 'Synchronise the group Sales to the directory'
    }

    It 'emits the steps of a run that <Status>, and an error' -ForEach @(
        @{
            Status = 'Failed'
            Run = @{
                status = 'Failed'
                error = @{
                    category = 'ConnectionError'
                    id = 'TenantUnreachable'
                    object = 'graph'
                    message = 'No answer.'
                    advice = 'Try later.'
                }
            }
            Id = 'TenantUnreachable'
            Advice = 'Try later'
        }
        @{
            Status = 'Stopped'
            Run = @{
                status = 'Stopped'
                stopReason = 'StoppedRemovalThreshold'
                message = 'Half of the members.'
            }
            Id = 'StoppedRemovalThreshold'
            Advice = 'Start-GroupWritebackSync -Group \S+ -AllowOnce plan-7'
        }
    ) {
        Use-FakeScript @{ 'sync.group' = @{ result = (Get-FakeGroupSync $Run) } }
        (Start-GroupWritebackSync -Group Sales -ErrorVariable problems -ErrorAction SilentlyContinue).Status |
            Should -Be $Status
        $problems[0].FullyQualifiedErrorId | Should -Be "$Id,Start-GroupWritebackSync"
        $problems[0].ErrorDetails.RecommendedAction | Should -Match $Advice
        { Start-GroupWritebackSync -Group Sales -ErrorAction Stop } |
            Should -Throw -ErrorId "$Id,Start-GroupWritebackSync"
    }

    It 'warns of a partial run' {
        Use-FakeScript @{ 'sync.group' = @{ result = (Get-FakeGroupSync @{
            status = 'Partial'
            message = 'One was refused.'
        }) } }
        [void] (Start-GroupWritebackSync -Group Sales -WarningVariable warnings -WarningAction SilentlyContinue)
        [string] $warnings | Should -Match 'Run 7 is partial.*One was refused'
    }

    It 'goes on after a group that is not there' {
        Use-FakeScript @{ 'sync.group' = $missing, $sync }
        @(
            Start-GroupWritebackSync -Group Nobody, Sales -ErrorVariable problems -ErrorAction SilentlyContinue
        ).DisplayName | Should -Be 'Sales'
        $problems[0].FullyQualifiedErrorId | Should -Be 'GroupNotFound,Start-GroupWritebackSync'
        (Get-FakeJournal).params.group | Should -Be 'Nobody', 'Sales'
    }

    It 'completes names, and the ids of groups that share one' {
        Use-FakeScript @{ 'group.list' = @{ result = @{ groups = @(
                        @{ id = '0a000000-0000-0000-0000-000000000001'; displayName = "O'Brien, team"; dn = 'CN=x' }
                        @{ id = '0a000000-0000-0000-0000-000000000002'; displayName = 'Old'; dn = 'CN=y' }
                        @{ id = '0a000000-0000-0000-0000-000000000003'; displayName = 'Old'; dn = 'CN=z' }
                        @{
                            id = ''
                            targetGuid = '0b000000-0000-0000-0000-000000000004'
                            displayName = 'Others'
                            situation = 'Foreign'
                            dn = 'CN=o'
                        }
                    ) } }
        }
        [void] (Get-GroupWritebackGroup)
        $line = 'Start-GroupWritebackSync -Group O'
        $found = (TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches.CompletionText
        $found | Sort-Object | Should -Be @(
            "'0a000000-0000-0000-0000-000000000002'"
            "'0a000000-0000-0000-0000-000000000003'"
            "'O''Brien, team'"
        )
        (Get-FakeJournal)[-1].params.name | Should -Be 'O*'
    }
}

Describe 'What Enable and Set share' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $saved = @{ 'writeback.enable' = $check; 'settings.set' = @{ result = (Get-FakeSetting) } }
        $ids = '0A000000-0000-0000-0000-000000000001', '0a000000-0000-0000-0000-000000000002'
    }

    It 'removes the container filters with an empty table' {
        Use-FakeScript $saved
        Set-GroupWriteback -ContainerFilter @{}
        $sent = @((Get-FakeJournal -Method 'settings.set').params)[-1]
        , $sent.containerFilters | Should -BeOfType [array]
        $sent.containerFilters.Count | Should -Be 0
    }

    It '<Command> sends what is to be written' -ForEach @(
        @{ Command = 'Enable-GroupWriteback'; Method = 'writeback.enable' }
        @{ Command = 'Set-GroupWriteback'; Method = 'settings.set' }
    ) {
        Use-FakeScript $saved
        $written = @{
            Scope = 'Selected'
            GroupId = $ids
            Filter = "displayName -like 'HR-*' -and mail -ne ''"
            IncludeSecurityGroup = $true
            IncludeHiddenMembership = $true
            OnPremisesGroupType = 'UniversalSecurityGroup'
            MaximumMemberCount = 250000
            TrustedOwner = 'CONTOSO\svc-old', 'S-1-5-21-1-2-3-1106'
            ContainerFilter = [ordered]@{
                'OU=Zoo,DC=contoso,DC=test' = "visibility -eq 'Public'"
                'OU=Alps,DC=contoso,DC=test' = "displayName -like 'A*'"
            }
        }
        & $Command @written -WarningAction SilentlyContinue
        $sent = @((Get-FakeJournal -Method $Method).params)[-1]
        $sent.PSObject.Properties.Name | Sort-Object | Should -Be @(
            'containerFilters'
            'filter'
            'groupIds'
            'includeHiddenMembership'
            'includeSecurityGroups'
            'maxMemberCount'
            'onPremisesGroupType'
            'scope'
            'trustedOwners'
        )
        $sent.trustedOwners | Should -Be 'CONTOSO\svc-old', 'S-1-5-21-1-2-3-1106'
        $sent.containerFilters.container | Should -Be 'OU=Zoo,DC=contoso,DC=test', 'OU=Alps,DC=contoso,DC=test'
        $sent.containerFilters.filter | Should -Be "visibility -eq 'Public'", "displayName -like 'A*'"
        $sent.scope | Should -Be 'Selected'
        $sent.groupIds | Should -BeExactly $ids.ToLowerInvariant()
        $sent.filter | Should -Be "displayName -like 'HR-*' -and mail -ne ''"
        $sent.includeSecurityGroups | Should -BeTrue
        $sent.includeHiddenMembership | Should -BeTrue
        $sent.onPremisesGroupType | Should -Be 'UniversalSecurityGroup'
        $sent.maxMemberCount | Should -Be 250000
    }

    It 'Set-GroupWriteback warns of what may not have been meant, once' {
        Use-FakeScript @{ 'settings.set' = @{ result = (Get-FakeSetting @{ warnings = @(
            '0 of 12 groups are in scope, so none would be written.'
        ) }) } }
        $heard = @{ WarningVariable = 'warnings'; WarningAction = 'SilentlyContinue' }
        Set-GroupWriteback -Filter "displayName -eq 'x'" -Confirm:$false @heard
        [string] $warnings | Should -Be '0 of 12 groups are in scope, so none would be written.'
    }

    It '<Command> takes one id for -Scope Selected' -ForEach @(
        @{ Command = 'Enable-GroupWriteback'; Method = 'writeback.enable' }
        @{ Command = 'Set-GroupWriteback'; Method = 'settings.set' }
    ) {
        Use-FakeScript $saved
        & $Command -GroupId $ids[0] -WarningAction SilentlyContinue
        $sent = @((Get-FakeJournal -Method $Method).params)[-1]
        $sent.scope | Should -Be 'Selected'
        , $sent.groupIds | Should -BeOfType [array]
        $sent.groupIds | Should -Be $ids[0]
    }

    It '<Command> takes away what is set' -ForEach @(
        @{ Command = 'Enable-GroupWriteback'; Method = 'writeback.enable' }
        @{ Command = 'Set-GroupWriteback'; Method = 'settings.set' }
    ) {
        Use-FakeScript $saved
        & $Command -GroupId @() -Filter '' -IncludeSecurityGroup:$false -WarningAction SilentlyContinue
        $sent = @((Get-FakeJournal -Method $Method).params)[-1]
        $sent.PSObject.Properties.Name | Sort-Object | Should -Be 'filter', 'groupIds', 'includeSecurityGroups'
        , $sent.groupIds | Should -BeOfType [array]
        $sent.groupIds.Count | Should -Be 0
        $sent.filter | Should -BeExactly ''
        $sent.includeSecurityGroups | Should -BeFalse
    }

    It '<Command> refuses -<Parameter> <Value>' -ForEach @(
        foreach ($name in 'Enable-GroupWriteback', 'Set-GroupWriteback') {
            @{ Command = $name; Parameter = 'Scope'; Value = 'None' }
            @{ Command = $name; Parameter = 'GroupId'; Value = $null }
            @{ Command = $name; Parameter = 'GroupId'; Value = 'HR' }
            @{ Command = $name; Parameter = 'OnPremisesGroupType'; Value = 'GlobalSecurityGroup' }
            @{ Command = $name; Parameter = 'MaximumMemberCount'; Value = 0 }
            @{ Command = $name; Parameter = 'MaximumMemberCount'; Value = 1000001 }
        }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'InitialIntervalDays'; Value = 0 }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'InitialIntervalDays'; Value = 31 }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'ConnectionCount'; Value = 0 }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'ConnectionCount'; Value = 17 }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'OutageMinutes'; Value = 1441 }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'QuarantineAfter'; Value = 1001 }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'RunHistoryDays'; Value = 3651 }
        @{ Command = 'Set-GroupWriteback'; Parameter = 'DeletionThreshold'; Value = 1000001 }
    ) {
        Use-FakeScript $saved
        $given = @{ $Parameter = $Value }
        $problem = { & $Command @given } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Match '^ParameterArgument(Validation|Transformation)Error,'
        Test-Path -LiteralPath $env:FAKE_ENGINE_JOURNAL | Should -BeFalse
    }

    It 'completes -<Parameter>' -ForEach @(
        @{ Parameter = 'Scope'; Expected = 'All', 'Selected', 'WritebackEnabled' }
        @{
            Parameter = 'OnPremisesGroupType'
            Expected = 'UniversalDistributionGroup', 'UniversalMailEnabledSecurityGroup', 'UniversalSecurityGroup'
        }
    ) {
        Use-FakeScript
        foreach ($command in 'Enable-GroupWriteback', 'Set-GroupWriteback') {
            $line = "$command -$Parameter "
            (TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches.CompletionText |
                Sort-Object |
                Should -Be $Expected
        }
    }

    It 'asks with the scope' {
        $sets = @(
            @{
                scope = @{ groups = 'All'; includeSecurityGroups = $true }
                Text = 'Write the Microsoft 365 groups and the security groups of tenant'
            }
            @{
                scope = @{ groups = 'WritebackEnabled' }
                Text = 'Write the groups that are enabled for writeback of tenant'
            }
            @{
                scope = @{ groups = 'Selected'; groupIds = $ids; filter = "mail -ne ''" }
                Text = "Write 2 selected groups \(where mail -ne ''\) of tenant"
            }
        )
        foreach ($set in $sets) {
            Use-FakeScript @{ 'writeback.enable' = @{ result = @{
                settings = (Get-FakeSetting @{ scope = $set.scope })
                warnings = @()
            } } }
            Get-Said { Enable-GroupWriteback $container -Verbose } | Should -Match $set.Text
        }
    }
}

Describe 'Enable-GroupWriteback' -Skip:(-not $env:FAKE_ENGINE) {
    It 'checks, saves and says what it does' {
        Use-FakeScript @{ 'writeback.enable' = $check }
        $said = Get-Said {
            Enable-GroupWriteback $container -NameFormat DisplayName -Adopt -Verbose -WarningAction SilentlyContinue
        }
        Get-Called | Should -Be 'writeback.enable', 'writeback.enable'
        $sent = (Get-FakeJournal -Method 'writeback.enable').params
        $sent[0].whatIf | Should -BeTrue
        $sent[1].PSObject.Properties.Name | Sort-Object | Should -Be 'adopt', 'nameFormat', 'targetContainer'
        $sent[1].targetContainer | Should -Be $container
        $said |
            Should -Match 'tenant Contoso \(11111111-1111-1111-1111-111111111111\) to OU=Writeback,DC=contoso,DC=test'
        $said | Should -Match 'in the domain contoso.test.*2 groups of ours and 1 of others'
    }

    It 'agrees to exactly the adoptions that were shown' {
        InModuleScope GroupWriteback {
            $plan = [pscustomobject]@{ PlanId = 'plan-9'; Planned = [pscustomobject]@{ Adopt = 1 } }
            $fields = Select-ShownAdoption -Fields ([ordered]@{ adopt = $true; nameFormat = 'ObjectId' }) -Plan $plan
            $fields.Keys | Sort-Object | Should -Be 'adoptPlan', 'nameFormat'
            $fields['adoptPlan'] | Should -Be 'plan-9'
            (Select-ShownAdoption -Fields @{ adopt = $true } -Plan $null)['adopt'] | Should -BeTrue
            $plan.Planned.Adopt = 0
            (Select-ShownAdoption -Fields @{ adopt = $true } -Plan $plan)['adopt'] | Should -BeTrue
            (Select-ShownAdoption -Fields @{ adopt = $false } -Plan $plan)['adopt'] | Should -BeFalse
        }
    }

    It 'passes on the warnings of the engine' {
        Use-FakeScript @{ 'writeback.enable' = $check }
        Enable-GroupWriteback $container -WarningVariable warnings -WarningAction SilentlyContinue
        [string] $warnings | Should -Be 'A warning.'
    }

    It 'saves nothing with -WhatIf, and emits what the first sync would do' {
        Use-FakeScript @{ 'writeback.enable' = $check; 'sync.preview' = $preview; 'change.list' = $changes }
        $planned = Enable-GroupWriteback $container -ExcludeMailAttribute:$false -WhatIf -WarningAction SilentlyContinue
        Get-Called | Should -Be 'writeback.enable', 'sync.preview', 'change.list'
        $sent = (Get-FakeJournal -Method 'sync.preview').params.enable
        $sent.targetContainer | Should -Be $container
        $sent.excludeMailAttribute | Should -BeFalse
        $planned.Action | Should -Be 'Create'
    }

    It 'saves nothing when a check fails' {
        $missing = @{
            Id = 'ContainerNotFound'
            Category = 'ObjectNotFound'
            Message = 'There is no such container.'
            Object = $container
        }
        Use-FakeScript @{ 'writeback.enable' = (Get-FakeError @missing) }
        $problem = { Enable-GroupWriteback $container } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'ContainerNotFound,Enable-GroupWriteback'
        $problem.TargetObject | Should -Be $container
        $problem.Exception.Message | Should -Be "${container}: There is no such container."
        @(Get-Called).Count | Should -Be 1
    }

    It 'goes no further after an error that is not to be shown' {
        Use-FakeScript @{ 'writeback.enable' = (Get-FakeError); 'sync.start' = @{ result = (Get-FakeRun) } }
        # Run it in another runspace: where something may catch an error, as inside a test, the error always ends the
        # command.
        (Invoke-Unattended 'Enable-GroupWriteback "OU=x" -StartSync -ErrorAction SilentlyContinue').Output |
            Should -BeNullOrEmpty
        $script = '$ErrorActionPreference = "SilentlyContinue"; Enable-GroupWriteback "OU=x" -StartSync'
        (Invoke-Unattended $script).Output | Should -BeNullOrEmpty
        (Get-FakeJournal -Method 'writeback.enable').params.whatIf | Should -Be $true, $true
        Get-Called | Should -Not -Contain 'sync.start'
    }

    It 'shows people what to do, once<Name>' -ForEach @(
        @{ Name = ''; Shown = $null }
        @{ Name = ', also where PowerShell does not'; Shown = $false }
    ) {
        Use-FakeScript @{ 'writeback.enable' = (Get-FakeError -Message 'It failed.' -Advice 'Connect first.') }
        if ($null -ne $Shown) { & (Get-Module -Name GroupWriteback) { $script:AdviceIsShown = $args[0] } $Shown }
        $problem = { Enable-GroupWriteback $container } | Should -Throw -PassThru
        $view = if ($null -eq $Shown) { $problem | Out-String } else { [string] $problem }
        @([regex]::Matches($view, 'Connect first\.')).Count | Should -Be 1 -Because $view
    }

    It 'runs the first sync with -StartSync, and returns the status with -PassThru' {
        Use-FakeScript @{
            'writeback.enable' = $check
            'sync.start' = @{ result = (Get-FakeRun) }
            'writeback.get' = $status
            'session.get' = $sides
        }
        $out = @(Enable-GroupWriteback $container -StartSync -PassThru -WarningAction SilentlyContinue)
        $out[0].PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Run'
        $out[1].PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Status'
    }
}

Describe 'Disable-GroupWriteback' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $disable = @{ result = (Get-FakeRun @{ id = 10; kind = 'Preview'; planned = @{ delete = 3 } }) }
    }

    It 'asks, and so does nothing where nobody answers' {
        Use-FakeScript @{ 'writeback.disable' = $disable; 'sync.start' = @{ result = (Get-FakeRun) } }
        $end = Invoke-Unattended 'Disable-GroupWriteback -StartSync; $Error[0].FullyQualifiedErrorId'
        $end.Output | Should -Be 'ConfirmationImpossible,Disable-GroupWriteback'
        Get-Called | Should -Be 'writeback.disable'
        (Get-FakeJournal).params.whatIf | Should -BeTrue
    }

    It 'goes no further without an answer, nor does: <Command>' -ForEach @(
        @{ Command = 'Enable-GroupWriteback OU=x -Confirm' }
        @{ Command = 'Set-GroupWriteback -RunHistoryDays 5 -Confirm' }
    ) {
        Use-FakeScript @{ 'writeback.enable' = $check; 'settings.set' = @{ result = (Get-FakeSetting) } }
        (Invoke-Unattended "$Command; `$Error[0].FullyQualifiedErrorId").Output |
            Should -Match '^ConfirmationImpossible,'
        @(Get-Called).Count | Should -Be 1
        (Get-FakeJournal).params.whatIf | Should -BeTrue
    }

    It 'names the count' {
        Use-FakeScript @{ 'writeback.disable' = $disable }
        Get-Said { Disable-GroupWriteback -Confirm:$false -Verbose } |
            Should -Match 'DELETE 3 groups from the directory with the next sync'
        $sent = (Get-FakeJournal -Method 'writeback.disable').params
        $sent[0].whatIf | Should -BeTrue
        $sent[1].whatIf | Should -BeNullOrEmpty
    }

    It 'emits the groups with -WhatIf' {
        Use-FakeScript @{
            'writeback.disable' = $disable
            'change.list' = @{ result = @{ changes = @(Get-FakeChange @{ action = 'Delete' }) } }
        }
        (Disable-GroupWriteback -WhatIf -IncludeAdopted).Action | Should -Be 'Delete'
        (Get-FakeJournal -Method 'writeback.disable').params.includeAdopted | Should -BeTrue
        Get-Called | Should -Be 'writeback.disable', 'change.list'
    }

    It 'deletes right away with -StartSync' {
        Use-FakeScript @{ 'writeback.disable' = $disable; 'sync.start' = @{ result = (Get-FakeRun) } }
        (Disable-GroupWriteback -StartSync -Confirm:$false).Status | Should -Be 'Complete'
    }

    It 'deletes nothing with -KeepGroup' {
        Use-FakeScript @{ 'writeback.disable' = $disable }
        Get-Said { Disable-GroupWriteback -KeepGroup -StartSync -Confirm:$false -Verbose } |
            Should -Match 'keep all groups'
        Get-Called | Should -Not -Contain 'sync.start'
        $sent = (Get-FakeJournal -Method 'writeback.disable').params[1]
        $sent.keepGroup | Should -BeTrue
        $sent.planId | Should -BeNullOrEmpty
    }

    It 'names exactly the groups that were counted' {
        Use-FakeScript @{ 'writeback.disable' = $disable }
        Disable-GroupWriteback -Confirm:$false
        $sent = @(Get-FakeJournal -Method 'writeback.disable').params
        $sent[0].planId | Should -BeNullOrEmpty
        $sent[1].planId | Should -Be 'plan-7'
    }
}

Describe 'Set-GroupWriteback' -Skip:(-not $env:FAKE_ENGINE) {
    It 'sends only what is given' {
        Use-FakeScript @{ 'settings.set' = @{ result = (Get-FakeSetting) } }
        Set-GroupWriteback -DeletionThreshold 0 -TargetShrinkThresholdPercent 5 -RunHistoryDays 60 -Adopt:$false
        Get-Called | Should -Be 'settings.set'
        $sent = (Get-FakeJournal).params
        $sent.PSObject.Properties.Name | Sort-Object | Should -Be 'adopt', 'limits', 'runHistoryDays'
        $sent.limits.PSObject.Properties.Name | Sort-Object | Should -Be 'deletionCount', 'targetShrinkPercent'
        $sent.limits.deletionCount | Should -Be 0
        $sent.adopt | Should -BeFalse
    }

    It 'sends what may be adopted and what is let go of, and shows it' {
        Use-FakeScript @{
            'settings.set' = @{ result = (Get-FakeSetting) }
            'writeback.get' = @{ result = ($status.result + @{ adoptPending = 2 }) }
            'session.get' = $sides
        }
        $list = @{ AdoptGroup = 'Sales', 'CN=Old,DC=contoso,DC=test'; ReleaseGroup = 'HR' }
        $after = Set-GroupWriteback -AdoptPlan plan-9 @list -PassThru
        $sent = (Get-FakeJournal -Method 'settings.set').params
        $sent.PSObject.Properties.Name | Sort-Object | Should -Be 'adoptGroups', 'adoptPlan', 'releaseGroups'
        $sent.adoptPlan | Should -Be 'plan-9'
        $sent.adoptGroups | Should -Be 'Sales', 'CN=Old,DC=contoso,DC=test'
        @($sent.releaseGroups) | Should -Be 'HR'
        $after.AdoptPending | Should -Be 2
        $after.ReleasedGroupId | Should -Be '0a000000-0000-0000-0000-000000000009'
        $after.PSObject.Properties.Name | Should -Not -Contain 'Adopt'
    }

    It 'shows with -WhatIf what would be adopted, and agrees to nothing' {
        $adopt = @{ result = (Get-FakeRun @{ id = 9; kind = 'Preview'; planId = 'plan-9'; planned = @{ adopt = 1 } }) }
        Use-FakeScript @{
            'settings.set' = @{ result = (Get-FakeSetting) }
            'session.get' = $sides
            'sync.preview' = $adopt
            'change.list' = @{ result = @{ changes = @(Get-FakeChange @{ action = 'Adopt' }) } }
        }
        (Set-GroupWriteback -Adopt -WhatIf).Action | Should -Be 'Adopt'
        (Get-FakeJournal -Method 'sync.preview').params.settings.adopt | Should -BeTrue
        @(Get-FakeJournal -Method 'settings.set').params.whatIf | Should -Be $true
    }

    It 'sends what is to become of frozen groups, and shows it' {
        Use-FakeScript @{
            'settings.set' = @{ result = (Get-FakeSetting) }
            'writeback.get' = $status
            'session.get' = $sides
        }
        $status = Set-GroupWriteback -SoftDeletedGroup Remove -OutOfScopeGroup Keep -PassThru
        $sent = (Get-FakeJournal -Method 'settings.set').params
        $sent.softDeletedGroup | Should -Be 'Remove'
        $sent.outOfScopeGroup | Should -Be 'Keep'
        $status.SoftDeletedGroup | Should -Be 'Keep'
        $status.OutOfScopeGroup | Should -Be 'Remove'
    }

    It 'sends how often a sync is Initial, and how many connections write' {
        Use-FakeScript @{ 'settings.set' = @{ result = (Get-FakeSetting) } }
        Set-GroupWriteback -InitialIntervalDays 3 -ConnectionCount 8 -OutageMinutes 0 -QuarantineAfter 0
        $sent = (Get-FakeJournal).params
        $sent.PSObject.Properties.Name | Sort-Object | Should -Be 'connections', 'initialIntervalDays', 'outageMinutes',
            'quarantineAfter'
        $sent.quarantineAfter | Should -Be 0
        $sent.initialIntervalDays | Should -Be 3
        $sent.connections | Should -Be 8
        $sent.outageMinutes | Should -Be 0
    }

    It 'shows with -WhatIf what a changed scope means' {
        Use-FakeScript @{
            'settings.set' = @{ result = (Get-FakeSetting) }
            'session.get' = $sides
            'sync.preview' = $preview
            'change.list' = $changes
        }
        (Set-GroupWriteback -Scope WritebackEnabled -DeletionThreshold 0 -WhatIf).Action | Should -Be 'Create'
        $sent = (Get-FakeJournal -Method 'sync.preview').params.settings
        $sent.scope | Should -Be 'WritebackEnabled'
        $sent.limits.deletionCount | Should -Be 0 -Because 'the limits of the next sync are those that are being set'
    }

    It 'says in words what it sets' {
        Use-FakeScript @{ 'settings.set' = @{ result = (Get-FakeSetting) } }
        $many = 1..5 | ForEach-Object -Process { [guid]::NewGuid() }
        Get-Said { Set-GroupWriteback -GroupId $many -Filter '' -DeletionThreshold 0 -PassThru:$false -Verbose } |
            Should -Match 'Set GroupId = 5 values, Filter = none, DeletionThreshold = 0\.'
    }

    It 'refuses to set nothing' {
        Use-FakeScript
        { Set-GroupWriteback -PassThru } | Should -Throw -ErrorId 'NoSettingGiven,Set-GroupWriteback'
    }

    It 'shows with -WhatIf what a changed container means' {
        Use-FakeScript @{
            'settings.set' = @{ result = (Get-FakeSetting) }
            'session.get' = $sides
            'sync.preview' = $preview
            'change.list' = $changes
        }
        (Set-GroupWriteback -TargetContainer 'OU=Other,DC=contoso,DC=test' -WhatIf).Action | Should -Be 'Create'
        (Get-FakeJournal -Method 'settings.set').params.whatIf | Should -BeTrue
        (Get-FakeJournal -Method 'sync.preview').params.settings.targetContainer |
            Should -Be 'OU=Other,DC=contoso,DC=test'
    }

    It 'checks limits with -WhatIf, and has nothing to show' {
        Use-FakeScript @{ 'settings.set' = @{ result = (Get-FakeSetting) } }
        Set-GroupWriteback -DeletionThreshold 5 -WhatIf | Should -BeNullOrEmpty
        Get-Called | Should -Be 'settings.set'
    }
}

Describe 'Get-GroupWriteback' -Skip:(-not $env:FAKE_ENGINE) {
    It 'shows settings, status, last run and connection' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = $sides }
        $shown = Get-GroupWriteback
        $shown.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Status'
        $shown.TargetContainer | Should -Be $container
        $shown.FurtherContainer | Should -Be 'OU=Sales (old),DC=contoso,DC=test'
        $shown.ContainerFilter['OU=Sales,DC=contoso,DC=test'] | Should -Be "displayName -like 'Sales*'"
        $shown.DeletionThreshold | Should -Be 500
        $shown.RemovalThresholdPercent | Should -Be 11
        $shown.TargetShrinkThresholdPercent | Should -Be 12
        $shown.LastRun.Id | Should -Be 7
        $shown.Scope | Should -Be 'Selected'
        , $shown.GroupId | Should -BeOfType [array]
        $shown.GroupId | Should -Be '0a000000-0000-0000-0000-000000000001'
        $shown.Filter | Should -Be "displayName -like 'HR-*'"
        $shown.IncludeSecurityGroup | Should -BeTrue
        $shown.IncludeHiddenMembership | Should -BeTrue
        $shown.OnPremisesGroupType | Should -Be 'UniversalSecurityGroup'
        $shown.MaximumMemberCount | Should -Be 60000
        $shown.TrustedOwner | Should -Be 'svc-old (S-1-5-21-1-2-3-1106)'
        $shown.InitialIntervalDays | Should -Be 6
        $shown.ConnectionCount | Should -Be 3
        $shown.OutageMinutes | Should -Be 20
        $shown.QuarantineAfter | Should -Be 10
        $shown.NextPolicyReason | Should -Be 'SettingsChanged'
        $shown.PendingGroups | Should -Be 4
        ($shown | Out-String) -replace '\s+', ' ' |
            Should -Match 'NextPolicyType : Initial \(SettingsChanged\) LastRun : 7: Initial Sync Complete'
        $shown.Connection.TenantName | Should -Be 'Contoso'
        $shown.EngineVersion | Should -Be '0.0.0-fake'
        $shown.LogPath | Should -Be '/state/log/engine-20260102.log'
    }

    It 'shows no next sync of groups while it is <Name>' -ForEach @(
        @{ Name = 'Disabled' }
        @{ Name = 'DisablePending' }
    ) {
        Use-FakeScript @{
            'writeback.get' = @{ result = @{
                settings = (Get-FakeSetting)
                status = $Name
                groups = 3
                nextPolicyType = 'Delta'
                statePath = '/state'
            } }
            'session.get' = @{}
        }
        (Get-GroupWriteback | Out-String) -replace '\s+', ' ' | Should -Match 'NextPolicyType : LastRun :'
    }

    It 'shows an installation that has nothing yet' {
        Use-FakeScript @{
            'writeback.get' = @{ result = @{
                settings = @{ enabled = $false; limits = @{} }
                status = 'NotConfigured'
                groups = 0
                nextPolicyType = 'Initial'
                statePath = '/state'
            } }
            'session.get' = @{}
        }
        $shown = Get-GroupWriteback
        $shown.Status | Should -Be 'NotConfigured'
        $shown.LastRun | Should -BeNullOrEmpty
        $shown.Connection | Should -BeNullOrEmpty
        , $shown.GroupId | Should -BeOfType [array]
        $shown.GroupId.Count | Should -Be 0
        $shown | Out-String | Should -Match 'NotConfigured'
    }
}

Describe 'Test-GroupWriteback' -Skip:(-not $env:FAKE_ENGINE) {
    It 'returns a row for each check' {
        Use-FakeScript @{ 'writeback.test' = @{ result = @{ checks = @(
            @{ name = 'State'; result = 'Passed'; message = 'Fine.' }
            @{
                name = 'Schema'
                result = 'Failed'
                message = 'No Exchange.'
                advice = 'Use -ExcludeMailAttribute.'
                errorId = 'ExchangeSchemaMissing'
            }
        ) } } }
        $rows = Test-GroupWriteback -TargetContainer $container
        $rows.Count | Should -Be 2
        $rows[1].ErrorId | Should -Be 'ExchangeSchemaMissing'
        (Get-FakeJournal).params.targetContainer | Should -Be $container
        ($rows | Out-String -Width 200) -replace '\s+', ' ' |
            Should -Match 'Schema Failed No Exchange. Use -ExcludeMailAttribute.'
        Test-GroupWriteback -Quiet | Should -BeFalse
    }

    It 'says yes with -Quiet when nothing failed' {
        Use-FakeScript @{ 'writeback.test' = @{ result = @{ checks = @(
            @{ name = 'State'; result = 'Passed' }
            @{ name = 'Exchange'; result = 'Skipped' }
        ) } } }
        Test-GroupWriteback -Quiet | Should -BeTrue
    }
}

Describe 'Get-GroupWritebackGroup' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $group = @{
            id = '0a000000-0000-0000-0000-000000000001'
            targetGuid = '0c000000-0000-0000-0000-000000000001'
            displayName = '2024-01-02T03:04:05Z'
            dn = 'CN=a'
            situation = 'Linked'
            members = 5
            unwritten = 2
            lastAction = 'Create'
            lastOutcome = 'Done'
        }
        $groups = @{ result = @{ groups = @($group) } }
    }

    It 'passes wildcards on' {
        Use-FakeScript @{ 'group.list' = $groups }
        [void] (Get-GroupWritebackGroup 'a*', 'b?')
        (Get-FakeJournal).params.name | Should -Be 'a*', 'b?'
    }

    It 'takes objects of the ActiveDirectory module and of Microsoft Graph' {
        Use-FakeScript @{ 'group.list' = $groups }
        $objects = @(
            [pscustomobject]@{ ObjectGUID = [guid] '0C000000-0000-0000-0000-000000000001'; Name = 'x' }
            [pscustomobject]@{ Id = '0A000000-0000-0000-0000-000000000001' }
        )
        [void] ($objects | Get-GroupWritebackGroup)
        (Get-FakeJournal).params.id |
            Should -Be '0c000000-0000-0000-0000-000000000001', '0a000000-0000-0000-0000-000000000001'
    }

    It 'keeps a name that looks like a date<Name>' -ForEach @(
        @{ Name = ''; Dates = $false }
        @{ Name = ', also before PowerShell 7.5'; Dates = $true }
    ) {
        Use-FakeScript @{ 'group.list' = $groups }
        if ($Dates -and $PSVersionTable.PSVersion.Major -ge 6) {
            & (Get-Module -Name GroupWriteback) { $script:JsonOption = @{}; $script:JsonMakesDates = $true }
        }
        (Get-GroupWritebackGroup).DisplayName | Should -BeExactly '2024-01-02T03:04:05Z'
    }

    It 'writes an error for a <Name> that is not there' -ForEach @(
        @{ Name = 'name'; Parameter = @{ Name = 'Sales' } }
        @{ Name = 'id'; Parameter = @{ Id = '0a000000-0000-0000-0000-000000000002' } }
    ) {
        Use-FakeScript @{ 'group.list' = @{ result = @{ groups = @() } } }
        Get-GroupWritebackGroup @Parameter -ErrorVariable problems -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problems[0].FullyQualifiedErrorId | Should -Be 'GroupNotFound,Get-GroupWritebackGroup'
        { Get-GroupWritebackGroup 'none*' -ErrorAction Stop } | Should -Not -Throw
    }

    It 'completes names, quoted' {
        Use-FakeScript @{ 'group.list' = @{ result = @{ groups = @(@{
            id = '0a000000-0000-0000-0000-000000000001'
            displayName = "O'Brien, team"
            dn = 'CN=x'
        }) } } }
        $line = "Get-GroupWritebackGroup O'B"
        [void] (Get-GroupWritebackGroup)
        $line = 'Get-GroupWritebackGroup O'
        (TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches.CompletionText |
            Should -Be "'O''Brien, team'"
        (Get-FakeJournal)[-1].params.name | Should -Be 'O*'
    }
}

Describe 'Get-GroupWritebackGroupMember' -Skip:(-not $env:FAKE_ENGINE) {
    It 'gives each member with its reason' {
        Use-FakeScript @{ 'group.members' = @{ result = @{ members = @(
            @{ id = 'u1'; name = 'One'; kind = 'User'; targetGuid = 'g1'; dn = 'CN=One'; reason = '' }
            @{ id = 'u2'; name = 'Two'; kind = 'User'; reason = 'Guest' }
        ) } } }
        $members = Get-GroupWritebackGroupMember '0a000000-0000-0000-0000-000000000001'
        $members.Written | Should -Be $true, $false
        $members[1].Reason | Should -Be 'Guest'
    }

    It 'takes changes, too' {
        Use-FakeScript @{ 'change.list' = $changes; 'group.members' = @{ result = @{ members = @() } } }
        Get-GroupWritebackChange -RunId 7 | Get-GroupWritebackGroupMember
        (Get-FakeJournal -Method 'group.members').params.id | Should -Be '0a000000-0000-0000-0000-000000000001'
    }

    It 'writes an error for a group that is not there, and goes on' {
        Use-FakeScript @{
            'group.members' = (Get-FakeError -Id 'GroupNotFound' -Category 'ObjectNotFound'), @{ result = @{
                members = @(@{ id = 'u1'; name = 'One' })
            } }
        }
        $members = @(
            '0a000000-0000-0000-0000-000000000001', '0a000000-0000-0000-0000-000000000002' |
                ForEach-Object -Process { [pscustomobject]@{ Id = $_ } } |
                Get-GroupWritebackGroupMember -ErrorVariable problems -ErrorAction SilentlyContinue
        )
        $members.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -Be 'GroupNotFound,Get-GroupWritebackGroupMember'
    }
}

Describe 'Runs and changes' -Skip:(-not $env:FAKE_ENGINE) {
    It 'are the newest first, as many as wanted' {
        Use-FakeScript @{ 'run.list' = @{ generate = @{ property = 'runs'; count = 500; item = @{ id = '{n}' } } } }
        (Get-GroupWritebackRun -Last 3).Id | Should -Be 1, 2, 3
        (Get-FakeJournal -Method 'run.list').params.limit | Should -Be 3
        @(Get-GroupWritebackRun).Count | Should -Be 500
    }

    It 'come one by one by number' {
        Use-FakeScript @{
            'run.get' = @(
                @{ result = (Get-FakeRun) }
                (Get-FakeError -Id 'RunNotFound' -Category 'ObjectNotFound' -Object '8')
                @{ result = (Get-FakeRun @{ id = 9 }) }
            )
        }
        (Get-GroupWritebackRun -Id 7, 8, 9 -ErrorVariable problems -ErrorAction SilentlyContinue).Id | Should -Be 7, 9
        $problems[0].FullyQualifiedErrorId | Should -Be 'RunNotFound,Get-GroupWritebackRun'
    }

    It 'flow from one to the other' {
        Use-FakeScript @{
            'run.list' = @{ result = @{ runs = @((Get-FakeRun), (Get-FakeRun @{ id = 6 })) } }
            'change.list' = $changes
        }
        [void] (Get-GroupWritebackRun | Get-GroupWritebackChange -Outcome Failed -Action Delete)
        $sent = (Get-FakeJournal -Method 'change.list').params
        $sent.runId | Should -Be 7, 6
        $sent[0].outcome | Should -BeExactly 'Failed'
        $sent[0].action | Should -Be 'Delete'
    }

    It 'are the changes of the newest run by default, filtered by several outcomes' {
        Use-FakeScript @{
            'run.list'    = @{ result = @{ runs = @(Get-FakeRun @{ id = 12 }) } }
            'change.list' = @{ result = @{ changes = @(
                (Get-FakeChange),
                (Get-FakeChange @{ id = 2; outcome = 'Failed' }),
                (Get-FakeChange @{ id = 3; outcome = 'Partial' })
            ) } }
        }
        (Get-GroupWritebackChange -Outcome Failed, Partial).ChangeId | Should -Be 2, 3
        (Get-FakeJournal -Method 'change.list').params.runId | Should -Be 12
    }

    It 'have no value of an attribute that has none, be it null or left out' {
        Use-FakeScript @{ 'change.list' = @{ result = @{ changes = @(Get-FakeChange @{
            attributes = @(@{ name = 'mail'; old = $null; new = @('a@b') }, @{ name = 'description'; old = @('x') })
        }) } } }
        $attributes = (Get-GroupWritebackChange -RunId 7).Attributes
        $attributes[0].Old.Count | Should -Be 0
        $attributes[0].New | Should -Be 'a@b'
        $attributes[1].New.Count | Should -Be 0
    }

    It 'have all members on demand' {
        $members = @(
            1..150 | ForEach-Object -Process { @{ operation = 'Add'; guid = "$_"; dn = "CN=$_" } }
        ) + @(@{ operation = 'Remove'; guid = 'r'; dn = 'CN=r' })
        Use-FakeScript @{
            'change.list' = @{ result = @{ changes = @(Get-FakeChange @{
                addCount = 150
                removeCount = 1
                remove = @(@{ guid = 'r'; dn = 'CN=r' })
            }) } }
            'change.members' = @{ result = @{ members = $members } }
        }
        (Get-GroupWritebackChange -RunId 7).AddMembers.Count | Should -Be 1
        $change = Get-GroupWritebackChange -RunId 7 -AllMembers
        $change.AddMembers.Count | Should -Be 150
        $change.RemoveMembers.Count | Should -Be 1
        (Get-FakeJournal -Method 'change.members').params.changeId | Should -Be 1
    }
}

Describe 'The views' -Skip:(-not $env:FAKE_ENGINE) {
    It 'show <Name> as a table' -ForEach @(
        @{
            Name = 'runs'
            Command = { Get-GroupWritebackRun }
            Expected = 'Sync Complete 2 create 1 update 1 member list \(\+5 -0\)'
        }
        @{
            Name = 'the syncs of single groups'
            Command = { Start-GroupWritebackSync -Group Sales }
            Expected = 'Sales Complete Passed Passed Passed Warning Passed Created\.'
        }
        @{
            Name = 'the steps of a sync'
            Command = { (Start-GroupWritebackSync -Group Sales).Steps }
            Expected = 'Members Warning 1 of 6 members is not written\.'
        }
        @{ Name = 'changes'; Command = { Get-GroupWritebackChange -RunId 7 }; Expected = 'Create done Sales \+1 -0' }
        @{ Name = 'groups'; Command = { Get-GroupWritebackGroup }; Expected = 'Sales linked 5 2 Create done' }
        @{
            Name = 'members'
            Command = { Get-GroupWritebackGroupMember '0a000000-0000-0000-0000-000000000001' }
            Expected = 'One user False guest'
        }
    ) {
        Use-FakeScript @{
            'run.list' = @{ result = @{ runs = @(Get-FakeRun) } }
            'change.list' = $changes
            'sync.group' = @{ result = (Get-FakeGroupSync) }
            'group.list' = @{ result = @{ groups = @(@{
                id = '0a000000-0000-0000-0000-000000000001'
                displayName = 'Sales'
                dn = 'CN=a'
                situation = 'Linked'
                members = 5
                unwritten = 2
                lastAction = 'Create'
                lastOutcome = 'Done'
            }) } }
            'group.members' = @{ result = @{ members = @(@{
                id = 'u'
                name = 'One'
                kind = 'User'
                reason = 'Guest'
            }) } }
        }
        (& $Command | Format-Table | Out-String -Width 250) -replace '\s+', ' ' | Should -Match $Expected
    }

    It 'say what <Name> came to, and why' -ForEach @(
        @{
            Name = 'a run'
            Type = 'Run'
            Answer = @{ status = 'Partial'; message = 'Two were refused.'; failed = 2 }
            Expected = 'Partial 2 create Two were refused\. 1 update 1 member list \(\+5 -0\)'
        }
        @{
            Name = 'a run that wrote nothing'
            Type = 'Run'
            Answer = @{ status = 'Stopped'; stopReason = 'StoppedSourceShrunk'; message = 'Half.'; exported = @{} }
            Expected = 'Stopped StoppedSourceShrunk$'
        }
        @{
            Name = 'a change'
            Type = 'Change'
            Answer = @{ action = 'Update'; addCount = 0; reason = 'Drift'; message = 'Changed.' }
            Expected = 'Update done Sales drift: Changed\.$'
        }
        @{
            Name = 'a change of nothing'
            Type = 'Change'
            Answer = @{
                action = 'Skip'
                outcome = 'Skipped'
                addCount = 0
                dn = ''
                reason = 'NameClash'
                message = 'Taken.'
            }
            Expected = 'Skip Skipped Sales NameClash: Taken\.$'
        }
    ) {
        $item = & "Get-Fake$Type" $Answer
        Use-FakeScript @{
            'run.list' = @{ result = @{ runs = @($item) } }
            'change.list' = @{ result = @{ changes = @($item) } }
        }
        $shown = if ($Type -eq 'Run') { Get-GroupWritebackRun } else { Get-GroupWritebackChange -RunId 7 }
        ($shown | Out-String -Width 120).TrimEnd() -replace '\s+', ' ' | Should -Match $Expected
    }

    It 'show the worst of several actions, and what each came to' {
        $sync = Get-FakeGroupSync @{ status = 'Partial' }
        $sync.steps = $sync.steps[0..3] + @(
            @{ name = 'Action'; result = 'Passed'; message = 'Update (cn)' }
            @{ name = 'Action'; result = 'Failed'; message = 'UpdateMembers: refused' }
        )
        $skipped = Get-FakeGroupSync
        $skipped.steps = @(
            $skipped.steps[0]
            @{ name = 'Scope'; result = 'Skipped'; message = 'The filter leaves it out.' }
            @{ name = 'Action'; result = 'Skipped'; message = 'Skip: It stays.' }
        )
        Use-FakeScript @{ 'sync.group' = @{ result = $sync }, @{ result = $skipped } }
        $shown = (
            Start-GroupWritebackSync -Group Sales, Sales -WarningAction SilentlyContinue |
                Format-Table |
                Out-String -Width 250
        ) -replace '\s+', ' '
        $shown | Should -Match (
            'Sales partial Passed Passed Passed Warning Failed Update \(cn\) UpdateMembers: refused ' +
            'Sales Complete Passed Skipped Skipped Skip: It stays\.'
        )
    }

    It 'leave room for what is long in <Width> columns' -ForEach @(
        @{ Width = 80; Room = 12 }
        @{ Width = 120; Room = 50 }
    ) {
        Use-FakeScript @{
            'run.list' = @{ result = @{ runs = @(Get-FakeRun @{ exported = @{}; message = '#' * 300 }) } }
            'change.list' = @{ result = @{ changes = @(Get-FakeChange @{ message = '#' * 300 }) } }
            'writeback.test' = @{ result = @{ checks = @(@{
                name = 'State'
                result = 'Passed'
                message = '#' * 300
            }) } }
        }
        $commands = @(
            { Get-GroupWritebackRun }
            { Get-GroupWritebackChange -RunId 7 }
            { Test-GroupWriteback }
        )
        foreach ($command in $commands) {
            $line = @((& $command | Out-String -Width $Width) -split '\r?\n' -match '#')[0]
            $line.Length | Should -BeLessOrEqual $Width
            [regex]::Match($line, '#+').Length | Should -BeGreaterOrEqual $Room -Because "$command"
        }
    }

    It 'tell in a run which group was synced' {
        $one = Get-FakeRun @{ kind = 'Group'; groupId = '0a000000-0000-0000-0000-000000000001'; groupName = 'Sales' }
        $gone = Get-FakeRun @{ kind = 'Group'; groupId = '0a000000-0000-0000-0000-000000000002' }
        Use-FakeScript @{ 'run.list' = @{ result = @{ runs = @($one, $gone) } } }
        $runs = @(Get-GroupWritebackRun)
        $runs[0].GroupId, $runs[0].GroupName | Should -Be '0a000000-0000-0000-0000-000000000001', 'Sales'
        $shown = $runs | Out-String -Width 120
        $shown | Should -Match '\sSales\s'
        $shown | Should -Match '0a000000-0000-0000-0000-000000000002'
        ($runs[0] | Format-List | Out-String -Width 250) -replace '\s+', ' ' |
            Should -Match 'Group : Sales \(0a000000-0000-0000-0000-000000000001\)'
    }

    It 'show <Name> as a list' -ForEach @(
        @{
            Name = 'a run'
            Command = { Get-GroupWritebackRun }
            Expected = 'PolicyType : Initial PolicyReason : SettingsChanged .*' +
                'DriftedGroups : 2 Planned : 2 create, 1 update, 1 member list \(\+5 -0\)'
        }
        @{
            Name = 'the sync of a group'
            Command = { Start-GroupWritebackSync -Group Sales }
            Expected = 'Status : Complete Steps : Import Passed Found in the tenant\. ' +
                'Scope Passed The scope holds it\. Join Passed Linked\. Members Warning'
        }
        @{
            Name = 'a change'
            Command = { Get-GroupWritebackChange -RunId 7 }
            Expected = 'Attributes : displayName: -> Sales AddMembers : 1 CN=user0001,OU=People,DC=contoso,DC=test'
        }
    ) {
        Use-FakeScript @{
            'run.list' = @{ result = @{ runs = @(Get-FakeRun) } }
            'change.list' = $changes
            'sync.group' = @{ result = (Get-FakeGroupSync) }
        }
        (& $Command | Format-List | Out-String -Width 250) -replace '\s+', ' ' | Should -Match $Expected
    }
}
