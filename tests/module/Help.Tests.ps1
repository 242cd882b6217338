#Requires -Modules @{ ModuleName = 'Pester'; ModuleVersion = '5.5.0' }
[System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
    'PSUseDeclaredVarsMoreThanAssignments', '',
    Justification = 'The blocks of Pester share variables, which the rule does not see.')]
param()

BeforeDiscovery {
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    $public = [System.IO.Path]::Combine($root, 'module', 'Public')
    $commands = @(Get-ChildItem -LiteralPath $public -Filter '*.ps1' |
            ForEach-Object -Process { @{ Name = $_.BaseName } })
    # The texts that users read and copy commands from. Manifest.Tests.ps1 and tests/arch check the messages.
    $texts = @(
        Get-ChildItem -LiteralPath $public -Filter '*.ps1'
        Get-ChildItem -LiteralPath ([System.IO.Path]::Combine($root, 'module', 'runbooks')) -Filter '*.ps1'
        Get-ChildItem -LiteralPath (Join-Path -Path $root -ChildPath 'en-US')
        Get-ChildItem -LiteralPath ([System.IO.Path]::Combine($root, 'module', 'Formats'))
        Get-Item -LiteralPath (Join-Path -Path $root -ChildPath 'README.md')
        Get-ChildItem -LiteralPath (Join-Path -Path $root -ChildPath 'docs') -Filter '*.md' |
            Where-Object -FilterScript { $_.Name -ne 'architecture.md' } # it abbreviates commands
    ) | ForEach-Object -Process { @{ Name = $_.FullName.Substring($root.Length + 1); Path = $_.FullName } }
}

BeforeAll {
    $root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
    Import-Module -Name (Join-Path -Path $root -ChildPath 'GroupWriteback.psd1') -Force
    # Returns the lines that are longer than Width. At 80 columns Get-Help would break them in the middle.
    function Get-TooLong {
        param([int] $Width, $Text)
        foreach ($line in @($Text.Text) -join "`n" -split '\r?\n') { if ($line.Length -gt $Width) { $line } }
    }
}

AfterAll { Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue }

Describe 'The help of <Name>' -ForEach $commands {
    BeforeAll { $help = Get-Help -Name $Name -Full }

    It 'says of each example what it is for' {
        foreach ($example in $help.Examples.Example) {
            ((@($example.Remarks.Text) -join '').Trim()) | Should -Not -BeNullOrEmpty -Because $example.Code
        }
    }

    It 'reads well at 80 columns' {
        Get-TooLong -Width 76 -Text $help.Description | Should -BeNullOrEmpty
        foreach ($parameter in $help.Parameters.Parameter) {
            Get-TooLong -Width 72 -Text $parameter.Description | Should -BeNullOrEmpty -Because "-$($parameter.Name)"
        }
        foreach ($example in $help.Examples.Example) {
            Get-TooLong -Width 76 -Text $example.Remarks | Should -BeNullOrEmpty
            # The prompt comes before the code and takes 5 columns.
            Get-TooLong -Width 71 -Text @{ Text = $example.Code } | Should -BeNullOrEmpty
        }
        # Only the syntax, which PowerShell lays out, and PowerShell's own words may fill a line.
        $shown = $help | Out-String -Width 80
        foreach ($line in $shown -split '\r?\n') { $line.Length | Should -BeLessOrEqual 80 }
    }
}

Describe 'The about topic' {
    It 'reads well at 80 columns' {
        $file = [System.IO.Path]::Combine($root, 'en-US', 'about_GroupWriteback.help.txt')
        Get-Content -LiteralPath $file | Where-Object -FilterScript { $_.Length -gt 79 } | Should -BeNullOrEmpty
    }
}

Describe 'The text <Name>' -ForEach $texts {
    # A parameter after a command must belong to that command. One after a command that is not the module's is not
    # checked.
    It 'names only commands and parameters that there are' {
        $known = @{}
        foreach ($command in Get-Command -Module GroupWriteback) {
            $known[$command.Name] = @($command.Parameters.Keys) + @($command.Parameters.Values.Aliases)
        }
        # Parameters of PowerShell itself, and options of other tools that look like parameters.
        $others = 'NonInteractive', 'NoProfile', 'File', 'Online', 'LLL'
        $text = [System.IO.File]::ReadAllText($Path)
        if ($Path -like '*.ps1') {
            # Check only the comments: the help and the notes for developers.
            $tokens = $null
            [void] [System.Management.Automation.Language.Parser]::ParseInput($text, [ref] $tokens, [ref] $null)
            $text = ($tokens | Where-Object -FilterScript { $_.Kind -eq 'Comment' } |
                    ForEach-Object -Process { $_.Text }) -join "`n"
        }
        # A backtick continues a command on the next line.
        $text = $text -replace '`\r?\n\s*', ' '
        $wrong = foreach ($sentence in $text -split '[.;:,] |\r?\n\r?\n|\. *\r?\n|\r?\n(?= {8}\S)|\r?\n(?= {6}[A-Z])') {
            $command = ''
            $pattern = '\b[A-Z][a-z]+-[A-Z][A-Za-z]+\b|(?<=^|[\s("''\[|`])-(?<p>[A-Z][A-Za-z]+)\b'
            foreach ($match in [regex]::Matches($sentence, $pattern)) {
                $parameter = $match.Groups['p'].Value
                if (-not $parameter) {
                    $command = $match.Value
                    if ($command -like '*-GroupWriteback*' -and -not $known.ContainsKey($command)) { $command }
                }
                elseif ($parameter -in $others) { continue }
                elseif (-not $command) {
                    if (@($known.Values | ForEach-Object -Process { $_ }) -notcontains $parameter) { "-$parameter" }
                }
                elseif ($known.ContainsKey($command) -and $known[$command] -notcontains $parameter) {
                    "$command -$parameter"
                }
            }
        }
        $wrong | Should -BeNullOrEmpty
    }
}
