function Get-GroupWriteback {
    <#
    .SYNOPSIS
        Shows whether group writeback is enabled, its settings and its last run.
    .DESCRIPTION
        Reads the settings and the state. It needs no connection and works while
        another process runs a sync.

        NextPolicyType shows whether the next sync reads the changes (Delta) or
        everything (Initial). NextPolicyReason shows why it is Initial, as far as
        this is known before it begins. PendingGroups is the number of groups that
        the next sync processes even if they have not changed, because work on them
        is unfinished.
    .PARAMETER StatePath
        The state folder to use from now on, if it is not the default one.
        Connections that belong to another state are closed. If the folder has
        no state, the command fails and the previous folder stays in use.
    .EXAMPLE
        Get-GroupWriteback

        Shows all settings and how the last run ended.
    .EXAMPLE
        (Get-GroupWriteback).LastRun.Status

        Shows how the last run ended.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.Status
    .LINK
        Set-GroupWriteback
    .LINK
        Get-GroupWritebackRun
    #>
    [CmdletBinding()]
    [OutputType('GroupWriteback.Status')]
    param(
        [string] $StatePath
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    Select-State -Cmdlet $PSCmdlet -Path $StatePath -Check 'Existing'
    Get-Status -Cmdlet $PSCmdlet
}
