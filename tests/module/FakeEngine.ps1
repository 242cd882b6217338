# Dot-sourced by test files. Runs the module with the fake engine, which answers what a script says.
# fakeengine/main.go describes the scripts.

# Reloads the module and gives the fake engine a script: a hashtable of steps by method.
function Use-FakeScript {
    param([System.Collections.IDictionary] $Script = @{})
    Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue
    Clear-StateChoice
    $env:GROUPWRITEBACK_ENGINE = $env:FAKE_ENGINE
    $env:FAKE_ENGINE_SCRIPT = Join-Path -Path $TestDrive -ChildPath 'script.json'
    $env:FAKE_ENGINE_JOURNAL = Join-Path -Path $TestDrive -ChildPath 'journal.jsonl'
    Remove-Item -LiteralPath $env:FAKE_ENGINE_JOURNAL -Force -ErrorAction SilentlyContinue
    $steps = @{}
    foreach ($method in $Script.Keys) { $steps[$method] = @($Script[$method]) }
    # WriteAllText writes no byte order mark, which Go's decoder does not accept.
    [System.IO.File]::WriteAllText($env:FAKE_ENGINE_SCRIPT, (ConvertTo-Json -InputObject $steps -Depth 12))
    Import-Module -Name ([System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'GroupWriteback.psd1')) -Force
}

# Returns what the module has written, without the handshake unless -All is set. It uses Get-Content because
# File.ReadAllLines fails on Windows while the engine has the file open.
function Get-FakeJournal {
    param([string] $Method, [switch] $All)
    foreach ($line in Get-Content -LiteralPath $env:FAKE_ENGINE_JOURNAL -Encoding UTF8) {
        $message = ConvertFrom-Json -InputObject $line
        if (-not $All -and $message.method -eq 'session.initialize') { continue }
        if (-not $Method -or $message.method -eq $Method) { $message }
    }
}

# Forgets the session's choice of -StatePath, which outlives the module.
function Clear-StateChoice {
    $runspace = [System.Management.Automation.Runspaces.Runspace]::DefaultRunspace.InstanceId
    [System.AppDomain]::CurrentDomain.SetData("GroupWriteback.State.$runspace", $null)
}

# Removes the module and the variables of the fake engine.
function Clear-FakeScript {
    Remove-Module -Name GroupWriteback -Force -ErrorAction SilentlyContinue
    Clear-StateChoice
    foreach ($name in 'GROUPWRITEBACK_ENGINE', 'FAKE_ENGINE_SCRIPT', 'FAKE_ENGINE_JOURNAL') {
        Remove-Item -Path "Env:$name" -ErrorAction SilentlyContinue
    }
}

# Returns an error answer in the form of "Errors" in docs/protocol.md.
function Get-FakeError {
    param(
        [string] $Id = 'NotConnected',
        [string] $Category = 'InvalidOperation',
        [string] $Message = 'It is not connected.',
        [string] $Advice = 'Connect first.',
        [string] $Object = ''
    )
    @{ error = @{
        code = -32005
        message = $Message
        data = @{ category = $Category; id = $Id; object = $Object; advice = $Advice }
    } }
}

function Get-FakeRun {
    param([System.Collections.IDictionary] $Field = @{})
    $total = @{
        create = 2
        adopt = 0
        update = 1
        move = 0
        updateMembers = 1
        delete = 0
        skip = 0
        membersAdded = 5
        membersRemoved = 0
    }
    $run = @{
        id = 7
        kind = 'Sync'
        policyType = 'Initial'
        planId = 'plan-7'
        started = '2026-11-05T10:00:00.5Z'
        ended = '2026-11-05T10:00:02Z'
        status = 'Complete'
        policyReason = 'SettingsChanged'
        sourceGroups = 3
        targetGroups = 1
        linkedGroups = 3
        missingGroups = 1
        driftedGroups = 2
        failed = 0
        unknownMembers = 0
        unwrittenMembers = 1
        planned = $total.Clone()
        exported = $total.Clone()
    }
    foreach ($key in $Field.Keys) { $run[$key] = $Field[$key] }
    $run
}

function Get-FakeGroupSync {
    param([System.Collections.IDictionary] $Run = @{})
    @{
        id = '0a000000-0000-0000-0000-000000000001'
        displayName = 'Sales'
        run = Get-FakeRun (@{
            kind = 'Group'
            policyType = 'Delta'
            policyReason = ''
            groupId = '0a000000-0000-0000-0000-000000000001'
            groupName = 'Sales'
        } + $Run)
        steps = @(
            @{ name = 'Import'; result = 'Passed'; message = 'Found in the tenant.' }
            @{ name = 'Scope'; result = 'Passed'; message = 'The scope holds it.' }
            @{ name = 'Join'; result = 'Passed'; message = 'Linked.' }
            @{ name = 'Members'; result = 'Warning'; message = '1 of 6 members is not written.' }
            @{ name = 'Action'; result = 'Passed'; message = 'Created.' }
        )
        unwritten = @(@{
            id = '0b000000-0000-0000-0000-000000000001'
            name = 'cara@contoso.com'
            kind = 'User'
            targetGuid = ''
            reason = 'CloudOnly'
        })
    }
}

function Get-FakeChange {
    param([System.Collections.IDictionary] $Field = @{})
    $change = @{
        id = 1
        runId = 7
        action = 'Create'
        situation = 'Unlinked'
        sourceId = '0a000000-0000-0000-0000-000000000001'
        targetGuid = ''
        displayName = 'Sales'
        dn = 'CN=Group_1,OU=Writeback,DC=contoso,DC=test'
        attributes = @(@{ name = 'displayName'; old = @(); new = @('Sales') })
        addCount = 1
        removeCount = 0
        add = @(@{ guid = '0b000000-0000-0000-0000-000000000001'; dn = 'CN=user0001,OU=People,DC=contoso,DC=test' })
        remove = @()
        reason = ''
        message = ''
        outcome = 'Done'
        errorId = ''
    }
    foreach ($key in $Field.Keys) { $change[$key] = $Field[$key] }
    $change
}

function Get-FakeSetting {
    param([System.Collections.IDictionary] $Field = @{})
    $settings = @{
        enabled = $true
        tenant = @{ id = '11111111-1111-1111-1111-111111111111'; name = 'Contoso' }
        domain = @{ guid = ''; sid = ''; name = 'contoso.test' }
        container = @{ guid = ''; dn = 'OU=Writeback,DC=contoso,DC=test' }
        furtherContainers = @(@{
            name = 'OU=Sales,DC=contoso,DC=test'; guid = ''; dn = 'OU=Sales (old),DC=contoso,DC=test'
        })
        containerFilters = @(@{ container = 'OU=Sales,DC=contoso,DC=test'; filter = "displayName -like 'Sales*'" })
        nameFormat = 'ObjectId'
        samAccountNameFormat = 'ObjectId'
        excludeMailAttribute = $false
        mailRecipient = 'MailOnly'
        recipientDisplayType = 'None'
        updateAddressLists = $false
        markCloudAuthority = $false
        updateManagedBy = $false
        includeHiddenMembership = $true
        releasedGroups = @(@{
            id = '0a000000-0000-0000-0000-000000000009'
            targetGuid = '0b000000-0000-0000-0000-000000000009'
        })
        trustedOwners = @(@{ sid = 'S-1-5-21-1-2-3-1106'; name = 'svc-old' })
        movedGroup = 'Keep'
        softDeletedGroup = 'Keep'
        outOfScopeGroup = 'Remove'
        runHistoryDays = 30
        initialPending = $true
        version = 1
        scope = @{
            groups = 'Selected'
            groupIds = @('0a000000-0000-0000-0000-000000000001')
            filter = "displayName -like 'HR-*'"
            includeSecurityGroups = $true
        }
        onPremisesGroupType = 'UniversalSecurityGroup'
        maxMemberCount = 60000
        initialIntervalDays = 6
        connections = 3
        outageMinutes = 20
        quarantineAfter = 10
        limits = @{
            deletionCount = 500
            deletionPercent = 10
            removalPercent = 11
            groupRemovalPercent = 50
            sourceShrinkPercent = 20
            targetShrinkPercent = 12
        }
    }
    foreach ($key in $Field.Keys) { $settings[$key] = $Field[$key] }
    $settings
}

function ConvertTo-TestSecret {
    param([string] $Text)
    (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $Text).SecurePassword
}

function Get-TestCredential {
    param([string] $Name, [string] $Text)
    $secret = ConvertTo-TestSecret -Text $Text
    New-Object -TypeName System.Management.Automation.PSCredential -ArgumentList $Name, $secret
}

# Returns the path of the PowerShell that runs the tests. The name of its process does not tell: a PowerShell that is
# installed as a dotnet tool runs as dotnet.
function Get-PowerShell {
    foreach ($name in 'pwsh', 'pwsh.exe', 'powershell.exe') {
        $path = Join-Path -Path $PSHOME -ChildPath $name
        if (Test-Path -LiteralPath $path -PathType Leaf) { return $path }
    }
    if ($env:PWSH) { $env:PWSH } else { 'pwsh' }
}
