#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $id = '0a000000-0000-0000-0000-000000000001'
    function Get-Restored {
        param([hashtable] $Over = @{})
        $group = @{
            id = $id; targetGuid = '0c000000-0000-0000-0000-000000000001'; displayName = 'Sales'
            dn = 'CN=Sales,DC=contoso,DC=test'; way = 'Tombstone'; outcome = 'Done'; members = 3
            lost = @('memberOf'); held = $false; path = '/undo/run-7.ldif'; errorId = ''; message = ''
        }
        foreach ($name in $Over.Keys) { $group[$name] = $Over[$name] }
        $group
    }
    function Get-RestoreAnswer {
        param([object[]] $Group = @(Get-Restored), [string] $Status = 'Complete')
        @{ result = @{ run = (Get-FakeRun @{ id = 9; kind = 'Restore'; status = $Status }); groups = $Group } }
    }
    # Build the secret from characters, because a string would be a secret in a script.
    $secret = New-Object -TypeName securestring
    foreach ($character in 'Adm1n'.ToCharArray()) { $secret.AppendChar($character) }
    $admin = New-Object -TypeName pscredential -ArgumentList 'CONTOSO\admin', $secret
}

AfterAll { Clear-FakeScript }

Describe 'Restore-GroupWritebackGroup' -Skip:(-not $env:FAKE_ENGINE) {
    It 'changes nothing with -WhatIf, and returns the groups' {
        Use-FakeScript @{ 'group.restore' = (Get-RestoreAnswer) }
        $got = Restore-GroupWritebackGroup -RunId 7 -WhatIf
        $got.Way, $got.GroupId, $got.Members, $got.RunId, $got.UndoFile |
            Should -Be 'Tombstone', $id, 3, 9, '/undo/run-7.ldif'
        $got.Lost | Should -Be 'memberOf'
        [string] $got | Should -Be 'Sales: Tombstone'
        $sent = @(Get-FakeJournal)
        $sent.Count | Should -Be 1
        $sent[0].params.runId, $sent[0].params.whatIf | Should -Be 7, $true
    }

    It 'restores what the pipeline names, in one request, signed in on its own' {
        Use-FakeScript @{ 'group.restore' = (Get-RestoreAnswer) }
        $piped = @('Sales', [pscustomobject] @{ Id = $id })
        $got = $piped | Restore-GroupWritebackGroup -Credential $admin -Force -Confirm:$false
        $got.Outcome | Should -Be 'Done'
        $sent = @(Get-FakeJournal)
        $sent.Count | Should -Be 2
        $sent[1].params.groups | Should -Be 'Sales', $id
        $sent[1].params.whatIf | Should -BeNullOrEmpty
        $sent[1].params.force | Should -BeTrue
        $sent[1].params.target.credential.user, $sent[1].params.target.credential.password |
            Should -Be 'CONTOSO\admin', 'Adm1n'
    }

    It 'sends the full path of a file' {
        Use-FakeScript @{ 'group.restore' = (Get-RestoreAnswer) }
        [void] (Restore-GroupWritebackGroup Sales -Path 'run-7.ldif' -WhatIf)
        $sent = (Get-FakeJournal).params
        $sent.path | Should -Be (Join-Path -Path (Get-Location) -ChildPath 'run-7.ldif')
        $sent.groups | Should -Be 'Sales'
    }

    It 'reports each group that does not come back, and warns of those on hold' {
        $clash = @{ displayName = 'Taken'; way = ''; outcome = 'Failed' }
        $clash += @{ errorId = 'NameClash'; message = 'It is taken.' }
        $groups = @((Get-Restored @{ held = $true }), (Get-Restored $clash))
        Use-FakeScript @{ 'group.restore' = (Get-RestoreAnswer -Group $groups -Status Partial) }
        $common = @{ ErrorAction = 'SilentlyContinue'; WarningAction = 'SilentlyContinue'; Confirm = $false }
        $got = Restore-GroupWritebackGroup -RunId 7 -ErrorVariable problems -WarningVariable warnings @common
        $got.Count | Should -Be 2
        $got[1].ErrorId | Should -Be 'NameClash'
        @($problems).FullyQualifiedErrorId | Should -Be 'NameClash,Restore-GroupWritebackGroup'
        [string] $problems[0] | Should -Match 'Taken: It is taken'
        [string] $warnings | Should -Match '1 group restored and on hold'
    }

    It 'asks nothing if there is nothing to restore' {
        $groups = @(Get-Restored @{ way = 'None' })
        Use-FakeScript @{ 'group.restore' = (Get-RestoreAnswer -Group $groups) }
        (Restore-GroupWritebackGroup Sales).Way | Should -Be 'None'
        @(Get-FakeJournal).Count | Should -Be 1
    }

    It 'says what would be lost before it asks' {
        InModuleScope -ModuleName GroupWriteback {
            $groups = @(@{ way = 'NewObject'; lost = @('objectSid', 'info') }, @{ way = 'Members'; lost = @() })
            ConvertTo-RestoreText @{ groups = $groups } | Should -Be (
                'Restore 1 group as a new object with another SID, 1 group by adding members; lost: info, objectSid')
        }
    }

    It 'needs a sign-in for what belongs to one' {
        Use-FakeScript
        { Restore-GroupWritebackGroup Sales -UseStartTls } |
            Should -Throw -ErrorId 'CredentialMissing,Restore-GroupWritebackGroup'
    }

    It 'names what it does not understand' {
        Use-FakeScript
        $common = @{ ErrorVariable = 'problems'; ErrorAction = 'SilentlyContinue' }
        [pscustomobject] @{ Color = 'red' } | Restore-GroupWritebackGroup @common
        @($problems).FullyQualifiedErrorId | Should -Be 'GroupNotNamed,Restore-GroupWritebackGroup'
    }
}
