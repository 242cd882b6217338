# Requests to the engine, and what it says and asks while they run. Everything is done by the thread of the
# pipeline, in short waits, so that Ctrl+C is heard.

# Runs one method and returns its result. An error of the engine ends the cmdlet, or with -NonTerminating is
# written as its error record, and nothing is returned.
function Invoke-Engine {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Method,
        [System.Collections.IDictionary] $Parameter = @{},
        [string] $Activity,
        [switch] $NonTerminating
    )
    try {
        $answer = Invoke-EngineExchange -Engine (Get-Engine) -Method $Method -Parameter $Parameter -Activity $Activity
    }
    catch { Exit-Command -Cmdlet $Cmdlet -Problem $_ } # there is no engine any more
    if (-not $answer.error) { return $answer.result }
    $record = ConvertFrom-EngineError -EngineError $answer.error
    if ($NonTerminating) { $Cmdlet.WriteError($record) } else { $Cmdlet.ThrowTerminatingError($record) }
}

# Pulls a list page by page; nothing is asked for before the pipeline wants it.
function Get-EngineList {
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Method,
        [System.Collections.IDictionary] $Parameter = @{},
        [string] $Property,
        [int] $Limit = 200,
        [switch] $NonTerminating
    )
    $request = @{ limit = $Limit }
    foreach ($key in $Parameter.Keys) { $request[$key] = $Parameter[$key] }
    do {
        $page = Invoke-Engine -Cmdlet $Cmdlet -Method $Method -Parameter $request -NonTerminating:$NonTerminating
        foreach ($item in $page.$Property) { if ($null -ne $item) { $item } }
        $request['after'] = $page.next
    } while ($page.next)
}

# Sends a request, waits for its answer and returns that. Whatever ends the wait early (Ctrl+C, an error) cancels the
# request.
function Invoke-EngineExchange {
    param(
        $Engine,
        [string] $Method,
        [System.Collections.IDictionary] $Parameter,
        [string] $Activity,
        [int] $TimeoutSeconds
    )
    Write-Debug -Message (ConvertTo-PlainText -Text "Request: $Method")
    $id = [string] (++$Engine.LastId)
    $watch = Open-ProgressWatch -Activity $(if ($Activity) { $Activity } else { 'Reading the state' })
    $Engine.Open[$id] = $watch
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $answered = $false
    try {
        Send-EngineRequest -Engine $Engine -Id $id -Method $Method -Parameter $Parameter
        while (-not $Engine.Answer.ContainsKey($id)) {
            Read-Engine -Engine $Engine
            Show-Progress -Watch $watch
            if ($TimeoutSeconds -and $clock.Elapsed.TotalSeconds -gt $TimeoutSeconds) {
                $problem = @{
                    Id       = 'EngineNotResponding'
                    Category = 'OperationTimeout'
                    Object   = $Engine.Process.StartInfo.FileName
                    Message  = "The engine did not respond to $Method within $TimeoutSeconds seconds."
                    Advice   = "See its log: $($Engine.Log.Path)"
                }
                throw (ConvertTo-ErrorRecord @problem)
            }
        }
        $answered = $true
    }
    finally {
        # an engine that has missed its time is ended by the caller
        if (-not $answered -and -not $TimeoutSeconds) { Close-EngineRequest -Engine $Engine -Id $id -Watch $watch }
        $answer = $Engine.Answer[$id]
        $Engine.Open.Remove($id)
        $Engine.Answer.Remove($id)
        Hide-Progress -Watch $watch
    }
    $answer
}

# Cancels a request that nobody waits for any more, and gives the engine the time that it needs to finish the
# operation it is in. An engine that does not come back is ended.
function Close-EngineRequest {
    param($Engine, [string] $Id, $Watch)
    if ($script:Engine -ne $Engine) { return } # it has ended
    $Watch.Activity = 'Cancelling'
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    try {
        $cancel = [string] (++$Engine.LastId)
        $call = @{
            Engine         = $Engine
            Id             = $cancel
            Method         = 'request.cancel'
            Parameter      = @{ id = [long] $Id }
            TimeoutSeconds = $script:StopTimeout
        }
        Send-EngineRequest @call
        while (-not $Engine.Answer.ContainsKey($Id) -and $clock.Elapsed.TotalSeconds -lt $script:StopTimeout) {
            Read-Engine -Engine $Engine
            Show-Progress -Watch $Watch
        }
    }
    catch { Write-Verbose -Message (ConvertTo-PlainText -Text "Cancelling: $($_.Exception.Message)") }
    $answer = $Engine.Answer[$Id]
    if (-not $answer) {
        if ($script:Engine -eq $Engine) { Close-Engine -Kill }
        $text = 'The engine was ended because it did not finish in time. The next run completes its work.'
        Write-Warning -Message (ConvertTo-PlainText -Text $text)
    }
    else {
        # of a sync of one group the record is a part
        $run = if ($answer.result.run) { $answer.result.run } else { $answer.result }
        if ($run.kind -and $run.id) {
            $status = ([string] $run.status).ToLowerInvariant()
            $text = "Run $($run.id) ended as $status. The next run does the remaining work."
            Write-Warning -Message (ConvertTo-PlainText -Text $text)
        }
    }
}

function Send-EngineRequest {
    param(
        $Engine,
        [string] $Id,
        [string] $Method,
        [System.Collections.IDictionary] $Parameter,
        [int] $TimeoutSeconds = 0
    )
    Send-EngineMessage -Engine $Engine -TimeoutSeconds $TimeoutSeconds -Message ([ordered]@{
            jsonrpc = '2.0'; id = [long] $Id; method = $Method; params = $Parameter
        })
}

# Bytes are written, not text: Windows PowerShell's writer would take the encoding of the console, and its mark.
function Send-EngineMessage {
    param($Engine, [System.Collections.IDictionary] $Message, [int] $TimeoutSeconds = 0)
    $bytes = (New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false).GetBytes(
        (ConvertTo-Json -InputObject $Message -Depth 10 -Compress) + "`n")
    $stream = $Engine.Process.StandardInput.BaseStream
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    try {
        $write = $stream.WriteAsync($bytes, 0, $bytes.Length)
        while (-not $write.Wait(100)) {
            Save-EngineLog -Log $Engine.Log
            if ($TimeoutSeconds -and $clock.Elapsed.TotalSeconds -gt $TimeoutSeconds) { return }
        }
        $stream.Flush()
    }
    catch { throw (Get-EngineEnd -Engine $Engine) }
    finally { [System.Array]::Clear($bytes, 0, $bytes.Length) } # a secret may have been in it
}

# Waits shortly for a message of the engine and does what it says.
function Read-Engine {
    param($Engine)
    $message = Receive-EngineMessage -Engine $Engine
    if ($null -eq $message) { return }
    if ($message.method) {
        if ($null -ne $message.id) {
            Send-EngineMessage -Engine $Engine -Message (Get-CallbackAnswer -Message $message)
        }
        elseif ($message.method -eq 'progress') {
            Show-Progress -Watch $Engine.Open[[string] $message.params.requestId] -Progress $message.params
            $waiting = $message.params.waiting
            if ($waiting -and $Engine.Waiting -ne "$($waiting.for) $($waiting.next)") {
                $Engine.Waiting = "$($waiting.for) $($waiting.next)"
                Write-Verbose -Message (ConvertTo-PlainText -Text $message.params.message)
            }
        }
    }
    elseif ($null -eq $message.id) { throw (ConvertFrom-EngineError -EngineError $message.error) }
    elseif ($Engine.Open.ContainsKey([string] $message.id)) { $Engine.Answer[[string] $message.id] = $message }
}

function Receive-EngineMessage {
    param($Engine)
    if ($null -eq $Engine.OutputTask) { $Engine.OutputTask = $Engine.Process.StandardOutput.ReadLineAsync() }
    $tasks = [System.Threading.Tasks.Task[]] @(@($Engine.OutputTask, $Engine.Log.Task) |
        Where-Object -FilterScript { $null -ne $_ })
    [void] [System.Threading.Tasks.Task]::WaitAny($tasks, 100)
    Save-EngineLog -Log $Engine.Log
    if (-not $Engine.OutputTask.IsCompleted) { return }
    $line = if ($Engine.OutputTask.Status -eq 'RanToCompletion') { $Engine.OutputTask.Result } else { $null }
    $Engine.OutputTask = $null
    if ($null -eq $line) { throw (Get-EngineEnd -Engine $Engine) }
    try { ConvertFrom-EngineJson -Line $line }
    catch {
        $problem = @{
            Id       = 'EngineAnswerUnreadable'
            Category = 'InvalidData'
            Object   = $Engine.Process.StartInfo.FileName
            Message  = "The engine wrote a line that is not JSON: $($_.Exception.Message)"
            Advice   = 'Install the module and the engine of the same release.'
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
}

# Says how the engine ended, and forgets it.
function Get-EngineEnd {
    param($Engine)
    $code = if ($Engine.Process.WaitForExit(5000)) {
        "exit code $($Engine.Process.ExitCode)"
    }
    else {
        'it closed its output'
    }
    $path = $Engine.Process.StartInfo.FileName
    Close-Engine -Kill
    $tail = @(Get-EngineLogTail -Log $Engine.Log)
    $problem = @{
        Id       = 'EngineEnded'
        Category = 'ResourceUnavailable'
        Object   = $path
        Message  = "The engine ended before it responded ($code)."
        Detail   = $tail
        Advice   = "Connect and try again. A run completes the work of an interrupted one. Engine log: " +
            "$($Engine.Log.Path)"
    }
    ConvertTo-ErrorRecord @problem
}
