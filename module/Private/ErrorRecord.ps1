# The exception of an error has the properties Id and Advice, so that a caller has one thing to test, and Get-Error
# shows both. Every view must show the advice with the message. From PowerShell 7.5 on, ConciseView itself shows it
# below the message. The other views take the message from the exception if the error details have none, so the Message
# property of the exception adds the advice for them.
$script:AdviceIsShown = $PSVersionTable.PSVersion.Major -gt 7 -or
    ($PSVersionTable.PSVersion.Major -eq 7 -and $PSVersionTable.PSVersion.Minor -ge 5)

# The script block belongs to no module, because the error may be shown after this module was removed, or in another
# runspace.
$script:MessageInView = [scriptblock]::Create(
    '$text = $this.PSBase.Message; ' +
    'if ([string] $ErrorView -eq "ConciseView") { $text } else { "$text $($this.Advice)" }'
)

# Returns an error record. Each text of Detail becomes a line of its own after the message.
function ConvertTo-ErrorRecord {
    [OutputType([System.Management.Automation.ErrorRecord])]
    param([string] $Id, [string] $Category, [string] $Message, [string] $Advice, $Object, [string[]] $Detail)
    if ($Object -is [string]) { $Object = ConvertTo-PlainText -Text $Object }
    $Message = ConvertTo-PlainText -Text $Message
    $Advice = ConvertTo-PlainText -Text $Advice
    $name = [string] $Object
    if ($Object -is [string] -and $name -and -not $Message.Contains($name)) { $Message = "${name}: $Message" }
    foreach ($line in $Detail) { $Message += [System.Environment]::NewLine + (ConvertTo-PlainText -Text $line) }
    if ($Detail) { $Message += [System.Environment]::NewLine }
    $kind = $Category -as [System.Management.Automation.ErrorCategory]
    if ($null -eq $kind) { $kind = [System.Management.Automation.ErrorCategory]::NotSpecified }
    $exception = New-Object -TypeName System.InvalidOperationException -ArgumentList $Message
    Add-Member -InputObject $exception -MemberType NoteProperty -Name Id -Value $Id
    Add-Member -InputObject $exception -MemberType NoteProperty -Name Advice -Value $Advice
    $shown = "$Message $Advice".Trim()
    if ($script:AdviceIsShown) {
        $view = @{ MemberType = 'ScriptProperty'; Name = 'Message'; Value = $script:MessageInView }
        Add-Member -InputObject $exception @view -Force
        $shown = ''
    }
    $call = @{
        TypeName     = 'System.Management.Automation.ErrorRecord'
        ArgumentList = $exception, $Id, $kind, $Object
    }
    $record = New-Object @call
    $record.ErrorDetails = New-Object -TypeName System.Management.Automation.ErrorDetails -ArgumentList $shown
    $record.ErrorDetails.RecommendedAction = $Advice
    $record
}

# Ends a command with an error that was caught. PowerShell added the error to $Error when it was thrown, without the
# name of the command in its id, and adds no exception twice. Exit-Command therefore removes it first: otherwise $Error
# would show a different id than the caller catches.
function Exit-Command {
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Management.Automation.ErrorRecord] $Problem)
    while ($global:Error.Count -gt 0) {
        $noted = $global:Error[0]
        if ($noted -isnot [System.Exception]) { $noted = $noted.Exception }
        if (-not [object]::ReferenceEquals($noted, $Problem.Exception)) { break }
        $global:Error.RemoveAt(0)
    }
    $Cmdlet.ThrowTerminatingError($Problem)
}

# Converts an error of the engine to an error record; see "Errors" in docs/protocol.md.
function ConvertFrom-EngineError {
    param($EngineError)
    $data = $EngineError.data
    $id = if ($data.id) { $data.id } else { "JsonRpc$($EngineError.code)" }
    $problem = @{
        Id       = $id
        Category = $data.category
        Message  = $EngineError.message
        Advice   = $data.advice
        Object   = $data.object
    }
    ConvertTo-ErrorRecord @problem
}
