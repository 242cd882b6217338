# From 7.5 on PowerShell itself shows the recommended action below the message; before, only what is in the message
# is read.
$script:AdviceIsShown = $PSVersionTable.PSVersion.Major -gt 7 -or
    ($PSVersionTable.PSVersion.Major -eq 7 -and $PSVersionTable.PSVersion.Minor -ge 5)

# Detail are lines of their own behind the message.
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
    $call = @{
        TypeName     = 'System.Management.Automation.ErrorRecord'
        ArgumentList = $exception, $Id, $kind, $Object
    }
    $record = New-Object @call
    $shown = if ($script:AdviceIsShown) { $Message } else { "$Message $Advice".Trim() }
    $record.ErrorDetails = New-Object -TypeName System.Management.Automation.ErrorDetails -ArgumentList $shown
    $record.ErrorDetails.RecommendedAction = $Advice
    $record
}

# The engine's error as PowerShell's: see "Errors" in docs/protocol.md.
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
