#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')

    # Returns what a command draws while a person watches, one entry for each call of Write-Progress.
    function Get-Drawn {
        param([scriptblock] $Script)
        $script:Drawn = @()
        Mock -ModuleName GroupWriteback -CommandName Test-Interactive -MockWith { $true }
        Mock -ModuleName GroupWriteback -CommandName Write-Progress -MockWith {
            $script:Drawn += @{
                Activity  = $Activity
                Status    = $Status
                Percent   = $PercentComplete
                Completed = [bool] $Completed
            }
        }
        [void] (& $Script)
        , $script:Drawn
    }

    # Makes the bar draw only what the engine says and nothing in between, however slow the machine is.
    function Set-Steady { InModuleScope GroupWriteback { $script:ProgressDelay = 60000 } }

    function Get-Step {
        param([string] $Step, [int] $Number, [int] $Done, [int] $Total, [string] $Message)
        @{ step = $Step; stepNumber = $Number; stepCount = 11; done = $Done; total = $Total; message = $Message }
    }
}

AfterAll { Clear-FakeScript }

Describe 'Progress' -Skip:(-not $env:FAKE_ENGINE) {
    It 'is there while the engine says nothing: <Name>' -ForEach @(
        @{ Name = 'Connect'; Method = 'session.connect'; Command = { Connect-GroupWriteback -Server s } }
        @{ Name = 'Test'; Method = 'writeback.test'; Command = { Test-GroupWriteback } }
        @{ Name = 'Enable'; Method = 'writeback.enable'; Command = { Enable-GroupWriteback -WhatIf } }
        @{
            Name    = 'Set'
            Method  = 'settings.set'
            Command = { Set-GroupWriteback -OutageMinutes 5 -Confirm:$false }
        }
        @{
            Name    = 'Disable'
            Method  = 'writeback.disable'
            Command = { Disable-GroupWriteback -Confirm:$false }
        }
        @{ Name = 'Sync'; Method = 'sync.start'; Command = { Start-GroupWritebackSync } }
        @{ Name = 'Sync of a group'; Method = 'sync.group'; Command = { Start-GroupWritebackSync -Group x } }
        @{ Name = 'Get'; Method = 'writeback.get'; Command = { Get-GroupWriteback } }
        @{ Name = 'Get run'; Method = 'run.list'; Command = { Get-GroupWritebackRun } }
        @{ Name = 'Get group'; Method = 'group.list'; Command = { Get-GroupWritebackGroup } }
        @{ Name = 'starting the engine'; Method = 'session.initialize'; Command = { Get-GroupWriteback } }
    ) {
        # The delay is long enough for the bar to appear and to be redrawn once.
        $slow = @{ delayMs = 1500; error = (Get-FakeError).error }
        $answers = @{ 'writeback.enable' = $slow }
        $answers[$Method] = $slow
        $answers['writeback.disable'] = @{ delayMs = 1500; result = (Get-FakeRun @{ kind = 'Preview' }) }
        Use-FakeScript $answers
        $drawn = Get-Drawn { try { & $Command } catch { Write-Debug -Message "$_" } }
        $bars = @($drawn | Where-Object -FilterScript { -not $_.Completed })
        $bars.Count | Should -BeGreaterOrEqual 1
        foreach ($bar in $bars) {
            $bar.Activity | Should -Not -BeNullOrEmpty
            $bar.Status | Should -Match '^[Ss]ince \d\d:\d\d:\d\d: \w'
            $bar.Percent | Should -BeLessThan 100
        }
        $drawn[-1].Completed | Should -BeTrue
    }

    It 'is one bar for a run, which never goes back and is full at the end alone' {
        Use-FakeScript @{ 'sync.start' = @{
                progress = @(
                    Get-Step -Step 'Prepare' -Number 1 -Message 'Checking what is due'
                    Get-Step -Step 'ImportSource' -Number 2 -Done 400 -Message 'Reading the groups of the tenant'
                    Get-Step -Step 'ImportMembers' -Number 3 -Done 9 -Total 10 -Message 'Reading members'
                    Get-Step -Step 'ImportSource' -Number 3 -Done 3 -Message 'Reading what has changed'
                    Get-Step -Step 'Resolve' -Number 5 -Done 7 -Message 'Finding the members'
                    Get-Step -Step 'Export' -Number 8 -Done 1 -Total 2 -Message 'Creating Sales'
                    Get-Step -Step 'Resolve' -Number 8 -Done 1 -Message 'Finding the members'
                    Get-Step -Step 'Commit' -Number 11 -Message 'Saving the state'
                )
                result   = (Get-FakeRun)
            }
        }
        Set-Steady
        $drawn = Get-Drawn { Start-GroupWritebackSync }
        $bars = @($drawn | Where-Object -FilterScript { -not $_.Completed })
        $bars.Count | Should -Be 8
        $last = 0
        foreach ($bar in $bars) {
            $bar.Activity | Should -Be 'Synchronising'
            $bar.Percent | Should -BeGreaterOrEqual $last
            $bar.Percent | Should -BeLessThan 100
            $last = $bar.Percent
        }
        $bars[2].Percent | Should -Be 26
        $bars[5].Percent | Should -Be 68
    }

    It 'has words for the step <_>' -ForEach @(
        'Prepare', 'ImportSource', 'ImportMembers', 'ImportTarget', 'Resolve', 'Plan', 'Limits', 'Export', 'Confirm'
        'Settle', 'Commit', 'OneThatIsNew'
    ) {
        Use-FakeScript @{ 'sync.start' = @{ progress = @(Get-Step -Step $_ -Number 2); result = (Get-FakeRun) } }
        Set-Steady
        $drawn = Get-Drawn { Start-GroupWritebackSync }
        $drawn[0].Status | Should -Match '^Step 2 of 11: [A-Z][a-z]+ [a-z]+|^Step 2 of 11: Planning$'
        $drawn[0].Status | Should -Not -Match 'import-|one-that'
    }

    It 'says whom the run waits for, since when, when it tries again and why' {
        $since = [System.DateTimeOffset]::UtcNow.AddMinutes(-2)
        $next = $since.AddMinutes(3)
        $waiting = @{
            for   = 'graph.example'
            why   = 'it answered with status 429'
            since = $since.ToString('o')
            next  = $next.ToString('o')
            until = $next.ToString('o')
        }
        $progress = Get-Step -Step 'ImportMembers' -Number 3 -Done 4 -Total 10 -Message 'Waiting for graph.example.'
        $progress['waiting'] = $waiting
        $silent = Get-Step -Step 'ImportTarget' -Number 4 -Message 'Waiting for dc1.'
        $silent['waiting'] = @{ for = 'dc1.contoso.com'; why = 'it has not responded yet'
            since = $since.ToString('o') }
        Use-FakeScript @{ 'sync.start' = @{ progress = @($progress, $silent); result = (Get-FakeRun) } }
        Set-Steady
        $drawn = Get-Drawn { Start-GroupWritebackSync }
        $clock = 'HH:mm:ss'
        $drawn[0].Status | Should -Be ("Waiting for graph.example since $($since.LocalDateTime.ToString($clock)), " +
            "next $($next.LocalDateTime.ToString($clock)): it answered with status 429")
        $drawn[0].Percent | Should -Be 21
        $drawn[1].Status | Should -Be ("Waiting for dc1.contoso.com since " +
            "$($since.LocalDateTime.ToString($clock)): it has not responded yet")
    }

    It 'is no full bar in the minimal view, and none in the classic one, where no share is known' {
        Use-FakeScript @{ 'session.connect' = @{
                progress = @(@{ step = 'Connect'; stepNumber = 1; stepCount = 1; message = 'Signing in to the tenant' })
                result   = @{}
            }
        }
        $minimal = if ($PSStyle.Progress) { 0 } else { -1 }
        Set-Steady
        $drawn = Get-Drawn { Connect-GroupWriteback -Server s }
        $drawn[0].Status | Should -Be 'Signing in to the tenant'
        $drawn[0].Percent | Should -Be $minimal
        if ($PSStyle.Progress) {
            $view = $PSStyle.Progress.View
            try {
                $PSStyle.Progress.View = 'Classic'
                (Get-Drawn { Connect-GroupWriteback -Server s })[0].Percent | Should -Be -1
            }
            finally { $PSStyle.Progress.View = $view }
        }
    }

    It 'is not drawn for what is answered at once' {
        Use-FakeScript @{
            'writeback.get' = @{ result = @{ settings = (Get-FakeSetting); status = 'Enabled'; statePath = '/state' } }
            'session.get'   = @{ result = @{} }
        }
        [void] (Get-GroupWriteback)
        Set-Steady
        (Get-Drawn { Get-GroupWriteback }).Count | Should -Be 0
    }
}
