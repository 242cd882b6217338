# Shows progress to people who watch. A runbook does not allow progress, and nobody watches a scheduled task. Each
# request has one bar. It appears with the first progress that the engine reports, or after half a second, and shows
# what the engine does or waits for and, if the engine is silent, since when. The view of PowerShell 7 shows only
# activity and status, so these two contain everything.

function Test-Interactive {
    if (-not [System.Environment]::UserInteractive -or $env:AZUREPS_HOST_ENVIRONMENT) { return $false }
    if ([System.Environment]::GetCommandLineArgs() | Where-Object -FilterScript { $_ -match '^[-/]noni' }) {
        return $false
    }
    $Host.Name -ne 'ConsoleHost' -or -not [System.Console]::IsOutputRedirected
}

# The text for each step that the engine reports without a message.
$script:StepText = @{
    'Prepare'       = 'Checking what is due'
    'ImportSource'  = 'Reading the tenant'
    'ImportMembers' = 'Reading the members of the groups'
    'ImportTarget'  = 'Reading Active Directory'
    'Resolve'       = 'Finding the members in Active Directory'
    'Plan'          = 'Planning'
    'Limits'        = 'Checking the limits'
    'Export'        = 'Writing to Active Directory'
    'Confirm'       = 'Verifying the written groups'
    'Settle'        = 'Updating groups that contain changed groups'
    'Commit'        = 'Saving the state'
}

# Milliseconds of silence after which the bar appears or is drawn again, and after which it shows since when the engine
# has been silent.
$script:ProgressDelay = 500
$script:ProgressSilence = 3000

# Returns the state from which the bar of a request is drawn.
function Open-ProgressWatch {
    param([string] $Activity)
    [pscustomobject]@{
        Activity = ConvertTo-PlainText -Text $Activity
        Told     = $null           # the last progress that the engine reported
        Since    = [datetime]::Now # when it did
        Percent  = -1
        Drawn    = [System.Diagnostics.Stopwatch]::StartNew()
        Visible  = $false
    }
}

# Draws the progress that the engine reports. Without progress it draws the bar again when it is time, to show since
# when the engine has been silent.
function Show-Progress {
    param($Watch, $Progress)
    if (-not $Watch) { return }
    if ($Progress) {
        $Watch.Told = $Progress
        $Watch.Since = [datetime]::Now
        $Watch.Percent = [System.Math]::Max($Watch.Percent, (Get-ProgressPercent -Progress $Progress))
    }
    elseif ($Watch.Drawn.ElapsedMilliseconds -lt $script:ProgressDelay) { return }
    $Watch.Drawn.Restart()
    if (-not (Test-Interactive)) { return }
    $Watch.Visible = $true
    $bar = @{
        Activity        = $Watch.Activity
        Status          = ConvertTo-PlainText -Text (Get-ProgressStatus -Watch $Watch)
        PercentComplete = if ($Watch.Percent -ge 0) { $Watch.Percent } else { Get-UnknownPercent }
    }
    Write-Progress @bar
}

function Hide-Progress {
    param($Watch)
    if ($Watch -and $Watch.Visible) { Write-Progress -Activity $Watch.Activity -Completed }
}

# Returns the percentage of the whole request that is done, or -1 if it is unknown. Each step counts the same.
function Get-ProgressPercent {
    [OutputType([int])]
    param($Progress)
    $steps = [int] $Progress.stepCount
    $part = 0.0
    if ([int] $Progress.total -gt 0) { $part = [System.Math]::Min(1.0, $Progress.done / $Progress.total) }
    elseif ($steps -le 1) { return -1 }
    $before = [System.Math]::Max(0, [int] $Progress.stepNumber - 1)
    [int] [System.Math]::Min(100, [System.Math]::Floor(100 * ($before + $part) / [System.Math]::Max(1, $steps)))
}

# Returns the PercentComplete that stands for an unknown percentage. For -1 the classic view shows no bar, but the
# minimal view would show a full one.
function Get-UnknownPercent {
    [OutputType([int])]
    param()
    if ($PSVersionTable.PSEdition -ne 'Core' -or -not $PSStyle.Progress) { return -1 }
    if ([string] $PSStyle.Progress.View -eq 'Classic') { -1 } else { 0 }
}

function Get-ProgressStatus {
    [OutputType([string])]
    param($Watch)
    $told = $Watch.Told
    if ($told.waiting) { return Get-WaitingText -Waiting $told.waiting }
    $text = [string] $told.message
    if (-not $text) { $text = [string] $script:StepText[[string] $told.step] }
    if (-not $text) { $text = 'Waiting for a response' }
    if ($told.total) { $text += ", $($told.done) of $($told.total)" }
    elseif ($told.done) { $text += ", $($told.done)" }
    # the step and the time come first, where even a narrow window shows them
    $before = @(
        if ($told.stepCount -gt 1 -and $told.stepNumber -ge 1) { "Step $($told.stepNumber) of $($told.stepCount)" }
        if (-not $told -or ([datetime]::Now - $Watch.Since).TotalMilliseconds -ge $script:ProgressSilence) {
            "since $(ConvertTo-ClockText -Time $Watch.Since)"
        }
    ) -join ', '
    if ($before) { $text = $before.Substring(0, 1).ToUpperInvariant() + $before.Substring(1) + ": $text" }
    $text
}

# Says whom the engine waits for, since when, when it tries next, and why, in this order, because the end may not fit.
function Get-WaitingText {
    [OutputType([string])]
    param($Waiting)
    $text = "Waiting for $($Waiting.for) since $(ConvertTo-ClockText -Time $Waiting.since)"
    if ($Waiting.next) { $text += ", next $(ConvertTo-ClockText -Time $Waiting.next)" }
    if ($Waiting.why) { $text += ": $($Waiting.why)" }
    $text
}

# Returns the time of day in the user's time zone.
function ConvertTo-ClockText {
    [OutputType([string])]
    param($Time)
    if ($Time -is [string]) { $Time = ConvertTo-LocalTime -Value $Time }
    $Time.ToString('HH:mm:ss', [System.Globalization.CultureInfo]::InvariantCulture)
}
