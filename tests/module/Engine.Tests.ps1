#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $status = @{ result = @{
        settings = (Get-FakeSetting)
        status = 'Enabled'
        groups = 3
        disablePending = 0
        nextPolicyType = 'Delta'
        statePath = '/state'
    } }
    function Get-EngineProcess { & (Get-Module -Name GroupWriteback) { $script:Engine.Process } }
    # Runs a script in a separate runspace, presses Ctrl+C when the engine has received a request of method Until, and
    # returns how long the stop took, with the warnings.
    function Invoke-Stopped {
        param([string] $Script, [string] $Until)
        $shell = [powershell]::Create()
        try {
            $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
            [void] $shell.AddScript("Import-Module '$manifest'; $Script")
            $job = $shell.BeginInvoke()
            for ($i = 0; $i -lt 6000 -and -not $job.IsCompleted; $i++) {
                Start-Sleep -Milliseconds 50
                if ((Test-Path -LiteralPath $env:FAKE_ENGINE_JOURNAL) -and (Get-FakeJournal -Method $Until)) { break }
            }
            $clock = [System.Diagnostics.Stopwatch]::StartNew()
            $shell.Stop()
            [pscustomobject]@{ Seconds = $clock.Elapsed.TotalSeconds; Warning = [string] $shell.Streams.Warning }
        }
        finally { $shell.Dispose() }
    }
}

AfterAll { Clear-FakeScript }

Describe 'The engine process' -Skip:(-not $env:FAKE_ENGINE) {
    It 'is started by the first command, once, with the handshake' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        [void] (Get-GroupWriteback)
        $first = (Get-EngineProcess).Id
        [void] (Get-GroupWriteback)
        (Get-EngineProcess).Id | Should -Be $first
        $hello = @(Get-FakeJournal -All | Where-Object -FilterScript { $_.method -eq 'session.initialize' })
        $hello.Count | Should -Be 1
        $hello[0].params.protocol | Should -Be 1
        $hello[0].params.client | Should -Match '^GroupWriteback/\d+\.\d+\.\d+ PowerShell/'
        $hello[0].jsonrpc | Should -Be '2.0'
    }

    It 'gets UTF-8 without a byte order mark, and gives UTF-8' {
        $name = 'Zo' + [char] 0xEB + ' ' + [char]::ConvertFromUtf32(0x1F680) + '"\'
        Use-FakeScript @{ 'group.list' = @{ result = @{ groups = @(@{
            id = '0a000000-0000-0000-0000-000000000001'
            displayName = $name
        }) } } }
        (Get-GroupWritebackGroup -Name $name).DisplayName | Should -BeExactly $name
        (Get-FakeJournal -Method 'group.list').params.name | Should -BeExactly $name
        Disconnect-GroupWriteback # on Windows the journal cannot be read as bytes while the engine runs
        [System.IO.File]::ReadAllBytes($env:FAKE_ENGINE_JOURNAL)[0] | Should -Be 0x7B
    }

    It 'is another one for another state folder, and the path is made absolute' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        [void] (Get-GroupWriteback)
        $first = (Get-EngineProcess).Id
        Push-Location -LiteralPath $TestDrive
        try { [void] (Get-GroupWriteback -StatePath './gwb') } finally { Pop-Location }
        Get-Process -Id $first -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $hello = @(Get-FakeJournal -All | Where-Object -FilterScript { $_.method -eq 'session.initialize' })
        $hello[1].params.statePath | Should -Be (Join-Path -Path $TestDrive -ChildPath 'gwb')
        $second = (Get-EngineProcess).Id
        [void] (Get-GroupWriteback)
        (Get-EngineProcess).Id | Should -Be $second
        $same = (Join-Path -Path $TestDrive -ChildPath 'gwb') + [System.IO.Path]::DirectorySeparatorChar
        [void] (Get-GroupWriteback -StatePath $same)
        (Get-EngineProcess).Id | Should -Be $second -Because 'it is the same folder'
    }

    It 'is another one for another service account, which would be ignored otherwise' {
        Use-FakeScript @{
            'writeback.get' = $status
            'session.get' = @{}
            'session.connect' = @{ result = @{ target = @{ server = 's' } } }
        }
        [void] (Get-GroupWriteback)
        [void] (Connect-GroupWriteback -Server s -ServiceAccount 'CONTOSO\svc-gwb$')
        $hello = @(Get-FakeJournal -All | Where-Object -FilterScript { $_.method -eq 'session.initialize' })
        $hello.Count | Should -Be 2
        $hello[1].params.serviceAccount | Should -Be 'CONTOSO\svc-gwb$'
        [void] (Connect-GroupWriteback -Server s -ServiceAccount 'CONTOSO\svc-gwb$')
        @(Get-FakeJournal -All | Where-Object -FilterScript { $_.method -eq 'session.initialize' }).Count | Should -Be 2
    }

    It 'ends with Disconnect-GroupWriteback' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        [void] (Get-GroupWriteback)
        $id = (Get-EngineProcess).Id
        Disconnect-GroupWriteback
        Get-Process -Id $id -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    }

    It 'ends with the module' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        [void] (Get-GroupWriteback)
        $id = (Get-EngineProcess).Id
        Remove-Module -Name GroupWriteback
        Get-Process -Id $id -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    }

    It 'ends with the runspace, also when the host lives on' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        $shell = [powershell]::Create()
        $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
        [void] $shell.AddScript("Import-Module '$manifest'; [void] (Get-GroupWriteback)")
        [void] $shell.AddStatement().AddScript('(& (Get-Module -Name GroupWriteback) { $script:Engine.Process }).Id')
        $id = $shell.Invoke()[0]
        Get-Process -Id $id | Should -Not -BeNullOrEmpty
        $shell.Dispose()
        Get-Process -Id $id -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    }

    It 'leaves no event subscription behind' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        $before = @(Get-EventSubscriber -Force).Count
        [void] (Get-GroupWriteback)
        @(Get-EventSubscriber -Force).Count | Should -Be ($before + 1)
        Remove-Module -Name GroupWriteback
        @(Get-EventSubscriber -Force).Count | Should -Be $before
    }

    It 'is named when it is not there' {
        Use-FakeScript
        $env:GROUPWRITEBACK_ENGINE = Join-Path -Path $TestDrive -ChildPath 'none'
        $problem = { Get-GroupWriteback } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'EngineNotFound,Get-GroupWriteback'
        $problem.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
    }

    It 'is refused when it speaks another protocol: <Name>' -ForEach @(
        @{
            Name = 'its error'
            Step = @{ error = @{
                code = -32005
                message = 'Protocol 1 is not spoken.'
                data = @{ category = 'InvalidOperation'; id = 'ProtocolMismatch'; object = ''; advice = 'Update.' }
            } }
        }
        @{ Name = 'its answer'; Step = @{ result = @{ protocol = 2; engineVersion = '9.0'; statePath = '/state' } } }
    ) {
        Use-FakeScript @{ 'session.initialize' = $Step }
        $problem = { Get-GroupWriteback } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'ProtocolMismatch,Get-GroupWriteback'
        Get-EngineProcess | Should -BeNullOrEmpty
    }

    It 'is ended when it does not answer the handshake' {
        Use-FakeScript @{ 'session.initialize' = @{ hang = $true } }
        & (Get-Module -Name GroupWriteback) { $script:StartTimeout = 1 }
        $problem = { Get-GroupWriteback } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'EngineNotResponding,Get-GroupWriteback'
        $problem.CategoryInfo.Category | Should -Be 'OperationTimeout'
    }

    It 'that dies gives its exit code and last words, and is started again' {
        Use-FakeScript @{
            'writeback.get' = @{ exit = 3; stderr = "{`"level`":`"ERROR`",`"msg`":`"the disk is full`"}`n" }, $status
            'session.get'   = @{}
        }
        $problem = { Get-GroupWriteback } | Should -Throw -PassThru
        $problem.FullyQualifiedErrorId | Should -Be 'EngineEnded,Get-GroupWriteback'
        $problem.Exception.Message | Should -Match 'exit code 3'
        $problem.Exception.Message | Should -Match 'ERROR the disk is full'
        { Get-GroupWriteback } |
            Should -Throw -ErrorId 'EngineEnded,Get-GroupWriteback' -Because 'the script begins anew with the process'
    }

    It 'that crashes shows the first lines of the crash' {
        Use-FakeScript @{ 'writeback.get' = @{
            exit = 2
            stderr = "panic: index out of range`n`ngoroutine 1 [running]:`n" + ("frame`n" * 50)
        } }
        $problem = { Get-GroupWriteback } | Should -Throw -PassThru
        $problem.Exception.Message | Should -Match 'panic: index out of range'
    }

    It 'that died between two commands is started again, with a warning' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        [void] (Get-GroupWriteback)
        $process = Get-EngineProcess
        $process.Kill()
        [void] $process.WaitForExit(300000)
        $after = Get-GroupWriteback -WarningVariable warnings -WarningAction SilentlyContinue
        $after.Status | Should -Be 'Enabled'
        $warnings | Should -Match 'Connect again'
    }

    It 'may write a line of 1 MiB' {
        $text = 'x' * 1000000
        Use-FakeScript @{ 'group.list' = @{ result = @{ groups = @(@{
            id = '0a000000-0000-0000-0000-000000000001'
            description = $text
        }) } } }
        (Get-GroupWritebackGroup).Description.Length | Should -Be 1000000
    }

    It 'may flood standard error: it is drained, and little of it is kept' {
        Use-FakeScript @{ 'writeback.get' = @{ stderrBytes = 12MB; result = $status.result }; 'session.get' = @{} }
        [void] (Get-GroupWriteback)
        $kept = & (Get-Module -Name GroupWriteback) { $script:Engine.Log.Tail.Length }
        $kept | Should -BeGreaterThan 64KB
        $kept | Should -BeLessOrEqual 256KB
    }

    It 'logs more with -Debug, and as before without' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{}; 'session.log' = @{ result = @{} } }
        [void] (Get-GroupWriteback)
        (Get-FakeJournal -Method 'session.initialize' -All).params.logLevel | Should -Be 'Info'
        Get-FakeJournal -Method 'session.log' | Should -BeNullOrEmpty
        [void] (Get-GroupWriteback -Debug 5> $null)
        [void] (Get-GroupWriteback)
        (Get-FakeJournal -Method 'session.log').params.level | Should -Be 'Debug', 'Info'
        Disconnect-GroupWriteback
        [void] (Get-GroupWriteback -Debug 5> $null)
        @(Get-FakeJournal -Method 'session.initialize' -All)[-1].params.logLevel | Should -Be 'Debug'
    }

    It 'that answers no JSON is an error' {
        Use-FakeScript @{ 'writeback.get' = @{ raw = 'Segmentation fault' } }
        { Get-GroupWriteback } | Should -Throw -ErrorId 'EngineAnswerUnreadable,Get-GroupWriteback'
    }

    It 'that could not read a message is an error' {
        Use-FakeScript @{ 'writeback.get' = @{
            raw = '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"No JSON.","data":' +
                '{"category":"InvalidArgument","id":"ParseError","object":"","advice":"Send JSON."}}}'
            hang = $true
        } }
        & (Get-Module -Name GroupWriteback) { $script:StopTimeout = 0 }
        { Get-GroupWriteback -WarningAction SilentlyContinue } | Should -Throw -ErrorId 'ParseError,Get-GroupWriteback'
    }

    It 'is reached also under a strict mode of the caller' {
        Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} }
        Set-StrictMode -Version Latest
        $answer = Get-GroupWriteback
        Set-StrictMode -Off
        $answer.LastRun | Should -BeNullOrEmpty
    }
}

Describe 'Ctrl+C' -Skip:(-not $env:FAKE_ENGINE) {
    It 'cancels a sync, waits for its record and says how it ended' {
        Use-FakeScript @{ 'sync.start' = @{ onCancel = (Get-FakeRun @{
            status = 'Stopped'
            stopReason = 'Cancelled'
        }) } }
        $stop = Invoke-Stopped -Script 'Start-GroupWritebackSync' -Until 'sync.start'
        $stop.Seconds | Should -BeLessThan 40 # the module would kill the engine after 45 seconds
        $stop.Warning | Should -Match 'Run 7 ended as stopped'
        $start = Get-FakeJournal -Method 'sync.start'
        (Get-FakeJournal -Method 'request.cancel').params.id | Should -Be $start.id
    }

    It 'says so of a sync of one group, too' {
        Use-FakeScript @{ 'sync.group' = @{ onCancel = (Get-FakeGroupSync @{
            status = 'Stopped'
            stopReason = 'Cancelled'
        }) } }
        (Invoke-Stopped -Script 'Start-GroupWritebackSync -Group Sales' -Until 'sync.group').Warning |
            Should -Match 'Run 7 ended as stopped'
    }

    It 'ends an engine that does not come back' {
        Use-FakeScript @{ 'sync.start' = @{ hang = $true } }
        $script = '& (Get-Module GroupWriteback) { $script:StopTimeout = 1 }; Start-GroupWritebackSync'
        $stop = Invoke-Stopped -Script $script -Until 'sync.start'
        $stop.Seconds | Should -BeLessThan 300
        $stop.Warning | Should -Match 'engine was ended'
    }
}

Describe 'Lists' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $item = Get-FakeChange @{ id = '{n}'; displayName = 'Group {n}'; attributes = @(
            @{ name = 'displayName'; old = @(); new = @('Group {n}') }
            @{ name = 'description'; old = @('x' * 100); new = @('y' * 100) }
            @{ name = 'mail'; old = @(); new = @('g{n}@contoso.test') }
        ) }
    }

    It 'of 50,000 changes take a bounded amount of memory' {
        Use-FakeScript @{ 'change.list' = @{ generate = @{ property = 'changes'; count = 50000; item = $item } } }
        $memory = New-Object -TypeName 'System.Collections.Generic.List[long]'
        $count = 0
        Get-GroupWritebackChange -RunId 7 | ForEach-Object -Process {
            $count++
            if ($count % 5000 -eq 0) { $memory.Add([System.GC]::GetTotalMemory($true)) }
        }
        $count | Should -Be 50000
        ($memory | Measure-Object -Maximum).Maximum - $memory[0] | Should -BeLessThan 20MB
        @(Get-FakeJournal -Method 'change.list').Count | Should -Be 250
    }

    It 'are read no further than the pipeline wants' {
        Use-FakeScript @{ 'change.list' = @{ generate = @{ property = 'changes'; count = 50000; item = $item } } }
        $three = @(Get-GroupWritebackChange -RunId 7 | Select-Object -First 3)
        $three[2].DisplayName | Should -Be 'Group 3'
        @(Get-FakeJournal -Method 'change.list').Count | Should -Be 1
    }

    It 'allow another command for each object' {
        Use-FakeScript @{
            'group.list'    = @{ generate = @{
                property = 'groups'
                count = 3
                item = @{ id = '0a000000-0000-0000-0000-00000000000{n}'; displayName = 'G{n}' }
            } }
            'group.members' = @{ result = @{ members = @(@{
                id = '0b000000-0000-0000-0000-000000000001'
                name = 'U'
                kind = 'User'
                reason = 'Guest'
            }) } }
        }
        @(Get-GroupWritebackGroup | Get-GroupWritebackGroupMember).GroupId |
            Should -Be @(1..3 | ForEach-Object -Process { "0a000000-0000-0000-0000-00000000000$_" })
    }

    It 'that fail in the middle keep what came before' {
        Use-FakeScript @{
            'change.list' = @{ result = @{
                changes = @(Get-FakeChange)
                next = 'a'
            } }, (Get-FakeError -Id 'RunNotFound' -Category 'ObjectNotFound')
        }
        $got = @(Get-GroupWritebackChange -RunId 7 -ErrorVariable problems -ErrorAction SilentlyContinue)
        $got.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -Be 'RunNotFound,Get-GroupWritebackChange'
        (Get-FakeJournal -Method 'change.list')[1].params.after | Should -Be 'a'
    }
}

Describe 'Progress' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach {
        Use-FakeScript @{ 'sync.start' = @{
                progress = @(
                    @{ step = 'ImportSource'; stepNumber = 1; stepCount = 8; done = 5; total = 10; message = 'groups' }
                    @{ step = 'Plan'; stepNumber = 5; stepCount = 8; done = 3; total = 0; message = '' }
                )
                result   = (Get-FakeRun)
            }
        }
        InModuleScope GroupWriteback { $script:ProgressDelay = 60000 } # a slow machine would redraw it
        Mock -ModuleName GroupWriteback -CommandName Write-Progress -MockWith {}
    }

    It 'is shown to people, and completed' {
        Mock -ModuleName GroupWriteback -CommandName Test-Interactive -MockWith { $true }
        [void] (Start-GroupWritebackSync)
        Should -Invoke -ModuleName GroupWriteback -CommandName Write-Progress -Times 1 -Exactly -ParameterFilter {
            $PercentComplete -eq 6 -and $Status -eq 'Step 1 of 8: groups, 5 of 10'
        }
        Should -Invoke -ModuleName GroupWriteback -CommandName Write-Progress -Times 1 -Exactly -ParameterFilter {
            $PercentComplete -eq 50 -and $Status -eq 'Step 5 of 8: Planning, 3'
        }
        Should -Invoke -ModuleName GroupWriteback -CommandName Write-Progress -Times 1 -Exactly -ParameterFilter {
            $Completed
        }
    }

    It 'is not shown where nobody watches' {
        Mock -ModuleName GroupWriteback -CommandName Test-Interactive -MockWith { $false }
        [void] (Start-GroupWritebackSync)
        Should -Invoke -ModuleName GroupWriteback -CommandName Write-Progress -Times 0 -Exactly
    }

    It 'is not for a runbook' {
        $env:AZUREPS_HOST_ENVIRONMENT = 'AzureAutomation'
        try { & (Get-Module -Name GroupWriteback) { Test-Interactive } | Should -BeFalse }
        finally { Remove-Item -Path Env:AZUREPS_HOST_ENVIRONMENT }
    }
}
