<#
.SYNOPSIS
    Runs the tests of the module with Pester 5.
.DESCRIPTION
    Builds the fake engine with Go and runs the test files here. Inside the lab (tests/lab/run) it runs the tests
    against a real directory and the simulated tenant, too. Ends with the number of failed tests as exit code.
.PARAMETER JUnitPath
    A file to write the result to, in JUnit's form.
.PARAMETER Name
    Only test files whose names match, for example Engine*.
.PARAMETER Output
    How much Pester says: None, Normal (default) or Detailed.
.EXAMPLE
    pwsh -NoProfile -NonInteractive -File tests/module/run.ps1
#>
[CmdletBinding()]
param(
    [string] $JUnitPath,

    [string] $Name = '*',

    [ValidateSet('None', 'Normal', 'Detailed')]
    [string] $Output = 'Normal'
)

$ErrorActionPreference = 'Stop'
Import-Module -Name Pester -MinimumVersion 5.5.0

$root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
# The name holds a GUID, because process IDs repeat and a run that is killed leaves its folder behind.
$work = Join-Path -Path ([System.IO.Path]::GetTempPath()) -ChildPath "gwb-module-$([guid]::NewGuid())"
[void] (New-Item -ItemType Directory -Path $work)
$skipped = @()
try {
    if (-not $env:FAKE_ENGINE) {
        $onWindows = [System.IO.Path]::DirectorySeparatorChar -eq '\'
        $fake = Join-Path -Path $work -ChildPath $(if ($onWindows) { 'fakeengine.exe' } else { 'fakeengine' })
        if (Get-Command -Name go -CommandType Application -ErrorAction SilentlyContinue) {
            Push-Location -LiteralPath $root
            try { & go build -o $fake ./tests/module/fakeengine } finally { Pop-Location }
            if ($LASTEXITCODE -ne 0) { throw 'The fake engine cannot be built.' }
            $env:FAKE_ENGINE = $fake
        }
        else {
            $skipped += 'all tests against the fake engine: Go is not there to build it (or name it in FAKE_ENGINE)'
        }
    }
    if ($env:GWB_LAB -ne '1') { $skipped += 'Lab.Tests.ps1: not inside the lab (tests/lab/run -- ...)' }
    elseif (-not $env:GWB_LAB_TENANT_ID) {
        $skipped += 'Lab.Tests.ps1: the lab has no simulated tenant (GWB_LAB_TENANT_BIN)'
    }
    elseif ($env:GWB_LAB_SCHEMA -ne 'exchange') {
        $skipped += 'the parts of Lab.Tests.ps1 that need the schema of Exchange (tests/lab/run --schema exchange)'
    }

    $configuration = New-PesterConfiguration
    $configuration.Run.Path = @(
        Get-ChildItem -LiteralPath $PSScriptRoot -Filter '*.Tests.ps1' |
            Where-Object -FilterScript { $_.BaseName -like "$Name*" } |
            ForEach-Object -Process { $_.FullName }
    )
    $configuration.Run.PassThru = $true
    $configuration.Output.Verbosity = $Output
    if ($JUnitPath) {
        $configuration.TestResult.Enabled = $true
        $configuration.TestResult.OutputFormat = 'JUnitXml'
        $configuration.TestResult.OutputPath = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($JUnitPath)
    }
    $result = Invoke-Pester -Configuration $configuration
    foreach ($reason in $skipped) { "Skipped: $reason" }
    $failed = $result.FailedCount + $result.FailedBlocksCount + $result.FailedContainersCount
}
finally {
    if ($env:FAKE_ENGINE -and $env:FAKE_ENGINE.StartsWith($work)) { Remove-Item -Path Env:FAKE_ENGINE }
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
}
exit $failed
