function Disable-GroupWriteback {
    <#
    .SYNOPSIS
        Turns group writeback off. The next sync deletes the groups that it wrote.
    .DESCRIPTION
        Counts the groups that this installation wrote to Active Directory, asks for
        confirmation, and marks exactly these for deletion. The next sync (or
        -StartSync) deletes them and nothing else. Until then, Enable-GroupWriteback
        cancels the deletion. Adopted groups stay unless you specify
        -IncludeAdopted, and groups on hold (Suspend-GroupWritebackGroup) in any
        case. With -KeepGroup, all groups stay.

        With -WhatIf, returns the groups that would be deleted.

        Requires a connection to Active Directory, but not to the tenant. In an
        unattended script, add -Confirm:$false.
    .PARAMETER KeepGroup
        Stop writing groups, but delete none.
    .PARAMETER IncludeAdopted
        Also delete groups that another tool wrote and that were adopted later.
    .PARAMETER StartSync
        Delete the groups immediately.
    .PARAMETER PassThru
        Return the status afterwards.
    .EXAMPLE
        Disable-GroupWriteback -WhatIf

        Shows which groups would be deleted.
    .EXAMPLE
        Disable-GroupWriteback -StartSync

        Asks for confirmation, then deletes the groups.
    .EXAMPLE
        Disable-GroupWriteback -KeepGroup

        Stops group writeback and leaves the groups in Active Directory.
    .INPUTS
        None
    .OUTPUTS
        None. With -WhatIf GroupWriteback.Change, with -StartSync
        GroupWriteback.Run, with -PassThru GroupWriteback.Status.
    .LINK
        Enable-GroupWriteback
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
    [OutputType('GroupWriteback.Change', 'GroupWriteback.Run', 'GroupWriteback.Status')]
    param(
        [switch] $KeepGroup,

        [switch] $IncludeAdopted,

        [switch] $StartSync,

        [switch] $PassThru
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $fields = @{ keepGroup = [bool] $KeepGroup; includeAdopted = [bool] $IncludeAdopted }
    $call = @{
        Cmdlet    = $PSCmdlet
        Method    = 'writeback.disable'
        Parameter = ($fields + @{ whatIf = $true })
        Activity  = 'Counting groups'
    }
    $plan = Invoke-Engine @call
    $groups = ConvertTo-CountText -Count $plan.planned.delete -Noun 'group'
    $text = if ($KeepGroup) { 'Turn group writeback off and keep all groups' }
    elseif ($StartSync) { "Turn group writeback off and DELETE $groups from the directory now" }
    else { "Turn group writeback off and DELETE $groups from the directory with the next sync" }
    $text = ConvertTo-PlainText -Text $text
    # ShouldProcess throws if nobody can be asked, and the exception alone does not end the function
    try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Continue?", 'Disable group writeback') }
    catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
    if (-not $confirmed) {
        if ($WhatIfPreference) { Get-RunChange -Cmdlet $PSCmdlet -RunId $plan.id }
        return
    }
    # deletes exactly the groups that were counted, even if other groups are ours by now
    if (-not $KeepGroup) { $fields.planId = $plan.planId }
    [void] (Invoke-Engine -Cmdlet $PSCmdlet -Method 'writeback.disable' -Parameter $fields -Activity 'Disabling')
    if ($StartSync -and -not $KeepGroup) { Invoke-Sync -Cmdlet $PSCmdlet }
    if ($PassThru) { Get-Status -Cmdlet $PSCmdlet }
}
