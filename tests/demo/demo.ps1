<#
.SYNOPSIS
    A session with the module, as a user types it, against the lab.
.DESCRIPTION
    Prints each command and what it really answers, and fails when a step does not do what it should.
    tests/demo/run starts it inside the lab.
#>
[CmdletBinding()]
param()

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$script:Number = 0

function Write-Step {
    param([string] $Title)
    $script:Number++
    ''
    "# $script:Number. $Title"
}

# Prints a command, runs it, and stores its output in $answer.
function Invoke-Typed {
    param([scriptblock] $Command)
    ''
    $lines = $Command.ToString().Trim() -split '\r?\n' | ForEach-Object -Process { $_ -replace '^ {4}' }
    'PS> ' + ($lines -join "`n  > ")
    $answer = @(. $Command)
    $script:answer = $answer
    $text = ($answer | Out-String -Width 130).TrimEnd()
    if ($text) { $text }
}

function Assert-That {
    param([string] $What, [bool] $Holds)
    if (-not $Holds) { throw "The demo expected that $What." }
}

$root = Split-Path -Path (Split-Path -Path $PSScriptRoot -Parent) -Parent
Set-Location -LiteralPath $root
. (Join-Path -Path $root -ChildPath 'tests/lab/Tools.ps1')
$container = $env:GWB_LAB_CONTAINER
$state = Join-Path -Path $env:GWB_LAB_DIR -ChildPath 'state'
# Returns the credential that a user would type at the prompt of Get-Credential.
function Get-LabCredential {
    param([string] $UserName, [string] $Value)
    $typed = (New-Object -TypeName System.Net.NetworkCredential -ArgumentList '', $Value).SecurePassword
    New-Object -TypeName pscredential -ArgumentList $UserName, $typed
}
$app = Get-LabCredential $env:GWB_LAB_TENANT_CLIENT_ID $env:GWB_LAB_TENANT_CLIENT_SECRET
$account = Get-LabCredential $env:GWB_LAB_USER $env:GWB_LAB_PASSWORD
# The simulated tenant and the lab's domain controller have addresses and certificates of their own.
$lab = @{
    Authority = $env:GWB_LAB_TENANT_AUTHORITY; GraphEndpoint = $env:GWB_LAB_TENANT_GRAPH
    TenantCAFile = $env:GWB_LAB_TENANT_CA; DirectoryCAFile = $env:GWB_LAB_CA; StatePath = $state
}
# ldapsearch is a client that is independent of the module. It signs in as the domain's administrator.
$adminPassword = Join-Path -Path $env:GWB_LAB_DIR -ChildPath 'admin-password'
[System.IO.File]::WriteAllText($adminPassword, $env:GWB_LAB_ADMIN_PASSWORD)
chmod 600 $adminPassword
$env:LDAPURI = "ldaps://$env:GWB_LAB_SERVER"
$env:LDAPTLS_CACERT = $env:GWB_LAB_CA
$env:LDAPBINDDN = $env:GWB_LAB_ADMIN_USER
$env:LDAPBASE = $container

$before = tests/lab/dump

Write-Step 'Connect to the tenant and to the domain'
Invoke-Typed { Import-Module ./GroupWriteback.psd1 }
Invoke-Typed {
    $source = @{ TenantId = $env:GWB_LAB_TENANT_ID; ClientSecretCredential = $app }
    $target = @{ Server = $env:GWB_LAB_SERVER; Credential = $account }
    Connect-GroupWriteback @source @target @lab
}
Assert-That 'both sides are connected' (
    $answer[0].TenantId -eq $env:GWB_LAB_TENANT_ID -and
    $answer[0].Domain -eq $env:GWB_LAB_DOMAIN
)

Write-Step 'What is missing?'
Invoke-Typed { Test-GroupWriteback -TargetContainer $container }
Assert-That 'no check fails' (@($answer | Where-Object -FilterScript { $_.Result -eq 'Failed' }).Count -eq 0)

Write-Step 'Look first: what would the first sync do?'
Invoke-Typed { Enable-GroupWriteback $container -NameFormat DisplayName -MailRecipient MailOnly -WhatIf }
$planned = @($answer | Where-Object -FilterScript { $_.Action -eq 'Create' }).Count
Assert-That 'groups would be created' ($planned -gt 5)
Assert-That 'nothing was saved' ((Get-GroupWriteback).Status -eq 'NotConfigured')

Write-Step 'Enable, preview, synchronise'
Invoke-Typed { Enable-GroupWriteback $container -NameFormat DisplayName -MailRecipient MailOnly }
Assert-That 'it is on' ((Get-GroupWriteback).Status -eq 'Enabled')
Invoke-Typed { Start-GroupWritebackSync -WhatIf | Group-Object -Property Action -NoElement }
Assert-That 'the preview is the same as before' ($planned -eq (
    $answer | Where-Object -FilterScript { $_.Name -eq 'Create' }
).Count)
Invoke-Typed { Start-GroupWritebackSync }
Assert-That 'everything planned was done' (
    $answer[0].Status -eq 'Complete' -and
    $answer[0].Exported.Create -eq $planned
)

Write-Step 'The groups are in Active Directory, as an independent client shows'
Invoke-Typed { ldapsearch -x -LLL -o ldif-wrap=no -y $adminPassword '(objectClass=group)' dn | Where-Object { $_ } }
Assert-That 'each group is there' (@($answer -match '^dn:').Count -eq $planned)
Invoke-Typed {
    $names = 'cn', 'sAMAccountName', 'groupType', 'displayName', 'description', 'mail', 'adminDescription', 'member'
    ldapsearch -x -LLL -o ldif-wrap=no -y $adminPassword '(displayName=All Company)' @names extensionName
}
Assert-That 'it has its ten members' (@($answer -match '^member:').Count -eq 10)

Write-Step 'Who is not written, and why?'
Invoke-Typed { Get-GroupWritebackGroup }
Assert-That 'each written group is linked' (@(
    $answer | Where-Object -FilterScript { $_.Situation -eq 'Linked' }
).Count -eq $planned)
Invoke-Typed { Get-GroupWritebackGroup 'All Company' | Get-GroupWritebackGroupMember | Where-Object Reason }
Assert-That 'a member of the cloud alone is named' ($answer.Count -eq 1 -and $answer[0].Reason -eq 'CloudOnly')

Write-Step 'Something changes in the tenant'
Invoke-Typed {
    tests/demo/tenant patch-group id=10000000-0000-4000-8000-000000000001 'set.displayName=Everybody at Contoso'
}
Assert-That 'the tenant took it' ($LASTEXITCODE -eq 0)
Invoke-Typed { tests/demo/tenant add-member group=10000000-0000-4000-8000-000000000001 member=user0020@contoso.test }
Assert-That 'the tenant took it' ($LASTEXITCODE -eq 0)
Invoke-Typed { Start-GroupWritebackSync }
Assert-That 'the group was renamed and has one member more' (
    $answer[0].Status -eq 'Complete' -and
    $answer[0].Exported.Update -eq 1 -and
    $answer[0].Exported.MembersAdded -eq 1
)
Invoke-Typed { Get-GroupWritebackChange -Action Update, UpdateMembers | Format-List }
Invoke-Typed {
    ldapsearch -x -LLL -o ldif-wrap=no -y $adminPassword '(displayName=Everybody at Contoso)' cn sAMAccountName member
}
Assert-That 'it has eleven members under its new name' (
    @($answer -match '^member:').Count -eq 11 -and
    @($answer -match '^cn: Everybody at Contoso_').Count -eq 1
)

Write-Step 'Somebody edits a group by hand'
Invoke-Typed {
    @"
dn: CN=Cloud people only_000000000006,$container
changetype: modify
add: member
member: CN=user0007,OU=People,DC=contoso,DC=test
"@ | ldapmodify -x -y $adminPassword
}
Assert-That 'the directory took it' ($LASTEXITCODE -eq 0)
Invoke-Typed { Start-GroupWritebackSync }
Assert-That 'it was put right' (
    $answer[0].Status -eq 'Complete' -and
    $answer[0].DriftedGroups -eq 1 -and
    $answer[0].Exported.MembersRemoved -eq 1
)
Invoke-Typed { Get-GroupWritebackChange | Format-List -Property DisplayName, Action, RemoveMembers, Reason, Message }
Assert-That 'what had been done is said' ($answer.Count -gt 0)

Write-Step 'A group becomes a recipient of Exchange'
Invoke-Typed {
    $addresses = '["SMTP:empty@contoso.test", "smtp:empty@contoso.mail.onmicrosoft.com"]'
    tests/demo/tenant patch-group id=10000000-0000-4000-8000-000000000008 "set.proxyAddresses=$addresses"
}
Assert-That 'the tenant took it' ($LASTEXITCODE -eq 0)
Invoke-Typed { Set-GroupWriteback -MailRecipient Remote }
Invoke-Typed { Start-GroupWritebackSync }
Assert-That 'one group is a recipient' ($answer[0].Status -eq 'Complete' -and $answer[0].Exported.Update -eq 1)
Invoke-Typed {
    $names = 'mailNickname', 'proxyAddresses', 'targetAddress', 'msExchRecipientTypeDetails'
    ldapsearch -x -LLL -o ldif-wrap=no -y $adminPassword '(displayName=Empty)' @names
}
Assert-That 'its mail goes to the tenant' (
    $answer -contains 'targetAddress: SMTP:empty@contoso.mail.onmicrosoft.com'
)
Invoke-Typed { Get-GroupWritebackGroup | Format-Table -Wrap -Property DisplayName, Recipient, LastMessage }
Assert-That 'the others say why they are none' (@($answer).Count -gt 0)
Invoke-Typed { Set-GroupWriteback -MailRecipient MailOnly }
Invoke-Typed { Start-GroupWritebackSync }
Assert-That 'what was written is gone' ($answer[0].Status -eq 'Complete' -and $answer[0].Exported.Update -eq 1)

Write-Step 'One group, now'
Invoke-Typed { Start-GroupWritebackSync -Group 'Empty' }
Assert-That 'it is as it should be' ($answer[0].Status -eq 'Complete')

Write-Step 'A second run changes nothing'
Invoke-Typed { Start-GroupWritebackSync }
$exported = $answer[0].Exported
Assert-That 'nothing was written' (
    $answer[0].Status -eq 'Complete' -and
    ($exported.Create + $exported.Update + $exported.UpdateMembers + $exported.Delete) -eq 0
)

Write-Step 'Disable: the next sync deletes the groups, and nothing else'
Invoke-Typed { Disable-GroupWriteback -WhatIf | Group-Object -Property Action -NoElement }
Assert-That 'all of them would be deleted' ($answer[0].Name -eq 'Delete' -and $answer[0].Count -eq $planned)
Invoke-Typed { Disable-GroupWriteback -Confirm:$false }
Invoke-Typed { Start-GroupWritebackSync }
Assert-That 'all of them were deleted' ($answer[0].Status -eq 'Complete' -and $answer[0].Exported.Delete -eq $planned)
Invoke-Typed { ldapsearch -x -LLL -o ldif-wrap=no -y $adminPassword '(objectClass=group)' dn | Where-Object { $_ } }
Assert-That 'the container is empty' (@($answer | Where-Object -FilterScript { $_ }).Count -eq 0)
Invoke-Typed { Compare-Object $before @(tests/lab/dump) }
Assert-That 'the directory is as it was before' ($answer.Count -eq 0)
Invoke-Typed { Get-GroupWritebackRun }
Invoke-Typed { Disconnect-GroupWriteback }

''
'The demo succeeded and has removed everything that it created.'
