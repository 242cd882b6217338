#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    # $hostile ends a PowerShell string, with a plain and with a typographic quote. $quoted is how the engine writes
    # it in a script.
    $hostile = "CN=x'; throw 'ran' #" + [char] 0x2019 + "; throw 'ran' #,OU=Writeback,DC=contoso,DC=test"
    $quoted = "([regex]::Unescape('CN=x''; throw ''ran'' #\u2019; throw ''ran'' #,OU=Writeback,DC=contoso,DC=test'))"
    $first = '0c000000-0000-0000-0000-000000000001'
    $second = '0c000000-0000-0000-0000-000000000002'
    function Use-StepScript {
        Use-FakeScript @{
            'exchange.steps'      = @{ result = @{ steps = @(
                @{ kind = 'AcceptedDomain'; object = 'groups.contoso.test'; groups = 12
                    message = 'It is not accepted.'
                    command = 'New-AcceptedDomain -Name x'
                    script = @('# It is not accepted.', 'New-AcceptedDomain -Name x') }
                @{ kind = 'AcceptedDomain'; object = 'contoso.test'; groups = 2; message = 'It is authoritative.'
                    command = 'Set-AcceptedDomain x'; decide = $true
                    script = @('# It is authoritative.', '# Set-AcceptedDomain x') }
                @{ kind = 'Warning'; object = ''; groups = 0; message = 'Not checked.'; script = @('# Not checked.') }
            ) } }
            'exchange.recipients' = @(
                @{ result = @{ next = $first; steps = @(@{
                    kind = 'UpdateRecipient'; object = $hostile; groups = 1; message = 'It was changed.'; runId = 7
                    command = "Update-Recipient -Identity $quoted"
                    script = @('# changed', "Update-Recipient -Identity $quoted")
                    groupId = '0a000000-0000-0000-0000-000000000001'; targetGuid = $first
                }) } }
                @{ result = @{ steps = @(@{
                    kind = 'UpdateRecipient'; object = 'CN=new'; groups = 1; message = 'It is new.'
                    command = "Update-Recipient -Identity 'CN=new'"
                    script = @('# new', "Update-Recipient -Identity 'CN=new'")
                    groupId = '0a000000-0000-0000-0000-000000000002'; targetGuid = $second
                }) } }
            )
            'exchange.clear'      = @{ result = @{ cleared = 1 } }
        }
    }
}

AfterAll { Clear-FakeScript }

Describe 'Get-GroupWritebackExchangeStep' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach { Use-StepScript }

    It 'returns the steps of the organisation and then those of groups, page by page' {
        $steps = Get-GroupWritebackExchangeStep
        $steps.Kind | Should -Be 'AcceptedDomain', 'AcceptedDomain', 'Warning', 'UpdateRecipient', 'UpdateRecipient'
        $steps.Decide | Should -Be $false, $true, $false, $false, $false
        $steps[3].Object, $steps[3].RunId, $steps[3].TargetGuid | Should -Be $hostile, 7, $first
        $steps[4].RunId | Should -Be 0
        [string] $steps[0] | Should -Be 'AcceptedDomain: groups.contoso.test'
        @(Get-FakeJournal -Method 'exchange.recipients')[1].params.after | Should -Be $first
    }

    It 'makes one script, in which a name is a value and a decision is a comment' {
        $text = Get-GroupWritebackExchangeStep -AsScript
        @($text).Count | Should -Be 1
        $text | Should -Not -Match '[^\x20-\x7e\r\n]'
        $text | Should -Match '(?m)^# Set-AcceptedDomain x\r?$'
        # Run the script with commands of the same names that only return their argument.
        $got = & ([scriptblock]::Create(@(
            'function New-AcceptedDomain { param($Name) "domain $Name" }'
            'function Update-Recipient { param($Identity) $Identity }'
            $text
        ) -join "`n"))
        $got | Should -Be 'domain x', $hostile, 'CN=new'
    }
}

Describe 'Clear-GroupWritebackExchangeStep' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeEach { Use-StepScript }

    It 'takes what a run has changed off the list, and nothing else' {
        Get-GroupWritebackExchangeStep | Clear-GroupWritebackExchangeStep | Should -BeNullOrEmpty
        $sent = @((Get-FakeJournal -Method 'exchange.clear').params.steps)
        $sent.Count, $sent[0].targetGuid, $sent[0].runId | Should -Be 1, $first, 7
    }

    It 'does nothing with -WhatIf' {
        Get-GroupWritebackExchangeStep | Clear-GroupWritebackExchangeStep -WhatIf
        Get-FakeJournal -Method 'exchange.clear' | Should -BeNullOrEmpty
    }
}
