function Get-GroupWriteback {
    <#
    .SYNOPSIS
        Shows whether group writeback is on, its settings and its last run.
    .DESCRIPTION
        Reads the settings and the state. No connection is needed, and it works
        while another process runs a sync.

        NextPolicyType says whether the next sync reads what has changed (Delta) or
        everything (Initial), and NextPolicyReason why it is Initial, as far as that
        is known before it begins; PendingGroups, how many groups it looks at
        whatever has changed, because something of them is still to be done or to be
        found out.
    .PARAMETER StatePath
        The folder of the state to look at from now on, if it is not the default
        one. Connections to another state are closed. A folder without a state
        is refused, and the one before stays.
    .EXAMPLE
        Get-GroupWriteback

        Everything that is set, and how the last run ended.
    .EXAMPLE
        (Get-GroupWriteback).LastRun.Status

        How the last run ended.
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
