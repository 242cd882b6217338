#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
    $status = @{ result = @{ settings = (Get-FakeSetting); status = 'Enabled'; groups = 3; statePath = '/state' } }
    $sides = @{ result = @{ source = @{ tenantId = 't' }; target = @{ server = 'dc1' } } }
    $account = Get-TestCredential -Name 'CONTOSO\svc-gwb' -Text 'word'
    # Returns the state folder of each engine that was started.
    function Get-OpenedState {
        @(Get-FakeJournal -All -Method 'session.initialize' | ForEach-Object -Process { $_.params.statePath })
    }
}

AfterAll { Clear-FakeScript }

Describe 'A path that is not one of the file system' -Skip:(-not $env:FAKE_ENGINE) {
    It 'is refused in one way: <Path>' -ForEach @(
        @{ Path = 'HKLM:\Software\gwb' }
        @{ Path = 'Env:\GWB' }
        @{ Path = 'Env:GWB' }
        @{ Path = 'Cert:\CurrentUser\My' }
        @{ Path = 'Variable:\gwb' }
        @{ Path = 'nowhere:\gwb' }
        @{ Path = 'Nowhere::gwb' }
        @{ Path = 'Microsoft.PowerShell.Core\Environment::GWB' }
    ) {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{}; 'session.connect' = $sides }
        $ways = @(
            { Get-GroupWriteback -StatePath $Path }
            { Connect-GroupWriteback -Server dc1 -Credential $account -StatePath $Path }
            { Connect-GroupWriteback -Server dc1 -Credential $account -DirectoryCAFile $Path }
            { Connect-GroupWriteback -Server dc1 -KeytabPath $Path -KerberosPrincipal 'u@R' }
            { Connect-GroupWriteback -TenantId t -ClientId c -CertificatePath $Path }
            { Connect-GroupWriteback -WorkloadIdentity -TenantId t -FederatedTokenFile $Path }
            { Connect-GroupWriteback -Identity -TenantCAFile $Path }
        )
        foreach ($way in $ways) {
            $problem = $null
            try { & $way } catch { $problem = $_ }
            $problem.FullyQualifiedErrorId | Should -Match '^PathNotInFileSystem\b' -Because "$way"
            $problem.CategoryInfo.Category | Should -Be 'InvalidArgument'
            "$problem" | Should -Match ([regex]::Escape($Path))
            "$problem" | Should -Not -Match 'Exception calling'
            $problem.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        }
        Test-Path -LiteralPath $env:FAKE_ENGINE_JOURNAL | Should -BeFalse -Because 'nothing was sent'
    }

    It 'is also one that is relative to such a place' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        Push-Location -Path 'Env:'
        try { { Get-GroupWriteback -StatePath 'gwb' } | Should -Throw -ErrorId 'PathNotInFileSystem*' }
        finally { Pop-Location }
    }
}

Describe 'Connect-GroupWriteback without a sign-in' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll { Use-FakeScript @{ 'session.connect' = $sides } }

    It 'says for <Name> what is wanted' -ForEach @(
        @{ Name = 'the natural first try'; Id = 'TenantCredentialMissing'; Given = @{ TenantId = 'x'; Server = 'y' } }
        @{ Name = 'a tenant alone'; Id = 'TenantCredentialMissing'; Given = @{ TenantId = 'x' } }
        @{
            Name  = 'a tenant and an application'
            Id    = 'TenantCredentialMissing'
            Given = @{ TenantId = 'x'; ClientId = 'c'; Server = 'y' }
        }
        @{ Name = 'an application alone'; Id = 'TenantCredentialMissing'; Given = @{ ClientId = 'c' } }
        @{
            Name  = 'a cloud'
            Id    = 'TenantCredentialMissing'
            Given = @{ TenantId = 'x'; Environment = 'China'; Server = 'y' }
        }
        @{ Name = 'how to bind'; Id = 'ServerMissing'; Given = @{ UseStartTls = $true } }
        @{ Name = 'nothing at all'; Id = 'NothingToConnect'; Given = @{} }
    ) {
        $problem = $null
        try { Connect-GroupWriteback @Given } catch { $problem = $_ }
        $problem.FullyQualifiedErrorId | Should -Be "$Id,Connect-GroupWriteback"
        $problem.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $problem.ErrorDetails.RecommendedAction | Should -Match '-Server|-ClientSecretCredential \(Get-Credential\)'
    }

    It 'says so for a credential that is the directory''s' {
        $given = @{ TenantId = 'x'; Server = 'y'; Credential = $account }
        { Connect-GroupWriteback @given } | Should -Throw -ErrorId 'TenantCredentialMissing,*'
    }

    It 'still finds the way that was meant, in whatever order' {
        $secret = Get-TestCredential -Name ' app ' -Text 'secret'
        [void] (Connect-GroupWriteback -Server ' dc1 ' -ClientSecretCredential $secret -TenantId ' contoso.com ')
        $sent = @(Get-FakeJournal -Method 'session.connect')[-1].params
        $sent.source.credential.kind | Should -Be 'ClientSecret'
        $sent.source.clientId | Should -Be 'app'
        $sent.source.tenantId | Should -Be 'contoso.com'
        $sent.target.server | Should -Be 'dc1'
        [void] (Connect-GroupWriteback -Identity)
        @(Get-FakeJournal -Method 'session.connect')[-1].params.source.credential.kind | Should -Be 'ManagedIdentity'
    }
}

Describe 'The state that was chosen' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach {
        $script = @{ 'writeback.get' = $status; 'session.get' = @{}; 'session.connect' = $sides }
        Use-FakeScript $script
        $state = Join-Path -Path $TestDrive -ChildPath 'chosen'
    }

    It 'stays when it was chosen by <Name>' -ForEach @(
        @{ Name = 'Get-GroupWriteback'; Choice = { [void] (Get-GroupWriteback -StatePath $state) } }
        @{
            Name   = 'Connect-GroupWriteback'
            Choice = { [void] (Connect-GroupWriteback -Server dc1 -Credential $account -StatePath $state) }
        }
    ) {
        & $Choice
        Disconnect-GroupWriteback
        [void] (Get-GroupWriteback)
        Import-Module -Name $manifest -Force
        [void] (Get-GroupWriteback)
        Remove-Module -Name GroupWriteback -Force
        Import-Module -Name $manifest
        [void] (Connect-GroupWriteback -Server dc1 -Credential $account)
        Get-OpenedState | Should -Be @($state, $state, $state, $state)
    }

    It 'is said aloud, when connections are closed and when it is opened' {
        [void] (Get-GroupWriteback -StatePath $state)
        [string] (Disconnect-GroupWriteback -Verbose 4>&1) | Should -Match ([regex]::Escape($state))
        [string] (Get-GroupWriteback -Verbose 4>&1 | Where-Object -FilterScript {
                $_ -is [System.Management.Automation.VerboseRecord]
            }) | Should -Match 'state:'
    }

    It 'is that of the session, and not of another runspace' {
        [void] (Get-GroupWriteback -StatePath $state)
        $shell = [powershell]::Create()
        try {
            [void] $shell.AddScript("Import-Module '$manifest'; [void] (Get-GroupWriteback); Disconnect-GroupWriteback")
            [void] $shell.Invoke()
            [string] $shell.Streams.Error | Should -BeNullOrEmpty
        }
        finally { $shell.Dispose() }
        Get-OpenedState | Should -Be @($state, '')
    }

    It 'is still what was open when another one cannot be, and so are the connections' {
        $hello = @{ result = @{ protocol = 1; engineVersion = '0'; statePath = $state } }
        $refuses = Get-FakeError -Id 'StateNotFound' -Message 'There is no state.'
        [void] (Connect-GroupWriteback -Server dc1 -Credential $account -StatePath $state)
        $process = InModuleScope -ModuleName GroupWriteback { $script:Engine.Process.Id }
        $script['session.initialize'] = $refuses
        [System.IO.File]::WriteAllText($env:FAKE_ENGINE_SCRIPT, (ConvertTo-Json -Depth 12 -InputObject (
                    @{ 'session.initialize' = @($refuses) })))
        $wrong = Join-Path -Path $TestDrive -ChildPath 'typo'
        { Get-GroupWriteback -StatePath $wrong } | Should -Throw -ErrorId 'StateNotFound*'
        { Connect-GroupWriteback -Server dc1 -Credential $account -StatePath $wrong } |
            Should -Throw -ErrorId 'StateNotFound*'
        (Get-GroupWriteback).Status | Should -Be 'Enabled'
        InModuleScope -ModuleName GroupWriteback { $script:Engine.Process.Id } | Should -Be $process
        Use-FakeScript @{ 'session.initialize' = @($hello, $hello); 'writeback.get' = $status; 'session.get' = @{} }
        [void] (Get-GroupWriteback)
        Get-OpenedState | Should -Be ''
    }
}
