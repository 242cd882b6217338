<#
.SYNOPSIS
    A runbook for a hybrid worker: one sync of group writeback.
.DESCRIPTION
    Reads the tenant with the managed identity of the Automation account, and writes to Active Directory with the
    account that runs the worker's jobs, or with a credential of the Automation account. The job fails if the sync
    stopped or failed, if changes failed, and each time that a threshold holds changes back. Always use the same
    worker, because the state is on that machine.

    Link the runbook to schedules so that it runs, for example, every 30 minutes. A sync normally reads the changes
    since the last one (policy type Delta). It reads everything (Initial) the first time, then once a week, and
    whenever necessary. The sync decides this itself, so Initial syncs need no separate schedule.

    The module must be installed on the worker for all users.
.PARAMETER TenantId
    The tenant's id or one of its verified domain names.
.PARAMETER Server
    A domain controller, or the DNS name of the domain.
.PARAMETER AssetName
    The name of a credential of the Automation account for Active Directory. The default is the worker's account.
.PARAMETER StatePath
    The state folder, if it is not the default one.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)]
    [string] $TenantId,

    [Parameter(Mandatory)]
    [string] $Server,

    [string] $AssetName,

    [string] $StatePath
)

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Import-Module -Name GroupWriteback

$connect = @{ Identity = $true; TenantId = $TenantId; Server = $Server }
if ($AssetName) { $connect['Credential'] = Get-AutomationPSCredential -Name $AssetName }
if ($StatePath) { $connect['StatePath'] = $StatePath }
try {
    [void] (Connect-GroupWriteback @connect)
    # The command returns the record first. Then it writes an error if the run stopped or failed, or if changes failed
    # or were held back, and the job fails.
    Start-GroupWritebackSync -Confirm:$false
}
finally {
    Disconnect-GroupWriteback
}
