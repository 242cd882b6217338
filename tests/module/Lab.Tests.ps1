#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
# Tests the module with the real engine, a real directory and the simulated tenant:
# tests/lab/run -- pwsh tests/module/run.ps1
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeDiscovery {
    $noLab = $env:GWB_LAB -ne '1' -or -not $env:GWB_LAB_TENANT_ID
    $noExchange = $noLab -or $env:GWB_LAB_SCHEMA -ne 'exchange'
}

BeforeAll {
    if ($env:GWB_LAB -ne '1') { return }
    . (Join-Path -Path $PSScriptRoot -ChildPath 'Lab.ps1')
    Import-Module -Name ([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')) -Force
    $container = $env:GWB_LAB_CONTAINER
    $tenant = @{
        TenantId = $env:GWB_LAB_TENANT_ID
        Authority = $env:GWB_LAB_TENANT_AUTHORITY
        GraphEndpoint = $env:GWB_LAB_TENANT_GRAPH
        TenantCAFile = $env:GWB_LAB_TENANT_CA
    }
    $application = @{
        ClientSecretCredential =
            Get-LabCredential -Name $env:GWB_LAB_TENANT_CLIENT_ID -Text $env:GWB_LAB_TENANT_CLIENT_SECRET
    }
    $server = @{ Server = $env:GWB_LAB_SERVER; DirectoryCAFile = $env:GWB_LAB_CA }
    $account = @{ Credential = Get-LabCredential -Name $env:GWB_LAB_USER -Text $env:GWB_LAB_PASSWORD }
}

AfterAll {
    Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue
}

Describe 'A first installation' -Skip:$noExchange {
    BeforeAll {
        Invoke-Tenant reset
        $state = @{ StatePath = Join-Path -Path $TestDrive -ChildPath 'first' }
        $before = Get-LabDump
    }

    It 'begins with nothing' {
        { Get-GroupWriteback @state } | Should -Throw -ErrorId 'StateNotFound,Get-GroupWriteback'
        Test-Path -LiteralPath $state.StatePath | Should -BeFalse -Because 'who reads makes nothing'
    }

    It 'connects both sides' {
        $connection = Connect-GroupWriteback @tenant @application @server @account @state
        $connection.TenantId | Should -Be $env:GWB_LAB_TENANT_ID
        $connection.Roles | Should -Contain 'User.Read.All'
        $connection.Domain | Should -Be $env:GWB_LAB_DOMAIN
        $connection.Server | Should -Be $env:GWB_LAB_SERVER
        (Get-GroupWriteback).StatePath | Should -Be $state.StatePath
    }

    It 'passes the prerequisites' {
        $checks = Test-GroupWriteback -TargetContainer $container
        $checks.Name | Should -Be @(
            'State'
            'GraphSignIn'
            'GraphPermission'
            'DeletedGroupPermission'
            'HiddenMembershipPermission'
            'GraphPrivilege'
            'ConnectWriteback'
            'DirectoryBind'
            'Container'
            'ContainerRight'
            'ForeignGroup'
            'GroupRight'
            'SurplusRight'
            'OtherWriter'
            'AccountPrivilege'
            'OutsideRight'
            'CloudAuthority'
            'DeletedObject'
            'Schema'
            'Exchange'
            'MailAttribute'
            'AddressList'
            'RoutingDomain'
        )
        @($checks | Where-Object -FilterScript { $_.Result -eq 'Failed' }).Name | Should -BeNullOrEmpty
        # One account besides the service account has the same rights.
        ($checks | Where-Object -FilterScript { $_.Name -eq 'OtherWriter' }).Message |
            Should -Match 'svc-gwb-deleted \(creates and changes'
        foreach ($name in @(
                'GraphPrivilege'
                'GroupRight'
                'AccountPrivilege'
                'OutsideRight'
                'Exchange'
                'MailAttribute'
                'AddressList'
                'RoutingDomain')) {
            ($checks | Where-Object -FilterScript { $_.Name -eq $name }).Result | Should -Be 'Passed'
        }
    }

    It 'shows what Enable would lead to, and does nothing' {
        $planned = @(Enable-GroupWriteback $container -MailRecipient MailOnly -WhatIf)
        @($planned | Where-Object -FilterScript { $_.Action -eq 'Create' }).Count | Should -Be 11
        ($planned | Where-Object -FilterScript { $_.Action -eq 'Skip' }).Reason | Should -Be 'HiddenMembership'
        (Get-GroupWriteback).Status | Should -Be 'NotConfigured'
        Get-LabDump | Should -Be $before
    }

    It 'is enabled' {
        (Enable-GroupWriteback $container -MailRecipient MailOnly -PassThru).Status | Should -Be 'Enabled'
        $status = Get-GroupWriteback
        $status.NextPolicyType | Should -Be 'Initial'
        $status.TargetContainer | Should -Be $container
        Get-LabDump | Should -Be $before
    }

    It 'previews the sync' {
        @(Start-GroupWritebackSync -WhatIf | Where-Object -FilterScript { $_.Action -eq 'Create' }).Count |
            Should -Be 11
        Get-LabDump | Should -Be $before
    }

    It 'writes the groups' {
        $run = Start-GroupWritebackSync
        $run.Status | Should -Be 'Complete'
        $run.PolicyType | Should -Be 'Initial'
        $run.Exported.Create | Should -Be 11
        @($run | Get-GroupWritebackChange -Action Create -Outcome Done).Count | Should -Be 11
        $group = Get-LabObject -Filter '(cn=Group_10000000-0000-4000-8000-000000000001)'
        @($group.member).Count | Should -Be 10
        $group.groupType | Should -Be '8'
        $group.displayName | Should -Be 'All Company'
        $group.mail | Should -Be 'allcompany@contoso.onmicrosoft.com'
        @(Get-LabObject -Filter '(objectClass=group)' -Base $container).Count | Should -Be 11
    }

    It 'writes nothing again' {
        $run = Start-GroupWritebackSync
        $run.Status | Should -Be 'Complete'
        foreach ($action in 'Create', 'Update', 'UpdateMembers', 'Move', 'Delete') {
            $run.Exported.$action | Should -Be 0 -Because $action
        }
    }

    It 'knows the groups, and why members are missing' {
        $group = Get-GroupWritebackGroup 'all comp*'
        $group.Situation | Should -Be 'Linked'
        $group.Members | Should -Be 10
        $group.Unwritten | Should -Be 1
        ($group | Get-GroupWritebackGroupMember | Where-Object -FilterScript { $_.Reason }).Reason |
            Should -Be 'CloudOnly'
        @(Get-GroupWritebackGroup 'Project').Count | Should -Be 2
        (Get-GroupWritebackGroup -Id $group.TargetGuid).Id | Should -Be $group.Id
        @(Get-GroupWritebackGroup 'Cloud people only' | Get-GroupWritebackGroupMember).Reason | Sort-Object -Unique |
            Should -Be 'CloudOnly', 'Guest'
    }

    It 'follows a change in the tenant' {
        Invoke-Tenant patch-group @{
            id = '10000000-0000-4000-8000-000000000004'
            set = @{ displayName = 'Project Alpha' }
        }
        Invoke-Tenant add-member @{ group = '10000000-0000-4000-8000-000000000004'; member = 'user0007' }
        Invoke-Tenant remove-member @{ group = '10000000-0000-4000-8000-000000000001'; member = 'user0001' }
        $run = Start-GroupWritebackSync
        $run.Status | Should -Be 'Complete'
        $group = Get-LabObject -Filter '(cn=Group_10000000-0000-4000-8000-000000000004)'
        $group.displayName | Should -Be 'Project Alpha'
        @($group.member).Count | Should -Be 2
        @((Get-LabObject -Filter '(cn=Group_10000000-0000-4000-8000-000000000001)').member).Count | Should -Be 9
        $changes = @($run | Get-GroupWritebackChange)
        @($changes | Where-Object -FilterScript { $_.RemoveCount }).RemoveMembers.DistinguishedName |
            Should -Be "CN=user0001,$env:GWB_LAB_PEOPLE"
    }

    It 'removes a group that the tenant has deleted for good' {
        Invoke-Tenant delete-group @{ id = '10000000-0000-4000-8000-000000000008' }
        Invoke-Tenant purge-group @{ id = '10000000-0000-4000-8000-000000000008' }
        (Start-GroupWritebackSync).Exported.Delete | Should -Be 1
        @(Get-LabObject -Filter '(objectClass=group)' -Base $container).Count | Should -Be 10
    }

    It 'changes settings' {
        $status = Set-GroupWriteback -DeletionThreshold 5 -RunHistoryDays 90 -PassThru
        $status.DeletionThreshold | Should -Be 5
        $status.RunHistoryDays | Should -Be 90
        $status.DeletionThresholdPercent | Should -Be 10
    }

    It 'holds back at the threshold, and passes with consent' {
        foreach ($id in 1, 2, 3, 4, 5, 6) {
            Invoke-Tenant delete-group @{ id = "10000000-0000-4000-8000-00000000000$id" }
            Invoke-Tenant purge-group @{ id = "10000000-0000-4000-8000-00000000000$id" }
        }
        [void] (Set-GroupWriteback -SourceShrinkThresholdPercent 0)
        $quiet = @{ WarningAction = 'SilentlyContinue'; ErrorAction = 'SilentlyContinue' }
        $run = Start-GroupWritebackSync -ErrorVariable problems @quiet
        $run.Status | Should -Be 'Partial'
        $run.Held.Delete | Should -Be 6
        $run.StopReason | Should -Be 'StoppedDeletionThreshold'
        $problems[0].FullyQualifiedErrorId | Should -Be 'StoppedDeletionThreshold,Start-GroupWritebackSync'
        @(Get-LabObject -Filter '(objectClass=group)' -Base $container).Count | Should -Be 10
        (Start-GroupWritebackSync -AllowOnce $run.PlanId).Exported.Delete | Should -Be 6
        { Start-GroupWritebackSync -AllowOnce $run.PlanId } |
            Should -Throw -ErrorId 'PlanAlreadyUsed,Start-GroupWritebackSync'
        { Start-GroupWritebackSync -AllowOnce 'none' } | Should -Throw -ErrorId 'PlanNotFound,Start-GroupWritebackSync'
    }

    It 'shows what Disable would delete' {
        $planned = @(Disable-GroupWriteback -WhatIf)
        $planned.Count | Should -Be 4
        $planned.Action | Sort-Object -Unique | Should -Be 'Delete'
        (Get-GroupWriteback).Status | Should -Be 'Enabled'
    }

    It 'is disabled by the next sync, and leaves the directory as it was' {
        Disable-GroupWriteback -Confirm:$false
        $status = Get-GroupWriteback
        $status.Status | Should -Be 'DisablePending'
        $status.DisablePending | Should -Be 4
        (Start-GroupWritebackSync).Exported.Delete | Should -Be 4
        (Get-GroupWriteback).Status | Should -Be 'Disabled'
        Get-LabDump | Should -Be $before
    }

    It 'has a history' {
        $runs = @(Get-GroupWritebackRun)
        $runs.Count | Should -BeGreaterThan 8
        $runs[0].Id | Should -BeGreaterThan $runs[1].Id
        (Get-GroupWritebackRun -Last 1).Kind | Should -Be 'Disable'
        (Get-GroupWritebackRun -Id $runs[-1].Id).Kind | Should -Be 'Preview'
    }
}

Describe 'Syncs of what has changed, and of one group' -Skip:$noLab {
    BeforeAll {
        Invoke-Tenant reset
        $state = @{ StatePath = Join-Path -Path $TestDrive -ChildPath 'delta' }
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Enable-GroupWriteback $container -NameFormat DisplayName -ExcludeMailAttribute
        # These two groups have the same name.
        $ids = '10000000-0000-4000-8000-000000000004', '10000000-0000-4000-8000-000000000005'
        function Get-Written {
            param([string] $Id)
            Get-LabObject -Base $container -Filter "(adminDescription=Group_$Id)"
        }
        function Get-ExportedCount {
            param($Run)
            $exported = $Run.Exported
            $exported.Create + $exported.Update + $exported.UpdateMembers + $exported.Move + $exported.Delete
        }
    }

    AfterAll {
        if ($env:GWB_LAB -eq '1') {
            Disable-GroupWriteback -StartSync -Confirm:$false | Out-Null
            Disconnect-GroupWriteback
        }
    }

    It 'begin with everything, and go on with what has changed' {
        $status = Get-GroupWriteback
        $status.NextPolicyType, $status.NextPolicyReason | Should -Be 'Initial', 'first'
        $run = Start-GroupWritebackSync
        $run.PolicyType, $run.PolicyReason | Should -Be 'Initial', 'first'
        $run.Exported.Create | Should -Be 11
        $status = Get-GroupWriteback
        $status.NextPolicyType, $status.NextPolicyReason | Should -Be 'Delta', ''
        $status.PendingGroups | Should -Be 0
        $run = Start-GroupWritebackSync
        $run.PolicyType, $run.PolicyReason | Should -Be 'Delta', ''
        Get-ExportedCount $run | Should -Be 0
    }

    It 'are of everything when that is asked for' {
        $run = Start-GroupWritebackSync -PolicyType Initial
        $run.PolicyType, $run.PolicyReason | Should -Be 'Initial', 'requested'
        (Start-GroupWritebackSync).PolicyType | Should -Be 'Delta'
    }

    It 'accept -SkipReplicationCheck' {
        (Start-GroupWritebackSync -SkipReplicationCheck).Status | Should -Be 'Complete'
        (Start-GroupWritebackSync -Group $ids[0] -SkipReplicationCheck).Status | Should -Be 'Complete'
    }

    It 'preview what has changed, and write nothing' {
        Invoke-Tenant add-member @{ group = $ids[1]; member = 'user0009' }
        $before = Get-LabDump
        $planned = @(Start-GroupWritebackSync -WhatIf)
        $planned.Count | Should -Be 1
        $planned[0].Action, $planned[0].SourceId, $planned[0].AddCount | Should -Be 'UpdateMembers', $ids[1], 1
        $preview = Get-GroupWritebackRun -Last 1
        $preview.Kind, $preview.PolicyType | Should -Be 'Preview', 'Delta'
        Get-LabDump | Should -Be $before
        (Start-GroupWritebackSync).Exported.MembersAdded |
            Should -Be 1 -Because 'a preview takes nothing from the next sync'
    }

    It 'tell what somebody has changed by hand, and put it right' {
        $id = '10000000-0000-4000-8000-000000000001'
        $dn = (Get-Written $id).dn
        $change = @(
            "dn: $dn"
            'changetype: modify'
            'replace: displayName'
            'displayName: By hand'
            '-'
            'add: member'
            "member: CN=user0020,$env:GWB_LAB_PEOPLE"
            '-'
            'delete: member'
            "member: CN=user0001,$env:GWB_LAB_PEOPLE"
        )
        [void] (Invoke-LabLdap -Command ldapmodify -Text ($change -join "`n"))
        $run = Start-GroupWritebackSync
        $run.Status, $run.PolicyType | Should -Be 'Complete', 'Delta'
        $run.DriftedGroups | Should -Be 1
        $changes = @($run | Get-GroupWritebackChange)
        $changes.Action | Should -Be 'Update', 'UpdateMembers'
        $changes.SourceId | Sort-Object -Unique | Should -Be $id
        $changes.Reason | Sort-Object -Unique | Should -Be 'Drift'
        $changes[0].Message | Should -Match 'displayName; 1 member added, 1 removed\.$'
        $changes[0].Attributes.Old | Should -Be 'By hand'
        $changes[0].Attributes.New | Should -Be 'All Company'
        $changes[1].AddMembers.DistinguishedName | Should -Be "CN=user0001,$env:GWB_LAB_PEOPLE"
        $changes[1].RemoveMembers.DistinguishedName | Should -Be "CN=user0020,$env:GWB_LAB_PEOPLE"
        $group = Get-Written $id
        $group.displayName | Should -Be 'All Company'
        $group.member | Should -Contain "CN=user0001,$env:GWB_LAB_PEOPLE"
        $group.member | Should -Not -Contain "CN=user0020,$env:GWB_LAB_PEOPLE"
        (Start-GroupWritebackSync).DriftedGroups | Should -Be 0
    }

    It 'come back to a group that is held up, until it can be written' {
        $id = '10000000-0000-4000-8000-0000000000d1'
        Add-LabGroup -Dn "CN=taken,$env:GWB_LAB_OTHER" -Attribute @{ sAMAccountName = "Group_$id" }
        try {
            Invoke-Tenant put-group @{
                id = $id
                displayName = 'Held up'
                mailNickname = 'heldup'
                groupTypes = @('Unified')
                mailEnabled = $true
                securityEnabled = $false
                members = @('user0001')
            }
            $run = Start-GroupWritebackSync -WarningAction SilentlyContinue
            ($run | Get-GroupWritebackChange -Action Skip).Reason | Should -Be 'NameClash'
            $status = Get-GroupWriteback
            $status.PendingGroups, $status.NextPolicyType | Should -Be 1, 'Delta'
        }
        finally { [void] (Invoke-LabLdap -Command ldapdelete -Argument "CN=taken,$env:GWB_LAB_OTHER") }
        $run = Start-GroupWritebackSync
        $run.PolicyType, $run.Exported.Create | Should -Be 'Delta', 1
        (Get-GroupWriteback).PendingGroups | Should -Be 0
    }

    It 'are of one group by <Name>' -ForEach @(
        @{ Name = 'its id'; Group = '10000000-0000-4000-8000-000000000004'; Title = 'Project one' }
        @{ Name = 'its name, whatever its case'; Group = 'project two'; Title = 'Project Two' }
    ) {
        Invoke-Tenant patch-group @{ id = $ids[0]; set = @{ displayName = $Title } }
        Invoke-Tenant patch-group @{ id = $ids[1]; set = @{ description = "beside $Title" } }
        $sync = Start-GroupWritebackSync -Group $Group
        $sync.GroupId, $sync.DisplayName, $sync.Status | Should -Be $ids[0], $Title, 'Complete'
        $sync.Steps.Name | Should -Be 'Import', 'Scope', 'Join', 'Members', 'Action'
        $sync.Steps.Result | Sort-Object -Unique | Should -Be 'Passed'
        $sync.Steps[4].Message | Should -Match '^Update \(.*displayName'
        $sync.Run.Kind, $sync.Run.Exported.Update | Should -Be 'Group', 1
        $recorded = Get-GroupWritebackRun $sync.RunId
        $recorded.GroupId, $recorded.GroupName | Should -Be $ids[0], $Title
        ($sync | Get-GroupWritebackChange).SourceId | Should -Be $ids[0]
        (Get-Written $ids[0]).displayName | Should -Be $Title
        (Get-Written $ids[1]).description | Should -Not -Be "beside $Title" -Because 'it is another group'
        $run = Start-GroupWritebackSync
        @($run | Get-GroupWritebackChange).SourceId |
            Should -Be $ids[1] -Because 'the sync of one group leaves the next sync what it would have read'
    }

    It 'are of each group that comes down the pipeline' {
        foreach ($id in $ids) { Invoke-Tenant patch-group @{ id = $id; set = @{ description = 'by pipeline' } } }
        $syncs = @(Get-GroupWritebackGroup -Id $ids | Start-GroupWritebackSync)
        $syncs.GroupId | Should -Be $ids
        $syncs.Status | Sort-Object -Unique | Should -Be 'Complete'
        foreach ($id in $ids) { (Get-Written $id).description | Should -Be 'by pipeline' }
    }

    It 'of a group that is not there is an error, and the others go on' {
        $syncs = @(
            Start-GroupWritebackSync -Group 'Nobody', $ids[0] -ErrorVariable problems -ErrorAction SilentlyContinue
        )
        $syncs.GroupId | Should -Be $ids[0]
        $problems.FullyQualifiedErrorId | Should -Be 'GroupNotFound,Start-GroupWritebackSync'
        $problems[0].TargetObject | Should -Be 'Nobody'
        $problems[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        { Start-GroupWritebackSync -Group 'Nobody' -ErrorAction Stop } |
            Should -Throw -ErrorId 'GroupNotFound,Start-GroupWritebackSync'
    }

    It 'of a name that several groups have is an error that names them' {
        foreach ($id in $ids) { Invoke-Tenant patch-group @{ id = $id; set = @{ displayName = 'Twice' } } }
        Start-GroupWritebackSync -Group 'Twice' -ErrorVariable problems -ErrorAction SilentlyContinue |
            Should -BeNullOrEmpty
        $problems[0].FullyQualifiedErrorId | Should -Be 'GroupAmbiguous,Start-GroupWritebackSync'
        foreach ($id in $ids) { $problems[0].Exception.Message | Should -Match $id }
    }

    It 'of one group write nothing with -WhatIf' {
        Invoke-Tenant patch-group @{ id = $ids[0]; set = @{ displayName = 'Only planned' } }
        $before = Get-LabDump
        $sync = Start-GroupWritebackSync -Group 'Only planned' -WhatIf
        $sync.Steps[-1].Name, $sync.Steps[-1].Result | Should -Be 'Action', 'Passed'
        $sync.Steps[-1].Message | Should -Match '^Would: Update'
        $sync.Run.Kind | Should -Be 'Preview'
        $sync.Run.Planned.Update, $sync.Run.Exported.Update | Should -Be 1, 0
        ($sync | Get-GroupWritebackChange).Outcome | Should -Be 'Pending'
        Get-LabDump | Should -Be $before
    }

    It 'of a group that cannot be written say why' {
        $sync = Start-GroupWritebackSync -Group 'Board (hidden membership)'
        ($sync.Steps | Where-Object -FilterScript { $_.Name -eq 'Action' }).Message |
            Should -Match '-IncludeHiddenMembership'
        Get-ExportedCount $sync.Run | Should -Be 0
    }

    It 'read everything once after -Filter was changed' {
        Set-GroupWriteback -Filter "displayName -like 'All*'"
        $status = Get-GroupWriteback
        $status.Filter | Should -Be "displayName -like 'All*'"
        $status.NextPolicyType, $status.NextPolicyReason | Should -Be 'Initial', 'SettingsChanged'
        $run = Start-GroupWritebackSync
        $run.PolicyType, $run.PolicyReason, $run.SourceGroups | Should -Be 'Initial', 'SettingsChanged', 1
        @($run | Get-GroupWritebackChange).Reason | Sort-Object -Unique | Should -Be 'OutOfScope'
        Get-ExportedCount $run | Should -Be 0 -Because 'groups out of scope stay as they are'
        (Start-GroupWritebackSync).PolicyType | Should -Be 'Delta'
        (Start-GroupWritebackSync -Group $ids[0]).Steps[1].Result | Should -Be 'Skipped'
    }

    It 'refuse a filter that cannot be understood' {
        { Set-GroupWriteback -Filter "displayName -like 'All*' -and" } |
            Should -Throw -ErrorId 'FilterInvalid,Set-GroupWriteback'
        (Get-GroupWriteback).Filter | Should -Be "displayName -like 'All*'"
    }

    It 'write only the groups selected by -GroupId' {
        { Set-GroupWriteback -Filter '' -Scope Selected } | Should -Throw -ErrorId 'GroupIdsRequired,Set-GroupWriteback'
        $before = (Get-Written $ids[1]).description
        $status = Set-GroupWriteback -Filter '' -Scope Selected -GroupId $ids[0] -PassThru
        $status.Scope, $status.GroupId | Should -Be 'Selected', $ids[0]
        $status.NextPolicyReason | Should -Be 'SettingsChanged'
        foreach ($id in $ids) { Invoke-Tenant patch-group @{ id = $id; set = @{ description = 'selected' } } }
        $run = Start-GroupWritebackSync
        $run.PolicyReason, $run.SourceGroups | Should -Be 'SettingsChanged', 1
        (Get-Written $ids[0]).description | Should -Be 'selected'
        (Get-Written $ids[1]).description | Should -Be $before
        (Start-GroupWritebackSync -Group $ids[1]).Steps[1].Result | Should -Be 'Skipped'
    }

    It 'write all groups again' {
        (Set-GroupWriteback -Scope All -GroupId @() -PassThru).GroupId | Should -BeNullOrEmpty
        (Start-GroupWritebackSync).PolicyReason | Should -Be 'SettingsChanged'
        (Get-Written $ids[1]).description | Should -Be 'selected'
        @(Get-GroupWritebackGroup | Where-Object -FilterScript { $_.LastAction -eq 'Skip' }).DisplayName |
            Should -Be 'Board (hidden membership)'
    }
}

Describe 'Ways to connect' -Skip:$noLab {
    BeforeEach {
        Invoke-Tenant reset
        $state = @{ StatePath = Join-Path -Path $TestDrive -ChildPath 'ways' }
    }

    AfterEach { Disconnect-GroupWriteback }

    It 'the tenant with a certificate file' {
        $password = (Get-LabCredential -Name 'x' -Text $env:GWB_LAB_TENANT_CERT_PASSWORD).Password
        $pfx = @{ CertificatePath = $env:GWB_LAB_TENANT_CERT_PFX; CertificatePassword = $password }
        (Connect-GroupWriteback @tenant @state -ClientId $env:GWB_LAB_TENANT_CLIENT_ID @pfx).TenantCredential |
            Should -Be 'ClientCertificate'
        $pem = @{ CertificatePath = $env:GWB_LAB_TENANT_CERT_PEM }
        (Connect-GroupWriteback @tenant @state -ClientId $env:GWB_LAB_TENANT_CLIENT_ID @pem).TenantCredential |
            Should -Be 'ClientCertificate'
    }

    It 'the tenant with a certificate of the store, which signs' {
        if ($env:GWB_WINE) { Set-ItResult -Skipped -Because 'the store of Wine keeps no certificate with an RSA key' }
        $namespace = 'System.Security.Cryptography.X509Certificates'
        $parts = $env:GWB_LAB_TENANT_CERT_PFX, $env:GWB_LAB_TENANT_CERT_PASSWORD, 'UserKeySet, PersistKeySet'
        $certificate = New-Object -TypeName "$namespace.X509Certificate2" -ArgumentList $parts
        $store = New-Object -TypeName "$namespace.X509Store" -ArgumentList 'My', 'CurrentUser'
        $store.Open('ReadWrite')
        $store.Add($certificate)
        try {
            $stored = @{ CertificateThumbprint = $env:GWB_LAB_TENANT_CERT_THUMBPRINT }
            (Connect-GroupWriteback @tenant @state -ClientId $env:GWB_LAB_TENANT_CLIENT_ID @stored).TenantCredential |
                Should -Be 'CertificateThumbprint'
        }
        finally {
            $store.Remove($certificate)
            $store.Close()
        }
    }

    It 'the tenant with a managed identity' {
        $env:IDENTITY_ENDPOINT = $env:GWB_LAB_TENANT_MSI_ENDPOINT
        $env:IDENTITY_HEADER = $env:GWB_LAB_TENANT_MSI_HEADER
        $addresses = @{
            GraphEndpoint = $env:GWB_LAB_TENANT_GRAPH
            Authority = $env:GWB_LAB_TENANT_AUTHORITY
            TenantCAFile = $env:GWB_LAB_TENANT_CA
        }
        try { (Connect-GroupWriteback -Identity @addresses @state).TenantCredential | Should -Be 'ManagedIdentity' }
        finally { Remove-Item -Path Env:IDENTITY_ENDPOINT, Env:IDENTITY_HEADER }
    }

    It 'the tenant with a workload identity' {
        $workload = @{
            ClientId = $env:GWB_LAB_TENANT_CLIENT_ID
            FederatedTokenFile = $env:GWB_LAB_TENANT_FEDERATED_TOKEN_FILE
        }
        (Connect-GroupWriteback @tenant @state -WorkloadIdentity @workload).TenantCredential |
            Should -Be 'WorkloadIdentity'
    }

    It 'the tenant with an access token' {
        $token = (Get-LabCredential -Name 'x' -Text (Get-LabToken)).Password
        (Connect-GroupWriteback @tenant @state -AccessToken $token).TenantName | Should -Match 'Contoso'
    }

    It 'the tenant with fresh access tokens, which are asked for during a run' {
        Invoke-Tenant set-token-lifetime @{ seconds = 60 } # the engine renews tokens 2 minutes before they expire
        $asked = New-Object -TypeName System.Collections.ArrayList
        [void] (Connect-GroupWriteback @tenant @state -AccessTokenProvider {
            param($Tenant, $Resource)
            [void] $asked.Add("$Tenant $Resource")
            Get-LabToken
        } @server @account)
        $first = $asked.Count
        @(Enable-GroupWriteback $container -ExcludeMailAttribute -WhatIf).Count | Should -BeGreaterThan 0
        $asked.Count | Should -BeGreaterThan $first
    }

    It 'the directory with StartTLS' {
        (Connect-GroupWriteback @server @account @state -UseStartTls).Domain | Should -Be $env:GWB_LAB_DOMAIN
    }

    It 'the directory with Kerberos and a keytab' {
        $keytab = @{
            KeytabPath = $env:GWB_LAB_KEYTAB
            KerberosPrincipal = "svc-gwb@$env:GWB_LAB_REALM"
            KerberosConfigPath = $env:KRB5_CONFIG
        }
        (Connect-GroupWriteback @server @state @keytab).DirectoryCredential | Should -Be 'KerberosKeytab'
    }

    It 'the directory with Kerberos and a password' {
        $kerberos = Get-LabCredential -Name "svc-gwb@$env:GWB_LAB_REALM" -Text $env:GWB_LAB_PASSWORD
        $how = @{ Credential = $kerberos; AuthType = 'Negotiate'; KerberosConfigPath = $env:KRB5_CONFIG }
        (Connect-GroupWriteback @server @state @how).DirectoryCredential | Should -Be 'KerberosPassword'
    }
}

Describe 'Bad input' -Skip:$noLab {
    BeforeEach {
        Invoke-Tenant reset
        $state = @{ StatePath = Join-Path -Path $TestDrive -ChildPath ([guid]::NewGuid()) }
        function Get-Problem {
            param([scriptblock] $Command)
            $problem = $Command | Should -Throw -PassThru
            $problem.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty -Because $problem.FullyQualifiedErrorId
            ($problem | Format-List -Property * -Force | Out-String) |
                Should -Not -Match ([regex]::Escape($env:GWB_LAB_PASSWORD))
            $problem.FullyQualifiedErrorId
        }
    }

    AfterEach { Disconnect-GroupWriteback }

    It 'of an account: <Name>' -ForEach @(
        @{ Name = 'svc-gwb'; Wrong = $true; Id = 'LdapInvalidCredentials' }
        @{ Name = 'svc-disabled'; Id = 'AccountDisabled' }
        @{ Name = 'svc-expired'; Id = 'AccountExpired' }
        @{ Name = 'svc-mustchange'; Id = 'PasswordMustChange' }
    ) {
        $text = if ($Wrong) { 'wrong' } else { $env:GWB_LAB_PASSWORD }
        $credential = Get-LabCredential -Name "$Name@$env:GWB_LAB_DOMAIN" -Text $text
        Get-Problem { Connect-GroupWriteback @server @state -Credential $credential } |
            Should -Be "$Id,Connect-GroupWriteback"
    }

    It 'of an account that is locked' {
        $wrong = Get-LabCredential -Name "svc-locked@$env:GWB_LAB_DOMAIN" -Text 'wrong'
        foreach ($i in 1..5) { { Connect-GroupWriteback @server @state -Credential $wrong } | Should -Throw }
        $right = Get-LabCredential -Name "svc-locked@$env:GWB_LAB_DOMAIN" -Text $env:GWB_LAB_PASSWORD
        Get-Problem { Connect-GroupWriteback @server @state -Credential $right } |
            Should -Be 'AccountLocked,Connect-GroupWriteback'
    }

    It 'of a secret: wrong' {
        $wrong = Get-LabCredential -Name $env:GWB_LAB_TENANT_CLIENT_ID -Text 'wrong'
        Get-Problem { Connect-GroupWriteback @tenant @state -ClientSecretCredential $wrong } |
            Should -Match 'Secret.*,Connect-GroupWriteback$'
    }

    It 'of a secret: expired' {
        Invoke-Tenant set-secret-expired @{ expired = $true }
        Get-Problem { Connect-GroupWriteback @tenant @application @state } |
            Should -Match 'SecretExpired,Connect-GroupWriteback$'
    }

    It 'of a certificate: that of the domain controller is not trusted' {
        Get-Problem {
            Connect-GroupWriteback -Server $env:GWB_LAB_SERVER -DirectoryCAFile $env:GWB_LAB_OTHER_CA @account @state
        } | Should -Be 'CertificateNotTrusted,Connect-GroupWriteback'
    }

    It 'of a certificate: that of the tenant is not trusted' {
        $other = $tenant.Clone()
        $other['TenantCAFile'] = $env:GWB_LAB_OTHER_CA
        Get-Problem { Connect-GroupWriteback @other @application @state } |
            Should -Match 'CertificateNotTrusted,Connect-GroupWriteback$'
    }

    It 'of a server that is not there' {
        Get-Problem {
            Connect-GroupWriteback -Server "none.$env:GWB_LAB_DOMAIN" -DirectoryCAFile $env:GWB_LAB_CA @account @state
        } | Should -Match '^Server\w+,Connect-GroupWriteback$'
    }

    It 'of a container: <Name>' -ForEach @(
        @{ Name = 'unknown'; Container = 'OU=None,{0}'; Id = 'ContainerNotFound' }
        @{ Name = 'outside the domain'; Container = 'OU=Writeback,DC=fabrikam,DC=test'; Id = 'ContainerOutsideDomain' }
        @{ Name = 'no right to create'; Container = 'OU=Other,{0}'; Id = 'ContainerNoCreateRight' }
        @{ Name = 'no distinguished name'; Container = 'Writeback'; Id = 'ContainerInvalid' }
    ) {
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Get-Problem { Enable-GroupWriteback ($Container -f $env:GWB_LAB_BASE) -ExcludeMailAttribute } |
            Should -Be "$Id,Enable-GroupWriteback"
        (Get-GroupWriteback).Status | Should -Be 'NotConfigured'
        Test-GroupWriteback -TargetContainer ($Container -f $env:GWB_LAB_BASE) -Quiet | Should -BeFalse
    }

    It 'of permissions: no User.Read.All' {
        Invoke-Tenant set-roles @{ roles = @('GroupMember.Read.All', 'Organization.Read.All') }
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Get-Problem { Enable-GroupWriteback $container -ExcludeMailAttribute } |
            Should -Be 'PermissionMissing,Enable-GroupWriteback'
        (
            Test-GroupWriteback -TargetContainer $container |
                Where-Object -FilterScript { $_.Name -eq 'GraphPermission' }
        ).Result | Should -Be 'Failed'
    }

    It 'of the schema: Exchange is missing' -Skip:($env:GWB_LAB_SCHEMA -eq 'exchange') {
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Get-Problem { Enable-GroupWriteback $container } | Should -Be 'ExchangeSchemaMissing,Enable-GroupWriteback'
        { Enable-GroupWriteback $container -ExcludeMailAttribute } | Should -Not -Throw
    }

    It 'of a command: not connected, not enabled, not configured' {
        Disconnect-GroupWriteback
        Get-Problem { Start-GroupWritebackSync } | Should -Be 'NotConnected,Start-GroupWritebackSync'
        Get-Problem { Enable-GroupWriteback $container } | Should -Be 'NotConnected,Enable-GroupWriteback'
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Get-Problem { Start-GroupWritebackSync } | Should -Match '^Not(Configured|Enabled),Start-GroupWritebackSync$'
        Get-Problem { Disable-GroupWriteback -Confirm:$false } | Should -Be 'NotConfigured,Disable-GroupWriteback'
        Get-GroupWritebackRun -Id 999 -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems[0].FullyQualifiedErrorId | Should -Be 'RunNotFound,Get-GroupWritebackRun'
        Get-GroupWritebackChange -RunId 999 -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems[0].FullyQualifiedErrorId | Should -Be 'RunNotFound,Get-GroupWritebackChange'
        Get-GroupWritebackGroupMember ([guid]::NewGuid()) -ErrorVariable problems -ErrorAction SilentlyContinue
        $problems[0].FullyQualifiedErrorId | Should -Be 'GroupNotFound,Get-GroupWritebackGroupMember'
    }

    It 'of the settings file: broken, and left as it is' {
        [void] (New-Item -ItemType Directory -Path $state.StatePath)
        & chmod 700 $state.StatePath
        $file = Join-Path -Path $state.StatePath -ChildPath 'settings.json'
        Set-Content -LiteralPath $file -Value '{ "enabled": tru'
        Get-Problem { Get-GroupWriteback @state } | Should -Be 'SettingsUnreadable,Get-GroupWriteback'
        Get-Content -LiteralPath $file | Should -Be '{ "enabled": tru'
    }

    It 'of the tenant: another than the state''s' {
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Enable-GroupWriteback $container -ExcludeMailAttribute
        $other = $tenant.Clone()
        $other['TenantId'] = '0aaaaaaa-0000-4000-8000-000000000001'
        Invoke-Tenant seed @{ tenant = @{
            id = $other['TenantId']
            displayName = 'Other'
            domain = 'other.onmicrosoft.com'
        } }
        [void] (Connect-GroupWriteback @other @application)
        Get-Problem { Start-GroupWritebackSync } | Should -Be 'TenantMismatch,Start-GroupWritebackSync'
        Get-Problem { Enable-GroupWriteback $container -ExcludeMailAttribute } |
            Should -Be 'TenantMismatch,Enable-GroupWriteback'
    }

    It 'of groups: foreign ones in the container stop Enable until -Adopt' {
        Add-LabGroup -Dn "CN=Foreign,$container" -Attribute @{
            sAMAccountName = 'Foreign'
            adminDescription = 'Group_10000000-0000-4000-8000-000000000002'
        }
        try {
            [void] (Connect-GroupWriteback @tenant @application @server @account @state)
            Get-Problem { Enable-GroupWriteback $container -ExcludeMailAttribute } |
                Should -Be 'ForeignGroupsPresent,Enable-GroupWriteback'
        }
        finally { [void] (Invoke-LabLdap -Command ldapdelete -Argument "CN=Foreign,$container") }
    }

    It 'of a time: a run is going on already' {
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Enable-GroupWriteback $container -ExcludeMailAttribute
        Invoke-Tenant set-latency @{ seconds = 2 }
        $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
        $shell = [powershell]::Create()
        [void] $shell.AddScript({
                param($Manifest, $Connect)
                Import-Module -Name $Manifest
                [void] (Connect-GroupWriteback @Connect)
                Start-GroupWritebackSync
            }).AddArgument($manifest).AddArgument($tenant + $application + $server + $account + $state)
        $job = $shell.BeginInvoke()
        try {
            for ($i = 0; $i -lt 6000 -and (Get-GroupWritebackRun -Last 1).Status -ne 'Running'; $i++) {
                Start-Sleep -Milliseconds 100
            }
            Get-Problem { Start-GroupWritebackSync } | Should -Be 'RunInProgress,Start-GroupWritebackSync'
            (Get-GroupWriteback).LastRun.Status | Should -Be 'Running' -Because 'looking is possible meanwhile'
        }
        finally {
            # This is Ctrl+C for the other session.
            $shell.Stop()
            $shell.Dispose()
        }
        $job.IsCompleted | Should -BeTrue
        Invoke-Tenant set-latency @{ seconds = 0 }
        $cancelled = Get-GroupWritebackRun -Last 1
        $cancelled.Status | Should -Be 'Stopped'
        $cancelled.StopReason | Should -Be 'Cancelled'
        @(Get-LabObject -Filter '(objectClass=group)' -Base $container).Count | Should -Be 0
    }
}

Describe 'Bad data' -Skip:$noExchange {
    BeforeAll {
        Invoke-Tenant reset
        $state = @{ StatePath = Join-Path -Path $TestDrive -ChildPath 'data' }
        $taken = "CN=Group_10000000-0000-4000-8000-000000000004,$container"
        Add-LabGroup -Dn $taken -Attribute @{ sAMAccountName = 'taken-cn' }
        Add-LabGroup -Dn "CN=taken-sam,$env:GWB_LAB_OTHER" -Attribute @{
            sAMAccountName = 'Group_10000000-0000-4000-8000-000000000005'
        }
        $long = ('"a,b/c\' * 43).Substring(0, 290) + [char]::ConvertFromUtf32(0x1F680) + 'end'
        $names = @{
            '10000000-0000-4000-8000-0000000000f1' = $long
            '10000000-0000-4000-8000-0000000000f2' = "line`nfeed`tand tab"
            '10000000-0000-4000-8000-0000000000f3' = '   '
        }
        foreach ($id in $names.Keys) {
            Invoke-Tenant put-group @{
                id = $id
                displayName = $names[$id]
                mailNickname = $id.Substring(32)
                groupTypes = @('Unified')
                mailEnabled = $true
                securityEnabled = $false
                members = @('user0001')
            }
        }
        [void] (Connect-GroupWriteback @tenant @application @server @account @state)
        Enable-GroupWriteback $container -MailRecipient MailOnly -NameFormat DisplayName -SamAccountNameFormat ObjectId
    }

    AfterAll {
        if ($env:GWB_LAB -eq '1') {
            [void] (Invoke-LabLdap -Command ldapdelete -Argument $taken)
            [void] (Invoke-LabLdap -Command ldapdelete -Argument "CN=taken-sam,$env:GWB_LAB_OTHER")
            Disconnect-GroupWriteback
        }
    }

    It 'does not stop the other groups' {
        $script:run = Start-GroupWritebackSync -WarningAction SilentlyContinue
        $run.Exported.Create | Should -BeGreaterOrEqual 12
        $run.Status | Should -BeIn 'Complete', 'Partial'
    }

    It 'of a name is made fit' {
        foreach ($id in $names.Keys) {
            $group = Get-LabObject -Filter "(adminDescription=Group_$id)" -Base $container
            @($group).Count | Should -Be 1
            $group.cn.Length | Should -BeLessOrEqual 64
            $group.cn | Should -Match "_$($id.Substring(24))$"
        }
        (Get-LabObject -Filter '(adminDescription=Group_10000000-0000-4000-8000-0000000000f3)').cn |
            Should -Be 'Group_0000000000f3'
    }

    It 'of a name that is taken is named' {
        $change = Get-GroupWritebackChange -RunId $run.Id -Action Skip |
            Where-Object -FilterScript { $_.SourceId -eq '10000000-0000-4000-8000-000000000005' }
        "$($change.Reason) $($change.Message)" | Should -Match ([regex]::Escape("CN=taken-sam,$env:GWB_LAB_OTHER"))
    }

    It 'is gone after Disable' {
        Disable-GroupWriteback -StartSync -Confirm:$false | Out-Null
        @(Get-LabObject -Filter '(adminDescription=*)' -Base $container).Count | Should -Be 0
        (Get-LabObject -Filter '(cn=Group_10000000-0000-4000-8000-000000000004)').sAMAccountName | Should -Be 'taken-cn'
    }
}
