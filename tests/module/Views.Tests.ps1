#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
# Tests the views as people see them. GWB_UPDATE_VIEWS=1 rewrites the files in testdata/views: review the
# difference.
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

BeforeDiscovery {
    $kinds = @(
        'Status', 'Connection', 'Check', 'Run', 'RunError', 'Total', 'GroupSync', 'GroupSyncStep', 'Change'
        'AttributeChange', 'MemberReference', 'Group', 'Member', 'Permission', 'ExchangeStep', 'AuditEntry'
        'RestoredGroup'
    )
    $cases = foreach ($kind in $kinds) { foreach ($width in 80, 100, 120) { @{ Kind = $kind; Width = $width } } }
}

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $folder = [System.IO.Path]::Combine($PSScriptRoot, 'testdata', 'views')
    $people = 'OU=People,OU=Accounts and Identities,OU=Headquarters,DC=emea,DC=contoso,DC=test'
    $rocket = [char]::ConvertFromUtf32(0x1F680)
    $family = "$([char]::ConvertFromUtf32(0x1F469))$([char]0x200D)$([char]::ConvertFromUtf32(0x1F467))"
    $arabic = -join [char[]] (0x0645, 0x0628, 0x064A, 0x0639, 0x0627, 0x062A)
    $han = -join [char[]] (0x5E02, 0x573A, 0x8425, 0x9500, 0x90E8)

    # Returns a time whose text is the same in every zone.
    function Get-Moment {
        param([string] $Local)
        ([datetime] $Local).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ', [cultureinfo]::InvariantCulture)
    }

    function Use-ViewScript {
        $none = @{ create = 0; update = 0; updateMembers = 0; delete = 0; membersAdded = 0; membersRemoved = 0 }
        $time = @{ started = Get-Moment '2026-11-05T10:00'; ended = Get-Moment '2026-11-05T10:02' }
        $runs = @(
            Get-FakeRun ($time + @{ id = 10321 })
            Get-FakeRun ($time + @{
                id = 10320; status = 'Stopped'; stopReason = 'StoppedSourceShrunk'; exported = $none
            })
            Get-FakeRun ($time + @{
                id = 10319; status = 'Partial'; stopReason = 'StoppedDeletionThreshold'
                heldBy = @('StoppedDeletionThreshold'); held = @{ delete = 600 }; exported = @{ delete = 1 }
            })
            Get-FakeRun ($time + @{
                id = 10318; kind = 'Group'; policyType = 'Delta'; groupName = "$han $rocket"; exported = $none
                status = 'Failed'; stopReason = 'DomainControllerUnreadable'
                error = @{
                    id = 'DomainControllerUnreadable'; category = 'PermissionDenied'; object = 'dc1.contoso.test'
                    message = 'The account may not read the object of the domain controller.'
                    advice = 'Give it the rights of a domain user.'
                }
            })
            Get-FakeRun @{
                id = 10317; kind = 'Preview'; status = 'Running'; started = $time.started; ended = ''; exported = $none
            }
        )
        $changes = @(
            Get-FakeChange @{
                action = 'UpdateMembers'; addCount = 12000; removeCount = 1; displayName = "Marketing EMEA $family"
                dn = "CN=Marketing EMEA_0123456789ab,$people"; reason = 'Drift'
                remove = @(@{ guid = '0b000000-0000-0000-0000-000000000002'; dn = '' })
                message = 'Changed in Active Directory at 2026-11-05 09:00:00 +01:00: 1 member added.'
                attributes = @(
                    @{ name = 'displayName'; old = @('By hand'); new = @('Marketing EMEA') }
                    @{ name = 'extensionName'; old = @('a', 'b'); new = @('b', 'c') }
                )
            }
            Get-FakeChange @{
                action = 'Skip'; outcome = 'Skipped'; displayName = ''; dn = "CN=Foreign,$people"; addCount = 0
                reason = 'SourceOfAuthorityMoved'; message = 'The group was moved to the cloud.'; attributes = @()
                add = @()
            }
        )
        $groups = @(
            @{
                id = '0a000000-0000-0000-0000-000000000001'; displayName = 'Marketing and Sales of the whole company'
                dn = "CN=Group_0a000000-0000-0000-0000-000000000001,$people"; situation = 'Linked'; members = 250000
                unwritten = 1; lastAction = 'UpdateMembers'; lastOutcome = 'Unknown'; mail = 'sales@contoso.test'
                quarantine = @{
                    tries = 12; message = 'Access denied.'; since = Get-Moment '2026-11-05T10:00'
                    next = Get-Moment '2026-11-05T14:00'
                }
            }
            @{
                id = '0a000000-0000-0000-0000-000000000002'; displayName = "$arabic $han $rocket"
                situation = 'Unlinked'; members = 1; unwritten = 1; lastAction = 'Create'; lastOutcome = 'Failed'
                hold = @{
                    reason = 'Suspended'; account = 'CONTOSO\anna'; since = Get-Moment '2026-11-05T10:00'
                    comment = "Migration of the file servers $han"; until = Get-Moment '2026-11-08T10:00'
                }
            }
            @{ displayName = ''; dn = "CN=Foreign,$people"; situation = 'Unmatched'; members = 3 }
        )
        $members = @(
            @{ id = '0b000000-0000-0000-0000-000000000001'; name = 'alexandra.katharina@emea.contoso.test'
                kind = 'User'; dn = "CN=Alexandra,$people"; targetGuid = '0c000000-0000-0000-0000-000000000001' }
            @{ id = '0b000000-0000-0000-0000-000000000002'; name = ''; kind = 'Device'; reason = 'NoAccount' }
            @{ id = '0b000000-0000-0000-0000-000000000003'; name = "$han $family"; kind = 'User'
                reason = 'LimitedInformation' }
        )
        $who = @{
            time = $time.started; account = 'CONTOSO\svc-gwb$'; accountSid = 'S-1-5-21-1-2-3-1104'; computer = 'SYNC01'
            client = 'GroupWriteback/1.0.0 PowerShell/7.4.6 (ConsoleHost)'; directoryAccount = 'CONTOSO\svc-gwb$'
            appId = '33333333-3333-3333-3333-333333333333'
        }
        $entries = @(
            $who + @{
                id = '20261105-5'; event = 'RunEnded'; object = $people; runId = 10319
                errorId = 'StoppedDeletionThreshold'; message = 'Held back: 600 deletions.'; changes = @(
                    @{ name = 'kind'; new = 'Sync' }, @{ name = 'status'; new = 'Partial' }
                    @{ name = 'exported.delete'; new = '1' }
                )
            }
            $who + @{
                id = '20261105-4'; event = 'SettingsChanged'; from = 'SSH from 192.0.2.1'; more = 2; changes = @(
                    @{ name = 'runHistoryDays'; old = '30'; new = '90' }
                    @{ name = 'scope.filter'; new = "mail -ne '$rocket $family' -and displayName -like 'Marketing*'" }
                    @{ name = 'scope.groupIds'; old = '0a000000-0000-0000-0000-000000000001' }
                    @{ name = 'scope.groupIds'; new = '0a000000-0000-0000-0000-000000000002' }
                )
            }
            $who + @{
                id = '20261105-3'; event = 'RightsGranted'; object = $people; changes = @(@{ name = 'svc-gwb'
                    new = '(OA;CIIO;WP;bf9679c0-0de6-11d0-a285-00aa003049e2;;S-1-5-21-1-2-3-1104)' })
            }
            @{ id = '20261105-2'; event = 'Unreadable'; time = $time.started
                object = '/state/audit/audit-20261105.jsonl'; message = 'Line 2 cannot be read: it is not an entry.' }
        )
        Use-FakeScript @{
            'writeback.get'  = @{ result = @{
                settings = (Get-FakeSetting); status = 'Enabled'; groups = 3; nextPolicyType = 'Delta'
                statePath = '/state'; lastRun = $runs[0]
            } }
            'session.get'    = @{ result = @{
                source = @{ tenantId = '11111111-1111-1111-1111-111111111111'; tenantName = 'Contoso'
                    roles = @('GroupMember.Read.All', 'User.Read.All') }
                target = @{ domain = 'contoso.test'; server = 'dc1.contoso.test'; account = 'svc-gwb@contoso.test' }
            } }
            'writeback.test' = @{ result = @{ checks = @(
                @{ name = 'State'; result = 'Passed'; message = 'The state can be used.' }
                @{ name = 'HiddenMembershipPermission'; result = 'Failed'; errorId = 'PermissionMissing'
                    message = 'The token lacks Member.Read.Hidden.'; advice = 'Grant it to the application.' }
            ) } }
            'group.restore' = @{ result = @{ run = (Get-FakeRun @{ id = 9; kind = 'Restore' }); groups = @(
                @{ id = '0a000000-0000-0000-0000-000000000001'; displayName = "Marketing EMEA $family"
                    targetGuid = '0c000000-0000-0000-0000-000000000001'; dn = "CN=Marketing EMEA_0123456789ab,$people"
                    way = 'Tombstone'; outcome = 'Done'; members = 12000; lost = @('memberOf', 'info'); held = $true
                    path = '/var/lib/groupwriteback/undo/20261201T033128Z-run-7.ldif'; errorId = ''; message = '' }
                @{ id = '0a000000-0000-0000-0000-000000000002'; displayName = "$han $rocket"; way = ''
                    targetGuid = '0c000000-0000-0000-0000-000000000002'; dn = "CN=$han,$people"; outcome = 'Failed'
                    members = 0; lost = @(); held = $false; errorId = 'NameClash'
                    path = '/var/lib/groupwriteback/undo/20261201T033128Z-run-7.ldif'
                    message = 'CN=thief,DC=contoso,DC=test: This object has a name of the group now.' }
            ) } }
            'permission.get' = @{ result = @{
                account = @{ sid = 'S-1-5-21-1-2-3-1104'; name = 'svc-gwb' }
                containers = @(
                @{ dn = $people; before = 'D:'; after = 'D:'; warnings = @(); entries = @(
                    @{ state = 'Present'; words = 'Allow svc-gwb to write member, on group objects below.'
                        sddl = '(OA;CIIO;WP;bf9679c0-0de6-11d0-a285-00aa003049e2;;S-1-5-21-1-2-3-1104)' }
                    @{ state = 'Missing'; along = @('homePhone', 'legacyExchangeDN')
                        words = 'Allow svc-gwb to write the property set Public-Information, on group objects below.'
                        sddl = '(OA;CIIO;WP;e48d0154-bcf8-11d1-8702-00c04fb96050;;S-1-5-21-1-2-3-1104)' }
                ) }
            ) } }
            'exchange.steps' = @{ result = @{ steps = @(
                @{ kind = 'AcceptedDomain'; object = 'groups.contoso.test'; groups = 12
                    message = 'The domain groups.contoso.test of 12 groups is not accepted.'
                    command = "New-AcceptedDomain -Name 'groups.contoso.test' -DomainType InternalRelay" }
                @{ kind = 'Warning'; object = 'Contoso'; groups = 0; message = 'Not checked.' }
            ) } }
            'exchange.recipients' = @{ result = @{ steps = @(
                @{ kind = 'UpdateRecipient'; object = 'CN=Sales,OU=Writeback,DC=contoso,DC=test'; groups = 1
                    message = 'CN=Sales,OU=Writeback,DC=contoso,DC=test was changed by run 7.'; runId = 7
                    command = "Update-Recipient -Identity 'CN=Sales,OU=Writeback,DC=contoso,DC=test'"
                    groupId = '0a000000-0000-0000-0000-000000000001'
                    targetGuid = '0c000000-0000-0000-0000-000000000001' }
            ) } }
            'run.list'       = @{ result = @{ runs = $runs } }
            'audit.list'     = @{ result = @{ entries = $entries } }
            'change.list'    = @{ result = @{ changes = $changes } }
            'group.list'     = @{ result = @{ groups = $groups } }
            'group.members'  = @{ result = @{ members = $members } }
            'group.get'      = @{ result = $groups[0] }
            'sync.group'     = @{ result = (Get-FakeGroupSync) }
        }
    }

    function Get-GroupId { '0a000000-0000-0000-0000-000000000001', '0a000000-0000-0000-0000-000000000002' }

    function Get-Sample {
        param([string] $Kind)
        switch ($Kind) {
            'Status' { Get-GroupWriteback }
            'Connection' { (Get-GroupWriteback).Connection }
            'Check' { Test-GroupWriteback }
            'Permission' { Get-GroupWritebackPermission }
            'RestoredGroup' { Restore-GroupWritebackGroup -RunId 7 -Confirm:$false -ErrorAction SilentlyContinue }
            'Run' { Get-GroupWritebackRun }
            'AuditEntry' { Get-GroupWritebackAudit }
            'RunError' { (Get-GroupWritebackRun).Error }
            'Total' { (Get-GroupWritebackRun)[0].Exported }
            'GroupSync' { Start-GroupWritebackSync -Group Sales }
            'GroupSyncStep' { (Start-GroupWritebackSync -Group Sales).Steps }
            'Change' { Get-GroupWritebackChange -RunId 7 }
            'AttributeChange' { (Get-GroupWritebackChange -RunId 7)[0].Attributes }
            'MemberReference' { (Get-GroupWritebackChange -RunId 7)[0].AddMembers }
            'Group' { Get-GroupWritebackGroup }
            'ExchangeStep' { Get-GroupWritebackExchangeStep }
            'Member' { Get-GroupId | ForEach-Object -Process { Get-GroupWritebackGroupMember $_ } }
        }
    }

    # Returns the objects as a table and a list of the given width, without the escape sequences for a terminal.
    function Get-Shown {
        param($Sample, [int] $Width)
        $before = [cultureinfo]::CurrentCulture
        [cultureinfo]::CurrentCulture = [cultureinfo]::InvariantCulture
        try {
            $text = @(
                $Sample | Format-Table | Out-String -Width $Width
                $Sample | Format-List | Out-String -Width $Width
            ) -join ''
        }
        finally { [cultureinfo]::CurrentCulture = $before }
        # A list names the time zone, which differs between machines.
        $text = $text -replace '(?m)^((?:Started|Ended|Time)\s+: .*)[+-]\d\d:\d\d(?=\r?$)', '$1+00:00'
        $lines = $text -replace '\x1b\[[\d;]*m' -split '\r?\n' | ForEach-Object -Process { $_.TrimEnd() }
        ($lines -join "`n").Trim("`n") -replace '\n{3,}', "`n`n"
    }
}

AfterAll { Clear-FakeScript }

Describe 'The view of <Kind> in <Width> columns' -ForEach $cases -Skip:(-not $env:FAKE_ENGINE) {
    It 'is as it was looked at' {
        Use-ViewScript
        $sample = @(Get-Sample -Kind $Kind -WarningAction SilentlyContinue | Where-Object { $null -ne $_ })
        $sample[0].PSObject.TypeNames[0] | Should -Be "GroupWriteback.$Kind"
        $shown = Get-Shown -Sample $sample -Width $Width
        $file = Join-Path -Path $folder -ChildPath "$Kind-$Width.txt"
        if ($env:GWB_UPDATE_VIEWS) { [System.IO.File]::WriteAllText($file, "$shown`n") }
        $expected = [System.IO.File]::ReadAllText($file).TrimEnd() -replace '\r'
        $shown | Should -BeExactly $expected
        $shown | Should -Not -Match '@\{|System\.Object|GroupWriteback\.\w+$'
    }
}

Describe 'Tables' -Skip:(-not $env:FAKE_ENGINE) {
    It 'of <_> have the same columns in 80 as in 200' -ForEach @(
        'Status', 'Connection', 'Check', 'Run', 'RunError', 'Total', 'GroupSync', 'GroupSyncStep', 'Change'
        'AttributeChange', 'MemberReference', 'Group', 'Member', 'Permission', 'ExchangeStep', 'AuditEntry'
        'RestoredGroup'
    ) {
        Use-ViewScript
        $sample = @(Get-Sample -Kind $_ | Where-Object { $null -ne $_ })
        $heads = foreach ($width in 80, 200) {
            $line = @((Get-Shown -Sample $sample -Width $width) -split '\n' -match '^\s*-+(\s+-+)*$')[0]
            @($line.Trim() -split '\s+').Count
        }
        $heads[0] | Should -Be $heads[1]
    }

    It 'break no name of a reason in <_> columns' -ForEach 80, 100, 120 {
        Use-ViewScript
        $runs = (Get-GroupWritebackRun | Out-String -Width $_) -replace '\x1b\[[\d;]*m'
        $runs | Should -Match '\bStoppedSourceShrunk\b'
        ($runs -replace '\s+', ' ') | Should -Match 'Stopped Deletion Threshold'
        $changes = (Get-GroupWritebackChange -RunId 7 | Out-String -Width $_) -replace '\x1b\[[\d;]*m'
        $changes | Should -Match '\bSourceOfAuthorityMoved\b'
        $members = (Get-Sample -Kind Member | Out-String -Width $_) -replace '\x1b\[[\d;]*m'
        $members | Should -Match '\bLimitedInformation\b'
        @([regex]::Matches($members, '(?m)^\s+Group: ')).Count | Should -Be 2
    }
}

Describe 'A change' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach {
        Use-ViewScript
        $change = @(Get-GroupWritebackChange -RunId 7)[0]
    }

    It 'is whole in the JSON of the default depth' {
        $json = $change | ConvertTo-Json -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
        $read = $json | ConvertFrom-Json
        $read.Attributes[0].Name, $read.Attributes[0].Old, $read.Attributes[0].New |
            Should -Be 'displayName', 'By hand', 'Marketing EMEA'
        $read.Attributes[1].Old, $read.Attributes[2].New | Should -Be 'a', 'c'
        $null -eq $read.Attributes[1].New | Should -BeTrue
        $read.AddMembers[0].DistinguishedName | Should -Be 'CN=user0001,OU=People,DC=contoso,DC=test'
    }

    It 'is readable where JSON, a string or a list of properties cuts it' {
        $json = Get-GroupWritebackChange -RunId 7 | ConvertTo-Json -WarningAction SilentlyContinue
        $json | Should -Not -Match '@\{'
        ($json | ConvertFrom-Json)[0].Attributes[0] | Should -Be 'displayName: By hand -> Marketing EMEA'
        ($json | ConvertFrom-Json)[0].RemoveMembers[0] | Should -Be '0b000000-0000-0000-0000-000000000002'
        $list = $change | Format-List -Property AddMembers, RemoveMembers, Attributes | Out-String -Width 200
        $list | Should -Match 'AddMembers\s+: \{CN=user0001,OU=People,DC=contoso,DC=test\}'
        "$($change.Attributes[0])" | Should -Be 'displayName: By hand -> Marketing EMEA'
    }
}

Describe 'A run' -Skip:(-not $env:FAKE_ENGINE) {
    It 'is whole in the JSON of the default depth' {
        Use-ViewScript
        $json = @(Get-GroupWritebackRun)[3] | ConvertTo-Json -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
        ($json | ConvertFrom-Json).Error.Id | Should -Be 'DomainControllerUnreadable'
    }
}

Describe 'Numbers' -Skip:(-not $env:FAKE_ENGINE) {
    It 'of one are singular: <Failed> and <Unknown>' -ForEach @(
        @{ Failed = 1; Unknown = 0; Expected = '1 change failed, 0 members could' }
        @{ Failed = 2; Unknown = 1; Expected = '2 changes failed, 1 member could' }
    ) {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun @{
            status = 'Partial'; failed = $Failed; unknownMembers = $Unknown
        }) } }
        $quiet = @{ WarningAction = 'SilentlyContinue'; ErrorAction = 'SilentlyContinue' }
        [void] (Start-GroupWritebackSync -WarningVariable warnings @quiet)
        [string] $warnings | Should -Match $Expected
    }

    It 'are never given as thing(s)' {
        $base = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'module')
        Get-ChildItem -LiteralPath $base -Recurse -Include '*.ps1', '*.psm1', '*.ps1xml' |
            Select-String -Pattern '\w\(e?s\)' | Should -BeNullOrEmpty
    }
}
