# Each module instance has one engine process. The first cmdlet that needs the engine starts it. The engine ends when
# its standard input is closed, which also happens when PowerShell ends. A host that closes the runspace and lives on
# (a pool of runspaces, an editor) keeps the pipe open, so the module also subscribes to the end of the runspace.

# Returns the path of the engine. Only in a source checkout can the environment name another engine: whoever sets the
# environment of a task must not choose what the task runs.
function Get-EnginePath {
    if ($env:GROUPWRITEBACK_ENGINE) {
        if (Test-SourceCheckout) { return $env:GROUPWRITEBACK_ENGINE }
        Write-Warning -Message (ConvertTo-PlainText -Text ("The environment variable GROUPWRITEBACK_ENGINE is " +
            "ignored, because the module was not imported from a source checkout: '$script:ModuleBase'."))
    }
    $name = if (Test-Windows) { 'groupwriteback.exe' } else { 'groupwriteback' }
    Join-Path -Path (Join-Path -Path $script:ModuleBase -ChildPath 'bin') -ChildPath $name
}

# Reports whether the module is a source checkout. A shipped module has neither the sources of the engine nor their
# history beside its manifest.
function Test-SourceCheckout {
    $sources = foreach ($name in '.git', 'cmd') {
        Test-Path -LiteralPath (Join-Path -Path $script:ModuleBase -ChildPath $name)
    }
    (Test-Path -LiteralPath (Join-Path -Path $script:ModuleBase -ChildPath 'go.mod') -PathType Leaf) -and
        $sources -contains $true
}

# Throws if others can replace the engine or put a library beside it, because they could run code as the account that
# the engine runs as. In a source checkout it only warns.
function Assert-EnginePath {
    param([string] $Path)
    # In a source checkout, the folders above are the developer's own business.
    $exposure = foreach ($part in (Split-Path -Path $Path -Parent), $Path) {
        if (Test-SourceCheckout) { Get-FileExposure -Item (Get-Item -LiteralPath $part -Force) -Place Guarded }
        else { Get-PathExposure -Path $part }
    }
    if (-not $exposure) { return }
    $exposure = @($exposure)[0]
    $advice = 'Install the module where only administrators can write, for example for all users, or remove that ' +
        'right. If others have had the right for some time, reinstall the module.'
    if (Test-SourceCheckout) {
        Write-Warning -Message (ConvertTo-PlainText -Text "Others could replace the engine: $exposure $advice")
    }
    else {
        $problem = @{
            Id       = 'EngineInsecure'
            Category = 'SecurityError'
            Object   = $Path
            Message  = "The engine was not started, because others could replace it: $exposure"
            Advice   = $advice
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
}

function Test-Windows {
    [System.Environment]::OSVersion.Platform -eq [System.PlatformID]::Win32NT
}

# Returns the running engine, or starts one if there is none or if another state folder or service account was chosen.
function Get-Engine {
    param([string] $Check)
    $engine = $script:Engine
    if ($engine -and $engine.Process.HasExited) {
        Write-Warning -Message (ConvertTo-PlainText -Text ("The engine ended with exit code " +
            "$($engine.Process.ExitCode) and is started again. Connect again. Its log: " +
            "$($engine.Log.Path)"))
        Close-Engine
        $engine = $null
    }
    if ($engine -and -not (Test-EngineState -Engine $engine)) { $engine = Switch-Engine -Check $Check }
    if (-not $engine) { $engine = Open-Engine -Check $Check }
    $level = Get-LogLevel
    if ($engine.LogLevel -ne $level) {
        $engine.LogLevel = $level
        [void] (Invoke-EngineExchange -Engine $engine -Method 'session.log' -Parameter @{ level = $level })
    }
    $engine
}

# Opens an engine for another state folder, then ends the former engine. If the new one cannot be opened, the former
# one stays, with its connections.
function Switch-Engine {
    param([string] $Check)
    $former = $script:Engine
    $signer = $script:Certificate
    $provider = $script:AccessTokenProvider
    $script:Engine = $null
    $opened = $null
    try {
        $opened = Open-Engine -Check $Check
    }
    finally {
        $script:Engine = $former
        if ($opened) {
            Close-Engine
            $script:Engine = $opened
        }
        else {
            $script:Certificate = $signer
            $script:AccessTokenProvider = $provider
        }
    }
    $opened
}

# Returns the log level of the engine. With -Debug the engine logs each request that it repeats, and each pause.
function Get-LogLevel {
    if ([string] $DebugPreference -in 'SilentlyContinue', 'Ignore') { 'Info' } else { 'Debug' }
}

# Reports whether the engine serves the chosen state folder and service account.
function Test-EngineState {
    param($Engine)
    if ($script:ServiceAccount -and $script:ServiceAccount -ne $Engine.RequestedServiceAccount) { return $false }
    if (-not $script:StatePath) { return $true }
    $comparison = if (Test-Windows) {
        [System.StringComparison]::OrdinalIgnoreCase
    }
    else {
        [System.StringComparison]::Ordinal
    }
    foreach ($path in $Engine.RequestedStatePath, $Engine.Info.statePath) {
        if ([string]::Equals((Get-FolderName -Path $path), (Get-FolderName -Path $script:StatePath), $comparison)) {
            return $true
        }
    }
    $false
}

# Returns the path without the separator that tab completion adds to the name of a folder.
function Get-FolderName {
    param([string] $Path)
    $Path.TrimEnd([System.IO.Path]::DirectorySeparatorChar, [System.IO.Path]::AltDirectorySeparatorChar)
}

function Open-Engine {
    param([string] $Check)
    $path = Get-EnginePath
    if (-not (Test-Path -LiteralPath $path -PathType Leaf)) {
        $problem = @{
            Id       = 'EngineNotFound'
            Category = 'ObjectNotFound'
            Object   = $path
            Message  = 'The engine of the module was not found.'
            Advice   = 'Install the module again, or build the engine into the bin folder of the module.'
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
    $path = (Get-Item -LiteralPath $path).FullName
    Assert-EnginePath -Path $path
    Enable-EngineFile -Path $path
    $utf8 = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo
    $start.FileName = $path
    $start.WorkingDirectory = Split-Path -Path $path -Parent
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = $utf8
    $start.StandardErrorEncoding = $utf8
    try { $process = [System.Diagnostics.Process]::Start($start) }
    catch {
        $advice = if (Test-Windows) {
            'Check whether a policy or a virus scanner blocks it.'
        }
        else {
            "Make it executable (chmod +x '$path'), and check that its volume is not mounted with noexec."
        }
        $problem = @{
            Id       = 'EngineNotStarted'
            Category = 'ResourceUnavailable'
            Object   = $path
            Message  = "The engine cannot be started: $($_.Exception.GetBaseException().Message)"
            Advice   = $advice
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
    $script:Engine = [pscustomobject]@{
        Process                 = $process
        OutputTask              = $null
        Log                     = Open-EngineLog -Process $process
        LastId                  = 0
        Open                    = @{}   # the progress watch of each request that a cmdlet waits for, by request id
        Answer                  = @{}   # received answers, by request id
        RequestedStatePath      = $script:StatePath
        RequestedServiceAccount = $script:ServiceAccount
        LogLevel                = Get-LogLevel
        Waiting                 = ''    # what the engine last said it waits for
        Info                    = $null # the answer to session.initialize
        Exiting                 = Register-EngineEnd
    }
    $hello = @{
        protocol       = 1
        client         = "GroupWriteback/$(Get-ModuleVersion) PowerShell/$($PSVersionTable.PSVersion) ($($Host.Name))"
        from           = Get-Origin
        statePath      = [string] $script:StatePath
        serviceAccount = [string] $script:ServiceAccount
        logLevel       = $script:Engine.LogLevel
    }
    if ($Check) { $hello['checkState'] = $Check }
    $initialized = $false
    try {
        $call = @{
            Engine         = $script:Engine
            Method         = 'session.initialize'
            Parameter      = $hello
            Activity       = 'Starting the engine'
            TimeoutSeconds = $script:StartTimeout
        }
        $answer = Invoke-EngineExchange @call
        if ($answer.error) { throw (ConvertFrom-EngineError -EngineError $answer.error) }
        $script:Engine.Info = $answer.result
        $script:Engine.Log.Path = [string] $answer.result.logPath
        if ($script:Engine.Info.protocol -ne 1) {
            $problem = @{
                Id       = 'ProtocolMismatch'
                Category = 'InvalidOperation'
                Object   = $path
                Message  = "The engine uses protocol version $($script:Engine.Info.protocol), the module version 1."
                Advice   = 'Install the module and the engine of the same release.'
            }
            throw (ConvertTo-ErrorRecord @problem)
        }
        $initialized = $true
    }
    finally {
        if (-not $initialized) { Close-Engine -Kill }
    }
    Save-StateChoice
    Write-Verbose -Message (ConvertTo-PlainText -Text ("Engine $($script:Engine.Info.engineVersion) started; " +
        "state: $($script:Engine.Info.statePath); log: $($script:Engine.Log.Path)"))
    $script:Engine
}

# Closes the engine when the runspace ends. The action of an event runs in a module of its own and does not see
# Close-Engine, so it gets a script block to call.
function Register-EngineEnd {
    $subscriber = $ExecutionContext.Events.SubscribeEvent(
        $null,
        $null,
        [System.Management.Automation.PSEngineEvent]::Exiting,
        $null,
        { & $close },
        $true,
        $false)
    $subscriber.Action.Module.SessionState.PSVariable.Set('close', { Close-Engine })
    $subscriber
}

function Get-ModuleVersion {
    # The version is read here, because $ExecutionContext.SessionState.Module has none while the module is imported.
    [string] $ExecutionContext.SessionState.Module.Version
}

# Ends the engine by closing its input. Kills the engine if it does not exit in time, or at once with -Kill.
function Close-Engine {
    param([switch] $Kill)
    $engine = $script:Engine
    $script:Engine = $null
    $script:AccessTokenProvider = $null
    $script:Certificate = $null
    if (-not $engine) { return }
    $ExecutionContext.Events.UnsubscribeEvent($engine.Exiting)
    try {
        if (-not $Kill) {
            $engine.Process.StandardInput.BaseStream.Dispose()
            $clock = [System.Diagnostics.Stopwatch]::StartNew()
            while (-not $engine.Process.WaitForExit(50) -and $clock.Elapsed.TotalSeconds -lt $script:StopTimeout) {
                Save-EngineLog -Log $engine.Log
                # reads and drops what the engine still writes, so that it never blocks
                if ($null -eq $engine.OutputTask -or $engine.OutputTask.IsCompleted) {
                    $engine.OutputTask = $engine.Process.StandardOutput.ReadLineAsync()
                }
            }
        }
    }
    catch {
        Write-Verbose -Message (ConvertTo-PlainText -Text ("The engine's input is already closed: " +
            "$($_.Exception.GetBaseException().Message)"))
    }
    finally {
        if (-not $engine.Process.HasExited) {
            try {
                $engine.Process.Kill()
            }
            catch {
                Write-Verbose -Message (ConvertTo-PlainText -Text ("The engine has already ended: " +
                    "$($_.Exception.GetBaseException().Message)"))
            }
        }
        [void] $engine.Process.WaitForExit(5000)
        Close-EngineLog -Log $engine.Log
        $engine.Process.Dispose()
    }
}
