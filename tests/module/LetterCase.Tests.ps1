#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

BeforeDiscovery {
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    Import-Module -Name (Join-Path -Path $root -ChildPath 'GroupWriteback.psd1') -Force
    $values = @(
        foreach ($command in Get-Command -Module GroupWriteback) {
            foreach ($parameter in $command.Parameters.Values) {
                $lists = $parameter.Attributes |
                    Where-Object -FilterScript { $_ -is [System.Management.Automation.ValidateSetAttribute] }
                foreach ($value in $lists.ValidValues) {
                    @{ Command = $command.Name; Parameter = $parameter.Name; Value = $value }
                }
            }
        }
    )
    Remove-Module -Name GroupWriteback -Force
}

BeforeAll { . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1') }

AfterAll { Clear-FakeScript }

Describe 'A fixed list' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $check = @{ result = @{ settings = (Get-FakeSetting) } }
        $rights = @{ result = @{ account = @{ sid = 'S-1-5-21-1-2-3-1104' }; containers = @() } }
        $signIn = @{ Server = 's'; Credential = Get-TestCredential -Name 'svc' -Text 'word' }
        Use-FakeScript @{
            'session.connect'  = @{ result = @{ source = @{ tenantId = 't' }; target = @{ server = 's' } } }
            'writeback.enable' = $check
            'settings.set'     = $check
            'sync.start'       = @{ result = (Get-FakeRun) }
            'change.list'      = @{ result = @{ changes = @() } }
            'audit.list'       = @{ result = @{ entries = @() } }
            'mapping.test'     = @{ result = @{ values = @() } }
            'permission.get'   = $rights
            'permission.grant' = $rights
            'permission.revoke' = $rights
            'group.restore'    = @{ result = @{ run = @{ status = 'Complete' }; groups = @(@{ way = 'Members' }) } }
            'permission.graph' = @{ result = @{ permissions = @(); script = '' } }
        }
        $needed = @{
            'Connect-GroupWriteback'   = @{
                TenantId    = 't'
                AccessToken = ConvertTo-TestSecret -Text 'token'
                Server      = 's'
                Credential  = Get-TestCredential -Name 'svc' -Text 'word'
            }
            'Get-GroupWritebackChange' = @{ RunId = 7 }
            'Set-GroupWritebackMapping' = @{ Attribute = 'info'; Expression = '[theme]' }
            'Test-GroupWritebackMapping' = @{ Group = 'x'; Attribute = 'info'; Expression = '[theme]' }
            'Grant-GroupWritebackPermission' = $signIn + @{ Account = 'svc'; Confirm = $false }
            'Restore-GroupWritebackGroup' = $signIn + @{ Group = 'x'; Confirm = $false }
            'Revoke-GroupWritebackPermission' = $signIn + @{ Account = 'svc'; Confirm = $false }
            'Get-GroupWritebackPermission -AuthType' = $signIn
            'Get-GroupWritebackPermission -ScriptType' = @{ Graph = $true; AsScript = $true }
        }
        # Returns the requests that reach the engine, without their numbers.
        function Get-Sent {
            param([string] $Command, [string] $Parameter, $Value)
            $count = if (Test-Path -LiteralPath $env:FAKE_ENGINE_JOURNAL) { @(Get-FakeJournal).Count } else { 0 }
            $option = @{ $Parameter = $Value }
            foreach ($name in $Command, "$Command -$Parameter") {
                if ($needed[$name]) { $option += $needed[$name] }
            }
            [void] (& $Command @option)
            Get-FakeJournal | Select-Object -Skip $count | ForEach-Object -Process {
                "$($_.method) $(ConvertTo-Json -InputObject $_.params -Depth 9 -Compress)"
            }
        }
    }

    It 'is there to be tried' -ForEach @{ Count = $values.Count } {
        $Count | Should -BeGreaterThan 40
    }

    It 'lets <Command> -<Parameter> take <Value> in lower and in upper case' -ForEach $values {
        $exact = Get-Sent -Command $Command -Parameter $Parameter -Value $Value
        $exact | Should -Not -BeNullOrEmpty
        # The engine learns how to bind from the kind of the credential, not from AuthType.
        if ($Parameter -ne 'AuthType') { [string] $exact | Should -MatchExactly "`"$Value`"" }
        foreach ($typed in $Value.ToLowerInvariant(), $Value.ToUpperInvariant()) {
            Get-Sent -Command $Command -Parameter $Parameter -Value $typed | Should -BeExactly $exact
        }
    }

    It 'takes several values in any case' {
        $sent = @{ changes = @((Get-FakeChange @{ outcome = 'Failed' }), (Get-FakeChange @{ action = 'Delete' })) }
        Use-FakeScript @{ 'change.list' = @{ result = $sent } }
        @(Get-GroupWritebackChange -RunId 7 -Action DELETE, move).Count | Should -Be 1
        @(Get-GroupWritebackChange -RunId 7 -Outcome FAILED, Unknown).Count | Should -Be 1
    }

    It 'shows its own spelling where a setting is said aloud' {
        Use-FakeScript @{ 'settings.set' = @{ result = (Get-FakeSetting) } }
        $said = Set-GroupWriteback -MovedGroup moveback -Confirm:$false -Verbose 4>&1
        [string] $said | Should -MatchExactly 'MovedGroup = MoveBack'
    }
}
