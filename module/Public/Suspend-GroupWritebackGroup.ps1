function Suspend-GroupWritebackGroup {
    <#
    .SYNOPSIS
        Leaves a group as it is in Active Directory.
    .DESCRIPTION
        Until the group is resumed, or until a time, nothing of it is created,
        written, renamed, moved, adopted or deleted, whatever happens in the
        tenant or in Active Directory, and Disable-GroupWriteback leaves it, too.
        Members that are removed in the tenant stay in the group for so long. As a
        member of other groups the group still counts. The next sync writes who
        suspended it, why and until when to its object, beside our stamp, so that
        this survives the loss of the state.

        A group that is on hold already gets the new comment and time. No
        connection is needed. A sync must not be running.
    .PARAMETER Group
        The group: its display name, mail address or id in the tenant; the
        distinguished name, SID, sAMAccountName or objectGUID of its object;
        or an object that has one of these.
    .PARAMETER Comment
        Why, for those who see the group on hold; up to 256 characters.
    .PARAMETER Until
        When the hold ends by itself. The next sync after that brings the
        group in line. The default is until Resume-GroupWritebackGroup.
    .PARAMETER PassThru
        Return the group afterwards.
    .EXAMPLE
        $friday = (Get-Date).AddDays(3)
        Suspend-GroupWritebackGroup Sales -Comment 'Migration' -Until $friday

        Leaves the group as it is for three days.
    .EXAMPLE
        Get-GroupWritebackGroup 'HR-*' |
            Suspend-GroupWritebackGroup -Comment 'Audit'

        Leaves several groups as they are until they are resumed.
    .INPUTS
        System.String, or an object that identifies a group.
    .OUTPUTS
        None, or GroupWriteback.Group with -PassThru.
    .LINK
        Resume-GroupWritebackGroup
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

        [AllowEmptyString()]
        [ValidateLength(0, 256)]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Comment,

        [ArgumentCompleter([NothingCompleter])]
        [datetime] $Until,

        [switch] $PassThru
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $common = @{ comment = $Comment }
        if ($PSBoundParameters.ContainsKey('Until')) {
            $utc = $Until.ToUniversalTime()
            $common['until'] = $utc.ToString('yyyy-MM-ddTHH:mm:ssZ', [cultureinfo]::InvariantCulture)
        }
    }
    process {
        $call = @{
            Cmdlet    = $PSCmdlet
            Method    = 'group.suspend'
            Group     = $Group
            Parameter = $common
            Action    = 'Leave as it is in Active Directory'
            PassThru  = $PassThru
        }
        Invoke-GroupMethod @call
    }
}
