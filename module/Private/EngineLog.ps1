# The engine itself writes its log, in the state folder. The module must drain the engine's standard error all the same,
# and keeps its last lines for the error that reports the end of the engine. Tasks read standard error in the
# background, and cmdlets collect the results whenever they wait: a script block on a pool thread would have no runspace
# to run in.

$script:TailLimit = 256KB

function Open-EngineLog {
    param([System.Diagnostics.Process] $Process)
    $log = [pscustomobject]@{
        Source = $Process.StandardError.BaseStream
        Buffer = New-Object -TypeName byte[] -ArgumentList 32768
        Task   = $null
        Tail   = New-Object -TypeName System.IO.MemoryStream
        Path   = '' # the log file that the engine reports
    }
    $log.Task = $log.Source.ReadAsync($log.Buffer, 0, $log.Buffer.Length)
    $log
}

# Saves what the engine has written to standard error, without waiting for more.
function Save-EngineLog {
    param($Log)
    while ($null -ne $Log.Task -and $Log.Task.IsCompleted) {
        $count = if ($Log.Task.Status -eq 'RanToCompletion') { $Log.Task.Result } else { 0 }
        if ($count -eq 0) { $Log.Task = $null; return }
        if ($Log.Tail.Length + $count -gt $script:TailLimit) {
            $all = $Log.Tail.ToArray()
            $half = [System.Math]::Min($all.Length, [int] ($script:TailLimit / 2))
            $Log.Tail.SetLength(0)
            $Log.Tail.Write($all, $all.Length - $half, $half)
        }
        $Log.Tail.Write($Log.Buffer, 0, $count)
        $Log.Task = $Log.Source.ReadAsync($Log.Buffer, 0, $Log.Buffer.Length)
    }
}

function Close-EngineLog {
    param($Log)
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($null -ne $Log.Task -and $clock.ElapsedMilliseconds -lt 2000) {
        Save-EngineLog -Log $Log
        if ($null -ne $Log.Task) { [void] $Log.Task.Wait(50) }
    }
}

# Returns the last lines of an engine that has ended: after a crash the first lines of the crash, otherwise the last
# messages.
function Get-EngineLogTail {
    param($Log)
    $text = (New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false).GetString($Log.Tail.ToArray())
    $lines = @($text -split '\r?\n' | Where-Object -FilterScript { $_.Trim() } | Select-Object -Last 200)
    if (-not $lines) { return }
    $crash = 0..($lines.Count - 1) |
        Where-Object -FilterScript { $lines[$_] -match '^(panic|fatal error|runtime):' } |
        Select-Object -First 1
    if ($null -ne $crash) { $lines = @($lines | Select-Object -Skip $crash -First 6) }
    foreach ($line in $lines | Select-Object -Last 6) {
        $entry = $null
        if ($line -like '{*') { try { $entry = ConvertFrom-Json -InputObject $line } catch { $entry = $null } }
        if ($entry.msg) { (@($entry.level, $entry.msg, $entry.error) | Where-Object -FilterScript { $_ }) -join ' ' }
        else { $line.Trim() }
    }
}
