#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $moduleFolder = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'module')
}

AfterAll { Clear-FakeScript }

Describe 'An error' -Skip:(-not $env:FAKE_ENGINE) {
    It 'has one id, in a catch and in $Error: <Id>' -ForEach @(
        @{
            Id      = 'NotConnected'
            Call    = { Start-GroupWritebackSync -Confirm:$false }
            Command = 'Start-GroupWritebackSync'
        }
        @{
            Id      = 'RunNotFound'
            Call    = { Get-GroupWritebackRun -Id 99 -ErrorAction Stop }
            Command = 'Get-GroupWritebackRun'
        }
        @{
            Id      = 'ServerMissing'
            Call    = { Connect-GroupWriteback -TenantId t -Identity -UseStartTls }
            Command = 'Connect-GroupWriteback'
        }
        @{
            Id      = 'AccessTokenProviderFailed'
            Call    = { Connect-GroupWriteback -TenantId t -AccessTokenProvider { throw 'no token' } }
            Command = 'Connect-GroupWriteback'
        }
        @{
            Id      = 'CertificateNotFound'
            Call    = { Connect-GroupWriteback -TenantId t -ClientId c -CertificateThumbprint '00' }
            Command = 'Connect-GroupWriteback'
        }
        @{ Id = 'NoSettingGiven'; Call = { Set-GroupWriteback }; Command = 'Set-GroupWriteback' }
        @{ Id = 'EngineEnded'; Call = { Get-GroupWriteback }; Command = 'Get-GroupWriteback' }
        @{ Id = 'GroupNotFound'; Call = { Get-GroupWritebackGroup x }; Command = 'Get-GroupWritebackGroup' }
    ) {
        Use-FakeScript @{
            'sync.start'    = Get-FakeError -Id 'NotConnected'
            'run.get'       = Get-FakeError -Id 'RunNotFound'
            'group.list'    = Get-FakeError -Id 'GroupNotFound'
            'writeback.get' = @{ exit = 3 }
        }
        $global:Error.Clear()
        $caught = $null
        try { [void] (& $Call) } catch { $caught = $_ }
        $caught | Should -Not -BeNullOrEmpty
        $caught.FullyQualifiedErrorId | Should -Be "$Id,$Command"
        $caught.Exception.Id | Should -Be $Id
        $caught.Exception.Advice | Should -Not -BeNullOrEmpty
        $caught.Exception.Advice | Should -Be $caught.ErrorDetails.RecommendedAction
        $noted = $global:Error[0]
        $noted.FullyQualifiedErrorId | Should -Be "$Id,$Command"
        $noted.Exception.Id | Should -Be $Id
        @($global:Error | Where-Object -FilterScript { $_.FullyQualifiedErrorId -eq $Id }).Count | Should -Be 0
    }

    It 'that does not end the pipeline has the same' {
        Use-FakeScript @{ 'sync.start' = @{ result = (Get-FakeRun @{ status = 'Partial'; failed = 2 }) } }
        $global:Error.Clear()
        $said = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = 'problems'; WarningAction = 'SilentlyContinue' }
        [void] (Start-GroupWritebackSync @said)
        foreach ($record in $problems[0], $global:Error[0]) {
            $record.FullyQualifiedErrorId | Should -Be 'ChangesFailed,Start-GroupWritebackSync'
            $record.Exception.Id | Should -Be 'ChangesFailed'
            $record.Exception.Advice | Should -Match 'Get-GroupWritebackChange -RunId 7'
        }
    }

    It 'shows its advice once in <View>' -ForEach @(
        @{ View = 'NormalView' }, @{ View = 'ConciseView' }, @{ View = 'DetailedView' }
    ) {
        if ($PSVersionTable.PSVersion.Major -lt 7 -and $View -ne 'NormalView') {
            Set-ItResult -Skipped -Because 'it came with PowerShell 7'
            return
        }
        Use-FakeScript @{ 'sync.start' = Get-FakeError -Message 'It is not connected.' -Advice 'Connect first.' }
        try { [void] (Start-GroupWritebackSync -Confirm:$false) } catch { $record = $_ }
        $ErrorView = $View
        $shown = ($record | Out-String) -replace '\s+', ' '
        $ErrorView = 'ConciseView'
        $shown | Should -Match 'It is not connected\.'
        $shown | Should -Match 'Connect first\.'
        $wanted = if ($View -eq 'DetailedView') { 2 } else { 1 } # in a property and in the message
        [regex]::Matches($shown, 'Connect first\.').Count | Should -Be $wanted
        "$record" | Should -Match 'It is not connected\.'
        $record.Exception.Message | Should -Be 'It is not connected.'
    }

    It 'shows its id and advice with Get-Error' -Skip:($PSVersionTable.PSVersion.Major -lt 7) {
        Use-FakeScript @{ 'sync.start' = Get-FakeError -Message 'It is not connected.' -Advice 'Connect first.' }
        try { [void] (Start-GroupWritebackSync -Confirm:$false) } catch { $record = $_ }
        $shown = Get-Error -InputObject $record | Out-String
        $shown | Should -Match '\bId\s+: NotConnected'
        $shown | Should -Match '\bAdvice\s+: Connect first\.'
    }

    It 'shows its advice when it is not caught' {
        Use-FakeScript @{ 'sync.start' = Get-FakeError -Message 'It is not connected.' -Advice 'Connect first.' }
        foreach ($view in 'NormalView', 'ConciseView') {
            $script = Join-Path -Path $TestDrive -ChildPath 'uncaught.ps1'
            $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
            Set-Content -LiteralPath $script -Value @(
                "`$ErrorView = '$view'"
                "Import-Module -Name '$manifest'"
                'Start-GroupWritebackSync -Confirm:$false'
                '$Error[0].FullyQualifiedErrorId'
            )
            $said = (& (Get-PowerShell) -NoProfile -NonInteractive -File $script 2>&1 | Out-String) -replace '\s+', ' '
            $said | Should -Match 'It is not connected\..*Connect first\.'
            $said | Should -Match 'NotConnected,Start-GroupWritebackSync'
        }
    }
}

Describe 'What the module says' {
    # Messages include text of a tenant, a directory, files and libraries, and go to a console.
    It 'is cleaned wherever it is written' {
        $streams = 'Write-Warning', 'Write-Verbose', 'Write-Debug', 'Write-Information', 'Write-Host', 'Write-Error'
        $files = Get-ChildItem -LiteralPath $moduleFolder -Recurse -Include '*.ps1', '*.psm1' |
            Where-Object -FilterScript { $_.Directory.Name -in 'Public', 'Private', 'module' }
        $files.Count | Should -BeGreaterThan 20
        $raw = foreach ($file in $files) {
            $ast = [System.Management.Automation.Language.Parser]::ParseFile($file.FullName, [ref] $null, [ref] $null)
            $calls = $ast.FindAll( { $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)
            foreach ($call in $calls | Where-Object -FilterScript { $_.GetCommandName() -in $streams }) {
                $text = $call.CommandElements[-1].Extent.Text
                if ($text -notmatch '^\(ConvertTo-PlainText ') { "$($file.Name): $($call.Extent.Text)" }
            }
        }
        $raw | Should -BeNullOrEmpty
    }

    It 'is cleaned of what a library says' -Skip:(-not $env:FAKE_ENGINE) {
        Use-FakeScript @{ 'session.connect' = @{ result = @{ target = @{ server = 's' } } } }
        $bad = "one`e[31m$([char] 0x202E)two"
        try { Connect-GroupWriteback -TenantId t -AccessTokenProvider { throw $bad }.GetNewClosure() }
        catch { $record = $_ }
        "$record$($record.Exception.Message)" | Should -Not -Match "`e|$([char] 0x202E)"
        "$record" | Should -Match 'one.*two'
    }
}

Describe 'TAB' -Skip:(-not $env:FAKE_ENGINE) {
    It 'leaves no error and says nothing where there is no engine: <_>' -ForEach @(
        'Get-GroupWritebackRun -Id ', 'Get-GroupWritebackGroup -Name ', 'Start-GroupWritebackSync -Group '
        'Start-GroupWritebackSync -AllowOnce ', 'Get-GroupWritebackChange -RunId ', 'Set-GroupWriteback -AdoptPlan '
    ) {
        Use-FakeScript
        $env:GROUPWRITEBACK_ENGINE = Join-Path -Path $TestDrive -ChildPath 'none'
        $global:Error.Clear()
        Write-Error -Message 'that of before' -ErrorAction SilentlyContinue
        $said = & { $script:found = (TabExpansion2 -inputScript $_ -cursorColumn $_.Length).CompletionMatches } *>&1
        $said | Should -BeNullOrEmpty
        $global:Error.Count | Should -Be 1
        "$($global:Error[0])" | Should -Be 'that of before'
    }

    It 'draws no bar while it asks' {
        Use-FakeScript @{ 'run.list' = @{ delayMs = 1500; result = @{ runs = @(Get-FakeRun) } } }
        Mock -ModuleName GroupWriteback -CommandName Test-Interactive -MockWith { $true }
        $shell = [powershell]::Create()
        try {
            $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
            [void] $shell.AddScript("Import-Module '$manifest'; & (Get-Module GroupWriteback) {
                function Test-Interactive { `$true } }
                `$text = 'Get-GroupWritebackRun -Id '
                (TabExpansion2 -inputScript `$text -cursorColumn `$text.Length).CompletionMatches.CompletionText")
            $shell.Invoke() | Should -Be '7'
            @($shell.Streams.Progress | Where-Object -FilterScript { $_.Activity -match 'state|engine' }) |
                Should -BeNullOrEmpty
        }
        finally { $shell.Dispose() }
    }
}
