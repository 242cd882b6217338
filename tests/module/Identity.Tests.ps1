#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

# Tests how a group is named and found, whose changes are shown, and what a reading command leaves unchanged.

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $script:sales = '0a000000-0000-0000-0000-000000000001'
    $script:object = '0b000000-0000-0000-0000-000000000001'
    $script:answers = @{
        'group.list'    = @{ result = @{ groups = @(
            @{ id = $sales; targetGuid = $object; displayName = 'Sales'; situation = 'Linked' }
        ) } }
        'group.members' = @{ result = @{ members = @(
            @{ groupId = $sales; groupName = 'Sales'; id = '0c000000-0000-0000-0000-000000000001'; name = 'ann' }
        ) } }
        'sync.group'    = @{ result = (Get-FakeGroupSync) }
    }
}

AfterAll { Clear-FakeScript }

Describe 'A group from the pipeline' -Skip:(-not $env:FAKE_ENGINE) {
    It 'is found by <What>' -ForEach @(
        @{ What = 'its name'; Value = { 'Sales' }; Sent = 'Sales' }
        @{ What = 'a name with blanks'; Value = { ' Sales ' }; Sent = ' Sales ' }
        @{
            What = 'its id'
            Value = { '0A000000-0000-0000-0000-000000000001' }
            Sent = '0a000000-0000-0000-0000-000000000001'
        }
        @{
            What = 'a guid'
            Value = { [guid] '0a000000-0000-0000-0000-000000000001' }
            Sent = '0a000000-0000-0000-0000-000000000001'
        }
        @{
            What = 'an object of the ActiveDirectory module'
            Value = {
                [pscustomobject]@{
                    DistinguishedName = 'CN=Sales,DC=contoso,DC=test'
                    Name = 'Sales'
                    ObjectGUID = [guid] '0b000000-0000-0000-0000-000000000001'
                }
            }
            Sent = '0b000000-0000-0000-0000-000000000001'
        }
        @{
            What = 'a group of Microsoft Graph'
            Value = { [pscustomobject]@{ DisplayName = 'Sales'; Id = '0a000000-0000-0000-0000-000000000001' } }
            Sent = '0a000000-0000-0000-0000-000000000001'
        }
        @{
            What = 'a foreign object'
            Value = {
                [pscustomobject]@{
                    Id = ''
                    DisplayName = 'Others'
                    TargetGuid = '0b000000-0000-0000-0000-000000000009'
                }
            }
            Sent = '0b000000-0000-0000-0000-000000000009'
        }
    ) {
        Use-FakeScript $answers
        (& $Value | Get-GroupWritebackGroup).Id | Should -Be $sales
        (& $Value | Get-GroupWritebackGroupMember).GroupName | Should -Be 'Sales'
        (& $Value | Start-GroupWritebackSync -Confirm:$false).DisplayName | Should -Be 'Sales'
        foreach ($request in Get-FakeJournal) {
            $named = @($request.params.id, $request.params.name, $request.params.group | Where-Object { $_ })
            $named[0] -eq $Sent | Should -BeTrue -Because "$($request.method) got $named"
        }
    }

    It 'is found by the name that a row of a table has, and not written for that alone' {
        Use-FakeScript $answers
        $row = [pscustomobject]@{ Name = 'Sales'; Owner = 'ann' }
        ($row | Get-GroupWritebackGroup).Id | Should -Be $sales
        (Get-FakeJournal).params.name | Should -Be 'Sales'
        { $row | Start-GroupWritebackSync -ErrorAction Stop } |
            Should -Throw -ErrorId 'GroupNotNamed,Start-GroupWritebackSync'
    }

    It 'says so when something names no group' {
        Use-FakeScript $answers
        foreach ($command in 'Get-GroupWritebackGroup', 'Get-GroupWritebackGroupMember', 'Start-GroupWritebackSync') {
            [pscustomobject]@{ Color = 'red' } | & $command -ErrorVariable problems -ErrorAction SilentlyContinue
            $problems[0].FullyQualifiedErrorId | Should -BeLike 'GroupNotNamed*'
        }
    }

    It 'tells an unknown member group, and a foreign one, by the id of the error' {
        Use-FakeScript @{ 'group.members' = @(
            (Get-FakeError -Id 'GroupNotFound' -Category 'ObjectNotFound')
            (Get-FakeError -Id 'GroupNotLinked')
        ) }
        $problems = @()
        [void] ('nobody', $object |
            Get-GroupWritebackGroupMember -ErrorVariable problems -ErrorAction SilentlyContinue)
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'GroupNotFound*'
        $problems[1].FullyQualifiedErrorId | Should -BeLike 'GroupNotLinked*'
    }

    It 'tells of which group a member is' {
        Use-FakeScript $answers
        $member = Get-GroupWritebackGroupMember 'sales'
        $member.GroupId, $member.GroupName | Should -Be $sales, 'Sales'
        (Get-FakeJournal).params.group | Should -Be 'sales'
    }
}

Describe 'The changes of previews' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $script:history = @{
            'run.list'    = @{ result = @{ runs = @(
                (Get-FakeRun @{ id = 9; kind = 'Preview'; planId = 'plan-9' })
                (Get-FakeRun @{ id = 7 })
            ) } }
            'change.list' = @{ result = @{ changes = @((Get-FakeChange @{ reason = 'Drift'; runKind = 'Sync' })) } }
        }
    }

    It 'are no events of a history' {
        Use-FakeScript $history
        @(Get-GroupWritebackRun | Get-GroupWritebackChange | Where-Object Reason -eq Drift).Count | Should -Be 1
        (Get-FakeJournal -Method 'change.list').params.runId | Should -Be 7
    }

    It 'are shown when they are asked for, and tell their kind' {
        Use-FakeScript $history
        (Get-GroupWritebackRun | Get-GroupWritebackChange -IncludePreview).RunKind | Should -Be 'Sync', 'Sync'
        [void] (Get-GroupWritebackChange -RunId 9)
        (Get-FakeJournal -Method 'change.list').params.runId | Should -Be 9, 7, 9
    }

    It 'are left out with a word where nothing else was asked for' {
        Use-FakeScript $history
        Get-GroupWritebackRun | Select-Object -First 1 |
            Get-GroupWritebackChange -WarningVariable said -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        "$said" | Should -Match 'IncludePreview'
    }

    It 'are not those of the newest run' {
        Use-FakeScript $history
        [void] (Get-GroupWritebackChange)
        (Get-FakeJournal -Method 'run.list').params.kinds | Should -Be 'Sync', 'Group', 'Disable', 'Restore'
    }

    It 'can be those of one group' {
        Use-FakeScript ($history + @{ 'group.list' = $answers['group.list'] })
        [void] (Get-GroupWritebackGroup | Get-GroupWritebackChange -RunId 7)
        [void] (Get-GroupWritebackChange -RunId 7 -Group 'sal*')
        (Get-FakeJournal -Method 'change.list').params.group | Should -Be $sales, 'sal*'
    }
}

Describe 'Test-GroupWriteback -Quiet' -Skip:(-not $env:FAKE_ENGINE) {
    It 'says no with nothing connected' {
        Use-FakeScript @{ 'writeback.test' = @{ result = @{ checks = @(
            @{ name = 'State'; result = 'Passed' }
            @{ name = 'GraphSignIn'; result = 'Skipped'; errorId = 'NotConnected' }
        ) } } }
        Test-GroupWriteback -Quiet | Should -BeFalse
    }
}

Describe 'Another state' -Skip:(-not $env:FAKE_ENGINE) {
    It 'that cannot be used leaves the earlier one, by <Command>' -ForEach @(
        @{ Command = 'Get-GroupWriteback'; Check = 'Existing'; Parameter = @{} }
        @{
            Command   = 'Connect-GroupWriteback'
            Check     = 'Usable'
            Parameter = @{ Server = 'dc'; AuthType = 'Negotiate' }
        }
    ) {
        $script = @{
            'writeback.get' = @{ result = @{ status = 'Enabled'; settings = (Get-FakeSetting) } }
            'session.get'   = @{ result = @{} }
        }
        Use-FakeScript $script
        (Get-GroupWriteback).Status | Should -Be 'Enabled'
        $steps = @{ 'session.initialize' = @(Get-FakeError -Id 'StateNotFound' -Category 'ObjectNotFound') }
        [System.IO.File]::WriteAllText($env:FAKE_ENGINE_SCRIPT, (ConvertTo-Json -InputObject $steps -Depth 12))
        { & $Command @Parameter -StatePath (Join-Path -Path $TestDrive -ChildPath 'typo') } |
            Should -Throw -ErrorId "StateNotFound,$Command"
        (Get-GroupWriteback).Status | Should -Be 'Enabled'
        $hello = @(Get-FakeJournal -All | Where-Object -FilterScript { $_.method -eq 'session.initialize' })
        $hello.Count | Should -Be 2
        $hello[1].params.checkState | Should -Be $Check
    }
}
