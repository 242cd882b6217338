<#
.SYNOPSIS
    Assembles the module as it ships.
.DESCRIPTION
    Copies the manifest, the module, its help and the engines of the bin folder to
    <Destination>/GroupWriteback/<version>, from where it can be put in a folder of PSModulePath or published. The
    engines have to be built before.
.PARAMETER Destination
    The folder to make GroupWriteback/<version> in. What is there already is replaced.
.PARAMETER Engine
    The engines: executables named groupwriteback or groupwriteback.exe. The default is what is in the bin folder.
.EXAMPLE
    ./module/build/build.ps1 -Destination ./out
#>
[CmdletBinding()]
[OutputType([System.IO.DirectoryInfo])]
param(
    [Parameter(Mandatory)]
    [string] $Destination,

    [string[]] $Engine
)

$ErrorActionPreference = 'Stop'
$root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
$manifest = Join-Path -Path $root -ChildPath 'GroupWriteback.psd1'
$version = (Import-PowerShellDataFile -LiteralPath $manifest).ModuleVersion
if (-not $Engine) {
    $built = Join-Path -Path $root -ChildPath 'bin'
    $Engine = @(
        Get-ChildItem -LiteralPath $built -File -ErrorAction SilentlyContinue |
            Where-Object -FilterScript { $_.Name -in 'groupwriteback', 'groupwriteback.exe' } |
            ForEach-Object -Process { $_.FullName }
    )
}
if (-not $Engine) { throw 'There is no engine in the bin folder. Build it first: make build' }

$Destination = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Destination)
$target = [System.IO.Path]::Combine($Destination, 'GroupWriteback', $version)
if (Test-Path -LiteralPath $target) { Remove-Item -LiteralPath $target -Recurse -Force }
$code = New-Item -ItemType Directory -Path (Join-Path -Path $target -ChildPath 'module')
$bin = New-Item -ItemType Directory -Path (Join-Path -Path $target -ChildPath 'bin')
Copy-Item -LiteralPath $manifest -Destination $target
$source = Join-Path -Path $root -ChildPath 'module'
foreach ($part in 'GroupWriteback.psm1', 'Public', 'Private', 'Formats', 'runbooks') {
    Copy-Item -LiteralPath (Join-Path -Path $source -ChildPath $part) -Destination $code.FullName -Recurse
}
# Get-Help looks for the about topic beside the manifest
Copy-Item -LiteralPath (Join-Path -Path $source -ChildPath 'en-US') -Destination $target -Recurse
foreach ($file in $Engine) { Copy-Item -LiteralPath $file -Destination $bin.FullName }
foreach ($name in 'LICENSE', 'README.md') {
    $file = Join-Path -Path $root -ChildPath $name
    if (Test-Path -LiteralPath $file) { Copy-Item -LiteralPath $file -Destination $target }
}
Get-Item -LiteralPath $target
