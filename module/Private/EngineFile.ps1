# Makes the engine executable on Unix, or throws. A gallery package is a zip file and stores no file modes, so nobody
# may execute the engine that is installed from it. Only the module's own engine is changed, and only those who may read
# it may then execute it.
function Enable-EngineFile {
    param([string] $Path)
    if (Test-Windows) { return }
    $item = Get-Item -LiteralPath $Path -Force
    $stat = $item.UnixStat
    if (-not $stat -or $stat.Mode -band 73) { return } # UnixStat requires PowerShell 7.1; 73 is octal 0111
    $problem = @{
        Id       = 'EngineNotExecutable'
        Category = 'PermissionDenied'
        Object   = $Path
        Message  = 'The engine is not executable.'
        Advice   = "Ask its owner ($($item.User)) or root to run: chmod a+x '$Path'"
    }
    $own = Join-Path -Path (Join-Path -Path $script:ModuleBase -ChildPath 'bin') -ChildPath $item.Name
    if ($item.FullName -eq (Get-Item -LiteralPath $own -Force -ErrorAction Ignore).FullName -and
        (Get-UserId) -in 0, $stat.UserId) {
        $mode = [System.Convert]::ToString((($stat.Mode -band 4095) -bor (($stat.Mode -band 292) -shr 2)), 8)
        $chmod = @('/bin/chmod', '/usr/bin/chmod' | Where-Object -FilterScript { Test-Path -LiteralPath $_ })[0]
        if ($chmod) { $problem['Message'] += " $(& $chmod $mode $Path 2>&1)" }
        if ((Get-Item -LiteralPath $Path -Force).UnixStat.Mode -band 73) {
            Write-Verbose -Message (ConvertTo-PlainText -Text "The engine was made executable: $Path")
            return
        }
    }
    throw (ConvertTo-ErrorRecord @problem)
}
