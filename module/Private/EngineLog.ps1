# What the engine writes to standard error goes to a file in the user's local application data. It is read in
# the background by tasks that are looked after whenever a cmdlet waits: a script block on a thread of the pool
# would have no runspace to run in.

$script:LogLimit = 5MB # a file; one older is kept
$script:LogCount = 20

function Open-EngineLog {
    param([System.Diagnostics.Process] $Process)
    $log = [pscustomobject]@{
        Source = $Process.StandardError.BaseStream
        Buffer = New-Object -TypeName byte[] -ArgumentList 32768
        Task   = $null
        Path   = ''
        Stream = $null
    }
    $folders = @(
        [System.Environment]::GetFolderPath([System.Environment+SpecialFolder]::LocalApplicationData, [System.Environment+SpecialFolderOption]::Create)
        [System.IO.Path]::GetTempPath()
    ) | Where-Object -FilterScript { $_ }
    foreach ($folder in $folders) {
        try {
            $folder = [System.IO.Path]::Combine($folder, 'GroupWriteback', 'log')
            [void] [System.IO.Directory]::CreateDirectory($folder)
            Protect-Path -Path $folder
            $exposure = Get-PathExposure -Path $folder
            if ($exposure) {
                Write-Warning -Message "The engine's log is not kept in '$folder': $exposure"
                continue
            }
            $log.Path = [System.IO.Path]::Combine($folder, ('engine-{0:yyyyMMdd-HHmmss}-{1}.log' -f [datetime]::UtcNow, $Process.Id))
            $log.Stream = Open-LogFile -Path $log.Path
            Clear-EngineLogFolder -Folder $folder
            break
        }
        catch {
            Write-Verbose -Message "The engine's log cannot be in '$folder': $($_.Exception.GetBaseException().Message)"
            $log.Path = ''
        }
    }
    $log.Task = $log.Source.ReadAsync($log.Buffer, 0, $log.Buffer.Length)
    $log
}

# A file or link that somebody else has put there is not written to: the file has to be a new one.
function Open-LogFile {
    param([string] $Path)
    $share = [System.IO.FileShare]::ReadWrite -bor [System.IO.FileShare]::Delete
    $stream = New-Object -TypeName System.IO.FileStream -ArgumentList $Path, ([System.IO.FileMode]::CreateNew), ([System.IO.FileAccess]::Write), $share
    Protect-Path -Path $Path
    $stream
}

function Clear-EngineLogFolder {
    param([string] $Folder)
    Get-ChildItem -LiteralPath $Folder -Filter 'engine-*.log*' -File |
        Sort-Object -Property LastWriteTimeUtc -Descending |
        Select-Object -Skip $script:LogCount |
        Remove-Item -Force -ErrorAction SilentlyContinue -WhatIf:$false -Confirm:$false
}

# Writes what has come, without waiting.
function Save-EngineLog {
    param($Log)
    while ($null -ne $Log.Task -and $Log.Task.IsCompleted) {
        $count = if ($Log.Task.Status -eq 'RanToCompletion') { $Log.Task.Result } else { 0 }
        if ($count -eq 0) { $Log.Task = $null; return }
        if ($Log.Stream) {
            try {
                if ($Log.Stream.Length + $count -gt $script:LogLimit) { Step-EngineLog -Log $Log }
                $Log.Stream.Write($Log.Buffer, 0, $count)
                $Log.Stream.Flush()
            }
            catch {
                # a full disk must not end a run; standard error has to be drained all the same
                Write-Verbose -Message "The engine's log cannot be written: $($_.Exception.GetBaseException().Message)"
                $Log.Stream.Dispose()
                $Log.Stream = $null
            }
        }
        $Log.Task = $Log.Source.ReadAsync($Log.Buffer, 0, $Log.Buffer.Length)
    }
}

# Keeps the full file as <name>.1 and begins a new one.
function Step-EngineLog {
    param($Log)
    $Log.Stream.Dispose()
    $older = $Log.Path + '.1'
    [System.IO.File]::Delete($older)
    [System.IO.File]::Move($Log.Path, $older)
    $Log.Stream = Open-LogFile -Path $Log.Path
}

function Close-EngineLog {
    param($Log)
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($null -ne $Log.Task -and $clock.ElapsedMilliseconds -lt 2000) {
        Save-EngineLog -Log $Log
        if ($null -ne $Log.Task) { [void] $Log.Task.Wait(50) }
    }
    if ($Log.Stream) { $Log.Stream.Dispose() }
}

# The last words of an engine that has ended: of a crash its first lines, else the last messages.
function Get-EngineLogTail {
    param($Log)
    if (-not $Log.Path -or -not (Test-Path -LiteralPath $Log.Path)) { return '' }
    $lines = @(Get-Content -LiteralPath $Log.Path -Tail 200 -Encoding UTF8)
    $crash = 0..($lines.Count) | Where-Object -FilterScript { $lines[$_] -match '^(panic|fatal error|runtime):' } | Select-Object -First 1
    if ($null -ne $crash) { $lines = @($lines | Select-Object -Skip $crash -First 6) }
    $texts = foreach ($line in $lines | Select-Object -Last 6) {
        $entry = $null
        if ($line.StartsWith('{')) { try { $entry = ConvertFrom-Json -InputObject $line } catch { $entry = $null } }
        if ($entry.msg) { (@($entry.level, $entry.msg, $entry.error) | Where-Object -FilterScript { $_ }) -join ' ' }
        elseif ($line.Trim()) { $line.Trim() }
    }
    $texts -join [System.Environment]::NewLine
}
