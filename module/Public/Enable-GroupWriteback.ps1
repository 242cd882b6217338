function Enable-GroupWriteback {
    <#
    .SYNOPSIS
        Turns group writeback on.
    .DESCRIPTION
        Checks that the container exists, that the account may create groups there,
        that the forest has the schema of Exchange and that nobody else writes
        groups back to the container, and saves the settings. Nothing is saved when
        a check fails. The next sync imports and synchronises everything (policy
        type Initial).

        With -WhatIf nothing is saved; what the first sync would do comes out as
        objects.

        Needs the connections to the tenant and to the directory.
    .PARAMETER TargetContainer
        The distinguished name of the organisational unit that the groups are
        written to. The default is the one that is set already.
    .PARAMETER NameFormat
        The common name of new groups: ObjectId (Group_<id>, default) or
        DisplayName (the display name followed by the last twelve digits of the
        id).
    .PARAMETER SamAccountNameFormat
        The sAMAccountName of new groups: ObjectId (default) or DisplayName.
    .PARAMETER ExcludeMailAttribute
        Write no mail attribute: for a forest without Exchange, where
        Enable-GroupWriteback stops otherwise.
    .PARAMETER Adopt
        Go on although the container holds groups that another tool wrote back
        (Entra Connect, for example), and agree to take over what is there now:
        those that stand for a group of this tenant, and what groups were in the
        directory before they were moved to the cloud. What turns up later is
        not taken over. -WhatIf lists them.
    .PARAMETER AdoptPlan
        In place of -Adopt: agree to exactly what this plan adopts, the PlanId
        of a preview (Get-GroupWritebackRun).
    .PARAMETER AdoptGroup
        Agree to take over these groups as well: objectGUIDs, distinguished
        names, object ids in the tenant or display names. One that was let go of
        is taken back.
    .PARAMETER TrustedOwner
        Accounts that ran the sync before, by name (CONTOSO\svc-old,
        svc-old@contoso.com) or SID. Groups with our mark and stamp are taken as
        ours after the state was lost only if they belong to the account that
        runs the sync, to one of these or, in the target container, to
        administrators. An empty list, @(), takes away those that are set.
    .PARAMETER MovedGroup
        What is done with a group that somebody moved out of the container: Keep
        (default) leaves it there and keeps it up to date, MoveBack moves it
        back.
    .PARAMETER SoftDeletedGroup
        What is done with a group in the tenant's recycle bin: Keep (default)
        leaves it as it is until it is restored or deleted for good, Remove
        deletes it from the directory, within the limits.
    .PARAMETER OutOfScopeGroup
        What is done with a group that is in the tenant but no longer written:
        Keep (default) or Remove.
    .PARAMETER Scope
        Which groups are written: All (default), that is every Microsoft 365
        group; WritebackEnabled, those that are enabled for writeback in the
        tenant, be it by its default for new groups; or Selected, those given
        with -GroupId.
    .PARAMETER GroupId
        The ids, in the tenant, of the groups to write. Without -Scope they
        stand for -Scope Selected. An empty list, @(), takes away the one that
        is set.
    .PARAMETER Filter
        Only groups for which this holds, for example "displayName -like 'HR-*'
        -and mail -ne ''". Attributes are displayName, description, mail,
        visibility, id and kind (Unified or Security), operators -eq, -ne,
        -like, -notlike, -and, -or and -not, with parentheses; case does not
        matter, * and ? are wildcards of -like, and an attribute without a value
        is ''. An empty text takes away the filter that is set.
    .PARAMETER IncludeSecurityGroup
        Write the security groups of the tenant that have no mail address, too.
    .PARAMETER IncludeHiddenMembership
        Write groups whose membership is hidden in the tenant (visibility
        HiddenMembership), too. Every account of the domain can then read who
        their members are. It takes the permission Member.Read.Hidden besides.
        Without it such a group is left as it is.
    .PARAMETER OnPremisesGroupType
        What Microsoft 365 groups become in the directory:
        UniversalDistributionGroup (default), UniversalSecurityGroup (without a
        mail address) or UniversalMailEnabledSecurityGroup. Security groups of
        the tenant always become universal security groups.
    .PARAMETER MaximumMemberCount
        A group with more members than this number is skipped, with the reason;
        1 to 1,000,000 (default 50,000).
    .PARAMETER StartSync
        Run the first sync right away.
    .PARAMETER PassThru
        Return the status afterwards.
    .EXAMPLE
        Enable-GroupWriteback 'OU=Groups,DC=contoso,DC=com' -WhatIf

        Shows what would be written, and writes nothing.
    .EXAMPLE
        Enable-GroupWriteback 'OU=Groups,DC=contoso,DC=com' `
            -NameFormat DisplayName -StartSync

        Turns group writeback on and runs the first sync.
    .EXAMPLE
        Enable-GroupWriteback 'OU=Groups,DC=contoso,DC=com' `
            -Filter "displayName -like 'HR-*'" -WhatIf

        Shows what would be written if only some groups were.
    .INPUTS
        None
    .OUTPUTS
        None. With -WhatIf GroupWriteback.Change, with -StartSync
        GroupWriteback.Run, with -PassThru GroupWriteback.Status.
    .LINK
        Disable-GroupWriteback
    .LINK
        Start-GroupWritebackSync
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('GroupWriteback.Change', 'GroupWriteback.Run', 'GroupWriteback.Status')]
    param(
        [Parameter(Position = 0)]
        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [DistinguishedNameAttribute()]
        [string] $TargetContainer,

        [ValidateSet('ObjectId', 'DisplayName')]
        [string] $NameFormat,

        [ValidateSet('ObjectId', 'DisplayName')]
        [string] $SamAccountNameFormat,

        [switch] $ExcludeMailAttribute,

        [switch] $Adopt,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([AdoptionCompleter])]
        [string] $AdoptPlan,

        [ValidateNotNullOrEmpty()]
        [ArgumentCompleter([NothingCompleter])]
        [string[]] $AdoptGroup,

        [ValidateNotNull()]
        [ArgumentCompleter([NothingCompleter])]
        [string[]] $TrustedOwner,

        [ValidateSet('Keep', 'MoveBack')]
        [string] $MovedGroup,

        [ValidateSet('Keep', 'Remove')]
        [string] $SoftDeletedGroup,

        [ValidateSet('Keep', 'Remove')]
        [string] $OutOfScopeGroup,

        [ValidateSet('All', 'WritebackEnabled', 'Selected')]
        [string] $Scope,

        [ValidateNotNull()]
        [ArgumentCompleter([GroupIdCompleter])]
        [guid[]] $GroupId,

        [ArgumentCompleter([NothingCompleter])]
        [string] $Filter,

        [switch] $IncludeSecurityGroup,

        [switch] $IncludeHiddenMembership,

        [ValidateSet('UniversalDistributionGroup', 'UniversalSecurityGroup', 'UniversalMailEnabledSecurityGroup')]
        [string] $OnPremisesGroupType,

        [ValidateRange(1, 1000000)]
        [ArgumentCompleter([NothingCompleter])]
        [int] $MaximumMemberCount,

        [switch] $StartSync,

        [switch] $PassThru
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $fields = ConvertTo-SettingField -Bound $PSBoundParameters
    $call = @{
        Cmdlet    = $PSCmdlet
        Method    = 'writeback.enable'
        Parameter = ($fields + @{ whatIf = $true })
        Activity  = 'Checking'
    }
    $check = Invoke-Engine @call
    Write-EngineWarning -Warning $check.warnings

    $settings = $check.settings
    $text = "Write $(ConvertTo-ScopeText $settings.scope) of tenant $($settings.tenant.name) " +
        "($($settings.tenant.id)) to $($settings.container.dn) in the domain $($settings.domain.name)"
    $text += ". Now there: $(ConvertTo-CountText -Count $check.ownGroups -Noun 'group') of ours and " +
        "$([int] $check.foreignGroups) of others"
    if ($check.adoptPending) {
        $text += "; to be adopted: $(ConvertTo-CountText -Count $check.adoptPending -Noun 'object')"
    }
    $plan = $null
    if ($WhatIfPreference -or
        ($StartSync -and (Test-Preview -Simulation $false -Confirmation $ConfirmPreference -Impact 'Medium'))) {
        $plan = Get-PreviewRun -Cmdlet $PSCmdlet -Parameter @{ enable = $fields }
        if (-not $plan) { return }
        $text += "; the first sync would $(ConvertTo-TotalText $plan.Planned)"
    }
    $text = ConvertTo-PlainText -Text $text
    # where nobody can be asked this throws, which alone does not end a function
    try { $confirmed = $PSCmdlet.ShouldProcess("$text.", "$text. Go on?", 'Enable group writeback') }
    catch { $PSCmdlet.ThrowTerminatingError((Get-ConfirmationError -Cause $_)) }
    if (-not $confirmed) {
        if ($WhatIfPreference) { Get-RunChange -Cmdlet $PSCmdlet -RunId $plan.Id }
        return
    }
    $fields = Select-ShownAdoption -Fields $fields -Plan $plan
    [void] (Invoke-Engine -Cmdlet $PSCmdlet -Method 'writeback.enable' -Parameter $fields -Activity 'Enabling')
    if ($StartSync) { Invoke-Sync -Cmdlet $PSCmdlet }
    if ($PassThru) { Get-Status -Cmdlet $PSCmdlet }
}
