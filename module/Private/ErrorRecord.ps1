# An error's exception has the properties Id and Advice, so that a caller tests one thing, and Get-Error shows both.
# The advice is to be read with the message in every view. ConciseView shows it by itself below the message from
# PowerShell 7.5 on; for the others it is added when they ask for the message, which they take from the exception where
# the details have none.
$script:AdviceIsShown = $PSVersionTable.PSVersion.Major -gt 7 -or
    ($PSVersionTable.PSVersion.Major -eq 7 -and $PSVersionTable.PSVersion.Minor -ge 5)

# Of no module: the error may be shown when this one is gone, and in another runspace.
$script:MessageInView = [scriptblock]::Create(
    '$text = $this.PSBase.Message; ' +
    'if ([string] $ErrorView -eq "ConciseView") { $text } else { "$text $($this.Advice)" }'
)

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

# Ends a command with an error that was caught. PowerShell has noted it in $Error when it was thrown, without the name
# of the command in its id, and notes no exception twice: so $Error would say another id than the catch of the caller.
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
