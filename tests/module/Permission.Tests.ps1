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
    $sid = 'S-1-5-21-1-2-3-1104'
    function Get-Answer {
        param([string] $State, [string[]] $Warning = @())
        @{ result = @{
            account = @{ sid = $sid; name = 'svc-gwb' }
            containers = @(@{
                    dn = $container
                    before = 'D:'
                    after = "D:(OA;CI;CCDC;;;$sid)"
                    warnings = $Warning
                    entries = @(
                        @{ state = $State; sddl = '(OA;CI;CCDC;;;x)'; words = 'Allow it to create groups.' }
                        @{ state = 'Present'; sddl = '(OA;;WP;;;x)'; words = 'Allow it.'; along = @('mail', 'cn') }
                    )
                })
        } }
    }
    # Build the secret from characters, because a string would be a secret in a script.
    $secret = New-Object -TypeName securestring
    foreach ($character in 'Adm1n'.ToCharArray()) { $secret.AppendChar($character) }
    $admin = New-Object -TypeName pscredential -ArgumentList 'CONTOSO\admin', $secret
}

AfterAll { Clear-FakeScript }

Describe 'Get-GroupWritebackPermission' -Skip:(-not $env:FAKE_ENGINE) {
    It 'returns each entry, and warns' {
        Use-FakeScript @{ 'permission.get' = (Get-Answer -State Missing -Warning 'Two groups inherit nothing.') }
        $got = Get-GroupWritebackPermission -WarningVariable warnings -WarningAction SilentlyContinue
        $got.State | Should -Be 'Missing', 'Present'
        $got[0].Account, $got[0].AccountName, $got[0].TargetContainer | Should -Be $sid, 'svc-gwb', $container
        $got[1].Along | Should -Be 'mail', 'cn'
        [string] $got[0] | Should -Be 'Missing: Allow it to create groups.'
        [string] $warnings | Should -Be "${container}: Two groups inherit nothing."
        @((Get-FakeJournal).params.PSObject.Properties).Count | Should -Be 0
    }

    It 'signs in on its own, at the server of the connection' {
        Use-FakeScript @{ 'permission.get' = (Get-Answer -State Missing) }
        [void] (Get-GroupWritebackPermission -Account svc-gwb -TargetContainer $container -Credential $admin)
        $sent = (Get-FakeJournal).params
        $sent.account, $sent.targetContainer | Should -Be 'svc-gwb', $container
        $sent.target.credential.kind, $sent.target.credential.user | Should -Be 'Simple', 'CONTOSO\admin'
        $sent.target.credential.password | Should -Be 'Adm1n'
        $sent.target.server | Should -BeNullOrEmpty
    }

    It 'takes a server of its own, and Kerberos' {
        Use-FakeScript @{ 'permission.get' = (Get-Answer -State Missing) }
        $own = @{ Server = 'dc2'; UseStartTls = $true; Credential = $admin; AuthType = 'Negotiate' }
        [void] (Get-GroupWritebackPermission svc-gwb $container @own)
        $sent = (Get-FakeJournal).params.target
        $sent.server, $sent.startTls, $sent.credential.kind | Should -Be 'dc2', $true, 'KerberosPassword'
    }

    It 'needs a sign-in for what belongs to one' {
        Use-FakeScript
        { Get-GroupWritebackPermission -UseStartTls } |
            Should -Throw -ErrorId 'CredentialMissing,Get-GroupWritebackPermission'
    }
}

Describe '<Command>' -Skip:(-not $env:FAKE_ENGINE) -ForEach @(
    @{ Command = 'Grant-GroupWritebackPermission'; Method = 'permission.grant'; State = 'Added' }
    @{ Command = 'Revoke-GroupWritebackPermission'; Method = 'permission.revoke'; State = 'Removed' }
) {
    It 'includes the right to restore if it is asked for' {
        Use-FakeScript @{ $Method = (Get-Answer -State $State -Warning 'Microsoft calls it a risk.') }
        $option = @{ IncludeRestore = $true; WhatIf = $true; WarningAction = 'SilentlyContinue' }
        [void] (& $Command svc-gwb $container -Credential $admin @option -WarningVariable warnings)
        (Get-FakeJournal).params.includeRestore | Should -BeTrue
        [string] $warnings | Should -Match 'a risk'
    }

    It 'changes nothing with -WhatIf, and returns the entries' {
        Use-FakeScript @{ $Method = (Get-Answer -State $State) }
        $got = & $Command svc-gwb $container -Credential $admin -WhatIf
        $got.State | Should -Be $State, 'Present'
        @(Get-FakeJournal).params.whatIf | Should -Be $true
    }

    It 'changes what it has shown' {
        Use-FakeScript @{ $Method = (Get-Answer -State $State) }
        & $Command svc-gwb $container -Credential $admin -Force -Confirm:$false | Should -BeNullOrEmpty
        $sent = @(Get-FakeJournal).params
        $sent[0].whatIf, $sent[1].whatIf | Should -Be $true, $null
        $sent[1].force | Should -BeTrue
        $sent[1].target.credential.password | Should -Be 'Adm1n'
        (& $Command svc-gwb $container -Confirm:$false -PassThru).Count | Should -Be 2
    }

    It 'says what it does' {
        Use-FakeScript @{ $Method = (Get-Answer -State $State) }
        $records = @(& $Command svc-gwb $container -Confirm:$false -Verbose 4>&1)
        [string] $records | Should -Match "svc-gwb .*$container.*1 right"
        [string] $records | Should -Match 'after: D:\(OA;CI;CCDC;;;S-1-5-21-1-2-3-1104\)'
    }

    It 'asks for nothing where there is nothing to change' {
        Use-FakeScript @{ $Method = (Get-Answer -State Present) }
        & $Command svc-gwb $container | Should -BeNullOrEmpty
        @(Get-FakeJournal).Count | Should -Be 1
    }

    It 'takes rows about rights from the pipeline, each once, and leaves others' {
        Use-FakeScript @{ $Method = (Get-Answer -State $State) }
        $rows = @(
            [pscustomobject]@{ Name = 'State'; Account = $null; TargetContainer = $null }
            [pscustomobject]@{ Name = 'GroupRight'; Account = $sid; TargetContainer = $container }
            [pscustomobject]@{ Name = 'ContainerRight'; Account = $sid; TargetContainer = $container }
        )
        [void] ($rows | & $Command -WhatIf)
        $sent = @(Get-FakeJournal)
        $sent.Count | Should -Be 1
        $sent.params.account, $sent.params.targetContainer | Should -Be $sid, $container
    }

    It 'shows the error of the engine' {
        $refused = Get-FakeError -Id ContainerNoPermissionRight -Category PermissionDenied -Object $container
        Use-FakeScript @{ $Method = $refused }
        { & $Command svc-gwb $container -Confirm:$false } |
            Should -Throw -ErrorId "ContainerNoPermissionRight,$Command"
    }
}

Describe 'Get-GroupWritebackPermission -Graph' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach {
        Use-FakeScript @{ 'permission.graph' = @{ result = @{
            permissions = @(@{ name = 'User.Read.All'; reason = 'Joins.'; state = 'Present' })
            script = @('# grants', 'all')
        } } }
    }

    It 'returns each permission with its reason' {
        $got = Get-GroupWritebackPermission -Graph
        $got.Name, $got.Reason, $got.State | Should -Be 'User.Read.All', 'Joins.', 'Present'
        @((Get-FakeJournal).params.PSObject.Properties).Count | Should -Be 0
    }

    It 'returns a script' {
        $id = '0a000000-0000-0000-0000-000000000001'
        Get-GroupWritebackPermission -Graph -AsScript -ScriptType AzureCli -ClientId $id |
            Should -Be "# grants$([System.Environment]::NewLine)all"
        (Get-FakeJournal).params.script, (Get-FakeJournal).params.clientId | Should -Be 'AzureCli', $id
        [void] (Get-GroupWritebackPermission -Graph -AsScript)
        @(Get-FakeJournal)[-1].params.script | Should -Be 'GraphSdk'
    }
}

Describe 'Test-GroupWriteback' -Skip:(-not $env:FAKE_ENGINE) {
    It 'names the account and the container where rights are missing, for the pipeline' {
        Use-FakeScript @{
            'writeback.test' = @{ result = @{ checks = @(
                @{ name = 'State'; result = 'Passed'; message = 'Good.' }
                @{
                    name = 'GroupRight'; result = 'Failed'; message = 'No.'
                    account = $sid; targetContainer = $container
                }
            ) } }
            'permission.grant' = (Get-Answer -State Added)
        }
        (Test-GroupWriteback | Grant-GroupWritebackPermission -WhatIf).Count | Should -Be 2
        $sent = @(Get-FakeJournal -Method 'permission.grant').params
        $sent.Count | Should -Be 1
        $sent.account, $sent.targetContainer, $sent.whatIf | Should -Be $sid, $container, $true
    }
}

Describe 'The forms of Grant-GroupWritebackPermission' -Skip:(-not $env:FAKE_ENGINE) {
    It 'are sent' {
        Use-FakeScript @{ 'permission.grant' = (Get-Answer -State Added) }
        [void] (Grant-GroupWritebackPermission svc-gwb $container -UsePropertySet -WhatIf)
        [void] (Grant-GroupWritebackPermission svc-gwb $container -Compatible -WhatIf)
        $sent = @(Get-FakeJournal).params
        $sent[0].usePropertySet, $sent[0].compatible | Should -Be $true, $null
        $sent[1].usePropertySet, $sent[1].compatible | Should -Be $null, $true
    }
}
