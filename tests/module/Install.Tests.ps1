#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

BeforeDiscovery {
    $windows = [System.Environment]::OSVersion.Platform -eq [System.PlatformID]::Win32NT
    $gallery = [bool] (Get-Module -Name Microsoft.PowerShell.PSResourceGet -ListAvailable)
}

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    $build = [System.IO.Path]::Combine($root, 'module', 'build', 'build.ps1')
    # Package the fake engine under the name of the real one.
    if ($env:FAKE_ENGINE) {
        $name = 'groupwriteback' + [System.IO.Path]::GetExtension($env:FAKE_ENGINE)
        $engine = Join-Path -Path $TestDrive -ChildPath $name
        Copy-Item -LiteralPath $env:FAKE_ENGINE -Destination $engine
        $package = & $build -Destination (Join-Path -Path $TestDrive -ChildPath 'out') -Engine $engine
    }
    # Runs a script in a new PowerShell process whose user has installed nothing yet.
    function Invoke-Fresh {
        param([string] $Script)
        $file = Join-Path -Path $TestDrive -ChildPath 'fresh.ps1'
        [System.IO.File]::WriteAllText($file, $Script)
        $before = @{}
        $mine = @{
            XDG_DATA_HOME       = [System.IO.Path]::Combine($TestDrive, '.local', 'share')
            XDG_CONFIG_HOME     = Join-Path -Path $TestDrive -ChildPath 'config'
            XDG_CACHE_HOME      = Join-Path -Path $TestDrive -ChildPath 'cache'
            HOME                = $TestDrive
            PSModulePath        = '' # PowerShell then sets its default
            FAKE_ENGINE_SCRIPT  = Join-Path -Path $TestDrive -ChildPath 'script.json'
            FAKE_ENGINE_JOURNAL = ''
            NO_COLOR            = '1'
        }
        # .NET returns no path for a folder that does not exist.
        [void] (New-Item -ItemType Directory -Force -Path $mine.XDG_DATA_HOME, $mine.XDG_CONFIG_HOME)
        foreach ($name in $mine.Keys) { $before[$name] = [System.Environment]::GetEnvironmentVariable($name) }
        foreach ($name in $mine.Keys) { [System.Environment]::SetEnvironmentVariable($name, $mine[$name]) }
        try { & (Get-PowerShell) -NoProfile -NonInteractive -File $file 2>&1 }
        finally {
            foreach ($name in $before.Keys) { [System.Environment]::SetEnvironmentVariable($name, $before[$name]) }
        }
    }
}

AfterAll { Clear-FakeScript }

Describe 'A clone' {
    It 'has an about topic that Get-Help finds, in <Culture>' -ForEach @(
        @{ Culture = 'en-US' }, @{ Culture = 'de-DE' }, @{ Culture = '' }
    ) {
        $script = "[cultureinfo]::CurrentUICulture = '$Culture'; " +
            "Import-Module '$root/GroupWriteback.psd1'; Get-Help about_GroupWriteback; Get-Help about_GroupWrite*"
        @(Invoke-Fresh -Script $script) -match 'SHORT DESCRIPTION' | Should -HaveCount 2
    }

    It 'exports the commands, and says of nothing else that it were' {
        $said = Invoke-Fresh -Script "Import-Module '$root/GroupWriteback.psd1' -Verbose 4>&1"
        $names = @(
            $said | ForEach-Object -Process {
                if ("$_" -match "(?:Ex|Im)porting function '(.+)'") { $Matches[1] }
            }
        )
        $public = (Import-PowerShellDataFile -LiteralPath (Join-Path -Path $root -ChildPath 'GroupWriteback.psd1'))
        @($names | Sort-Object -Unique) | Should -Be @($public.FunctionsToExport | Sort-Object)
    }
}

Describe 'A package from a gallery' -Skip:($windows -or -not $gallery -or -not $env:FAKE_ENGINE) {
    AfterEach { Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue }

    It 'runs its engine, which comes out of the zip file without a mode' {
        [System.IO.File]::WriteAllText((Join-Path -Path $TestDrive -ChildPath 'script.json'), (
                ConvertTo-Json -Depth 5 -InputObject @{ 'run.list' = @(@{ result = @{ runs = @(@{ id = 41 }) } }) }))
        $shop = New-Item -ItemType Directory -Path (Join-Path -Path $TestDrive -ChildPath 'shop')
        $said = Invoke-Fresh -Script @"
`$ErrorActionPreference = 'Stop'
Register-PSResourceRepository -Name Shop -Uri '$($shop.FullName)' -Trusted
Publish-PSResource -Path '$($package.FullName)' -Repository Shop
Install-PSResource -Name GroupWriteback -Repository Shop
Import-Module -Name GroupWriteback
`$engine = Join-Path -Path (Get-Module -Name GroupWriteback).ModuleBase -ChildPath 'bin/groupwriteback'
"before: `$((Get-Item -LiteralPath `$engine).UnixMode)"
"run: `$((Get-GroupWritebackRun -Last 1).Id)"
"after: `$((Get-Item -LiteralPath `$engine).UnixMode)"
"help: `$((Get-Help about_GroupWriteback) -match 'SHORT DESCRIPTION')"
"@
        $said | Should -Contain 'run: 41' -Because "$said"
        @($said) -match '^before: -rw-' | Should -HaveCount 1
        @($said) -match '^after: -rwx' | Should -HaveCount 1
        @($said) -match '^help: .' | Should -HaveCount 1
    }

    It 'says who has to make the engine executable where the user does not own it' {
        $file = Join-Path -Path $package.FullName -ChildPath 'bin/groupwriteback'
        & chmod 644 $file
        Import-Module -Name (Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1') -Force
        $problem = InModuleScope -ModuleName GroupWriteback -Parameters @{ File = $file } {
            param($File)
            $script:UserId = 4711
            try { Enable-EngineFile -Path $File } catch { $_ }
        }
        $problem.FullyQualifiedErrorId | Should -Match '^EngineNotExecutable'
        $problem.ErrorDetails.RecommendedAction | Should -Match "$((Get-Item -LiteralPath $file).User).*chmod a\+x"
        (Get-Item -LiteralPath $file).UnixMode | Should -Be '-rw-r--r--'
    }

    It 'makes only its own engine executable' {
        $file = Join-Path -Path $TestDrive -ChildPath 'groupwriteback-other'
        Copy-Item -LiteralPath $engine -Destination $file
        & chmod 600 $file
        Import-Module -Name (Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1') -Force
        $problem = InModuleScope -ModuleName GroupWriteback -Parameters @{ File = $file } {
            param($File)
            try { Enable-EngineFile -Path $File } catch { $_ }
        }
        $problem.FullyQualifiedErrorId | Should -Match '^EngineNotExecutable'
        (Get-Item -LiteralPath $file).UnixMode | Should -Be '-rw-------'
    }

    It 'gives nobody more than reading it did' {
        $file = Join-Path -Path $package.FullName -ChildPath 'bin/groupwriteback'
        & chmod 640 $file
        Import-Module -Name (Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1') -Force
        InModuleScope -ModuleName GroupWriteback -Parameters @{ File = $file } {
            param($File)
            Enable-EngineFile -Path $File
        }
        (Get-Item -LiteralPath $file).UnixMode | Should -Be '-rwxr-x---'
    }
}

Describe 'The addresses of a package' -Skip:(-not $env:FAKE_ENGINE) {
    AfterEach { Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue }

    It 'are left out while there are none, and -Online says so' {
        $path = Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1'
        $data = Import-PowerShellDataFile -LiteralPath $path
        foreach ($name in 'ProjectUri', 'LicenseUri') { $data.PrivateData.PSData.ContainsKey($name) | Should -BeFalse }
        $data.ContainsKey('HelpInfoUri') | Should -BeFalse
        Import-Module -Name (Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1') -Force
        foreach ($command in Get-Command -Module GroupWriteback) {
            { Get-Help -Name $command.Name -Online -ErrorAction Stop } | Should -Throw '*address (URI)*not specified*'
        }
    }

    It 'are what the build was given' {
        $address = @{
            ProjectUri  = 'https://example.com/gwb'
            LicenseUri  = 'https://example.com/gwb/licence'
            HelpInfoUri = 'https://example.com/gwb/help'
            HelpUri     = 'https://example.com/gwb/commands/'
        }
        $made = & $build -Destination (Join-Path -Path $TestDrive -ChildPath 'addressed') -Engine $engine @address
        $path = Join-Path -Path $made.FullName -ChildPath 'GroupWriteback.psd1'
        $known = Test-ModuleManifest -Path $path
        $known.ProjectUri | Should -Be $address.ProjectUri
        $known.LicenseUri | Should -Be $address.LicenseUri
        $known.HelpInfoUri | Should -Be $address.HelpInfoUri
        Import-Module -Name $path -Force
        foreach ($command in Get-Command -Module GroupWriteback) {
            $links = (Get-Help -Name $command.Name -Full).RelatedLinks.NavigationLink
            @($links)[0].Uri | Should -Be "https://example.com/gwb/commands/$($command.Name)"
        }
    }

    It 'are refused when they are none' {
        $out = Join-Path -Path $TestDrive -ChildPath 'refused'
        { & $build -Destination $out -Engine $engine -ProjectUri 'example.com' } | Should -Throw '*ProjectUri*'
    }
}
