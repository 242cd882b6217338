function Resume-GroupWritebackGroup {
    <#
    .SYNOPSIS
        Writes a group again that was suspended, restored or quarantined.
    .DESCRIPTION
        Ends the hold of a group, and its quarantine. The next sync brings the
        group in line with the tenant; what was changed by hand meanwhile is lost.
        No connection is needed. A sync must not be running.
    .PARAMETER Group
        The group: its display name, mail address or id in the tenant; the
        distinguished name, SID, sAMAccountName or objectGUID of its object;
        or an object that has one of these.
    .PARAMETER PassThru
        Return the group afterwards.
    .EXAMPLE
        Resume-GroupWritebackGroup Sales

        Writes the group again from the next sync on.
    .EXAMPLE
        Get-GroupWritebackGroup -OnHold | Resume-GroupWritebackGroup -WhatIf

        Shows the groups that are on hold or in quarantine, and would be resumed.
    .INPUTS
        System.String, or an object that identifies a group.
    .OUTPUTS
        None, or GroupWriteback.Group with -PassThru.
    .LINK
        Suspend-GroupWritebackGroup
    .LINK
        Get-GroupWritebackGroup
    #>
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType('GroupWriteback.Group')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline)]
        [Alias('GroupId', 'SourceId', 'Id', 'ObjectGuid')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupCompleter])]
        [object[]] $Group,

        [switch] $PassThru
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
    }
    process {
        $call = @{
            Cmdlet   = $PSCmdlet
            Method   = 'group.resume'
            Group    = $Group
            Action   = 'Write again'
            PassThru = $PassThru
        }
        Invoke-GroupMethod @call
    }
}
