# The functions behind the commands for rights in Active Directory.

# Converts the parameters that these commands share to the fields of permission.get, permission.grant and
# permission.revoke.
function ConvertTo-PermissionField {
    [OutputType([hashtable])]
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Bound)
    $fields = ConvertTo-SignInField -Cmdlet $Cmdlet -Bound $Bound
    foreach ($name in 'Account', 'TargetContainer') {
        if ($Bound[$name]) { $fields[(ConvertTo-FieldName -Name $name)] = ([string] $Bound[$name]).Trim() }
    }
    foreach ($name in 'UsePropertySet', 'Compatible', 'IncludeRestore', 'Force') {
        if ($Bound[$name]) { $fields[(ConvertTo-FieldName -Name $name)] = $true }
    }
    $fields
}

# Converts the parameters of a sign-in for one command to the field target, if there are any.
function ConvertTo-SignInField {
    [OutputType([hashtable])]
    param([System.Management.Automation.PSCmdlet] $Cmdlet, [System.Collections.IDictionary] $Bound)
    $own = @('Credential', 'Server', 'AuthType', 'UseStartTls', 'DirectoryCAFile' |
            Where-Object -FilterScript { $Bound.ContainsKey($_) })
    if (-not $own) { return @{} }
    if (-not $Bound['Credential'] -and -not $Bound['Server']) {
        $problem = @{
            Id       = 'CredentialMissing'
            Category = 'InvalidArgument'
            Object   = "-$($own[0])"
            Message  = 'The parameter is for a sign-in, but none was given.'
            Advice   = 'Add -Credential.'
        }
        throw (ConvertTo-ErrorRecord @problem)
    }
    @{ target = ConvertTo-TargetSignIn -Cmdlet $Cmdlet -Bound $Bound }
}

# Reports whether an object from the pipeline is about rights and has not been handled yet. Test-GroupWriteback also
# returns rows about other things, and several rows about one container.
function Test-PermissionTurn {
    [OutputType([bool])]
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [string] $Account,
        [string] $Container,
        [System.Collections.IDictionary] $Done
    )
    $piped = $Cmdlet.MyInvocation.ExpectingInput
    if ($piped -and -not $Account -and -not $Container) { return $false }
    $key = "$Account|$Container".ToLowerInvariant()
    if ($Done.Contains($key)) { return $false }
    $Done[$key] = $true
    $true
}

# Plans the change of the rights, asks the user, and makes the change.
function Edit-Permission {
    [System.Diagnostics.CodeAnalysis.SuppressMessageAttribute(
        'PSShouldProcess', '', Justification = 'It asks for the command that calls it.')]
    [OutputType('GroupWriteback.Permission')]
    param(
        [System.Management.Automation.PSCmdlet] $Cmdlet,
        [System.Collections.IDictionary] $Bound,
        [string] $Method,
        [string] $State,
        [string] $Verb,
        [string] $Caption,
        [switch] $PassThru
    )
    try { $fields = ConvertTo-PermissionField -Cmdlet $Cmdlet -Bound $Bound }
    catch { Exit-Command -Cmdlet $Cmdlet -Problem $_ }
    $call = @{
        Cmdlet    = $Cmdlet
        Method    = $Method
        Parameter = ($fields + @{ whatIf = $true })
        Activity  = 'Reading permissions'
    }
    $plan = Invoke-Engine @call
    Write-PermissionWarning -Answer $plan
    $changing = @(foreach ($container in $plan.containers) {
            $entries = @($container.entries | Where-Object -FilterScript { $_.state -eq $State })
            if ($entries) { @{ DN = $container.dn; Count = $entries.Count } }
        })
    if (-not $changing) {
        Write-Verbose -Message (ConvertTo-PlainText -Text 'There is nothing to change.')
        if ($PassThru -or $WhatIfPreference) { ConvertTo-Permission -Answer $plan }
        return
    }
    $name = if ($plan.account.name) { $plan.account.name } else { $plan.account.sid }
    $places = @($changing | ForEach-Object -Process { $_.DN }) -join '; '
    $count = ($changing | ForEach-Object -Process { $_.Count } | Measure-Object -Sum).Sum
    $text = ConvertTo-PlainText -Text ($Verb -f $name, $places, (ConvertTo-CountText -Count $count -Noun 'right'))
    # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
    try { $confirmed = $Cmdlet.ShouldProcess("$text.", "$text. Continue?", $Caption) }
    catch { $Cmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
    if (-not $confirmed) {
        if ($WhatIfPreference) { ConvertTo-Permission -Answer $plan }
        return
    }
    $answer = Invoke-Engine -Cmdlet $Cmdlet -Method $Method -Parameter $fields -Activity 'Changing permissions'
    if ($PassThru) { ConvertTo-Permission -Answer $answer }
}

function Write-PermissionWarning {
    param($Answer)
    foreach ($container in $Answer.containers) {
        foreach ($warning in $container.warnings) {
            if ($warning) { Write-Warning -Message (ConvertTo-PlainText -Text "$($container.dn): $warning") }
        }
        if ($container.before -cne $container.after) {
            Write-Verbose -Message (ConvertTo-PlainText -Text "$($container.dn): before: $($container.before)")
            Write-Verbose -Message (ConvertTo-PlainText -Text "$($container.dn): after: $($container.after)")
        }
    }
}

function ConvertTo-Permission {
    [OutputType('GroupWriteback.Permission')]
    param($Answer)
    foreach ($container in $Answer.containers) {
        foreach ($entry in $container.entries) {
            if ($null -eq $entry) { continue }
            ConvertTo-TypedObject -TypeName 'GroupWriteback.Permission' -Property ([ordered]@{
                    State           = $entry.state
                    Description     = [string] $entry.words
                    Along           = @(foreach ($name in $entry.along) { if ($null -ne $name) { [string] $name } })
                    Sddl            = [string] $entry.sddl
                    Account         = [string] $Answer.account.sid
                    AccountName     = [string] $Answer.account.name
                    TargetContainer = $container.dn
                })
        }
    }
}

function ConvertTo-GraphPermission {
    [OutputType('GroupWriteback.GraphPermission')]
    param($Answer)
    foreach ($permission in $Answer.permissions) {
        if ($null -eq $permission) { continue }
        ConvertTo-TypedObject -TypeName 'GroupWriteback.GraphPermission' -Property ([ordered]@{
                State  = [string] $permission.state
                Name   = $permission.name
                Reason = [string] $permission.reason
            })
    }
}
