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
.PARAMETER ProjectUri
    The https address of the project, which a gallery shows. Without it the manifest names none; so do the next two.
.PARAMETER LicenseUri
    The https address of the licence.
.PARAMETER HelpInfoUri
    The https address below which Update-Help finds newer help.
.PARAMETER HelpUri
    The https address of the help, which Get-Help -Online opens: below it a page for each command, named as that is.
    Without it Get-Help -Online says that there is no address.
.EXAMPLE
    ./module/build/build.ps1 -Destination ./out

    Makes ./out/GroupWriteback/<version>, which Publish-PSResource -Path takes.
#>
[CmdletBinding()]
[OutputType([System.IO.DirectoryInfo])]
param(
    [Parameter(Mandatory)]
    [string] $Destination,

    [string[]] $Engine,

    [ValidatePattern('^https://[^\s'']+$')]
    [string] $ProjectUri,

    [ValidatePattern('^https://[^\s'']+$')]
    [string] $LicenseUri,

    [ValidatePattern('^https://[^\s'']+$')]
    [string] $HelpInfoUri,

    [ValidatePattern('^https://[^\s'']+$')]
    [string] $HelpUri
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
Copy-Item -LiteralPath (Join-Path -Path $root -ChildPath 'en-US') -Destination $target -Recurse
foreach ($file in $Engine) { Copy-Item -LiteralPath $file -Destination $bin.FullName }
foreach ($name in 'LICENSE', 'README.md') {
    $file = Join-Path -Path $root -ChildPath $name
    if (Test-Path -LiteralPath $file) { Copy-Item -LiteralPath $file -Destination $target }
}

# Inserts a line, such as an address, after the line of the manifest that starts with Behind.
function Add-Line {
    param([string] $Path, [string] $Behind, [string] $Line)
    $text = [System.IO.File]::ReadAllText($Path)
    $first = New-Object -TypeName regex -ArgumentList "(?m)^( *)$Behind.*\r?\n"
    if (-not $first.IsMatch($text)) { throw "$Path has no line '$Behind'." }
    [System.IO.File]::WriteAllText($Path, $first.Replace($text, "`$&`$1$Line`n", 1))
}

$copy = Join-Path -Path $target -ChildPath 'GroupWriteback.psd1'
foreach ($name in 'ProjectUri', 'LicenseUri') {
    $address = Get-Variable -Name $name -ValueOnly
    if ($address) { Add-Line -Path $copy -Behind 'ReleaseNotes' -Line "$($name.PadRight(12)) = '$address'" }
}
if ($HelpInfoUri) { Add-Line -Path $copy -Behind 'AliasesToExport' -Line "HelpInfoURI            = '$HelpInfoUri'" }
if ($HelpUri) {
    # Get-Help -Online opens the first link of a command's help
    $first = New-Object -TypeName regex -ArgumentList '(?m)^ *\.LINK\r?\n'
    foreach ($file in Get-ChildItem -LiteralPath (Join-Path -Path $code.FullName -ChildPath 'Public')) {
        $link = "    .LINK`n        $($HelpUri.TrimEnd('/'))/$($file.BaseName)`n"
        $text = [System.IO.File]::ReadAllText($file.FullName)
        [System.IO.File]::WriteAllText($file.FullName, $first.Replace($text, "$link`$&", 1))
    }
}
Get-Item -LiteralPath $target
