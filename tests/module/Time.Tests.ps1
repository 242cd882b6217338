#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

BeforeDiscovery {
    # .NET takes the zone from TZ only on Unix.
    $zoned = [System.Environment]::OSVersion.Platform -ne 'Win32NT'
    $zones = 'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'
}

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')

    # Runs a script with the module in a new PowerShell process in the given time zone.
    function Invoke-InZone {
        param([string] $Zone, [scriptblock] $Script)
        $before = $env:TZ
        $env:TZ = $Zone
        try {
            $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
            $text = "Import-Module -Name '$manifest'; & { $Script } | ConvertTo-Json -Compress"
            $answer = & (Get-PowerShell) -NoProfile -NonInteractive -Command $text
            ConvertFrom-Json -InputObject ($answer -join '')
        }
        finally { $env:TZ = $before }
    }

    function Use-Culture {
        param([string] $Name, [scriptblock] $Script)
        $before = [cultureinfo]::CurrentCulture
        [cultureinfo]::CurrentCulture = [cultureinfo] $Name
        try { & $Script } finally { [cultureinfo]::CurrentCulture = $before }
    }

    function Get-TimeText {
        param([datetime] $Time)
        $Time.ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ', [cultureinfo]::InvariantCulture)
    }

    # Collects all facts about a zone from one PowerShell process, which takes a while to start. Run 1 began on a known
    # day. The id of each other run is the number of minutes since it began.
    function Get-ZoneReport {
        param([string] $Zone)
        $runs = foreach ($minutes in 10, 50) {
            $started = Get-TimeText -Time ([datetime]::UtcNow.AddMinutes(-$minutes))
            Get-FakeRun @{ id = $minutes; started = $started; ended = '' }
        }
        $known = Get-FakeRun @{ id = 1 }
        $status = @{ settings = (Get-FakeSetting); status = 'Enabled'; lastRun = $known }
        Use-FakeScript @{
            'run.list'      = @{ result = @{ runs = @($runs) + $known } }
            'writeback.get' = @{ result = $status }
            'session.get'   = @{ result = @{} }
        }
        Invoke-InZone $Zone {
            $all = Get-GroupWritebackRun
            $run = $all | Where-Object Id -ne 1
            $known = $all[2]
            $line = 'Get-GroupWritebackRun -Id 1'
            @{
                Where    = @($run | Where-Object Started -gt (Get-Date).AddMinutes(-30)).Id
                Right    = @($run | Where-Object { $_.Started -gt (Get-Date).AddMinutes(-30) }).Id
                Left     = @($run | Where-Object { (Get-Date).AddMinutes(-30) -lt $_.Started }).Id
                Before   = @($run | Where-Object { (Get-Date).AddMinutes(-30) -ge $_.Started }).Id
                Utc      = @($run | Where-Object Started -gt (Get-Date).ToUniversalTime().AddMinutes(-30)).Id
                Future   = @($run | Where-Object Started -gt (Get-Date)).Count
                Sorted   = ($all | Sort-Object -Property Started).Id
                Minus    = ((Get-Date) - $run[0].Started).TotalMinutes
                Ago      = - ($run[0].Started - (Get-Date)).TotalMinutes
                Span     = (New-TimeSpan -Start $run[0].Started).TotalMinutes
                Same     = (Get-Date -Date $known.Started) -eq $known.Started.LocalDateTime
                Kind     = "$(([datetime] $known.Started).Kind)"
                Csv      = ($known | ConvertTo-Csv | ConvertFrom-Csv).Started
                Json     = $known | Select-Object -Property Started | ConvertTo-Json -Compress
                Local    = $known.Started.ToString('HH:mm:ss zzz')
                Time     = '{0:g}' -f $known.Started
                Long     = "$($known.Started)"
                Table    = $known | Format-Table | Out-String -Width 200
                List     = $known | Format-List | Out-String -Width 200
                Overview = Get-GroupWriteback | Out-String -Width 200
                Tip      = (TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches |
                    Select-Object -Last 1 -ExpandProperty ToolTip
            }
        }
    }
}

AfterAll { Clear-FakeScript }

Describe 'A time in <_>' -ForEach $zones -Skip:(-not $env:FAKE_ENGINE -or -not $zoned) {
    BeforeAll {
        if ($env:FAKE_ENGINE -and [System.Environment]::OSVersion.Platform -ne 'Win32NT') { $found = Get-ZoneReport $_ }
    }

    It 'is compared with Get-Date on either side, and sorted' {
        $found.Where, $found.Right, $found.Left, $found.Utc | Should -Be 10, 10, 10, 10
        $found.Before | Should -Be 50
        $found.Future | Should -Be 0
        $found.Sorted | Should -Be 1, 50, 10
    }

    It 'is subtracted from Get-Date, and taken where a DateTime is wanted' {
        foreach ($minutes in $found.Minus, $found.Ago, $found.Span) {
            $minutes | Should -BeGreaterOrEqual 9
            $minutes | Should -BeLessThan 30
        }
        $found.Same | Should -BeTrue
        $found.Kind | Should -Be 'Local'
    }

    It 'names its offset in CSV and JSON' {
        $expected = @{
            'UTC'              = '10:00:00', '+00:00'
            'Europe/Berlin'    = '11:00:00', '+01:00'
            'America/New_York' = '05:00:00', '-05:00'
            'Asia/Kolkata'     = '15:30:00', '+05:30'
        }
        $clock, $offset = $expected[$_]
        $found.Local | Should -Be "$clock $offset"
        $found.Csv | Should -Be "11/05/2026 $clock $offset"
        $found.Json | Should -Be "{""Started"":""2026-11-05T$clock.5$offset""}"
    }

    It 'is the same in table, list, overview and completion' {
        foreach ($view in $found.Table, $found.Overview, $found.Tip) {
            $view | Should -Match "(?<![\d/])$([regex]::Escape($found.Time))(?!\d)"
        }
        $found.List | Should -Match "Started\s+: $([regex]::Escape($found.Long))"
    }
}

Describe 'A time' -Skip:(-not $env:FAKE_ENGINE) {
    It 'is sorted right in the hour that comes twice' -Skip:(-not $zoned) {
        $runs = @(
            Get-FakeRun @{ id = 3; started = '2026-10-25T01:40:00Z'; ended = '2026-10-25T01:45:00Z' }
            Get-FakeRun @{ id = 2; started = '2026-10-25T01:10:00Z'; ended = '2026-10-25T01:15:00Z' }
            Get-FakeRun @{ id = 1; started = '2026-10-25T00:50:00Z'; ended = '2026-10-25T01:05:00Z' }
        )
        Use-FakeScript @{ 'run.list' = @{ result = @{ runs = $runs } } }
        $found = Invoke-InZone 'Europe/Berlin' {
            $run = Get-GroupWritebackRun
            @{ Id = ($run | Sort-Object -Property Started).Id; Minutes = $run[2].Duration.TotalMinutes }
        }
        $found.Id | Should -Be 1, 2, 3
        $found.Minutes | Should -Be 15
    }

    It 'is a local DateTime when it comes from a file, a job or a remote session' {
        Use-FakeScript @{ 'run.list' = @{ result = @{ runs = @(Get-FakeRun) } } }
        $run = Get-GroupWritebackRun
        $file = Join-Path -Path $TestDrive -ChildPath 'run.xml'
        $run | Export-Clixml -LiteralPath $file
        $copy = Import-Clixml -LiteralPath $file
        $copy.Started | Should -BeOfType [datetime]
        $copy.Started.Kind | Should -Be 'Local'
        $run.Started -eq $copy.Started | Should -BeTrue
        $copy.Started -eq $run.Started | Should -BeTrue
    }

    It 'leaves what else is made a DateTime as it is' {
        Use-FakeScript
        $day = [datetime] '2026-01-02T03:04:05'
        [datetime] 5L | Should -Be ([datetime]::MinValue.AddTicks(5))
        $day - [timespan] '1:00' | Should -Be ([datetime] '2026-01-02T02:04:05')
        $day + '01:00' | Should -Be ([datetime] '2026-01-02T04:04:05')
        $day -gt '2026-01-01' | Should -BeTrue
        { [datetime] 'x' } | Should -Throw
        { [datetime] @{ UtcDateTime = $day } } | Should -Throw
    }

    It 'that is not there is nothing' {
        Use-FakeScript @{ 'run.list' = @{ result = @{ runs = @(Get-FakeRun @{ ended = ''; status = 'Running' }) } } }
        $run = Get-GroupWritebackRun
        $null -eq $run.Ended | Should -BeTrue
        $null -eq $run.Duration | Should -BeTrue
        $run | Format-List | Out-String | Should -Match 'Ended\s+:\s*\r?\n'
    }

    It 'follows the culture <Name> in each view' -ForEach @(
        @{ Name = ''; Expected = '\d\d/\d\d/2026 \d\d:\d\d' }
        @{ Name = 'de-DE'; Expected = '\d?\d\.\d\d\.2026 \d\d:\d\d' }
        @{ Name = 'tr-TR'; Expected = '\d\d?\.\d\d\.2026 \d\d:\d\d' }
        @{ Name = 'en-US'; Expected = '\d\d?/\d\d?/2026 \d\d?:\d\d\s[AP]M' }
    ) {
        $status = @{ settings = (Get-FakeSetting); status = 'Enabled'; lastRun = (Get-FakeRun) }
        Use-FakeScript @{
            'run.list'      = @{ result = @{ runs = @(Get-FakeRun) } }
            'writeback.get' = @{ result = $status }
            'session.get'   = @{ result = @{} }
        }
        Use-Culture $Name {
            $run = Get-GroupWritebackRun
            $line = 'Get-GroupWritebackRun -Id '
            $run | Format-Table | Out-String -Width 200 | Should -Match $Expected
            Get-GroupWriteback | Out-String -Width 200 | Should -Match "LastRun\s+: 7: .*, $Expected"
            $run | Format-List | Out-String -Width 200 | Should -Match 'Started\s+: \d+[./]\d+[./]2026 .*[+-]\d\d:\d\d'
            (TabExpansion2 -inputScript $line -cursorColumn $line.Length).CompletionMatches.ToolTip |
                Should -Match $Expected
        }
    }

    It 'is read the same in the culture <_>' -ForEach '', 'de-DE', 'tr-TR', 'ar-SA', 'th-TH' {
        Use-FakeScript @{ 'run.list' = @{ result = @{ runs = @(Get-FakeRun) } } }
        Use-Culture $_ { (Get-GroupWritebackRun).Started.UtcTicks } |
            Should -Be ([datetime] '2026-11-05T10:00:00.5').Ticks
    }
}

Describe 'In Turkish, where i and I are other letters,' -Skip:(-not $env:FAKE_ENGINE) {
    It 'the sources turn letters by the invariant culture alone' {
        $base = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'module')
        $pattern = '\.To(Upper|Lower)\(|ToTitleCase|\.(StartsWith|EndsWith|IndexOf|Compare)\([^)]*\bCulture'
        $lines = Get-ChildItem -LiteralPath $base -Recurse -Include '*.ps1', '*.psm1', '*.ps1xml' |
            Select-String -Pattern $pattern
        $lines | Should -BeNullOrEmpty
    }

    It 'a request says the same' {
        Use-FakeScript @{
            'change.list'   = @{ result = @{ changes = @(Get-FakeChange) } }
            'settings.set'  = @{ result = (Get-FakeSetting) }
            'writeback.get' = @{ result = @{ settings = (Get-FakeSetting); status = 'Enabled' } }
            'session.get'   = @{ result = @{} }
        }
        Use-Culture 'tr-TR' {
            [void] (Get-GroupWritebackChange -RunId 7 -Action UpdateMembers -Outcome Failed)
            Set-GroupWriteback -InitialIntervalDays 5 -Confirm:$false
        }
        $sent = (Get-FakeJournal -Method 'change.list').params
        $sent.action | Should -BeExactly 'UpdateMembers'
        $sent.outcome | Should -BeExactly 'Failed'
        (Get-FakeJournal -Method 'settings.set').params.initialIntervalDays | Should -Be 5
    }
}
