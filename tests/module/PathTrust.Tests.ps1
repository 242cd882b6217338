#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments',
    '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.'
)]
param()

BeforeDiscovery {
    $onUnix = [System.IO.Path]::DirectorySeparatorChar -eq '/'
    $isRoot = $onUnix -and (& id -u) -eq '0'
}

BeforeAll {
    . (Join-Path -Path $PSScriptRoot -ChildPath 'FakeEngine.ps1')
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    Import-Module -Name (Join-Path -Path $root -ChildPath 'GroupWriteback.psd1') -Force
    function Invoke-InModule {
        param([scriptblock] $Script, [object[]] $Argument)
        & (Get-Module -Name GroupWriteback) $Script @Argument
    }
    function Get-Exposure {
        param([string] $Path)
        Invoke-InModule { param($Path) Get-PathExposure -Path $Path } $Path
    }
}

AfterAll { Clear-FakeScript }

Describe 'A path on Unix' -Skip:(-not $onUnix) {
    BeforeEach {
        $top = Join-Path -Path $TestDrive -ChildPath ([guid]::NewGuid())
        $file = [System.IO.Path]::Combine($top, 'above', 'bin', 'engine')
        [void] (New-Item -ItemType File -Path $file -Force)
        & chmod -R 'go-w' $top
    }

    It 'of which all is in order is no finding' {
        Get-Exposure -Path $file | Should -BeNullOrEmpty
    }

    It 'is a finding where others may write: <Part> <Mode>' -ForEach @(
        @{ Part = 'above/bin/engine'; Mode = '757' }
        @{ Part = 'above/bin'; Mode = '777' }
        @{ Part = 'above'; Mode = '757' }
        @{ Part = ''; Mode = '777' }
    ) {
        $path = $top
        if ($Part) { $path = Join-Path -Path $top -ChildPath $Part }
        & chmod $Mode $path
        Get-Exposure -Path $file | Should -Match ([regex]::Escape("'$path'"))
    }

    It 'is none where others may only add something beside it' {
        & chmod 1777 (Join-Path -Path $top -ChildPath 'above')
        Get-Exposure -Path $file | Should -BeNullOrEmpty
        Get-Exposure -Path (Join-Path -Path $top -ChildPath 'above') |
            Should -Not -BeNullOrEmpty -Because 'here it is the thing itself'
    }

    It 'is followed through links' {
        $link = Join-Path -Path $top -ChildPath 'link'
        [void] (& ln -s 'above/../above/bin' $link)
        $through = Join-Path -Path $link -ChildPath 'engine'
        Get-Exposure -Path $through | Should -BeNullOrEmpty
        & chmod 777 (Join-Path -Path $top -ChildPath 'above')
        Get-Exposure -Path $through | Should -Match 'above'
    }

    It 'of another owner is a finding: <_>' -Skip:(-not $isRoot) -ForEach 'above/bin/engine', 'above/bin', 'above' {
        & chown 12345 (Join-Path -Path $top -ChildPath $_)
        Get-Exposure -Path $file | Should -Match 'another user'
    }

    It 'that a group of others may write to is a finding' -Skip:(-not $isRoot) {
        & chown 0:12345 (Join-Path -Path $top -ChildPath 'above')
        & chmod 775 (Join-Path -Path $top -ChildPath 'above')
        Get-Exposure -Path $file | Should -Match 'group'
    }

    It 'of a private group is none, by who is in it' {
        $groups = Join-Path -Path $top -ChildPath 'group'
        $users = Join-Path -Path $top -ChildPath 'passwd'
        [System.IO.File]::WriteAllLines(
            $users,
            [string[]] ('root:x:0:0::/:/bin/sh', 'alice:x:1000:1000::/:/bin/sh', 'bob:x:1001:1002::/:/bin/sh', 'short')
        )
        [System.IO.File]::WriteAllLines(
            $groups,
            [string[]] (
                'alice:x:1000:',
                'users:x:1002:',
                'wheel:x:1003:root,alice',
                'staff:x:1004:alice,bob',
                'empty:x:1005:'
            )
        )
        $private = [ordered]@{
            0 = $true
            1000 = $true
            1002 = $false
            1003 = $true
            1004 = $false
            1005 = $true
            987654 = $false
        }
        foreach ($id in $private.Keys) {
            Invoke-InModule {
                param($Id, $GroupPath, $UserPath)
                Test-PrivateGroup -Id $Id -UserId 1000 -GroupPath $GroupPath -UserPath $UserPath
            } $id, $groups, $users | Should -Be $private[[object] $id] -Because "of group $id"
        }
    }
}

Describe 'An access control list of Windows' {
    It '<Name>' -ForEach @(
        @{ Name = 'lets Users add in C:\'; Place = 'Root'; Sid = 'S-1-5-11'; Mask = 0x4; Stranger = $false }
        @{
            Name = 'lets them modify what they make below C:\'
            Place = 'Root'
            Sid = 'S-1-5-11'
            Mask = 0x1301BF
            InheritOnly = $true
            Stranger = $false
        }
        @{
            Name = 'lets Users add in %ProgramData%'
            Place = 'Above'
            Sid = 'S-1-5-32-545'
            Mask = 0x116
            Stranger = $false
        }
        @{
            Name = 'lets Users modify a folder above'
            Place = 'Above'
            Sid = 'S-1-5-32-545'
            Mask = 0x1301BF
            Stranger = $true
        }
        @{
            Name = 'lets Users delete what is in a folder above'
            Place = 'Above'
            Sid = 'S-1-5-32-545'
            Mask = 0x40
            Stranger = $true
        }
        @{
            Name = 'lets Users modify the root of a volume'
            Place = 'Root'
            Sid = 'S-1-5-11'
            Mask = 0x1301BF
            Stranger = $false
        }
        @{
            Name = 'lets Users add beside the engine'
            Place = 'Guarded'
            Sid = 'S-1-5-32-545'
            Mask = 0x2
            Stranger = $true
        }
        @{
            Name = 'lets Users modify what will be made beside it'
            Place = 'Guarded'
            Sid = 'S-1-5-32-545'
            Mask = 0x1301BF
            InheritOnly = $true
            Stranger = $true
        }
        @{
            Name = 'lets Users do all, in the generic form'
            Place = 'Above'
            Sid = 'S-1-5-32-545'
            Mask = 0x10000000
            Stranger = $true
        }
        @{ Name = 'lets Users take ownership'; Place = 'Above'; Sid = 'S-1-5-32-545'; Mask = 0x80000; Stranger = $true }
        @{ Name = 'lets Users turn a junction'; Place = 'Link'; Sid = 'S-1-5-32-545'; Mask = 0x100; Stranger = $true }
        @{
            Name = 'lets Users read and execute'
            Place = 'Guarded'
            Sid = 'S-1-5-32-545'
            Mask = 0x1200A9
            Stranger = $false
        }
        @{
            Name = 'lets Administrators do all'
            Place = 'Guarded'
            Sid = 'S-1-5-32-544'
            Mask = 0x1F01FF
            Stranger = $false
        }
        @{
            Name = 'lets Domain Admins do all'
            Place = 'Guarded'
            Sid = 'S-1-5-21-1-2-3-512'
            Mask = 0x1F01FF
            Stranger = $false
        }
        @{
            Name = 'lets those of elsewhere do all'
            Place = 'Guarded'
            Sid = 'S-1-5-21-9-2-3-512'
            Mask = 0x1F01FF
            Stranger = $true
        }
        @{ Name = 'denies'; Place = 'Guarded'; Sid = 'S-1-1-0'; Mask = 0x1F01FF; Deny = $true; Stranger = $false }
    ) {
        $entry = [pscustomobject]@{ Sid = $Sid; Mask = $Mask; Allow = -not $Deny; InheritOnly = [bool] $InheritOnly }
        $found = Invoke-InModule {
            param($Entry, $Place)
            Find-Stranger -Owner 'S-1-5-18' -Entry $Entry -Place $Place -Own 'S-1-5-21-1-2-3-1104'
        } $entry, $Place
        $found | Should -Be $(if ($Stranger) { $Sid })
    }

    It 'counts for nothing where somebody else is the owner, or none is known' {
        foreach ($owner in 'S-1-5-21-1-2-3-1105', '') {
            Invoke-InModule {
                param($Owner)
                Find-Stranger -Owner $Owner -Entry @() -Place Above -Own 'S-1-5-21-1-2-3-1104'
            } $owner | Should -Not -BeNullOrEmpty
        }
    }
}

Describe 'The engine that is started' -Skip:(-not $env:FAKE_ENGINE) {
    BeforeAll {
        $status = @{ result = @{
            settings = (Get-FakeSetting)
            status = 'Enabled'
            groups = 3
            disablePending = 0
            nextPolicyType = 'Delta'
            statePath = '/state'
        } }
        $extension = [System.IO.Path]::GetExtension($env:FAKE_ENGINE)
        $engine = Join-Path -Path $TestDrive -ChildPath "groupwriteback$extension"
        Copy-Item -LiteralPath $env:FAKE_ENGINE -Destination $engine
        $build = [System.IO.Path]::Combine($root, 'module', 'build', 'build.ps1')
        $package = & $build -Destination (Join-Path -Path $TestDrive -ChildPath 'out') -Engine $engine
        function Import-Package {
            Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue
            Import-Module -Name (Join-Path -Path $package.FullName -ChildPath 'GroupWriteback.psd1') -Force
        }
        function Get-StartedPath { & (Get-Module -Name GroupWriteback) { $script:Engine.Process.StartInfo.FileName } }
    }

    BeforeEach { Use-FakeScript @{ 'writeback.get' = $status; 'session.get' = @{} } }

    AfterEach { Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue }

    It 'is the one of the environment where the module comes from its sources' {
        [void] (Get-GroupWriteback -WarningVariable warnings -WarningAction SilentlyContinue)
        Get-StartedPath | Should -Be (Get-Item -LiteralPath $env:FAKE_ENGINE).FullName
        $warnings | Should -BeNullOrEmpty
    }

    It 'is the one of the module where that was installed, with a warning' {
        Import-Package
        [void] (Get-GroupWriteback -WarningVariable warnings -WarningAction SilentlyContinue)
        Get-StartedPath |
            Should -Be ([System.IO.Path]::Combine($package.FullName, 'bin', (Split-Path -Path $engine -Leaf)))
        [string] $warnings | Should -Match 'GROUPWRITEBACK_ENGINE is ignored'
    }

    It 'is so beside a folder that only looks like a checkout' {
        [void] (New-Item -ItemType Directory -Path (Join-Path -Path $package.FullName -ChildPath '.git'))
        try {
            Import-Package
            [void] (Get-GroupWriteback -WarningVariable warnings -WarningAction SilentlyContinue)
            [string] $warnings | Should -Match 'GROUPWRITEBACK_ENGINE is ignored'
        }
        finally { Remove-Item -LiteralPath (Join-Path -Path $package.FullName -ChildPath '.git') -Recurse -Force }
    }

    It 'is not started when others could replace it: <Part>' -Skip:(-not $onUnix) -ForEach @(
        @{ Part = 'bin' }
        @{ Part = 'bin/groupwriteback' }
        @{ Part = '' }
    ) {
        $env:GROUPWRITEBACK_ENGINE = ''
        $path = $package.FullName
        if ($Part) { $path = Join-Path -Path $path -ChildPath $Part }
        & chmod o+w $path
        try {
            Import-Package
            $problem = { Get-GroupWriteback } | Should -Throw -PassThru
            $problem.FullyQualifiedErrorId | Should -Be 'EngineInsecure,Get-GroupWriteback'
            $problem.CategoryInfo.Category | Should -Be 'SecurityError'
            Test-Path -LiteralPath $env:FAKE_ENGINE_JOURNAL | Should -BeFalse
        }
        finally { & chmod o-w $path }
    }

    It 'is started with a warning where somebody works on it' -Skip:(-not $onUnix) {
        $open = Join-Path -Path $TestDrive -ChildPath 'open'
        [void] (New-Item -ItemType Directory -Path $open)
        Copy-Item -LiteralPath $env:FAKE_ENGINE -Destination (Join-Path -Path $open -ChildPath 'engine')
        & chmod 777 $open
        $env:GROUPWRITEBACK_ENGINE = Join-Path -Path $open -ChildPath 'engine'
        [void] (Get-GroupWriteback -WarningVariable warnings -WarningAction SilentlyContinue)
        [string] $warnings | Should -Match 'Others could replace the engine'
    }
}
