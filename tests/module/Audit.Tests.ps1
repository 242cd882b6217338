#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $older = @{ id = '20261201-2'; time = '2026-12-01T10:00:00Z'; event = 'RunStarted'; account = 'CONTOSO\admin' }
    $newer = @{
        id = '20261201-3'; time = '2026-12-01T10:05:00.5Z'; event = 'SettingsChanged'; runId = 7; more = 2
        object = 'o'; errorId = 'StateBusy'; message = 'm'; account = 'a'; accountSid = 's'; computer = 'c'
        client = 'p'; from = 'f'; directoryAccount = 'd'; appId = 'i'
        changes = @(@{ name = 'enabled'; old = 'false'; new = 'true' }, @{ name = 'scope.groupIds'; new = 'x' })
    }
    function Use-AuditScript {
        Use-FakeScript @{ 'audit.list' = @(
            @{ result = @{ entries = @($newer); next = '20261201-3' } }
            @{ result = @{ entries = @($older) } }
        ) }
    }
}

AfterAll { Clear-FakeScript }

Describe 'Get-GroupWritebackAudit' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach { Use-AuditScript }

    It 'returns the entries page by page, with everything that they say' {
        $entries = Get-GroupWritebackAudit
        $entries.AuditId | Should -Be '20261201-3', '20261201-2'
        $one = $entries[0]
        $one.Time | Should -BeOfType ([System.DateTimeOffset])
        $one.Time.UtcDateTime | Should -Be ([datetime] '2026-12-01T10:05:00.5')
        $one.Object, $one.RunId, $one.OmittedChanges | Should -Be 'o', 7, 2
        $one.ErrorId, $one.Message | Should -Be 'StateBusy', 'm'
        $one.Account, $one.AccountSid, $one.ComputerName, $one.Client, $one.From | Should -Be 'a', 's', 'c', 'p', 'f'
        $one.DirectoryAccount, $one.ClientId | Should -Be 'd', 'i'
        [string] $one.Changes[0] | Should -Be 'enabled: false -> true'
        $one.Changes[1].Old | Should -BeNullOrEmpty
        [string] $one | Should -Be 'SettingsChanged o'
        $entries[1].Changes.Count, $entries[1].RunId | Should -Be 0, 0
        @(Get-FakeJournal -Method 'audit.list')[1].params.after | Should -Be '20261201-3'
    }

    It 'asks for the times, the events and the number that were specified' {
        $after = [System.DateTimeOffset]::new(2026, 12, 1, 1, 0, 0, [timespan]::FromHours(1))
        $entry = Get-GroupWritebackAudit -After $after -Before ($after.UtcDateTime.AddHours(1)) -Event runended,
            'Enabled' -First 1
        $entry.AuditId | Should -Be '20261201-3'
        $asked = @(Get-FakeJournal -Method 'audit.list')
        $asked.Count | Should -Be 1
        $asked[0].params.limit | Should -Be 1
        $asked[0].params.events | Should -BeExactly 'RunEnded', 'Enabled'
        # ConvertFrom-Json makes times of texts in some versions
        ([datetime] $asked[0].params.since).ToUniversalTime() | Should -Be ([datetime] '2026-12-01T00:00:00')
        ([datetime] $asked[0].params.until).ToUniversalTime() | Should -Be ([datetime] '2026-12-01T01:00:00')
    }

    It 'asks for each group that is named or comes through the pipeline' {
        $group = [pscustomobject] @{ Id = '0a000000-0000-0000-0000-000000000001'; DisplayName = 'Sales' }
        [void] ('HR*', $group | Get-GroupWritebackAudit)
        [void] (Get-GroupWritebackAudit Sales)
        (Get-FakeJournal -Method 'audit.list').params.group | Select-Object -Unique |
            Should -Be 'HR*', '0a000000-0000-0000-0000-000000000001', 'Sales'
        $nothing = [pscustomobject] @{ Colour = 'red' }
        $nothing | Get-GroupWritebackAudit -ErrorVariable problems -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problems[0].FullyQualifiedErrorId | Should -Match '^GroupNotNamed'
    }

    It 'leads to the run of an entry' {
        Use-FakeScript @{
            'audit.list' = @{ result = @{ entries = @($newer) } }
            'run.get'    = @{ result = (Get-FakeRun @{ id = 7 }) }
        }
        (Get-GroupWritebackAudit | Get-GroupWritebackRun).Id | Should -Be 7
        (Get-FakeJournal -Method 'run.get').params.id | Should -Be 7
    }
}

Describe 'What the engine is told of the session' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $names = 'SSH_CONNECTION', 'SESSIONNAME', 'CLIENTNAME'
        $before = @{}
        foreach ($name in $names) { $before[$name] = [Environment]::GetEnvironmentVariable($name) }
    }
    BeforeEach { foreach ($name in $names) { [Environment]::SetEnvironmentVariable($name, $null) } }
    AfterAll { foreach ($name in $names) { [Environment]::SetEnvironmentVariable($name, $before[$name]) } }

    It 'is <Want>' -ForEach @(
        @{ Set = @{}; Want = '' }
        @{ Set = @{ SSH_CONNECTION = '192.0.2.1 50000 192.0.2.2 22' }; Want = 'SSH from 192.0.2.1' }
        @{ Set = @{ SESSIONNAME = 'RDP-Tcp#3'; CLIENTNAME = 'LAPTOP' }; Want = 'Remote Desktop from LAPTOP' }
        @{ Set = @{ SESSIONNAME = 'Console'; CLIENTNAME = 'LAPTOP' }; Want = '' }
    ) {
        Use-AuditScript
        foreach ($name in $Set.Keys) { [Environment]::SetEnvironmentVariable($name, $Set[$name]) }
        [void] (Get-GroupWritebackAudit)
        $hello = @(Get-FakeJournal -All -Method 'session.initialize')[0]
        $hello.params.from | Should -Be $Want
        $hello.params.client | Should -Match '^GroupWriteback/\S+ PowerShell/\S+ \(.+\)$'
    }

    It 'names the remote session and the job of a runbook' {
        InModuleScope -ModuleName GroupWriteback {
            $global:PSSenderInfo = @{ UserInfo = @{ Identity = @{ Name = 'CONTOSO\admin' } } }
            $global:PSPrivateMetadata = @{ JobId = 'a-job' }
            try { Get-Origin | Should -Be 'remote session of CONTOSO\admin, Azure Automation job a-job' }
            finally { Remove-Variable -Name PSSenderInfo, PSPrivateMetadata -Scope Global }
        }
    }
}
