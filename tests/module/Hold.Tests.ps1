#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
# Tests the commands that put a group on hold and resume it.
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $one = '0a000000-0000-0000-0000-000000000001'
    $two = '0a000000-0000-0000-0000-000000000002'
    $held = @{
        id = $one; displayName = 'Sales'; situation = 'Linked'
        hold = @{
            reason = 'Suspended'; comment = 'Migration'; account = 'CONTOSO\anna'
            since = '2026-12-01T09:00:00Z'; until = '2026-12-04T09:00:00Z'
        }
    }
    $failing = @{
        id = $two; displayName = 'HR'; situation = 'Linked'
        quarantine = @{
            tries = 12; message = 'Access denied.'; since = '2026-12-01T09:00:00Z'; next = '2026-12-01T13:00:00Z'
        }
    }
}

AfterAll { Clear-FakeScript }

Describe 'Suspend-GroupWritebackGroup' -Skip:(-not $env:FAKE_ENGINE) {
    It 'sends the group, the comment and the time in UTC' {
        Use-FakeScript @{ 'group.suspend' = @{ result = @{ group = $held } } }
        $until = [datetime]::new(2026, 12, 4, 9, 0, 0, [System.DateTimeKind]::Utc).ToLocalTime()
        Suspend-GroupWritebackGroup Sales -Comment 'Migration' -Until $until | Should -BeNullOrEmpty
        $sent = (Get-FakeJournal -Method 'group.suspend').params
        $sent.group | Should -Be 'Sales'
        $sent.comment | Should -Be 'Migration'
        ([datetimeoffset] $sent.until).UtcDateTime | Should -Be $until.ToUniversalTime()
    }

    It 'sends no time if the group is to be resumed by hand' {
        Use-FakeScript @{ 'group.suspend' = @{ result = @{ group = $held } } }
        Suspend-GroupWritebackGroup Sales
        (Get-FakeJournal -Method 'group.suspend').params.PSObject.Properties.Name | Should -Not -Contain 'until'
    }

    It 'takes groups from the pipeline, by id, and returns them with -PassThru' {
        Use-FakeScript @{
            'group.list'    = @{ result = @{ groups = @($held, $failing) } }
            'group.suspend' = @(@{ result = @{ group = $held } }, @{ result = @{ group = $failing } })
        }
        $after = Get-GroupWritebackGroup | Suspend-GroupWritebackGroup -PassThru
        (Get-FakeJournal -Method 'group.suspend').params.group | Should -Be $one, $two
        $after.DisplayName | Should -Be 'Sales', 'HR'
        $after[0].Hold.Reason, $after[0].Hold.Comment, $after[0].Hold.Account |
            Should -Be 'Suspended', 'Migration', 'CONTOSO\anna'
        $after[0].Hold.Until.UtcDateTime | Should -Be ([datetime]::new(2026, 12, 4, 9, 0, 0))
        $after[0].Quarantine | Should -BeNullOrEmpty
        $after[1].Quarantine.Tries | Should -Be 12
    }

    It 'changes nothing with -WhatIf, and goes on after a group that is not known' {
        Use-FakeScript @{ 'group.suspend' = @(
            @{ error = @{
                code = -32001; message = 'No group with this name or id is known.'
                data = @{ id = 'GroupNotFound'; category = 'ObjectNotFound' }
            } }
            @{ result = @{ group = $held } }
        ) }
        Suspend-GroupWritebackGroup Sales -WhatIf
        Suspend-GroupWritebackGroup nobody, Sales -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].Exception.Id | Should -Be 'GroupNotFound'
        (Get-FakeJournal -Method 'group.suspend').params.group | Should -Be 'nobody', 'Sales'
    }

    It 'says which input names no group' {
        Use-FakeScript @{}
        Suspend-GroupWritebackGroup ' ' -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].Exception.Id | Should -Be 'GroupNotNamed'
    }
}

Describe 'Resume-GroupWritebackGroup' -Skip:(-not $env:FAKE_ENGINE) {
    It 'resumes what is on hold or in quarantine' {
        Use-FakeScript @{
            'group.list'   = @{ result = @{ groups = @($held, $failing) } }
            'group.resume' = @{ result = @{ group = @{ id = $one; displayName = 'Sales' } } }
        }
        $after = Get-GroupWritebackGroup -OnHold | Resume-GroupWritebackGroup -PassThru
        (Get-FakeJournal -Method 'group.list').params.onHold | Should -BeTrue
        (Get-FakeJournal -Method 'group.resume').params.group | Should -Be $one, $two
        $after[0].Hold | Should -BeNullOrEmpty
    }

    It 'finds nothing on hold without an error' {
        Use-FakeScript @{ 'group.list' = @{ result = @{ groups = @() } } }
        Get-GroupWritebackGroup Sales -OnHold -ErrorAction Stop | Should -BeNullOrEmpty
    }
}
