#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeDiscovery {
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    $public = @(
        Get-ChildItem -LiteralPath ([System.IO.Path]::Combine($root, 'module', 'Public')) -Filter '*.ps1' |
            ForEach-Object -Process { @{ Name = $_.BaseName; Path = $_.FullName } }
    )
}

BeforeAll {
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    $path = Join-Path -Path $root -ChildPath 'GroupWriteback.psd1'
    $manifest = Test-ModuleManifest -Path $path
    Import-Module -Name $path -Force
}

AfterAll { Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue }

Describe 'The manifest' {
    It 'exports the files of Public, and nothing else' {
        $files = @(
            Get-ChildItem -LiteralPath ([System.IO.Path]::Combine($root, 'module', 'Public')) -Filter '*.ps1' |
                ForEach-Object -Process { $_.BaseName } |
                Sort-Object
        )
        @((Get-Module -Name GroupWriteback).ExportedCommands.Keys | Sort-Object) | Should -Be $files
        @((Import-PowerShellDataFile -LiteralPath $path).FunctionsToExport | Sort-Object) | Should -Be $files
        (Get-Module -Name GroupWriteback).ExportedAliases.Count | Should -Be 0
        (Get-Module -Name GroupWriteback).ExportedVariables.Count | Should -Be 0
    }

    It 'is for Windows PowerShell 5.1 and PowerShell 7' {
        $manifest.PowerShellVersion | Should -Be '5.1'
        $manifest.CompatiblePSEditions | Should -Be 'Desktop', 'Core'
    }

    It 'names files that are there' {
        foreach ($file in @($manifest.ExportedFormatFiles)) { Test-Path -LiteralPath $file | Should -BeTrue }
        $data = Import-PowerShellDataFile -LiteralPath $path
        foreach ($file in @($data.RootModule) + $data.FormatsToProcess) {
            Test-Path -LiteralPath (Join-Path -Path $root -ChildPath $file) | Should -BeTrue
        }
        $data.ContainsKey('ScriptsToProcess') | Should -BeFalse
    }
}

Describe 'The about topic' {
    It 'lists the error ids of the commands' {
        $module = Join-Path -Path $root -ChildPath 'module'
        $source = @(Get-ChildItem -LiteralPath $module -Filter '*.ps1' -Recurse | Get-Content) -join "`n"
        # An id is either a parameter or an entry of a splatted table.
        $used = @(
            [regex]::Matches($source, "(?m)(?:-Id|^\s+Id\s+=) '(\w+)'") |
                ForEach-Object -Process { $_.Groups[1].Value } |
                Sort-Object -Unique
        )
        $path = [System.IO.Path]::Combine($root, 'en-US', 'about_GroupWriteback.help.txt')
        $topic = (@(Get-Content -LiteralPath $path) -join "`n") -replace '(?s)^.* ids of the commands are:'
        $listed = @(
            [regex]::Matches($topic, '(?m)^      ([A-Z]\w+)  ') |
                ForEach-Object -Process { $_.Groups[1].Value } |
                Sort-Object -Unique
        )
        $used.Count | Should -BeGreaterThan 10
        $listed | Should -Be $used
    }
}

Describe 'The messages' {
    # A parameter after a command must belong to that command. tests/arch checks the texts of the engine.
    It 'name only commands and parameters that there are' {
        $commands = @{}
        foreach ($command in Get-Command -Module GroupWriteback) {
            $commands[$command.Name] = @($command.Parameters.Keys)
        }
        $parameters = @($commands.Values | ForEach-Object -Process { $_ })
        $pattern = '\b[A-Z][a-z]+-[A-Z][A-Za-z]+\b|(?<=^|[\s("''\[|])-(?<p>[A-Z][A-Za-z]+)\b'
        $names = 0
        $files = Get-ChildItem -LiteralPath (Join-Path -Path $root -ChildPath 'module') -Filter '*.ps1' -Recurse
        $wrong = foreach ($file in $files) {
            $tree = [System.Management.Automation.Language.Parser]::ParseFile($file.FullName, [ref] $null, [ref] $null)
            $texts = $tree.FindAll(
                {
                    param($node)
                    $node -is [System.Management.Automation.Language.ExpandableStringExpressionAst] -or (
                        $node -is [System.Management.Automation.Language.StringConstantExpressionAst] -and
                        $node.StringConstantType -ne 'BareWord'
                    )
                },
                $true
            )
            foreach ($node in $texts) {
                $text = $node.Value
                foreach ($inner in $node.NestedExpressions) { $text = $text.Replace($inner.Extent.Text, '') }
                foreach ($sentence in $text -split '[.;:,] ') {
                    $command = ''
                    foreach ($match in [regex]::Matches($sentence, $pattern)) {
                        $names++
                        $parameter = $match.Groups['p'].Value
                        if ($command -eq 'Get-Help') { continue }
                        if (-not $parameter) {
                            $command = $match.Value
                            $known = $command -notlike '*-GroupWriteback*' -or $commands.ContainsKey($command)
                            if (-not $known) { "$($file.Name): $command" }
                        }
                        elseif (-not $command) {
                            if ($parameters -notcontains $parameter) { "$($file.Name): -$parameter" }
                        }
                        elseif ($commands.ContainsKey($command) -and $commands[$command] -notcontains $parameter) {
                            "$($file.Name): $command -$parameter"
                        }
                    }
                }
            }
        }
        $names | Should -BeGreaterThan 20
        $wrong | Should -BeNullOrEmpty
    }
}

Describe 'Enable-GroupWriteback and Set-GroupWriteback' {
    # PowerShell offers help and completion only for parameters that the command itself declares.
    It 'declare alike what both take' {
        $enable = Get-Command -Name Enable-GroupWriteback
        $set = Get-Command -Name Set-GroupWriteback
        $common = [System.Management.Automation.Cmdlet]::CommonParameters +
            [System.Management.Automation.Cmdlet]::OptionalCommonParameters
        $both = @(
            $enable.Parameters.Keys |
                Where-Object -FilterScript { $set.Parameters.ContainsKey($_) -and $_ -notin $common }
        )
        $describe = {
            param($Parameter)
            $rules = foreach ($attribute in $Parameter.Attributes) {
                if ($attribute -is [System.Management.Automation.ParameterAttribute]) { continue }
                $values = foreach ($property in $attribute.GetType().GetProperties()) {
                    if ($property.Name -eq 'TypeId') { continue }
                    "$($property.Name)=$(@($property.GetValue($attribute)) -join ',')"
                }
                "$($attribute.GetType().Name)($($values -join ' '))"
            }
            "$($Parameter.ParameterType) $($Parameter.Aliases -join ',') $(@($rules | Sort-Object) -join ' ')"
        }
        $both.Count | Should -BeGreaterThan 10
        foreach ($name in $both) {
            & $describe $set.Parameters[$name] | Should -Be (& $describe $enable.Parameters[$name]) -Because $name
        }
    }
}

Describe '<Name>' -ForEach $public {
    It 'has help with examples, and a text for each parameter' {
        $help = Get-Help -Name $Name -Full
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match "^\s*$Name \["
        $help.Description | Should -Not -BeNullOrEmpty
        @($help.Examples.Example).Count | Should -BeGreaterThan 0
        $cmdlet = [System.Management.Automation.Cmdlet]
        $common = $cmdlet::CommonParameters + $cmdlet::OptionalCommonParameters
        $own = (Get-Command -Name $Name).Parameters.Keys | Where-Object -FilterScript { $_ -notin $common }
        foreach ($parameter in $own) {
            [string] (Get-Help -Name $Name -Parameter $parameter).Description.Text |
                Should -Not -BeNullOrEmpty -Because "-$parameter"
        }
    }

    It 'says what it returns' {
        (Get-Command -Name $Name).OutputType.Count | Should -BeGreaterThan 0
    }

    It 'asks before it changes something' {
        $verbs = 'Clear|Enable|Disable|Export|Grant|Import|Remove|Restore|Resume|Revoke|Set|Start|Suspend'
        $changes = $Name -match "^($verbs)-"
        (Get-Command -Name $Name).Parameters.ContainsKey('WhatIf') | Should -Be $changes
    }
}

Describe 'The sources' {
    It 'call only commands that there are' {
        $module = Get-Module -Name GroupWriteback
        $files = Get-ChildItem -LiteralPath (Join-Path -Path $root -ChildPath 'module') -Filter '*.ps1' -Recurse |
            Where-Object -FilterScript { $_.Directory.Name -in 'Private', 'Public' }
        $called = foreach ($file in $files) {
            $tree = [System.Management.Automation.Language.Parser]::ParseFile($file.FullName, [ref] $null, [ref] $null)
            $tree.FindAll({ param($node) $node -is [System.Management.Automation.Language.CommandAst] }, $true) |
                ForEach-Object -Process { $_.GetCommandName() }
        }
        $names = @($called | Where-Object -FilterScript { $_ -match '^[A-Z][a-z]+-[A-Z]\w+$' } | Sort-Object -Unique)
        $names.Count | Should -BeGreaterThan 50
        # Get-Acl exists only on Windows.
        $names -ne 'Get-Acl' | Where-Object -FilterScript {
            -not (& $module { param($Name) Get-Command -Name $Name -ErrorAction Ignore } $_)
        } | Should -BeNullOrEmpty
    }

    It 'are ASCII, so that Windows PowerShell 5.1 reads them right' {
        $files = @(
            Get-ChildItem -LiteralPath (Join-Path -Path $root -ChildPath 'module') -Recurse -File
        ) + @(Get-Item -LiteralPath $path)
        foreach ($file in $files) {
            [System.IO.File]::ReadAllText($file.FullName) | Should -Not -Match '[^\x00-\x7F]' -Because $file.Name
        }
    }

    It 'are at most 120 wide' {
        $folders = 'module', 'tests' | ForEach-Object -Process { Join-Path -Path $root -ChildPath $_ }
        $files = @(Get-ChildItem -LiteralPath $folders -Include '*.ps1', '*.psm1', '*.psd1' -Recurse) +
            @(Get-ChildItem -LiteralPath $root -Filter '*.psd1')
        $files.Count | Should -BeGreaterThan 40
        $files | Select-String -Pattern '^.{121}' |
            ForEach-Object -Process { "$($_.Filename):$($_.LineNumber)" } |
            Should -BeNullOrEmpty
    }

    # Without a StringComparison these methods compare by culture, which is slow on Windows, minutes for long lines, and
    # not the same everywhere.
    It 'look for text by its characters' {
        $folder = Join-Path -Path $root -ChildPath 'module'
        $files = Get-ChildItem -LiteralPath $folder -Include '*.ps1', '*.psm1' -Recurse
        $wrong = foreach ($file in $files) {
            $tree = [System.Management.Automation.Language.Parser]::ParseFile($file.FullName, [ref] $null, [ref] $null)
            $calls = $tree.FindAll({
                    param($node)
                    $node -is [System.Management.Automation.Language.InvokeMemberExpressionAst] -and
                    [string] $node.Member -in 'IndexOf', 'LastIndexOf', 'StartsWith', 'EndsWith'
                }, $true)
            foreach ($call in $calls) {
                if ([string] $call.Arguments -notmatch 'StringComparison|^\[char\]') { "$($file.Name): $call" }
            }
        }
        $files.Count | Should -BeGreaterThan 10
        $wrong | Should -BeNullOrEmpty
    }

    It 'pass the script analyzer' {
        if (-not (Get-Module -Name PSScriptAnalyzer -ListAvailable)) {
            Set-ItResult -Skipped -Because 'PSScriptAnalyzer is not there: Install-Module PSScriptAnalyzer'
        }
        $settings = Join-Path -Path $root -ChildPath 'PSScriptAnalyzerSettings.psd1'
        $targets = @($path) + @('module', 'tests' | ForEach-Object -Process { Join-Path -Path $root -ChildPath $_ })
        foreach ($target in $targets) {
            Invoke-ScriptAnalyzer -Path $target -Recurse -Settings $settings |
                ForEach-Object -Process { "$($_.ScriptName):$($_.Line) $($_.RuleName) $($_.Message)" } |
                Should -BeNullOrEmpty
        }
    }
}

Describe 'The package' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        # Package the fake engine under the name of the real one.
        $extension = [System.IO.Path]::GetExtension($env:FAKE_ENGINE)
        $engine = Join-Path -Path $TestDrive -ChildPath "groupwriteback$extension"
        Copy-Item -LiteralPath $env:FAKE_ENGINE -Destination $engine
        $build = [System.IO.Path]::Combine($root, 'module', 'build', 'build.ps1')
        $package = & $build -Destination (Join-Path -Path $TestDrive -ChildPath 'out') -Engine $engine
        $modulePath = $env:PSModulePath
        Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue
        $folder = Join-Path -Path $TestDrive -ChildPath 'out'
        $env:PSModulePath = $folder + [System.IO.Path]::PathSeparator + $modulePath
        function Use-FakeRun {
            param([string] $Status)
            $env:FAKE_ENGINE_SCRIPT = Join-Path -Path $TestDrive -ChildPath 'script.json'
            [System.IO.File]::WriteAllText($env:FAKE_ENGINE_SCRIPT, (ConvertTo-Json -Depth 5 -InputObject @{
                        'session.connect' = @(@{ result = @{
                            source = @{ tenantId = 't' }
                            target = @{ server = 's' }
                        } })
                        'sync.start'      = @(@{ result = @{
                            id = 1
                            status = $Status
                            planned = @{}
                            exported = @{}
                        } })
                    }))
        }
    }

    AfterAll {
        Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue
        if ($modulePath) { $env:PSModulePath = $modulePath }
        Remove-Item -Path Env:FAKE_ENGINE_SCRIPT -ErrorAction SilentlyContinue
    }

    It 'can be imported beside an older version, as after an update' {
        $older = Join-Path -Path $TestDrive -ChildPath 'older'
        Copy-Item -LiteralPath $package.FullName -Destination $older -Recurse
        $file = Join-Path -Path $older -ChildPath 'GroupWriteback.psd1'
        [System.IO.File]::WriteAllText(
            $file,
            ([System.IO.File]::ReadAllText($file) -replace "ModuleVersion .*", "ModuleVersion = '0.0.1'")
        )
        $shell = [powershell]::Create()
        try {
            $other = Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1'
            [void] $shell.AddScript("Import-Module '$file'; Import-Module '$other'")
            [void] $shell.AddStatement().AddScript('@(Get-Module -Name GroupWriteback).Count')
            $shell.Invoke() | Should -Be 2 -Because ([string] $shell.Streams.Error)
        }
        finally { $shell.Dispose() }
    }

    It 'can be imported, with the engine and the about topic where they are looked for' {
        $package.Name | Should -Be $manifest.Version.ToString()
        $packaged = Test-ModuleManifest -Path (Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1')
        $packaged.ExportedFunctions.Count | Should -Be $manifest.ExportedFunctions.Count
        $files = @(
            "bin/$(Split-Path -Path $engine -Leaf)"
            'en-US/about_GroupWriteback.help.txt'
            'module/Formats/GroupWriteback.Format.ps1xml'
            'module/runbooks/Sync-GroupWriteback.ps1'
        )
        foreach ($file in $files) {
            Test-Path -LiteralPath (Join-Path -Path $package.FullName -ChildPath $file) | Should -BeTrue -Because $file
        }
        Test-Path -LiteralPath (Join-Path -Path $package.FullName -ChildPath 'module/build') | Should -BeFalse
    }

    It 'has an about topic that Get-Help finds' {
        [string] (Get-Help -Name about_GroupWriteback) | Should -Match 'SHORT DESCRIPTION'
    }

    It 'has a runbook that returns the record of the run' {
        function Get-AutomationPSCredential {
            param([string] $Name)
            $password = New-Object -TypeName System.Security.SecureString
            New-Object -TypeName System.Management.Automation.PSCredential -ArgumentList $Name, $password
        }
        Use-FakeRun -Status 'Complete'
        $runbook = Join-Path -Path $package.FullName -ChildPath 'module/runbooks/Sync-GroupWriteback.ps1'
        (& $runbook -TenantId t -Server s -AssetName svc).Status | Should -Be 'Complete'
        (Get-Module -Name GroupWriteback).ModuleBase | Should -Be $package.FullName
    }

    It 'has a runbook that fails when the run failed' {
        Use-FakeRun -Status 'Failed'
        $runbook = Join-Path -Path $package.FullName -ChildPath 'module/runbooks/Sync-GroupWriteback.ps1'
        { & $runbook -TenantId t -Server s } | Should -Throw -ErrorId 'RunFailed,Start-GroupWritebackSync'
    }
}
