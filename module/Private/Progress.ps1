# Progress is for people who watch. A runbook does not allow it, and a scheduled task has nobody.

function Test-Interactive {
    if (-not [System.Environment]::UserInteractive -or $env:AZUREPS_HOST_ENVIRONMENT) { return $false }
    if ([System.Environment]::GetCommandLineArgs() | Where-Object -FilterScript { $_ -match '^[-/]noni' }) {
        return $false
    }
    $Host.Name -ne 'ConsoleHost' -or -not [System.Console]::IsOutputRedirected
}

function Show-Progress {
    param([string] $Activity, $Progress)
    if (-not (Test-Interactive)) { return }
    $status = $Progress.step
    if ($Progress.stepCount) { $status = "Step $($Progress.stepNumber) of $($Progress.stepCount): $status" }
    if ($Progress.total) {
        $status += ", $($Progress.done) of $($Progress.total)"
    }
    elseif ($Progress.done) {
        $status += ", $($Progress.done)"
    }
    $option = @{ Activity = $Activity; Status = $status }
    if ($Progress.total) {
        $option['PercentComplete'] = [System.Math]::Min(100, [int] (100 * $Progress.done / $Progress.total))
    }
    if ($Progress.message) { $option['CurrentOperation'] = $Progress.message }
    Write-Progress @option
}

function Hide-Progress {
    param([string] $Activity)
    if ($Activity -and (Test-Interactive)) { Write-Progress -Activity $Activity -Completed }
}
