<#
.SYNOPSIS
    A runbook for a hybrid worker: one sync of group writeback.
.DESCRIPTION
    Reads the tenant with the managed identity of the Automation account, and writes to the directory as the account
    that the worker runs jobs as, or with a credential of the Automation account. The job fails when the sync stopped
    or failed, when changes failed, and each time that a threshold holds something back. Let one worker run it, always
    the same: the state is on that machine.

    Link it to schedules, so that it runs every 30 minutes for example. Each sync reads what has changed since the last
    one (policy type Delta); everything is read at the first, then once a week, and whenever it has to be (Initial):
    the sync decides that by itself, so no schedule of its own is needed for it.

    The module has to be installed on the worker for all users.
.PARAMETER TenantId
    The tenant: its id or a verified domain name.
.PARAMETER Server
    A domain controller, or the DNS name of the domain.
.PARAMETER AssetName
    The name of a credential of the Automation account for the directory. Without it the account of the worker is used.
.PARAMETER StatePath
    The folder of the state, if it is not the default one.
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
    # What is due, Delta or Initial. The record comes out first, then an error if the run stopped or failed, or changes
    # failed or were held back: that ends the job as failed
    Start-GroupWritebackSync -Confirm:$false
}
finally {
    Disconnect-GroupWriteback
}
