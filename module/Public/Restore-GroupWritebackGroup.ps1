function Restore-GroupWritebackGroup {
    <#
    .SYNOPSIS
        Brings back groups that a sync deleted, and members that it removed.
    .DESCRIPTION
        Before a sync deletes groups or removes members, it writes down what they
        are in an undo file (property UndoFile of the run). This command brings
        them back from there:

        - from the recycle bin of Active Directory, with everything, if it is on
          (Way RecycleBin);
        - otherwise from the tombstone, with the same objectGUID, SID and
          permissions, and the attributes and members of the file (Tombstone);
        - otherwise as a new object from the file, with another SID (NewObject);
        - members that were removed are added to the group (Members).

        Lost says what does not come back. Of the file, only attributes that
        GroupWriteback writes and members are used.

        Only administrators of the domain may restore deleted objects: give such
        an account with -Credential. Protected groups, objects that GroupWriteback
        did not write, and groups for which another object exists by now are
        refused, each with its reason.

        A group that the next sync would change, because the tenant no longer has
        it or has other members, is put on hold (Held): it stays as it is until
        Resume-GroupWritebackGroup. Without a connection to the tenant all are.

        With -WhatIf the groups come out as objects and nothing is changed. In a
        script without a user add -Confirm:$false.
    .PARAMETER Group
        The groups, by any name that they had: object id in the tenant, display
        name, mail, or the objectGUID, DN, SID or sAMAccountName of the object.
        The newest undo file that has the group is used. With -RunId or -Path:
        only these groups of the file.
    .PARAMETER RunId
        The number of the run that deleted the groups or removed the members.
        One command restores up to 1,000 groups; name some of more with -Group.
    .PARAMETER Path
        The path of an undo file, on the computer of the engine.
    .PARAMETER Force
        Use a file that is not as a run has written it.
    .PARAMETER Credential
        An account that may restore deleted objects, for this command alone.
        Without it, the account of the connection is used.
    .PARAMETER Server
        The domain controller or domain for this command alone. The default is
        that of the connection. Syncs on another domain controller then end as
        TargetNotUpToDate: name this one for the next sync. Without -Credential,
        on Windows, the current account is used.
    .PARAMETER AuthType
        How -Credential signs in: Basic (default) binds with name and password
        over TLS; Negotiate uses Kerberos.
    .PARAMETER UseStartTls
        With -Server: use StartTLS on port 389 in place of LDAPS on port 636.
    .PARAMETER DirectoryCAFile
        A file (.cer, .pem or .p7b; PEM or DER) with the certificates that are
        trusted for the domain controller in place of the system's.
    .EXAMPLE
        Restore-GroupWritebackGroup Marketing -Credential CONTOSO\Administrator

        Brings the group back as it was before the last sync that deleted it or
        removed members from it.
    .EXAMPLE
        $admin = Get-Credential CONTOSO\Administrator
        Restore-GroupWritebackGroup -RunId 17 -Credential $admin -WhatIf |
            Format-Table DisplayName, Way, Members, Lost

        Shows how each group that run 17 deleted would come back, and what would
        be lost.
    .EXAMPLE
        Get-GroupWritebackRun -Last 20 | Where-Object UndoFile

        Shows which runs can be undone.
    .INPUTS
        string, guid, or an object that names a group, such as
        GroupWriteback.Change and GroupWriteback.Group.
    .OUTPUTS
        GroupWriteback.RestoredGroup
    .LINK
        Resume-GroupWritebackGroup
    .LINK
        Get-GroupWritebackRun
    .LINK
        Get-GroupWritebackChange
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High', DefaultParameterSetName = 'Group')]
    [OutputType('GroupWriteback.RestoredGroup')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ParameterSetName = 'Group')]
        [Parameter(Position = 0, ValueFromPipeline, ParameterSetName = 'Run')]
        [Parameter(Position = 0, ValueFromPipeline, ParameterSetName = 'Path')]
        [Alias('GroupId', 'SourceId', 'Id', 'ObjectGuid')]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([GroupCompleter])]
        [object[]] $Group,

        [Parameter(Mandatory, ParameterSetName = 'Run')]
        [ValidateRange(1, [long]::MaxValue)]
        [ArgumentCompleter([RunCompleter])]
        [long] $RunId,

        [Parameter(Mandatory, ParameterSetName = 'Path')]
        [ValidateNotNullOrEmpty()]
        [Alias('UndoFile')]
        [string] $Path,

        [switch] $Force,

        [ArgumentCompleter([NothingCompleter])]
        [System.Management.Automation.PSCredential]
        [System.Management.Automation.Credential()]
        $Credential,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string] $Server,

        [ValidateSet('Basic', 'Negotiate')]
        [string] $AuthType,

        [switch] $UseStartTls,

        [string] $DirectoryCAFile
    )

    begin {
        Import-CallerPreference -Cmdlet $PSCmdlet
        $names = New-Object -TypeName System.Collections.Generic.List[string]
    }
    process {
        foreach ($item in $Group) {
            $name = Get-GroupIdentity -InputObject $item -ById
            if ($name.Trim()) { $names.Add($name) }
            else { $PSCmdlet.WriteError((Get-GroupUnnamedError -InputObject $item)) }
        }
    }
    end {
        if (-not $names.Count -and $PSCmdlet.ParameterSetName -eq 'Group') { return }
        try { $fields = ConvertTo-SignInField -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
        catch { Exit-Command -Cmdlet $PSCmdlet -Problem $_ }
        if ($names.Count) { $fields['groups'] = [string[]] $names }
        if ($RunId) { $fields['runId'] = $RunId }
        if ($Path) { $fields['path'] = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($Path) }
        if ($Force) { $fields['force'] = $true }
        $call = @{ Cmdlet = $PSCmdlet; Method = 'group.restore'; Activity = 'Restoring' }
        $plan = Invoke-Engine @call -Parameter ($fields + @{ whatIf = $true })
        $text = ConvertTo-RestoreText -Answer $plan
        if (-not $text) {
            ConvertTo-RestoredGroup -Answer $plan
            Write-RestoreOutcome -Cmdlet $PSCmdlet -Answer $plan
            return
        }
        # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
        try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Continue?", 'Restore groups') }
        catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
        if (-not $confirmed) {
            if ($WhatIfPreference) { ConvertTo-RestoredGroup -Answer $plan }
            return
        }
        $answer = Invoke-Engine @call -Parameter $fields
        ConvertTo-RestoredGroup -Answer $answer
        Write-RestoreOutcome -Cmdlet $PSCmdlet -Answer $answer
    }
}
