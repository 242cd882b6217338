#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

BeforeDiscovery {
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    Import-Module -Name (Join-Path -Path $root -ChildPath 'GroupWriteback.psd1') -Force
    # Leave out parameters that name files, and switches, which take no value. PowerShell itself completes fixed lists
    # and enumerations.
    $files = 'StatePath', 'TenantCAFile', 'DirectoryCAFile', 'CertificatePath', 'KeytabPath', 'KerberosConfigPath',
    'FederatedTokenFile', 'Path'
    $common = [System.Management.Automation.Cmdlet]::CommonParameters +
        [System.Management.Automation.Cmdlet]::OptionalCommonParameters
    $parameters = @(
        foreach ($command in Get-Command -Module GroupWriteback) {
            foreach ($parameter in $command.Parameters.Values) {
                if ($parameter.Name -in $files + $common -or $parameter.SwitchParameter) { continue }
                @{ Command = $command.Name; Parameter = $parameter.Name }
            }
        }
    )
    Remove-Module -Name GroupWriteback -Force
}

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    function Get-Offered {
        param([string] $Line)
        (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches
    }
    function Get-OfferedText {
        param([string] $Line)
        @(Get-Offered -Line $Line | ForEach-Object -Process { $_.CompletionText })
    }
    $group = @{
        id = '0a000000-0000-0000-0000-000000000001'; displayName = "Field 'n' Sales"; dn = 'CN=G,DC=contoso,DC=test'
        situation = 'Linked'
    }
    $double = @{ id = '0a000000-0000-0000-0000-000000000002'; displayName = 'Team'; dn = 'CN=T1,DC=contoso,DC=test' }
    $other = @{ id = '0a000000-0000-0000-0000-000000000003'; displayName = 'Team' }
    $held = @{ id = 6; planId = 'plan-6'; status = 'Partial'; heldBy = @('StoppedDeletionThreshold') }
    $script = @{
        'run.list'   = @{ result = @{ runs = @(
                    (Get-FakeRun)
                    (Get-FakeRun $held)
                    (Get-FakeRun @{ id = 5; planId = 'plan-5'; planned = @{ adopt = 2 } })
                    (Get-FakeRun @{
                        id = 4
                        planId = 'plan-4'
                        status = 'Stopped'
                        stopReason = 'StoppedSourceShrunk'
                    })
                )
            }
        }
        'group.list' = @{ result = @{ groups = @($group, $double, $other) } }
    }
}

AfterAll { Clear-FakeScript }

Describe 'TAB behind a parameter' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        Use-FakeScript $script
        Push-Location -LiteralPath $TestDrive
        foreach ($name in 'b.txt', '7.txt', 'zz.txt') {
            [System.IO.File]::WriteAllText((Join-Path -Path $TestDrive -ChildPath $name), '')
        }
    }

    AfterAll { Pop-Location }

    It 'offers <Command> no file for -<Parameter>' -ForEach $parameters {
        foreach ($word in '', 'zz') {
            $offered = @(Get-Offered -Line "$Command -$Parameter $word")
            @($offered.ResultType | Where-Object -FilterScript { $_ -in 'ProviderItem', 'ProviderContainer' }) |
                Should -BeNullOrEmpty
        }
    }

    It 'offers runs by number' {
        Get-OfferedText 'Get-GroupWritebackRun ' | Should -Be '7', '6', '5', '4'
        Get-OfferedText 'Get-GroupWritebackChange -RunId 5' | Should -Be '5'
        (Get-Offered 'Get-GroupWritebackRun 7').ToolTip | Should -Match 'Sync Complete'
    }

    It 'offers the plans that consent can be given to, and those that adopt' {
        Get-OfferedText 'Start-GroupWritebackSync -AllowOnce ' | Should -Be 'plan-6', 'plan-4'
        Get-OfferedText 'Enable-GroupWriteback -AdoptPlan ' | Should -Be 'plan-5'
        Get-OfferedText 'Set-GroupWriteback -AdoptPlan plan' | Should -Be 'plan-5'
    }

    It 'offers groups by name, and by id where the name is not one group''s' {
        Get-OfferedText 'Get-GroupWritebackGroup ' | Should -Be "'Field ''n'' Sales'", "'Team'"
        Get-OfferedText 'Start-GroupWritebackSync -Group ' |
            Should -Be "'Field ''n'' Sales'", "'$($double.id)'", "'$($other.id)'"
        Get-OfferedText 'Set-GroupWriteback -ReleaseGroup ' | Should -Be "'Field ''n'' Sales'", "'Team'"
        Get-OfferedText 'Set-GroupWriteback -GroupId tea' | Should -Be "'$($double.id)'", "'$($other.id)'"
        Get-OfferedText "Set-GroupWriteback -GroupId $($other.id)" | Should -Be "'$($other.id)'"
    }

    It 'does the same under another prefix, and by an alias' {
        Remove-Module -Name GroupWriteback
        $manifest = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')
        Import-Module -Name $manifest -Prefix X -Force
        Get-OfferedText 'Get-XGroupWritebackRun ' | Should -Be '7', '6', '5', '4'
        Get-OfferedText 'Start-XGroupWritebackSync -AllowOnce ' | Should -Be 'plan-6', 'plan-4'
        Get-OfferedText 'Get-XGroupWritebackGroup ' | Should -Be "'Field ''n'' Sales'", "'Team'"
        Set-Alias -Name gwr -Value Get-XGroupWritebackRun
        Get-OfferedText 'gwr 6' | Should -Be '6'
    }
}

Describe 'TAB without an answer' -Skip:(-not $env:FAKE_ENGINE) {
    It 'leaves no error when <Name>' -ForEach @(
        @{ Name = 'the engine is not there'; Engine = 'nowhere' }
        @{ Name = 'the engine refuses'; Engine = '' }
    ) {
        Use-FakeScript @{ 'run.list' = (Get-FakeError); 'group.list' = (Get-FakeError) }
        if ($Engine) { $env:GROUPWRITEBACK_ENGINE = Join-Path -Path $TestDrive -ChildPath $Engine }
        $errors = Get-Variable -Name Error -Scope Global -ValueOnly
        $errors.Clear()
        Write-Error -Message 'mine' -ErrorAction SilentlyContinue
        Get-OfferedText 'Get-GroupWritebackRun ' | Should -BeNullOrEmpty
        Get-OfferedText 'Start-GroupWritebackSync -Group ' | Should -BeNullOrEmpty
        "$errors" | Should -Be 'mine'
    }

    It 'starts no other engine for one that has ended' {
        Use-FakeScript $script
        [void] (Get-GroupWritebackRun -Last 1)
        $process = InModuleScope -ModuleName GroupWriteback { $script:Engine.Process }
        $process.Kill()
        $process.WaitForExit()
        Get-OfferedText 'Get-GroupWritebackRun ' | Should -BeNullOrEmpty
        [string] (Get-GroupWritebackRun -Last 1 3>&1) | Should -Match 'Connect again'
    }
}

Describe 'TAB behind a pipe' {
    BeforeAll {
        Import-Module -Name ([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')) -Force
    }

    It 'offers the properties of what <Command> returns to <Next>' -ForEach @(
        foreach ($returned in @(
                @{ Command = 'Get-GroupWriteback'; Name = 'TargetContainer' }
                @{ Command = 'Get-GroupWritebackRun'; Name = 'PolicyReason' }
                @{ Command = 'Get-GroupWritebackAudit'; Name = 'DirectoryAccount' }
                @{ Command = 'Get-GroupWritebackChange'; Name = 'Outcome' }
                @{ Command = 'Get-GroupWritebackGroup'; Name = 'Situation' }
                @{ Command = 'Get-GroupWritebackGroupMember'; Name = 'Reason' }
                @{ Command = 'Start-GroupWritebackSync'; Name = 'PlanId' }
                @{ Command = 'Start-GroupWritebackSync -Group x'; Name = 'Unwritten' }
                @{ Command = 'Disable-GroupWriteback -WhatIf'; Name = 'Action' }
                @{ Command = 'Connect-GroupWriteback'; Name = 'TenantId' }
                @{ Command = 'Test-GroupWriteback'; Name = 'Result' }
                @{ Command = 'Get-GroupWritebackExchangeStep'; Name = 'Command' }
            )) {
            foreach ($next in 'Select-Object', 'Where-Object', 'Sort-Object', 'Group-Object', 'Format-Table') {
                $returned + @{ Next = $next }
            }
        }
    ) {
        $offered = Get-OfferedText "$Command | $Next "
        $offered | Should -Contain $Name
        # TAB must not offer files. The whole list is not compared because Test-GroupWriteback may also return a
        # Boolean.
        $offered | Should -Not -Contain './module'
    }

    It 'offers what is in them, too' {
        Get-OfferedText '(Get-GroupWriteback).LastRun.' | Should -Contain 'PolicyReason'
        Get-OfferedText '(Get-GroupWritebackRun).Planned.' | Should -Contain 'MembersAdded'
        Get-OfferedText 'Get-GroupWriteback | ForEach-Object { $_.Connection.' | Should -Contain 'BaseDN'
    }

    It 'knows the members that objects have' {
        $wrong = InModuleScope -ModuleName GroupWriteback {
            $run = @{ error = @{ id = 'x' } }
            $connection = ConvertTo-Connection @{ source = @{ tenantId = 'x' } }
            $samples = @(
                ConvertTo-Run $run
                ConvertTo-AuditEntry @{ id = 'x' }
                ConvertTo-GroupSync @{ run = $run; steps = @(@{ name = 'x' }) }
                ConvertTo-Change @{
                    action     = 'x'
                    add        = @(@{ guid = 'x' })
                    attributes = @(@{ name = 'x'; new = @('y') })
                }
                ConvertTo-Group @{ id = 'x'; hold = @{ reason = 'x' }; quarantine = @{ tries = 1 } }
                ConvertTo-Member @{ id = 'x' }
                ConvertTo-Check @{ name = 'x' }
                ConvertTo-ExchangeStep @{ kind = 'x' }
                ConvertTo-Permission @{ containers = @(@{ dn = 'x'; entries = @(@{ state = 'x' }) }) }
                ConvertTo-RestoredGroup @{ groups = @(@{ id = 'x' }) }
                ConvertTo-GraphPermission @{ permissions = @(@{ name = 'x' }) }
                ConvertTo-Mapping @{ attribute = 'x' }
                ConvertTo-MappingImport -Mapping @{ attribute = 'x' }
                ConvertTo-MappingTest @{ values = @(@{ attribute = 'x' }) }
                ConvertTo-Status -Overview @{ lastRun = $run } -Connection $connection
                $connection
            )
            $samples += @($samples.Error) + @($samples.Planned) + @($samples.Steps) + @($samples.AddMembers) +
                @($samples.Attributes) + @($samples.Hold) + @($samples.Quarantine) |
                Where-Object -FilterScript { $_ }
            $types = @{}
            foreach ($type in Get-TypeData) {
                # The View members are computed for the views and are not members of the object itself.
                $types[$type.TypeName] = @($type.Members.Keys -notmatch '^(View|ToString$)')
            }
            $seen = @{}
            foreach ($sample in $samples) {
                $name = $sample.PSObject.TypeNames[0]
                $seen[$name] = $true
                $has = @($sample.PSObject.Properties | Where-Object -FilterScript { $_.IsInstance })
                foreach ($one in Compare-Object -ReferenceObject @($has.Name) -DifferenceObject @($types[$name])) {
                    "${name}: $($one.InputObject) $($one.SideIndicator)"
                }
            }
            foreach ($name in $types.Keys) { if (-not $seen[$name]) { "$name is not tried" } }
        }
        $wrong | Should -BeNullOrEmpty
    }

    It 'is not in the way of an object: no member twice, none that hides its own' {
        $member = InModuleScope -ModuleName GroupWriteback {
            ConvertTo-Member @{ id = 'x'; reason = 'Guest' } -GroupId 'y'
        }
        $json = ConvertTo-Json -InputObject $member -Compress
        @([regex]::Matches($json, '"Id":')).Count | Should -Be 1
        $member.Reason | Should -Be 'Guest'
        $member.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Member'
        $names = @($member.PSObject.Properties.Name)
        $names.Count | Should -Be @($names | Sort-Object -Unique).Count
    }

    It 'goes with the module' {
        Get-TypeData -TypeName 'GroupWriteback.Run' | Should -Not -BeNullOrEmpty
        Remove-Module -Name GroupWriteback
        Get-TypeData -TypeName 'GroupWriteback.Run' | Should -BeNullOrEmpty
    }
}
