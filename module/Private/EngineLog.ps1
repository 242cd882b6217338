# The engine keeps its log itself, in the state folder. What it writes to standard error has to be drained all the
# same, and its last words are kept for the error that tells of its end. It is read in the background by tasks that
# are looked after whenever a cmdlet waits: a script block on a thread of the pool would have no runspace to run in.

$script:TailLimit = 256KB

function Open-EngineLog {
    param([System.Diagnostics.Process] $Process)
    $log = [pscustomobject]@{
        Source = $Process.StandardError.BaseStream
        Buffer = New-Object -TypeName byte[] -ArgumentList 32768
        Task   = $null
        Tail   = New-Object -TypeName System.IO.MemoryStream
        Path   = '' # the file of the log, as the engine says
    }
    $log.Task = $log.Source.ReadAsync($log.Buffer, 0, $log.Buffer.Length)
    $log
}

# Takes what has come, without waiting.
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

# The last words of an engine that has ended: of a crash its first lines, else the last messages.
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
