# Sends requests to the engine, and handles what it reports and asks while they run. The pipeline thread does all the
# work, in short waits, so that Ctrl+C works.

# Calls a method and returns its result. If the engine answers with an error, Invoke-Engine ends the cmdlet; with
# -NonTerminating it writes the error and returns nothing.
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
    catch { Exit-Command -Cmdlet $Cmdlet -Problem $_ } # no engine is left to go on with
    if (-not $answer.error) { return $answer.result }
    $record = ConvertFrom-EngineError -EngineError $answer.error
    if ($NonTerminating) { $Cmdlet.WriteError($record) } else { $Cmdlet.ThrowTerminatingError($record) }
}

# Returns the items of a list. It requests each page only when the pipeline wants it.
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

# Sends a request, waits for its answer and returns it. If the wait ends early (Ctrl+C, an error), the request is
# cancelled.
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
        # with a timeout, the caller ends an engine that has not answered in time
        if (-not $answered -and -not $TimeoutSeconds) { Close-EngineRequest -Engine $Engine -Id $id -Watch $watch }
        $answer = $Engine.Answer[$id]
        $Engine.Open.Remove($id)
        $Engine.Answer.Remove($id)
        Hide-Progress -Watch $watch
    }
    $answer
}

# Cancels a request that nobody waits for any more, and gives the engine time to finish the operation in progress. Ends
# an engine that does not answer in time.
function Close-EngineRequest {
    param($Engine, [string] $Id, $Watch)
    if ($script:Engine -ne $Engine) { return } # the engine has ended
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
        # the answer to a sync of one group contains the run
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

# Writes a message to the engine as bytes: the text writer of Windows PowerShell would use the encoding of the console
# and its byte order mark.
function Send-EngineMessage {
    param($Engine, [System.Collections.IDictionary] $Message, [int] $TimeoutSeconds = 0)
    $bytes = (New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false).GetBytes(
        (ConvertTo-Json -InputObject $Message -Depth 10 -Compress) + "`n")
    $stream = $Engine.Process.StandardInput.BaseStream
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $write = $null
    try {
        $write = $stream.WriteAsync($bytes, 0, $bytes.Length)
        while (-not $write.Wait(100)) {
            Save-EngineLog -Log $Engine.Log
            if ($TimeoutSeconds -and $clock.Elapsed.TotalSeconds -gt $TimeoutSeconds) { return }
        }
        $stream.Flush()
    }
    catch { throw (Get-EngineEnd -Engine $Engine) }
    finally {
        # The message may contain a secret. While it is still being written, the engine would read zeros instead.
        if (-not $write -or $write.IsCompleted) { [System.Array]::Clear($bytes, 0, $bytes.Length) }
    }
}

# Waits briefly for a message from the engine and handles it.
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

# Returns an error that says how the engine ended, and closes the engine.
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
